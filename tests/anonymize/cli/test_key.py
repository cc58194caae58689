"""`concord key`: the registration request, the key that follows, and the API client's own key."""

from __future__ import annotations

import stat
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anonymize.config import load_config
from anonymize.package.registration import read_registration
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import AUDIENCE, CLIENT_ID, INSTITUTION, Platform

NOW = datetime.now(UTC)


def in_use(bank: Bank) -> str:
    return load_config(bank.directory / "concord.toml").need_signing_key().kid


def test_init_prints_a_request_that_proves_the_key(machine: Bank, address: str) -> None:
    made = machine.json("init", "--institution", INSTITUTION, "--server", address, "--client-id", CLIENT_ID)
    jwk = read_registration(made["request"], INSTITUTION, AUDIENCE, time.time())
    assert jwk["kid"] == made["public_key"]["kid"]


def test_without_a_connection_the_audience_is_told(machine: Bank) -> None:
    made = machine.json("init", "--institution", INSTITUTION, "--offline", "--audience", AUDIENCE)
    assert read_registration(made["request"], INSTITUTION, AUDIENCE, time.time())
    again = machine.json("key", "request")
    assert (
        read_registration(again["request"], INSTITUTION, AUDIENCE, time.time())["kid"]
        == again["kid"]
        == in_use(machine)
    )


def test_where_nobody_tells_the_audience_no_request_is_made_up(machine: Bank) -> None:
    assert machine.json("init", "--institution", INSTITUTION, "--offline")["request"] is None
    refused = machine.run("key", "request")
    assert refused.exit_code == 2


def test_showing_asks_nobody(bank: Bank, platform: Platform) -> None:
    asked = len(platform.log)
    shown = bank.json("key", "show")
    assert (shown["in_use"]["kid"], shown["next"], len(platform.log)) == (in_use(bank), None, asked)
    assert "d" not in shown["in_use"]


def test_a_new_key_is_used_once_it_is_in_force_and_not_before(bank: Bank, platform: Platform) -> None:
    before = in_use(bank)
    first = bank.json("key", "rotate")
    assert (first["state"], first["replaces"], in_use(bank)) == ("to-register", before, before)
    assert read_registration(first["request"], INSTITUTION, AUDIENCE, time.time())["kid"] == first["kid"]

    assert bank.json("key", "rotate")["kid"] == first["kid"]  # asked twice, it is the same key
    platform.registered = [{"kid": first["kid"], "valid_from": (NOW + timedelta(hours=1)).isoformat()}]
    assert (bank.json("key", "rotate")["state"], in_use(bank)) == ("to-register", before)

    platform.registered = [{"kid": first["kid"], "valid_from": (NOW - timedelta(hours=1)).isoformat()}]
    done = bank.json("key", "rotate")
    assert (done["state"], done["former"], in_use(bank)) == ("rotated", before, first["kid"])
    assert Path(done["former_file"]).exists()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in bank.directory.glob("signing-key*.pem")}
    assert modes == {0o600}
    assert bank.json("key", "show")["next"] is None


def test_a_next_key_that_was_revoked_is_not_taken(bank: Bank, platform: Platform) -> None:
    first, before = bank.json("key", "rotate"), in_use(bank)
    past = (NOW - timedelta(hours=1)).isoformat()
    platform.registered = [{"kid": first["kid"], "valid_from": past, "revoked_at": past}]
    assert (bank.json("key", "rotate")["state"], in_use(bank)) == ("to-register", before)


def test_status_tells_each_keys_standing(bank: Bank, platform: Platform) -> None:
    following = bank.json("key", "rotate")["kid"]
    platform.registered = [
        {"kid": in_use(bank), "valid_from": "2026-01-01T00:00:00Z", "ends_at": "2099-05-01T00:00:00Z"},
        {"kid": "older", "valid_from": "2025-01-01T00:00:00Z", "revoked_at": "2026-02-01T00:00:00Z"},
    ]
    keys = {each["kid"]: (each["place"], each["state"]) for each in bank.json("key", "status")["keys"]}
    assert keys == {
        in_use(bank): ("in use", "in force until 2099-05-01"),
        following: ("next", "not registered"),
        "older": (None, "no longer in force, since 2026-02-01"),
    }


@pytest.mark.parametrize("alg", ["Ed25519", "ES256"])
def test_an_api_client_signs_in_with_its_key_and_no_secret(
    bank: Bank, platform: Platform, alg: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bank.json("key", "api", "--alg", alg)
    assert "d" not in made["public_key"]
    assert bank.json("key", "api")["public_key"] == made["public_key"]
    platform.api_key = made["public_key"]
    monkeypatch.delenv("CONCORD_CLIENT_SECRET")
    monkeypatch.setenv("CONCORD_AUTH", "private_key_jwt")
    monkeypatch.setenv("CONCORD_API_KEY_FILE", "api-key.pem")
    for _ in range(2):
        assert bank.run("status").exit_code == 0
    assert len(platform.assertions) == len(set(platform.assertions)) == 2

    platform.api_key = bank.json("key", "show")["in_use"]
    refused = bank.run("status")
    assert (refused.exit_code, "client id and key" in refused.stderr) == (1, True)


def test_a_way_of_signing_in_that_is_not_known_sends_nothing(
    bank: Bank, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = len(platform.log)
    monkeypatch.setenv("CONCORD_AUTH", "tls_client_auth")
    assert (bank.run("status").exit_code, len(platform.log)) == (2, asked)
