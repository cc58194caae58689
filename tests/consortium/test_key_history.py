"""The consortium's own keys: published with those of before, and exchanged by a command."""

from __future__ import annotations

import json
import time

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from anonymize.package import SigningKey, verify_jwk, verify_receipt
from anonymize.package.succession import follow
from consortium.embedded import keys
from consortium.signing import key_set, receipt_key
from sharing.models import RoundKey
from sharing.services import submissions
from tests.cast import sealed


@pytest.fixture
def history(settings, tmp_path):
    settings.CONCORD_KEY_HISTORY = tmp_path / "key-history.json"
    return settings.CONCORD_KEY_HISTORY


@pytest.fixture
def new_receipts(tmp_path):
    (tmp_path / "new").mkdir()
    return keys.signing_key(tmp_path / "new")


@pytest.fixture
def new_vault(tmp_path):
    (tmp_path / "new").mkdir(exist_ok=True)
    keys.vault_public_key(tmp_path / "new")
    return tmp_path / "new" / "vault-public-key"


def succeed(use, successor, history, **options):
    call_command("succeed_key", use, successor, history, **options)


def by_kid(jwks):
    return {key["kid"]: key for key in jwks["keys"]}


def test_a_member_follows_from_one_key_to_the_next(history, new_receipts, settings, client):
    pinned, old = key_set(), receipt_key()
    succeed("receipts", new_receipts, history)
    new = SigningKey.from_jwk(json.loads(new_receipts.read_text()))

    # Before web is given the new key, both are published, the one in use with its end.
    between = by_kid(key_set())
    assert between[old.kid]["concord_until"] > time.time()
    assert "concord_until" not in between[new.kid]

    settings.CONCORD_SIGNING_KEY = new_receipts
    document = client.get("/.well-known/jwks.json").json()
    assert set(by_kid(document)) == set(between)
    assert not any("d" in key for key in document["keys"])
    followed = by_kid(follow(pinned, document["concord_successions"]))
    assert (followed[new.kid]["concord_use"], followed[old.kid]["concord_until"]) == (
        "receipts",
        between[old.kid]["concord_until"],
    )


def test_old_receipts_verify_and_those_of_a_thief_do_not(history, new_receipts, settings, harbour, open_round, ada):
    pinned = key_set()
    before = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    succeed("receipts", new_receipts, history)
    settings.CONCORD_SIGNING_KEY = new_receipts
    followed = follow(pinned, key_set()["concord_successions"])

    assert verify_receipt(before.receipt, followed).submission == str(before.pk)
    after = submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission
    assert verify_receipt(after.receipt, followed).submission == str(after.pk)


def test_the_vaults_key_is_succeeded_and_open_rounds_are_signed_anew(history, new_vault, settings, open_round):
    pinned = key_set()
    succeed("round-keys", new_vault, history)
    settings.CONCORD_VAULT_SIGNING_KEY = keys.vault_signing_key(new_vault.parent)
    settings.CONCORD_VAULT_PUBLIC_KEY = new_vault.read_text()
    before = dict(RoundKey.objects.values_list("rkid", "signature"))

    call_command("sign_round_keys")

    followed = follow(pinned, key_set()["concord_successions"])
    for key in open_round.keys.all():
        assert key.signature != before[key.rkid]
        assert verify_jwk(key.signature, round_id=open_round.public_id, jwks=followed).rkid == key.rkid


def test_a_public_key_that_was_exchanged_in_the_database_is_not_signed(open_round):
    own, other = open_round.keys.order_by("pk")
    RoundKey.objects.filter(pk=own.pk).update(public_jwk=other.public_jwk)

    call_command("sign_round_keys")

    own.refresh_from_db()
    assert own.public_jwk["kid"] == own.rkid
    assert verify_jwk(own.signature, round_id=open_round.public_id, jwks=key_set()).rkid == own.rkid


def test_a_compromised_key_ends_now_and_names_nobody(history, new_receipts, settings):
    pinned = key_set()
    old = receipt_key()
    succeed("receipts", new_receipts, history, compromised=True)
    settings.CONCORD_SIGNING_KEY = new_receipts

    document = key_set()

    assert document["concord_successions"] == []
    assert by_kid(document)[old.kid]["concord_until"] <= time.time()
    assert follow(pinned, document["concord_successions"])["keys"] == pinned["keys"]


def test_a_key_names_one_successor(history, new_receipts, tmp_path):
    succeed("receipts", new_receipts, history)
    written = history.read_text()
    (tmp_path / "third").mkdir()

    with pytest.raises(CommandError, match="has a successor already"):
        succeed("receipts", keys.signing_key(tmp_path / "third"), history)

    assert history.read_text() == written


def test_the_successor_is_a_new_key_and_a_readable_one(history, settings, tmp_path):
    with pytest.raises(CommandError, match="no new key"):
        succeed("receipts", settings.CONCORD_SIGNING_KEY, history)
    (tmp_path / "noise").write_text("noise")
    with pytest.raises(CommandError, match="neither a JWK nor 32 bytes"):
        succeed("receipts", tmp_path / "noise", history)
    with pytest.raises(CommandError, match="cannot be read"):
        succeed("receipts", tmp_path / "missing", history)
    assert not history.exists()


@pytest.mark.parametrize("days", [0, -1, 91])
def test_a_key_signs_on_for_a_while_only(history, new_receipts, days):
    with pytest.raises(CommandError, match="1 to 90 days"):
        succeed("receipts", new_receipts, history, days=days)


def test_web_does_not_publish_a_key_that_the_history_does_not_end_with(history, new_receipts, settings, tmp_path):
    succeed("receipts", new_receipts, history)
    (tmp_path / "third").mkdir()
    settings.CONCORD_SIGNING_KEY = keys.signing_key(tmp_path / "third")

    with pytest.raises(ImproperlyConfigured, match="not in the history of keys"):
        key_set()


def test_web_says_that_its_key_has_ended(history, new_receipts):
    succeed("receipts", new_receipts, history)
    document = json.loads(history.read_text())
    for key in document["keys"]:
        if "concord_until" in key:
            key["concord_until"] = 1
    history.write_text(json.dumps(document))

    with pytest.raises(ImproperlyConfigured, match="has ended"):
        key_set()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"keys": [{}], "concord_successions": []}'])
def test_a_damaged_history_is_told(history, text):
    history.write_text(text)

    with pytest.raises(ImproperlyConfigured, match="CONCORD_KEY_HISTORY"):
        key_set()


def test_the_vault_key_is_succeeded_where_it_is(history, new_vault, settings):
    settings.CONCORD_VAULT_SIGNING_KEY = ""

    with pytest.raises(CommandError, match="as the process vault"):
        succeed("round-keys", new_vault, history)
