"""What is refused, with which sentence, and that nothing of it is stored."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from anonymize.package import PACKAGE_MEDIA_TYPE, SealingKeyPair, SigningKey as MembersKey
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import Institution, SigningKey
from consortium.institutions.services import signing_keys
from consortium.institutions.states import InstitutionState
from sharing import blobs
from sharing.models import Round, Submission
from sharing.services import rounds, submissions
from sharing.states import RoundState
from tests.cast import sealed
from tests.sharing.conftest import bearer


def nothing_is_stored(settings):
    files = [path for path in settings.CONCORD_BLOBS.rglob("*") if path.is_file()]
    return not Submission.objects.exists() and not files


def refused(answer, status, rule):
    """The sentence of a problem with this status and rule."""
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert (answer.status_code, document["status"], document["rule"]) == (status, status, rule), document
    assert document["type"].endswith(rule)
    return document["detail"]


def test_a_forged_package_is_refused(send, harbour, open_round, settings):
    impostor = MembersKey.generate()
    package = sealed(harbour, open_round).split(b".")
    forged = sealed(harbour, open_round, signing_key=impostor).split(b".")

    sentence = refused(send(b".".join([package[0], package[1], forged[2]])), 422, "bad-signature")

    assert "signature does not belong" in sentence
    assert nothing_is_stored(settings)


def test_an_altered_package_is_refused(send, harbour, open_round, settings):
    header, payload, signature = sealed(harbour, open_round).split(b".")
    altered = payload[:100] + (b"A" if payload[100:101] != b"A" else b"B") + payload[101:]

    refused(send(b".".join([header, altered, signature])), 422, "bad-signature")

    assert nothing_is_stored(settings)


def test_a_truncated_package_is_refused(send, harbour, open_round, settings):
    package = sealed(harbour, open_round)

    sentence = refused(send(package[:-20]), 422, "truncated")

    assert sentence == "The package ends too early. Send the whole file."
    assert nothing_is_stored(settings)


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff\xfe\x00", b"PK\x03\x04 not a package", b"a.b.c.d"])
def test_something_else_than_a_package_is_refused(send, body, settings):
    refused(send(body), 422, "malformed")

    assert nothing_is_stored(settings)


def test_a_package_of_another_media_type_is_refused(client, token, open_round, settings):
    answer = client.post(
        f"/api/v1/rounds/{open_round.public_id}/submissions",
        data=b"x",
        content_type="application/json",
        headers={"authorization": token},
    )

    refused(answer, 415, "unsupported-media-type")
    assert nothing_is_stored(settings)


def test_a_package_for_another_round_is_refused(send, harbour, open_round, settings):
    sentence = refused(send(sealed(harbour, open_round, round_id="call-report-2025-Q3")), 422, "wrong-round")

    assert sentence.startswith("The package was sealed for another round.")
    assert nothing_is_stored(settings)


def test_a_package_replayed_into_another_round_is_refused(send, harbour, open_round, collection):
    package = sealed(harbour, open_round)
    send(package)
    later = Round.objects.create(
        collection=collection,
        public_id="call-report-2026-Q1",
        period="2026-Q1",
        state=RoundState.OPEN,
        opens_at=timezone.now(),
        due_at=timezone.now() + timedelta(days=1),
    )

    refused(send(package, round=later), 422, "wrong-round")

    assert not later.submissions.exists()


def test_a_package_of_another_institution_is_refused(send, harbour, outsiders_bank, open_round, settings):
    sentence = refused(send(sealed(outsiders_bank, open_round)), 422, "wrong-institution")

    assert sentence.startswith("The package names another institution than the one that sends it.")
    assert nothing_is_stored(settings)


def test_a_package_replayed_by_another_institution_is_refused(
    client, send, harbour, outsiders_bank, open_round, collection
):
    package = sealed(harbour, open_round)
    send(package)
    collection.contributors.add(outsiders_bank.institution)

    refused(send(package, token=bearer(client, outsiders_bank)), 422, "wrong-institution")

    assert not outsiders_bank.institution.submissions.exists()


def test_a_package_for_another_consortium_is_refused(send, harbour, open_round, settings):
    refused(send(sealed(harbour, open_round, audience="another")), 422, "wrong-audience")

    assert nothing_is_stored(settings)


def test_a_package_signed_with_an_unregistered_key_is_refused(send, harbour, open_round, settings):
    sentence = refused(send(sealed(harbour, open_round, signing_key=MembersKey.generate())), 422, "unknown-key")

    assert sentence.startswith("The signing key is not registered for this institution.")
    assert nothing_is_stored(settings)


def test_a_package_signed_with_another_institutions_key_is_refused(send, harbour, outsiders_bank, open_round, settings):
    refused(send(sealed(harbour, open_round, signing_key=outsiders_bank.key)), 422, "unknown-key")

    assert nothing_is_stored(settings)


def test_a_package_signed_with_a_revoked_key_is_refused(send, harbour, open_round, dora, settings):
    signing_keys.revoke(SigningKey.objects.get(kid=harbour.key.kid), by=dora)

    sentence = refused(send(sealed(harbour, open_round)), 422, "revoked-key")

    assert sentence.startswith("The signing key is no longer in force.")
    assert nothing_is_stored(settings)


def test_a_package_sealed_to_another_key_is_refused(send, harbour, open_round, settings):
    other = SealingKeyPair.generate("X-Wing").public

    sentence = refused(send(sealed(harbour, open_round, sealing_key=other)), 422, "wrong-sealing-key")

    assert "sealed to another key than this round's" in sentence
    assert nothing_is_stored(settings)


def test_a_package_from_the_future_is_refused(send, harbour, open_round, settings):
    refused(send(sealed(harbour, open_round, issued_at=int(time.time()) + 3600)), 422, "issued-in-future")

    assert nothing_is_stored(settings)


def test_an_oversized_package_is_refused(send, harbour, open_round, settings):
    open_round.collection.size_limit = 1000
    open_round.collection.save()

    sentence = refused(send(sealed(harbour, open_round, b"0" * 10_000)), 413, "too-large")

    assert sentence == "The package is larger than this collection allows."
    assert nothing_is_stored(settings)


def test_a_closed_round_takes_nothing(send, harbour, open_round, carl, settings):
    package = sealed(harbour, open_round)
    rounds.close(open_round, by=carl)

    sentence = refused(send(package), 409, "round-closed")

    assert sentence == "This round is closed. Ask the association to reopen it. Nothing was stored."
    assert nothing_is_stored(settings)


def test_a_round_that_closes_while_a_package_arrives_takes_nothing(harbour, open_round, ada, monkeypatch):
    """The package was checked before the round closed; the row comes after."""
    package = sealed(harbour, open_round)
    put = blobs.put

    def put_and_close(*args):
        Round.objects.update(state=RoundState.CLOSED)
        return put(*args)

    monkeypatch.setattr(blobs, "put", put_and_close)

    with pytest.raises(Refused, match="This round is closed"):
        submissions.receive(open_round, package, by=ada)

    assert not Submission.objects.exists()


def test_an_institution_that_is_suspended_while_its_package_arrives_stores_nothing(
    harbour, open_round, ada, monkeypatch
):
    package = sealed(harbour, open_round)
    put = blobs.put

    def put_and_suspend(*args):
        Institution.objects.filter(pk=harbour.institution.pk).update(state="suspended")
        return put(*args)

    monkeypatch.setattr(blobs, "put", put_and_suspend)

    with pytest.raises(Forbidden, match="Your institution is suspended"):
        submissions.receive(open_round, package, by=ada)

    assert not Submission.objects.exists()


def test_members_cannot_tell_that_a_round_is_planned(client, token, planned_round):
    answer = client.post(
        f"/api/v1/rounds/{planned_round.public_id}/submissions",
        data=b"x",
        content_type=PACKAGE_MEDIA_TYPE,
        headers={"authorization": token},
    )

    refused(answer, 404, "not-found")


def test_a_planned_round_takes_nothing(planned_round, ada, settings):
    with pytest.raises(Refused, match="This round is not open yet"):
        submissions.receive(planned_round, b"x", by=ada)

    assert nothing_is_stored(settings)


def test_a_suspended_institution_sends_nothing(send, harbour, open_round, settings):
    Institution.objects.filter(pk=harbour.institution.pk).update(state=InstitutionState.SUSPENDED)

    sentence = refused(send(sealed(harbour, open_round)), 403, "not-entitled")

    assert sentence == "Your institution is suspended, or your account is closed."
    assert nothing_is_stored(settings)


def test_an_institution_that_does_not_contribute_cannot_tell_that_the_round_exists(
    client, send, outsiders_bank, open_round, settings
):
    refused(send(sealed(outsiders_bank, open_round), token=bearer(client, outsiders_bank)), 404, "not-found")

    assert nothing_is_stored(settings)


def test_an_unknown_token_is_refused(send, harbour, open_round, settings):
    answer = send(sealed(harbour, open_round), token="Bearer made-up")

    refused(answer, 401, "authentication-failed")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert nothing_is_stored(settings)


def test_an_expired_token_is_refused(send, token, harbour, open_round, settings):
    from oauth2_provider.models import AccessToken

    AccessToken.objects.update(expires=timezone.now() - timedelta(seconds=1))

    refused(send(sealed(harbour, open_round)), 401, "authentication-failed")
    assert nothing_is_stored(settings)


def test_an_analyst_does_not_send(anna, harbour, open_round, settings):
    with pytest.raises(Forbidden, match="Your roles do not include this"):
        submissions.receive(open_round, sealed(harbour, open_round), by=anna)

    assert nothing_is_stored(settings)


def test_the_association_does_not_send(carl, harbour, open_round, settings):
    with pytest.raises(Forbidden, match="Only a member institution sends packages"):
        submissions.receive(open_round, sealed(harbour, open_round), by=carl)

    assert nothing_is_stored(settings)
