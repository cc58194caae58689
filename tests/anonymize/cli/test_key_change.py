"""A bank's unattended job goes on when the consortium changes a key, and stops when somebody else does."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from anonymize.package.consortium import published
from anonymize.package.succession import name_successor
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.cli.test_push import push
from tests.anonymize.platform import Platform
from tests.vectors.sealed import keys

NEW_RECEIPTS, NEW_VAULT = keys.ed25519("second receipts"), keys.ed25519("second vault")
UNTIL = int(time.time()) + 3600


@pytest.fixture
def changed(bank: Bank, platform: Platform, monkeypatch: pytest.MonkeyPatch):
    """The platform signs with new keys; what it publishes says who named them."""

    def change(*statements: str) -> None:
        # What was pinned at set-up stays in the bank's file: only the server's side changes.
        monkeypatch.setattr(keys, "CONSORTIUM", NEW_RECEIPTS)
        monkeypatch.setattr(keys, "VAULT", NEW_VAULT)
        document = {
            "keys": [published(NEW_RECEIPTS.public_jwk(), "receipts"), published(NEW_VAULT.public_jwk(), "round-keys")],
            "concord_successions": list(statements),
        }
        monkeypatch.setattr(keys, "CONSORTIUM_JWKS", document)

    return change


def by_their_predecessors() -> list[str]:
    return [
        name_successor(keys.CONSORTIUM, NEW_RECEIPTS.public_jwk(), "receipts", UNTIL),
        name_successor(keys.VAULT, NEW_VAULT.public_jwk(), "round-keys", UNTIL),
    ]


def pinned(bank: Bank) -> set[str]:
    return {key["kid"] for key in json.loads((bank.directory / "consortium-keys.json").read_text())["keys"]}


def test_a_push_goes_on_with_the_successors_and_keeps_them(bank: Bank, changed, tape: Path) -> None:
    changed(*by_their_predecessors())

    result = push(bank, tape)

    assert result.exit_code == 0, result.output
    assert {NEW_RECEIPTS.kid, NEW_VAULT.kid} < pinned(bank)


@pytest.mark.parametrize("statements", [[], by_their_predecessors()[:1], ["noise"]], ids=["none", "one", "noise"])
def test_a_push_sends_nothing_to_keys_that_nobody_named(
    bank: Bank, platform: Platform, changed, tape: Path, statements: list[str]
) -> None:
    changed(*statements)

    result = push(bank, tape)

    assert (result.exit_code, "not among the consortium's known keys" in result.output) == (1, True)
    assert platform.sent("POST") == 0
    assert NEW_VAULT.kid not in pinned(bank)


def test_init_again_follows_and_names_the_keys_in_use(bank: Bank, changed) -> None:
    changed(*by_their_predecessors())

    made = bank.json("init")

    assert made["consortium_keys"] == sorted([f"receipts:{NEW_RECEIPTS.kid}", f"round-keys:{NEW_VAULT.kid}"])


def test_a_new_member_pins_the_keys_in_use_only(machine: Bank, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    former = {**published(keys.CONSORTIUM.public_jwk(), "receipts"), "concord_until": 1}
    in_use = [published(NEW_RECEIPTS.public_jwk(), "receipts"), published(keys.VAULT.public_jwk(), "round-keys")]
    monkeypatch.setattr(keys, "CONSORTIUM_JWKS", {"keys": [former, *in_use]})

    machine.json("init", "--institution", "CN-001", "--server", address)

    assert pinned(machine) == {NEW_RECEIPTS.kid, keys.VAULT.kid}
