"""Keys of the consortium follow one another, and a former one signs nothing that counts as new."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from anonymize.errors import KeyStoreError, PackageError
from anonymize.package import Receipt, issue_receipt, sign_jwk, verify_jwk, verify_receipt
from anonymize.package.consortium import Use, published, sign_claims
from anonymize.package.succession import SUCCESSION_TYPE, follow, name_successor
from anonymize.package.tree_head import TreeHead, issue_tree_head, verify_tree_head
from tests.vectors.sealed import keys

NOW = int(time.time())
OLD, VAULT = keys.CONSORTIUM, keys.VAULT
NEW, NEWER, THIEFS = keys.ed25519("second receipts"), keys.ed25519("third receipts"), keys.ed25519("the thief's")
PINNED = keys.CONSORTIUM_JWKS


def succession(old=OLD, new=NEW, use: Use = "receipts", until=NOW + 3600):
    return name_successor(old, new.public_jwk(), use, until)


def names(jwks):
    return {(key["concord_use"], key["kid"], key.get("concord_until")) for key in jwks["keys"]}


BEFORE = names(PINNED)


def receipt(key, at):
    moment = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return issue_receipt(Receipt("c", "s", "i", "r", 1, "0" * 64, 7, moment), key)


def head(key, at):
    moment = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return issue_tree_head(TreeHead("c", 1, b"\0" * 32, moment), key)


def test_a_successor_is_accepted_when_the_pinned_key_names_it():
    followed = follow(PINNED, [succession()])

    assert names(followed) == {
        ("receipts", OLD.kid, NOW + 3600),
        ("receipts", NEW.kid, None),
        ("round-keys", VAULT.kid, None),
    }
    assert verify_receipt(receipt(NEW, NOW), followed)
    assert names(PINNED) == BEFORE  # what was given stays as it was


def test_a_member_that_slept_through_two_changes_follows_both_in_any_order():
    both = [succession(NEW, NEWER), succession()]

    for statements in (both, both[::-1]):
        assert ("receipts", NEWER.kid, None) in names(follow(PINNED, statements))


def test_following_twice_changes_nothing():
    followed = follow(PINNED, [succession()])

    assert follow(followed, [succession()]) == followed


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "no statement",
        "é",
        7,
        None,
        succession(THIEFS),  # signed by a key that was never pinned
        succession(VAULT),  # the vault's word on receipts
        succession(OLD, use="round-keys"),  # the web's word on round keys
        succession()[:-4] + "AAAA",
        sign_claims({"use": "receipts", "jwk": NEW.public_jwk()}, SUCCESSION_TYPE, OLD),
        sign_claims({"use": "receipts", "jwk": NEW.public_jwk(), "until": True}, SUCCESSION_TYPE, OLD),
        sign_claims({"use": "receipts", "jwk": "a key", "until": NOW}, SUCCESSION_TYPE, OLD),
        sign_claims({"use": "receipts", "jwk": {"kty": "RSA"}, "until": NOW}, SUCCESSION_TYPE, OLD),
        sign_claims({"use": "receipts", "jwk": NEW.public_jwk(), "until": NOW}, "concord-receipt+jws", OLD),
        succession(OLD, VAULT),  # one key for both uses
    ],
)
def test_what_the_pinned_key_did_not_say_is_not_followed(statement):
    assert names(follow(PINNED, [statement])) == BEFORE


def test_a_key_that_has_a_successor_names_no_other():
    followed = follow(PINNED, [succession(), succession(OLD, THIEFS)])
    assert THIEFS.kid not in {kid for _use, kid, _until in names(followed)}

    later = follow(followed, [succession(OLD, THIEFS)])
    assert later == followed


def test_nobody_goes_back_to_a_former_key():
    followed = follow(PINNED, [succession(), succession(NEW, OLD)])

    assert ("receipts", NEW.kid, None) in names(followed)


def test_a_key_does_not_succeed_itself():
    with pytest.raises(KeyStoreError, match="does not succeed itself"):
        succession(OLD, OLD)


# What a former key signed, and what its thief signs


def test_receipts_and_heads_of_a_former_key_verify_for_ever():
    ended = follow(PINNED, [succession(until=NOW - 10 * 365 * 86400)])
    at = NOW - 11 * 365 * 86400

    assert verify_receipt(receipt(OLD, at), ended).received_at
    assert verify_tree_head(head(OLD, at), ended).size == 1


def test_what_is_dated_after_the_end_of_its_key_is_refused():
    ended = follow(PINNED, [succession(until=NOW - 60)])

    for signed, verify in ((receipt(OLD, NOW), verify_receipt), (head(OLD, NOW), verify_tree_head)):
        with pytest.raises(PackageError, match="had ended by then") as refusal:
            verify(signed, ended)
        assert refusal.value.rule == "ended-key"


def test_a_former_key_signs_until_its_end():
    ended = follow(PINNED, [succession(until=NOW)])

    assert verify_receipt(receipt(OLD, NOW), ended)
    with pytest.raises(PackageError, match="had ended by then"):
        verify_receipt(receipt(OLD, NOW + 1), ended)


def test_a_receipt_without_a_readable_date_is_refused_when_its_key_has_ended():
    ended = follow(PINNED, [succession(until=NOW)])
    for moment in ("yesterday", "2020-01-01", "2020-01-01T00:00:00", ""):
        signed = issue_receipt(Receipt("c", "s", "i", "r", 1, "0" * 64, 7, moment), OLD)
        with pytest.raises(PackageError):
            verify_receipt(signed, ended)


def test_a_sealing_key_that_a_former_key_signed_is_refused_after_its_end():
    following = keys.ed25519("second vault")
    signed = sign_jwk(keys.ROUND_XWING.public_jwk(), "a-round", VAULT)
    until_then = follow(PINNED, [succession(VAULT, following, "round-keys")])
    assert verify_jwk(signed, round_id="a-round", jwks=until_then).suite == "X-Wing"

    ended = follow(PINNED, [succession(VAULT, following, "round-keys", until=NOW - 1)])
    with pytest.raises(PackageError, match="had ended by then"):
        verify_jwk(signed, round_id="a-round", jwks=ended)
    again = sign_jwk(keys.ROUND_XWING.public_jwk(), "a-round", following)
    assert verify_jwk(again, round_id="a-round", jwks=ended).suite == "X-Wing"


def test_an_end_that_is_no_number_ends_everything():
    broken = {"keys": [{**published(OLD.public_jwk(), "receipts"), "concord_until": "never"}]}

    with pytest.raises(PackageError, match="had ended by then"):
        verify_receipt(receipt(OLD, NOW), broken)
