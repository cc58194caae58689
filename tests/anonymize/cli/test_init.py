from __future__ import annotations

import json
import stat

from anonymize.package import kid_of
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import CLIENT_ID, INSTITUTION, Platform, problem
from tests.vectors.sealed import keys


def test_init_prints_the_public_key_and_pins_the_consortiums(machine: Bank, address: str) -> None:
    made = machine.json("init", "--institution", INSTITUTION, "--server", address, "--client-id", CLIENT_ID)
    assert kid_of(made["public_key"]) == made["public_key"]["kid"]
    assert made["consortium_keys"] == [keys.CONSORTIUM.kid]


def test_the_key_is_encrypted_and_no_secret_is_in_the_configuration(bank: Bank) -> None:
    key = bank.directory / "signing-key.pem"
    assert "ENCRYPTED" in key.read_text()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "secret" not in (bank.directory / "concord.toml").read_text()


def test_init_again_keeps_everything(bank: Bank, address: str) -> None:
    before = {path.name: path.read_bytes() for path in bank.directory.iterdir() if path.is_file()}
    assert bank.run("init", "--institution", "OTHER", "--server", address).exit_code == 0
    assert {path.name: path.read_bytes() for path in bank.directory.iterdir() if path.is_file()} == before


def test_a_key_the_association_did_not_tell_is_not_pinned(machine: Bank, address: str) -> None:
    refused = machine.run("init", "--institution", INSTITUTION, "--server", address, "--consortium-key", "A" * 43)
    assert (refused.exit_code, "not the ones you named" in refused.stderr) == (2, True)
    assert not (machine.directory / "consortium-keys.json").exists()


def test_a_pinned_key_stays_when_the_server_shows_another(bank: Bank, platform: Platform, address: str) -> None:
    other = json.dumps({"keys": [keys.STRANGER.public_jwk()]}).encode()
    platform.before = lambda _, path: (200, {}, other) if path.startswith("/.well-known/") else None
    assert bank.json("init", "--server", address)["consortium_keys"] == [keys.CONSORTIUM.kid]


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
