"""The keys that a member signs with: registered with proof, replaced with an overlap, revoked at once."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from joserfc.jwk import OKPKey

from anonymize.errors import PackageError
from anonymize.package import SigningKey as MembersKey, request_registration
from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import SigningKey
from consortium.institutions.rules import MOST_SIGNING_KEYS
from consortium.institutions.services import signing_keys
from consortium.notifications.models import Notice
from sharing.services import checking, submissions
from sharing.services.suspects import suspects
from tests.cast import Bank, sealed

COMPROMISED = SigningKey.Revocation.COMPROMISED


def request_of(key: MembersKey, code: str = "HARBOUR", at: float | None = None) -> str:
    return request_registration(key, code, "concord-test", time.time() if at is None else at)


def registered(bank, by, replaces=None):
    """A new key of the bank's, and its row."""
    key = MembersKey.generate()
    row = signing_keys.register(bank.institution, request_of(key), by=by, replaces=replaces)
    return key, row


def send(bank, round, by, key):
    return submissions.receive(round, sealed(bank, round, signing_key=key), by=by).submission


# Registering


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_an_administrator_registers_a_key_with_its_own_request(harbour, dora, alg):
    key = MembersKey.generate(alg)

    row = signing_keys.register(harbour.institution, request_of(key), by=dora)

    assert (row.kid, row.is_in_force, row.registered_by) == (key.kid, True, dora)
    assert Entry.objects.get(event="signing_key.registered").details == {"kid": key.kid, "replaces": ""}


def test_administrators_and_approvers_are_told_and_nobody_else(harbour, dora, bela, ada, anna, olga):
    _key, row = registered(harbour, dora)

    told = {notice.person: notice.facts for notice in Notice.objects.filter(kind="key.registered")}
    assert told == {dora: {"kid": row.kid}, bela: {"kid": row.kid}}


def test_a_bare_public_key_proves_nothing(harbour, dora):
    with pytest.raises(PackageError) as refusal:
        signing_keys.register(harbour.institution, str(MembersKey.generate().public_jwk()), by=dora)

    assert refusal.value.rule == "malformed"


def test_a_request_made_for_another_institution_is_refused(harbour, dora):
    with pytest.raises(PackageError) as refusal:
        signing_keys.register(harbour.institution, request_of(MembersKey.generate(), "ELSEWHERE"), by=dora)

    assert refusal.value.rule == "wrong-institution"


def test_a_request_is_good_for_thirty_days(harbour, dora):
    old = request_of(MembersKey.generate(), at=time.time() - 31 * 24 * 3600)

    with pytest.raises(PackageError, match="older than 30 days"):
        signing_keys.register(harbour.institution, old, by=dora)


def test_a_key_is_registered_once_and_never_again(harbour, dora):
    key, row = registered(harbour, dora)
    signing_keys.revoke(row, by=dora)

    with pytest.raises(Refused, match="This key is registered already"):
        signing_keys.register(harbour.institution, request_of(key), by=dora)


def test_a_key_of_another_institution_is_refused_without_saying_whose_it_is(harbour, dora, outsiders_bank):
    with pytest.raises(Refused, match="This key is registered already") as refusal:
        signing_keys.register(harbour.institution, request_of(outsiders_bank.key), by=dora)

    assert "ELSEWHERE" not in str(refusal.value)


def test_keys_are_the_institutions_own_business(harbour, outsiders_bank, olga, mara, ada, bela):
    request = request_of(MembersKey.generate())
    with pytest.raises(Forbidden, match="This is another institution's"):
        signing_keys.register(harbour.institution, request, by=olga)
    for who in (mara, ada, bela):
        with pytest.raises(Forbidden, match="Your roles do not include this"):
            signing_keys.register(harbour.institution, request, by=who)
    assert harbour.institution.signing_keys.count() == 1


def test_few_keys_are_in_force_at_once(harbour, dora):
    rows = [registered(harbour, dora)[1] for _ in range(MOST_SIGNING_KEYS - 1)]
    with pytest.raises(Refused, match="no more are allowed"):
        registered(harbour, dora)

    signing_keys.revoke(rows[0], by=dora)

    assert registered(harbour, dora)[1].is_in_force


# Replacing


def test_a_replaced_key_signs_on_for_a_while_and_then_ends_by_itself(harbour, dora, ada, open_round):
    _new, row = registered(harbour, dora, replaces=harbour.key.kid)
    former = SigningKey.objects.get(kid=harbour.key.kid)

    assert row.replaces == former
    assert former.is_in_force
    assert former.ends_at - timezone.now() == pytest.approx(timedelta(days=30), abs=timedelta(minutes=1))
    assert send(harbour, open_round, ada, harbour.key).state == "received"

    SigningKey.objects.filter(pk=former.pk).update(ends_at=timezone.now())

    assert not SigningKey.objects.in_force().filter(pk=former.pk).exists()
    with pytest.raises(PackageError) as refusal:
        send(harbour, open_round, ada, harbour.key)
    assert refusal.value.rule == "revoked-key"


def test_what_a_key_signed_before_it_ended_is_still_opened(harbour, dora, ada, open_round):
    submission = send(harbour, open_round, ada, harbour.key)
    SigningKey.objects.filter(kid=harbour.key.kid).update(ends_at=timezone.now())

    checking.open_sealed(submission.pk)

    submission.refresh_from_db()
    assert submission.state == "accepted"


def test_a_key_is_replaced_once(harbour, dora):
    registered(harbour, dora, replaces=harbour.key.kid)

    with pytest.raises(Refused, match="replaced already"):
        registered(harbour, dora, replaces=harbour.key.kid)
    assert harbour.institution.signing_keys.count() == 2


def test_only_an_own_key_in_force_is_replaced(harbour, dora, outsiders_bank):
    for kid in (outsiders_bank.key.kid, "no such key"):
        with pytest.raises(Refused, match="has no such key"):
            registered(harbour, dora, replaces=kid)
    signing_keys.revoke(SigningKey.objects.get(kid=harbour.key.kid), by=dora)
    with pytest.raises(Refused, match="Only a key that is in force can be replaced"):
        registered(harbour, dora, replaces=harbour.key.kid)

    assert SigningKey.objects.get(kid=outsiders_bank.key.kid).ends_at is None


# Revoking


def test_a_revoked_key_signs_nothing_more(harbour, dora, ada, open_round):
    row = signing_keys.revoke(SigningKey.objects.get(kid=harbour.key.kid), by=dora)

    assert (row.is_in_force, row.revocation, row.revoked_by) == (False, "routine", dora)
    with pytest.raises(PackageError, match="no longer in force"):
        send(harbour, open_round, ada, harbour.key)


def test_a_key_is_revoked_once(harbour, dora):
    row = signing_keys.revoke(SigningKey.objects.get(kid=harbour.key.kid), by=dora)

    with pytest.raises(Refused, match="This key is revoked already"):
        signing_keys.revoke(row, by=dora, reason=COMPROMISED)


def test_a_compromised_key_names_what_is_to_be_sent_again(harbour, dora, ada, open_round):
    key, _row = registered(harbour, dora)
    submission = send(harbour, open_round, ada, harbour.key)
    checking.open_sealed(submission.pk)
    row = SigningKey.objects.get(kid=harbour.key.kid)
    assert suspects(row) == []

    row = signing_keys.revoke(row, by=dora, reason=COMPROMISED)
    assert suspects(row) == [submission]

    again = send(harbour, open_round, ada, key)
    checking.open_sealed(again.pk)
    assert suspects(row) == []


def test_nothing_of_a_closed_round_can_be_sent_again(harbour, dora, ada, open_round):
    send(harbour, open_round, ada, harbour.key)
    open_round.state = "closed"
    open_round.save()

    assert suspects(signing_keys.revoke(SigningKey.objects.get(kid=harbour.key.kid), by=dora, reason=COMPROMISED)) == []


def test_who_sends_is_told_of_a_compromised_key(harbour, dora, bela, ada, anna):
    signing_keys.revoke(SigningKey.objects.get(kid=harbour.key.kid), by=dora, reason=COMPROMISED)

    assert {notice.person for notice in Notice.objects.filter(kind="key.compromised")} == {dora, bela, ada}


def test_a_key_that_has_ended_can_still_be_called_compromised(harbour, dora):
    SigningKey.objects.filter(kid=harbour.key.kid).update(ends_at=timezone.now())

    row = signing_keys.revoke(SigningKey.objects.get(kid=harbour.key.kid), by=dora, reason=COMPROMISED)

    assert row.revocation == "compromised"


# The API


def test_the_api_registers_lists_shows_and_revokes(client, dora, harbour):
    client.force_login(dora)
    key = MembersKey.generate()

    made = client.post(
        "/api/v1/institutions/me/keys",
        {"request": request_of(key), "replaces": harbour.key.kid},
        content_type="application/json",
    )
    assert made.status_code == 201, made.content
    listed = client.get("/api/v1/institutions/me/keys").json()["results"]
    assert [each["kid"] for each in listed] == [key.kid, harbour.key.kid]
    assert (listed[0]["replaces"], listed[1]["ends_at"] is not None) == (harbour.key.kid, True)

    gone = client.delete(f"/api/v1/institutions/me/keys/{key.kid}?reason=compromised")

    assert (gone.status_code, gone.json()["revocation"]) == (200, "compromised")
    again = client.delete(f"/api/v1/institutions/me/keys/{key.kid}")
    assert (again.status_code, again.json()["rule"]) == (409, "already-revoked")


def test_the_api_names_what_is_wrong_with_a_request(client, dora, harbour):
    client.force_login(dora)

    def post(**body):
        answer = client.post("/api/v1/institutions/me/keys", body, content_type="application/json")
        return answer.status_code, answer.json()["rule"]

    private = OKPKey.generate_key("Ed25519").as_dict(private=True)
    assert post() == (400, "invalid")
    assert post(request=7) == (422, "malformed")
    assert post(request="x" * 10_000) == (400, "invalid")
    assert post(jwk=private) == (400, "invalid")
    assert post(request=request_of(MembersKey.generate(), "ELSEWHERE")) == (422, "wrong-institution")
    assert post(request=request_of(MembersKey.generate()), replaces="no such key") == (409, "no-such-key")
    assert harbour.institution.signing_keys.count() == 1
    wrong = client.delete(f"/api/v1/institutions/me/keys/{harbour.key.kid}?reason=whim")
    assert wrong.status_code == 400


def test_a_job_registers_no_key(client, harbour):
    token = client.post(
        "/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": harbour.basic}
    ).json()["access_token"]

    answer = client.post(
        "/api/v1/institutions/me/keys",
        {"request": request_of(MembersKey.generate())},
        content_type="application/json",
        headers={"authorization": f"Bearer {token}"},
    )

    assert answer.status_code == 403


# The pages


def test_the_page_registers_a_key_and_shows_it(client, dora, harbour):
    client.force_login(dora)
    key = MembersKey.generate()

    answer = client.post(
        "/institution/keys/register/", {"request": request_of(key) + "\n", "replaces": harbour.key.kid}, follow=True
    )

    page = answer.content.decode()
    assert key.kid in page
    assert harbour.key.kid in page  # whose place it takes
    assert "Being replaced" in client.get("/institution/keys/").content.decode()


def test_the_page_says_what_is_wrong_with_a_request(client, dora, harbour):
    client.force_login(dora)

    answer = client.post("/institution/keys/register/", {"request": request_of(MembersKey.generate(), "ELSEWHERE")})

    assert answer.status_code == 422
    assert "The request was made for another institution." in answer.content.decode()


def test_the_page_tells_what_a_compromised_key_signed(client, dora, ada, harbour, open_round):
    submission = send(harbour, open_round, ada, harbour.key)
    client.force_login(dora)
    address = f"/institution/keys/{harbour.key.kid}/"

    client.post(address + "revoke/", {"reason": "compromised"})

    page = client.get(address).content.decode()
    assert "Somebody else may have sent these with the key" in page
    assert f"/submissions/{submission.pk}/" in page
    assert "1 submission that still counts" in client.get("/institution/keys/").content.decode()


def test_who_may_not_revoke_is_offered_nothing(client, ada, harbour):
    client.force_login(ada)

    assert "/revoke/" not in client.get(f"/institution/keys/{harbour.key.kid}/").content.decode()
    assert "/register/" not in client.get("/institution/keys/").content.decode()


def test_the_page_needs_few_queries(client, dora, ada, harbour: Bank, open_round, django_assert_max_num_queries):
    send(harbour, open_round, ada, harbour.key)
    for _ in range(4):
        registered(harbour, dora)
    client.force_login(dora)

    with django_assert_max_num_queries(12):
        client.get("/institution/keys/")
