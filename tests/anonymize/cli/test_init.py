from __future__ import annotations

import json
import stat
from typing import Any

import pytest

from anonymize.package import kid_of
from anonymize.package.consortium import USES, published
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import CLIENT_ID, INSTITUTION, Platform, problem
from tests.vectors.sealed import keys

NAMES = [f"receipts:{keys.CONSORTIUM.kid}", f"round-keys:{keys.VAULT.kid}"]


def test_init_prints_the_public_key_and_pins_the_consortiums(machine: Bank, address: str) -> None:
    made = machine.json("init", "--institution", INSTITUTION, "--server", address, "--client-id", CLIENT_ID)
    assert kid_of(made["public_key"]) == made["public_key"]["kid"]
    assert made["consortium_keys"] == NAMES


def test_the_key_is_encrypted_and_no_secret_is_in_the_configuration(bank: Bank) -> None:
    key = bank.directory / "signing-key.pem"
    assert "ENCRYPTED" in key.read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "secret" not in (bank.directory / "concord.toml").read_text()


def test_init_again_keeps_everything(bank: Bank, address: str) -> None:
    before = {path.name: path.read_bytes() for path in bank.directory.iterdir() if path.is_file()}
    assert bank.run("init", "--institution", "OTHER", "--server", address).exit_code == 0
    assert {path.name: path.read_bytes() for path in bank.directory.iterdir() if path.is_file()} == before


def test_the_keys_that_the_association_told_are_pinned(machine: Bank, address: str) -> None:
    told = [part for name in NAMES for part in ("--consortium-key", name)]
    made = machine.json("init", "--institution", INSTITUTION, "--server", address, *told)
    assert made["consortium_keys"] == NAMES


@pytest.mark.parametrize(
    "told",
    [
        [f"receipts:{keys.CONSORTIUM.kid}", f"round-keys:{'A' * 43}"],
        [f"receipts:{keys.VAULT.kid}", f"round-keys:{keys.CONSORTIUM.kid}"],
        [keys.CONSORTIUM.kid, keys.VAULT.kid],
    ],
    ids=["another key", "uses exchanged", "ids without uses"],
)
def test_a_key_the_association_did_not_tell_is_not_pinned(machine: Bank, address: str, told: list[str]) -> None:
    options = [part for name in told for part in ("--consortium-key", name)]
    refused = machine.run("init", "--institution", INSTITUTION, "--server", address, *options)
    assert (refused.exit_code, "not the ones you named" in refused.stderr) == (2, True)
    assert not (machine.directory / "consortium-keys.json").exists()


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        ([keys.CONSORTIUM.public_jwk()], "no key for receipts and none for round-keys"),
        (keys.CONSORTIUM_JWKS["keys"][:1], "no key for round-keys"),
        ([published(keys.VAULT.public_jwk(), use) for use in USES], "one key twice"),
    ],
    ids=["no uses", "receipts only", "one key for both"],
)
def test_a_set_without_a_key_for_each_use_is_not_pinned(
    machine: Bank, platform: Platform, address: str, shown: list[dict[str, Any]], sentence: str
) -> None:
    platform.before = lambda _, path: (200, {}, json.dumps({"keys": shown}).encode())
    refused = machine.run("init", "--institution", INSTITUTION, "--server", address)
    assert (refused.exit_code, sentence in refused.stderr) == (2, True)
    assert not (machine.directory / "consortium-keys.json").exists()


def test_a_pinned_key_stays_when_the_server_shows_another(bank: Bank, platform: Platform, address: str) -> None:
    other = json.dumps({"keys": [keys.STRANGER.public_jwk()]}).encode()
    platform.before = lambda _, path: (200, {}, other) if path.startswith("/.well-known/") else None
    assert bank.json("init", "--server", address)["consortium_keys"] == NAMES


def test_without_the_server_init_does_the_rest_and_may_be_run_again(
    machine: Bank, platform: Platform, address: str
) -> None:
    platform.before = lambda _, path: problem(500, "server-error", "Broken.")
    arguments = ("init", "--institution", INSTITUTION, "--server", address, "--client-id", CLIENT_ID)
    assert machine.run(*arguments).exit_code == 3
    assert (machine.directory / "signing-key.pem").exists()
    platform.before = lambda _, path: None
    assert machine.run(*arguments).exit_code == 0


def test_without_a_passphrase_no_key_is_written(machine: Bank, monkeypatch) -> None:
    monkeypatch.delenv("CONCORD_PASSPHRASE")
    refused = machine.run("init", "--institution", INSTITUTION, "--offline")
    assert (refused.exit_code, "CONCORD_PASSPHRASE" in refused.stderr) == (2, True)
    assert not (machine.directory / "signing-key.pem").exists()
