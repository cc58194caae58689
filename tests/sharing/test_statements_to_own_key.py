"""A member that takes its statements with its own key: nothing of its figures is left for the portal."""

from __future__ import annotations

import time

import pytest
from django.conf import settings

from anonymize.errors import PackageError
from anonymize.package import SealingKeyPair, SigningKey
from anonymize.package.consortium import published as published_jwk
from anonymize.package.jose import decode
from anonymize.package.statement import STATEMENT_MEDIA_TYPE, open_statement, rows_of, verify_statement
from anonymize.package.statement_key import request_statement_key
from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from sharing.models import ReleaseCell, Statement, StatementKey
from sharing.reports import board
from sharing.reports.content import content
from sharing.services import statement_keys, statements
from sharing.states import ReleaseState
from tests.cast import person
from tests.sharing.releasing import close, collect, computed, found_panel, open_round_of, published, submit

RATE = "DPD60_RATE"


@pytest.fixture
def banks(db):
    return found_panel()


@pytest.fixture
def bank(banks):
    return next(bank for bank in banks if bank.institution.size_band == "small")


@pytest.fixture
def dora(bank):
    return person("own-key-administrator", bank.institution, "administrator", "analyst")


@pytest.fixture
def round(banks):
    round = open_round_of(collect(banks))
    for each in banks:
        submit(each, round)
    return close(round)


def vault_keys():
    private = decode(settings.CONCORD_VAULT_SIGNING_KEY)
    return {"keys": [published_jwk(SigningKey.from_private_bytes(private).public_jwk(), "round-keys")]}


def request_of(bank, pair, signing_key=None):
    return request_statement_key(
        pair.public, signing_key or bank.key, bank.institution.code, settings.CONCORD_AUDIENCE, time.time()
    )


def registered(bank, by, suite="X-Wing"):
    pair = SealingKeyPair.generate(suite)
    statement_keys.register(bank.institution, request_of(bank, pair), by=by)
    return pair


def own_key_only(bank, by, suite="X-Wing"):
    pair = registered(bank, by, suite)
    statement_keys.choose(bank.institution, statement_keys.OWN_KEY, by=by)
    return pair


@pytest.mark.parametrize("suite", ["X-Wing", "X25519"])
def test_the_document_says_what_the_portal_says_to_others_and_nobody_but_the_bank_opens_it(
    suite, round, bank, banks, dora, stella, timo, ursula
):
    pair = own_key_only(bank, dora, suite)
    release = published(computed(round, stella), [timo, ursula])
    mine = Statement.objects.get(release=release, institution=bank.institution)
    assert mine.sealed is None
    assert not mine.blocks.exists()
    text = statements.sealed_document(mine, by=dora).decode()
    sealed = verify_statement(
        text,
        vault_keys(),
        institution=bank.institution.code,
        release=release.public_id,
        consortium=settings.CONCORD_AUDIENCE,
    )
    rows = {(row["INDICATOR"], row["PEER_GROUP"], row["PRODUCT"]): row for row in rows_of(open_statement(sealed, pair))}
    assert {group for _indicator, group, _key in rows} == {"ALL", "size-small"}
    row = rows[RATE, "ALL", "_T"]
    cell = ReleaseCell.objects.get(release=release, indicator=RATE, peer_group="ALL", key="_T")
    assert row["TO_MEDIAN"] == row["OWN"] - cell.median
    assert row["TO_POOLED"] == row["OWN"] - cell.pooled
    assert row["PERCENTILE_FROM"] < row["PERCENTILE_TO"]
    other = Statement.objects.exclude(pk=mine.pk).filter(release=release).first()
    assert other.document is None
    assert other.blocks.exists()
    with pytest.raises(PackageError) as wrong:
        open_statement(sealed, SealingKeyPair.generate(suite))
    assert wrong.value.rule == "other-key"


def test_a_withheld_cell_leaves_the_own_rate_alone(round, banks, stella, timo, ursula):
    bank = next(bank for bank in banks if bank.institution.size_band == "large")
    dora = person("large-administrator", bank.institution, "administrator", "analyst")
    pair = own_key_only(bank, dora)
    release = published(computed(round, stella), [timo, ursula])
    statement = Statement.objects.get(release=release, institution=bank.institution)
    text = statements.sealed_document(statement, by=dora).decode()
    rows = rows_of(open_statement(verify_statement(text, vault_keys(), institution=bank.institution.code), pair))
    large = [row for row in rows if row["PEER_GROUP"] == "size-large"]
    assert large
    beside = ("BAND", "TO_MEDIAN", "TO_POOLED", "PERCENTILE_FROM", "PERCENTILE_TO")
    assert {tuple(row[name] for name in beside) for row in large} == {(None,) * 5}
    assert all(row["OWN"] is not None for row in large)


def test_the_portal_says_that_it_cannot_open_it_and_shows_no_own_figure(round, bank, dora, stella, timo, ursula):
    own_key_only(bank, dora)
    release = published(computed(round, stella), [timo, ursula])
    mine = Statement.objects.get(release=release, institution=bank.institution)
    assert statements.own_rates(dora, [release], RATE, ["_T"]) == {}
    assert statements.sealed_to_own_key(dora, [release]) == {release.pk}
    assert statements.sealed_to_own_key(timo, [release]) == set()
    with pytest.raises(Refused) as refused:
        statements.open_statement(mine, by=dora)
    assert refused.value.rule == "delivered-to-own-key"
    with pytest.raises(Forbidden):
        statements.sealed_document(mine, by=timo)


def test_without_the_choice_a_registered_key_changes_nothing(round, bank, dora, stella):
    registered(bank, dora)
    release = computed(round, stella)
    mine = Statement.objects.get(release=release, institution=bank.institution)
    assert mine.document is None
    assert mine.blocks.exists()


def test_whoever_chose_its_own_key_and_revoked_it_gets_no_statement_rather_than_one_in_the_portal(
    round, bank, banks, dora, stella
):
    own_key_only(bank, dora)
    statement_keys.revoke(bank.institution.statement_keys.get(), by=dora)
    release = computed(round, stella)
    assert not Statement.objects.filter(release=release, institution=bank.institution).exists()
    assert Statement.objects.filter(release=release).count() == len(banks) - 1


def test_a_key_that_somebody_put_into_the_database_stops_the_release(round, bank, dora, stella):
    own_key_only(bank, dora)
    forged = request_of(bank, SealingKeyPair.generate(), SigningKey.generate())
    StatementKey.objects.update(signature=forged)
    release = computed(round, stella)
    assert release.state == ReleaseState.FAILED
    assert "signing key of your institution" in release.reason
    assert not Statement.objects.exists()
    assert not ReleaseCell.objects.exists()


def test_a_key_in_the_columns_beside_the_request_is_not_sealed_to(round, bank, dora, stella, timo, ursula):
    pair = own_key_only(bank, dora)
    other = SealingKeyPair.generate()
    StatementKey.objects.update(public_jwk=other.public_jwk())
    release = published(computed(round, stella), [timo, ursula])
    text = statements.sealed_document(Statement.objects.get(release=release, institution=bank.institution), by=dora)
    sealed = verify_statement(text.decode(), vault_keys(), institution=bank.institution.code)
    assert open_statement(sealed, pair)["release"] == release.public_id


def test_a_new_key_ends_the_one_before_and_both_are_on_record(bank, dora):
    first, second = registered(bank, dora), registered(bank, dora)
    assert [key.kid for key in StatementKey.objects.in_force()] == [second.rkid]
    assert StatementKey.objects.get(kid=first.rkid).ended_at is not None
    entry = Entry.objects.filter(event="statement_key.registered").latest("pk")
    assert entry.details == {"kid": second.rkid, "suite": "X-Wing", "replaces": first.rkid}


def test_a_key_that_ended_never_comes_back(bank, dora):
    pair = registered(bank, dora)
    statement_keys.revoke(StatementKey.objects.get(), by=dora)
    with pytest.raises(Refused) as refused:
        statement_keys.register(bank.institution, request_of(bank, pair), by=dora)
    assert refused.value.rule == "key-taken"
    with pytest.raises(Refused) as refused:
        statement_keys.revoke(StatementKey.objects.get(), by=dora)
    assert refused.value.rule == "key-not-in-force"


def test_the_own_key_cannot_be_chosen_before_there_is_one(bank, dora):
    with pytest.raises(Refused) as refused:
        statement_keys.choose(bank.institution, statement_keys.OWN_KEY, by=dora)
    assert refused.value.rule == "no-statement-key"


def test_only_the_administrator_of_the_institution_registers_revokes_and_chooses(bank, banks, dora):
    pair = registered(bank, dora)
    analyst = person("own-key-analyst", bank.institution, "analyst")
    stranger = person("other-administrator", banks[-1].institution, "administrator")
    for somebody in (analyst, stranger):
        for act in (
            lambda by: statement_keys.register(bank.institution, request_of(bank, pair), by=by),
            lambda by: statement_keys.choose(bank.institution, statement_keys.OWN_KEY, by=by),
            lambda by: statement_keys.revoke(StatementKey.objects.get(), by=by),
        ):
            with pytest.raises(Forbidden):
                act(somebody)
    assert StatementKey.objects.in_force().exists()


def test_the_choice_is_on_record_and_taken_back(bank, dora):
    own_key_only(bank, dora)
    statement_keys.choose(bank.institution, statement_keys.PORTAL, by=dora)
    entries = Entry.objects.filter(event="statement_delivery.chosen").order_by("pk")
    assert [entry.details["delivery"] for entry in entries] == ["own-key", "portal"]
    assert statement_keys.recipients([bank.institution]) == {}


def test_a_request_signed_with_a_revoked_signing_key_is_refused(bank, dora):
    from consortium.institutions.models import SigningKey as Registered
    from consortium.institutions.services import signing_keys

    signing_keys.revoke(Registered.objects.get(institution=bank.institution), by=dora)
    with pytest.raises(PackageError) as wrong:
        registered(bank, dora)
    assert wrong.value.rule == "unknown-key"


@pytest.fixture
def delivered(round, bank, dora, stella, timo, ursula):
    own_key_only(bank, dora)
    return published(computed(round, stella), [timo, ursula])


def test_the_page_says_why_there_is_no_figure_and_gives_the_file(client, delivered, bank, dora, timo):
    client.force_login(dora)
    page = client.get(f"/statements/{delivered.public_id}/").content.decode()
    assert "The portal does not have that key" in page
    assert f"concord statement open {delivered.public_id}.statement.jose" in page
    answer = client.get(f"/statements/{delivered.public_id}/sealed/")
    assert answer["Content-Type"] == STATEMENT_MEDIA_TYPE
    assert verify_statement(answer.content.decode(), vault_keys(), institution=bank.institution.code)
    client.force_login(timo)
    assert client.get(f"/statements/{delivered.public_id}/sealed/").status_code == 404


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("/benchmarks/?collection=call-report", "delivered to your own key"),
        ("/alerts/ours/", "The figures of 1 release were delivered to your own key."),
    ],
)
def test_pages_with_own_figures_say_where_they_went(client, delivered, dora, address, words):
    client.force_login(dora)
    assert words in client.get(address).content.decode()


def test_home_says_where_own_figures_went(client, delivered, dora):
    client.force_login(dora)
    assert "delivered to your own key" in client.get("/").content.decode()


def test_the_board_report_says_where_the_own_figures_went(delivered, dora):
    document = content(delivered, dora)
    assert document["own"] is None
    assert "delivered to your own key" in document["own_is_sealed"]
    assert board.typeset(document, delivered.published_at).startswith(b"%PDF-")


def api_of(client, bank, scope="statements:read"):
    bank.client.scopes = [scope]
    bank.client.save()
    answer = client.post("/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": bank.basic})
    return {"authorization": "Bearer " + answer.json()["access_token"]}


def test_over_the_api_the_file_comes_by_its_media_type_and_json_says_to_ask_for_it(client, delivered, bank, banks):
    address = f"/api/v1/releases/{delivered.public_id}/statement"
    token = api_of(client, bank)
    sealed = client.get(address, headers={**token, "accept": STATEMENT_MEDIA_TYPE})
    assert sealed.status_code == 200
    assert sealed["Content-Type"] == STATEMENT_MEDIA_TYPE
    assert verify_statement(sealed.content.decode(), vault_keys(), institution=bank.institution.code)
    for accept in ("application/json", "*/*"):
        refused = client.get(address, headers={**token, "accept": accept})
        assert (refused.status_code, refused.json()["rule"]) == (409, "delivered-to-own-key")
    assert client.get(address, headers={**token, "accept": "text/csv"}).status_code == 406
    other = api_of(client, next(each for each in banks if each is not bank))
    assert client.get(address, headers=other).status_code == 200
    refused = client.get(address, headers={**other, "accept": STATEMENT_MEDIA_TYPE})
    assert (refused.status_code, refused.json()["rule"]) == (409, "delivered-in-portal")


def test_the_administrator_registers_chooses_and_revokes_over_the_api(client, bank, dora):
    address, pair = "/api/v1/institutions/me/statement-key", SealingKeyPair.generate()
    client.force_login(dora)
    kind = "application/json"
    refused = client.patch(address, {"delivery": "own-key"}, content_type=kind)
    assert (refused.status_code, refused.json()["rule"]) == (409, "no-statement-key")
    made = client.post(address, {"request": request_of(bank, pair)}, content_type=kind)
    assert (made.status_code, made.json()["delivery"]) == (201, "portal")
    assert [key["kid"] for key in made.json()["keys"]] == [pair.rkid]
    assert client.patch(address, {"delivery": "own-key"}, content_type=kind).json()["delivery"] == "own-key"
    gone = client.delete(address).json()
    assert gone["delivery"] == "own-key"
    assert gone["keys"][0]["ended_at"] is not None
    assert client.delete(address).status_code == 404


def test_on_the_pages_each_choice_says_what_it_means_before_it_is_made(client, bank, dora):
    pair = SealingKeyPair.generate()
    client.force_login(dora)
    asked = client.get("/institution/statements/own-key/choose/").content.decode()
    assert "There is no key for statements in force." in asked
    client.post("/institution/statements/register/", {"request": request_of(bank, pair)})
    asked = client.get("/institution/statements/own-key/choose/").content.decode()
    assert "Whoever loses the key loses the statements sealed to it" in asked
    assert not statement_keys.recipients([bank.institution])
    client.post("/institution/statements/own-key/choose/")
    assert statement_keys.recipients([bank.institution])[bank.institution.code].kid == pair.rkid
    assert "until another is registered" in client.get(f"/institution/statements/{pair.rkid}/revoke/").content.decode()
    client.post(f"/institution/statements/{pair.rkid}/revoke/")
    assert statement_keys.recipients([bank.institution]) == {bank.institution.code: None}
    assert "none is in force" in client.get("/institution/statements/").content.decode()
    assert client.get("/institution/statements/elsewhere/choose/").status_code == 404


def test_a_request_that_is_none_is_said_beside_its_field(client, bank, dora):
    client.force_login(dora)
    answer = client.post("/institution/statements/register/", {"request": "nothing"})
    assert answer.status_code == 422
    assert "Copy all of it." in answer.content.decode()
