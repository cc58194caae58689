"""Every address for every role. An address that has no entry here fails the suite; see `access` for how to read it."""

from __future__ import annotations

import re

import pytest

from sharing.models import Submission
from sharing.services import checking, submissions
from tests.access import GET, POST, ROLES, Line, addresses, status
from tests.cast import sealed

# Statuses above 400 for those who may: 409 and 422 say that the request got as far as the rules.
MATRIX: dict[str, tuple[Line, ...]] = {
    # for machines that know nobody yet
    "healthz": GET(public=200),
    "readyz": GET(public=200),
    ".well-known/jwks.json": GET(public=200),
    "oauth/token/": POST(public=400),  # no grant was asked for
    "api/v1/openapi.json": GET(public=200),
    "api/v1/<path:rest>": GET(public=404),
    # collections and rounds
    "api/v1/collections": GET(everyone=200),
    "api/v1/collections/<slug:code>": GET(harbour=200, outsider=404, staff=200),
    "api/v1/collections/<slug:code>/versions/<str:version>": GET(harbour=200, outsider=404, staff=200),
    "api/v1/rounds": GET(everyone=200),
    "api/v1/rounds/<slug:public_id>": GET(harbour=200, outsider=404, staff=200),
    "api/v1/rounds/<slug:public_id>/submissions": POST(
        b"no package", senders=422, harbour=403, outsider=404, staff=403
    ),
    # submissions: the own institution's, and nobody else's
    "api/v1/submissions": GET(everyone=200),
    "api/v1/submissions/<uuid:pk>": GET(harbour=200, everyone=404),
    "api/v1/submissions/<uuid:pk>/findings": GET(harbour=200, everyone=404),
    "api/v1/submissions/<uuid:pk>/receipt": GET(harbour=200, everyone=404),
    "api/v1/submissions/<uuid:pk>/approve": POST(approver=200, harbour=403, everyone=404),
    "api/v1/submissions/<uuid:pk>/withdraw": POST(senders=200, approver=200, harbour=403, everyone=404),
    # the own institution
    "api/v1/institutions/me": GET(harbour=200, outsider=200, staff=404),
    "api/v1/institutions/me/keys": (
        *GET(harbour=200, outsider=200, staff=404),
        *POST({"jwk": {}}, administrator=422, outsider=422, harbour=403, staff=404),
    ),
}


@pytest.fixture
def harbours_token(client, harbour):
    answer = client.post(
        "/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": harbour.basic}
    )
    return "Bearer " + answer.json()["access_token"]


@pytest.fixture
def things(harbour, open_round, ada):
    """What the addresses are about: a submission of Harbour Bank that waits for approval."""
    harbour.institution.approves_submissions = True
    harbour.institution.save()
    submission = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    checking.open_sealed(submission.pk)
    return {
        "rest": "no/such/address",
        "code": open_round.collection.code,
        "version": open_round.collection.version,
        "public_id": open_round.public_id,
        "pk": submission.pk,
    }


def test_every_address_has_an_entry():
    assert sorted(set(addresses()) - set(MATRIX)) == [], "addresses without an entry in the access matrix"
    assert sorted(set(MATRIX) - set(addresses())) == [], "entries of addresses that are gone"


@pytest.mark.parametrize("address", MATRIX)
def test_each_role_gets_what_the_matrix_says(address, things, request):
    path = "/" + _filled(address, things)
    wrong = []
    for line in MATRIX[address]:
        for role in ROLES:
            got, wanted = status(role, line, path, request), line.status_for(role)
            if got != wanted:
                wrong.append(f"{line.method} {address} as {role}: {got} instead of {wanted}")
    assert wrong == []


def test_nothing_that_the_matrix_tried_is_kept(things, request):
    status("approver", POST(public=200)[0], f"/api/v1/submissions/{things['pk']}/approve", request)

    assert Submission.objects.get().approved_by is None


def _filled(address, things):
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(things[found.group(1)]), address)
