"""What is stored and acknowledged, and what is refused with a sentence and leaves nothing."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from anonymize.package import PACKAGE_MEDIA_TYPE, MEDIA_TYPES, SigningKey as MembersKey, verify_receipt
from consortium.audit.models import Entry
from consortium.institutions.states import InstitutionState
from consortium.signing import key_set
from sharing import blobs
from sharing.models import Submission
from sharing.services import checking, rounds, submissions
from sharing.states import SubmissionState
from tests.cast import sealed


@pytest.fixture
def token(client, harbour):
    answer = client.post(
        "/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": harbour.basic}
    )
    assert answer.status_code == 200, answer.content
    return "Bearer " + answer.json()["access_token"]


@pytest.fixture
def send(client, token, open_round):
    def post(package, *, round=open_round, token=token, **headers):
        return client.post(
            f"/api/v1/rounds/{round.public_id}/submissions",
            data=package,
            content_type=PACKAGE_MEDIA_TYPE,
            headers={"authorization": token, **headers},
        )

    return post


def nothing_is_stored(settings):
    return not Submission.objects.exists() and not any(settings.CONCORD_BLOBS.rglob("*"))


def test_a_package_is_acknowledged_with_a_receipt_that_proves_it(send, harbour, open_round):
    package = sealed(harbour, open_round)

    answer = send(package)

    assert answer.status_code == 202, answer.content
    document = answer.json()
    assert answer["Location"] == f"/api/v1/submissions/{document['id']}"
    receipt = verify_receipt(document["receipt"], key_set(), package)
    assert (receipt.institution, receipt.round_id, receipt.version) == ("HARBOUR", open_round.public_id, 1)
    submission = Submission.objects.get(pk=document["id"])
    assert blobs.get(submission.blob) == package
    assert submission.state == SubmissionState.RECEIVED


def test_a_good_package_is_accepted_after_opening(send, harbour, open_round):
    id = send(sealed(harbour, open_round)).json()["id"]

    checking.open_sealed(id)

    submission = Submission.objects.get(pk=id)
    assert submission.state == SubmissionState.ACCEPTED, list(submission.findings.values())
