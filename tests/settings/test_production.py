"""Production starts with everything it needs, or says all that is missing or wrong."""

from __future__ import annotations

import os
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

Start = Callable[[str, dict[str, str]], str]
KEY = "A" * 43
HOLDERS = {
    "web": {"CONCORD_DELIVERY_KEY": KEY, "CONCORD_VAULT_PUBLIC_KEY": KEY},
    "vault": {"CONCORD_KEK": KEY, "CONCORD_VAULT_SIGNING_KEY": KEY, "CONCORD_DELIVERY_PUBLIC_KEY": KEY},
    "office": {},
    "beat": {},
    "manage": {},
}


@pytest.fixture
def complete(tmp_path: Path) -> dict[str, str]:
    """What every process needs, and the file of the key that signs receipts."""
    key = tmp_path / "signing-key.json"
    key.write_text("{}")
    key.chmod(0o600)
    return {
        "CONCORD_SECRET_KEY": "s" * 50,
        "CONCORD_HOSTS": "concord.example",
        "CONCORD_AUDIENCE": "concord",
        "CONCORD_BLOBS": str(tmp_path),
        "DATABASE_URL": "postgres://concord:secret@db/concord",
        "CELERY_BROKER_URL": "amqp://concord:secret@mq//",
    }


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    """An empty text when production settings load with this environment alone, else what they say."""

    def run(process: str, environment: dict[str, str]) -> str:
        for name in [name for name in os.environ if name.startswith(("CONCORD_", "DATABASE_", "CELERY_"))]:
            monkeypatch.delenv(name)
        for name, value in {"CONCORD_PROCESS": process, **environment}.items():
            monkeypatch.setenv(name, value)
        try:
            runpy.run_module("consortium.settings.production")
        except ImproperlyConfigured as refused:
            return str(refused)
        finally:
            monkeypatch.undo()
        return ""

    return run


def with_signing_key(process: str, environment: dict[str, str]) -> dict[str, str]:
    if process != "web":
        return environment
    return {**environment, "CONCORD_SIGNING_KEY_FILE": str(Path(environment["CONCORD_BLOBS"]) / "signing-key.json")}


@pytest.mark.parametrize("process", HOLDERS)
def test_each_process_starts_with_its_own_keys(start: Start, process: str, complete: dict[str, str]) -> None:
    assert start(process, {**with_signing_key(process, complete), **HOLDERS[process]}) == ""


def test_one_message_names_everything_that_is_missing(start: Start) -> None:
    message = start("vault", {})
    for name in ("CONCORD_SECRET_KEY", "CONCORD_HOSTS", "CONCORD_KEK", "DATABASE_URL", "CELERY_BROKER_URL"):
        assert f"{name} is missing" in message


def test_the_key_encryption_key_is_refused_outside_the_vault(start: Start, complete: dict[str, str]) -> None:
    message = start("web", {**with_signing_key("web", complete), **HOLDERS["web"], "CONCORD_KEK": KEY})
    assert "CONCORD_KEK is set in a web process; only vault may hold it." in message


@pytest.mark.parametrize("name", ["CONCORD_VAULT_SIGNING_KEY", "CONCORD_VAULT_SIGNING_KEY_FILE"])
@pytest.mark.parametrize("process", ["web", "office", "beat", "manage"])
def test_only_the_vault_starts_with_the_key_that_signs_round_keys(
    start: Start, process: str, name: str, tmp_path: Path, complete: dict[str, str]
) -> None:
    (tmp_path / "vault-signing-key").write_text(KEY)
    given = KEY if name == "CONCORD_VAULT_SIGNING_KEY" else str(tmp_path / "vault-signing-key")
    message = start(process, {**with_signing_key(process, complete), **HOLDERS[process], name: given})
    assert f"CONCORD_VAULT_SIGNING_KEY is set in a {process} process; only vault may hold it." in message


def test_the_vault_cannot_sign_receipts(start: Start, complete: dict[str, str]) -> None:
    signing_key = with_signing_key("web", complete)
    message = start("vault", {**signing_key, **HOLDERS["vault"]})
    assert "CONCORD_SIGNING_KEY_FILE is set in a vault process; only web may hold it." in message


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("CONCORD_KEK", "the vault's key-encryption key"),
        ("CONCORD_VAULT_SIGNING_KEY", "the private key that signs the rounds' sealing keys"),
    ],
)
def test_a_vault_without_its_key_does_not_start(start: Start, name: str, what: str, complete: dict[str, str]) -> None:
    message = start("vault", {**complete, **HOLDERS["vault"], name: ""})
    assert f"{name} is missing: {what}." in message


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CONCORD_SECRET_KEY", "short", "CONCORD_SECRET_KEY is shorter than 50 characters."),
        ("CONCORD_HOSTS", "*", "CONCORD_HOSTS must name hosts, not *."),
        ("DATABASE_URL", "sqlite:///x", "DATABASE_URL must be a postgres:// address."),
        ("CELERY_BROKER_URL", "redis://x", "CELERY_BROKER_URL must be an amqp:// or amqps:// address of RabbitMQ."),
        ("CONCORD_BLOBS", "/no/such/place", "CONCORD_BLOBS names /no/such/place, which is not a directory."),
        ("CONCORD_DELIVERY_KEY", "AAAA", "CONCORD_DELIVERY_KEY holds 3 bytes; 32 are needed."),
        ("CONCORD_VAULT_PUBLIC_KEY", "", "CONCORD_VAULT_PUBLIC_KEY is missing: the public half of the vault's"),
        ("CONCORD_SIGNING_KEY_FILE", "/no/key", "CONCORD_SIGNING_KEY_FILE names /no/key, which is not there."),
        ("CONCORD_TLS", "maybe", "CONCORD_TLS is “proxy”"),
    ],
)
def test_a_wrong_value_is_named(start: Start, name: str, value: str, sentence: str, complete: dict[str, str]) -> None:
    assert sentence in start("web", {**with_signing_key("web", complete), **HOLDERS["web"], name: value})


def test_a_key_that_everybody_can_read_is_refused(start: Start, complete: dict[str, str]) -> None:
    (Path(complete["CONCORD_BLOBS"]) / "signing-key.json").chmod(0o644)
    assert "which everybody can read" in start("web", {**with_signing_key("web", complete), **HOLDERS["web"]})


def test_a_secret_may_come_from_a_file(start: Start, tmp_path: Path, complete: dict[str, str]) -> None:
    (tmp_path / "secret").write_text("s" * 50 + "\n")
    del complete["CONCORD_SECRET_KEY"]
    assert start("office", {**complete, "CONCORD_SECRET_KEY_FILE": str(tmp_path / "secret")}) == ""


def test_a_secret_file_that_is_empty_is_named(start: Start, tmp_path: Path, complete: dict[str, str]) -> None:
    (tmp_path / "secret").write_text("")
    del complete["CONCORD_SECRET_KEY"]
    assert "secret is empty" in start("office", {**complete, "CONCORD_SECRET_KEY_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize(("former", "kept"), [("", []), (f"{'a' * 50} {'b' * 50}", ["a" * 50, "b" * 50])])
def test_what_a_former_secret_key_sealed_is_still_opened(
    monkeypatch: pytest.MonkeyPatch, complete: dict[str, str], former: str, kept: list[str]
) -> None:
    for name, value in {"CONCORD_PROCESS": "office", "CONCORD_FORMER_SECRET_KEYS": former, **complete}.items():
        monkeypatch.setenv(name, value)

    assert runpy.run_module("consortium.settings.production")["SECRET_KEY_FALLBACKS"] == kept


def test_a_short_former_secret_key_is_refused(start: Start, complete: dict[str, str]) -> None:
    assert "CONCORD_FORMER_SECRET_KEYS" in start("office", {**complete, "CONCORD_FORMER_SECRET_KEYS": "short"})


@pytest.mark.parametrize("name", ["CONCORD_KEK", "CONCORD_FORMER_KEKS", "CONCORD_KEK_PIN", "CONCORD_KEK_TOKEN"])
@pytest.mark.parametrize("process", ["web", "office", "beat", "manage"])
def test_only_the_vault_is_given_what_unwraps(
    start: Start, process: str, name: str, tmp_path: Path, complete: dict[str, str]
) -> None:
    (tmp_path / "secret").write_text(KEY)
    environment = {**with_signing_key(process, complete), **HOLDERS[process]}
    for given in ({name: KEY}, {f"{name}_FILE": str(tmp_path / "secret")}):
        assert f"{name} is set in a {process} process; only vault may hold it." in start(
            process, {**environment, **given}
        )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"CONCORD_KEK": "AAAA"}, "this one has 3"),
        ({"CONCORD_FORMER_KEKS": KEY}, "named twice"),
        ({"CONCORD_FORMER_KEKS": "AAAA"}, "this one has 3"),
        ({"CONCORD_KEK": "pkcs11:token=t;object=o"}, "lacks module-path"),
        ({"CONCORD_KEK": "pkcs11:token=t;object=o?module-path=/m"}, "CONCORD_KEK_PIN"),
        ({"CONCORD_KEK": "transit:http://keys.example/v1/transit/keys/k"}, "transit:https://"),
        ({"CONCORD_KEK": "transit:https://keys.example/v1/transit/keys/k"}, "CONCORD_KEK_TOKEN"),
    ],
)
def test_a_key_encryption_key_that_cannot_be_is_told_at_the_start(
    start: Start, given: dict[str, str], sentence: str, complete: dict[str, str]
) -> None:
    message = start("vault", {**complete, **HOLDERS["vault"], **given})
    assert "CONCORD_KEK or CONCORD_FORMER_KEKS: " in message
    assert sentence in message


@pytest.mark.parametrize(
    "given",
    [
        {"CONCORD_FORMER_KEKS": "B" * 42 + "A " + "C" * 42 + "A"},
        {"CONCORD_KEK": "pkcs11:token=t;object=o?module-path=/m", "CONCORD_KEK_PIN": "1234"},
        {"CONCORD_KEK": "transit:https://keys.example/v1/transit/keys/k", "CONCORD_KEK_TOKEN": "t"},
    ],
)
def test_a_vault_starts_with_each_kind_of_key_encryption_key(
    start: Start, given: dict[str, str], complete: dict[str, str]
) -> None:
    assert start("vault", {**complete, **HOLDERS["vault"], **given}) == ""


def test_a_history_of_keys_that_is_not_there_is_named(start: Start, complete: dict[str, str]) -> None:
    environment = {**with_signing_key("web", complete), **HOLDERS["web"], "CONCORD_KEY_HISTORY": "/no/history"}
    assert "CONCORD_KEY_HISTORY names /no/history, which is not there." in start("web", environment)


@pytest.mark.parametrize("policy", ["optional", "off", "Required"])
def test_a_second_factor_is_never_optional_for_everybody(start: Start, policy: str, complete: dict[str, str]) -> None:
    environment = {**with_signing_key("web", complete), **HOLDERS["web"], "CONCORD_MFA": policy}
    assert "CONCORD_MFA is “required” (of everybody) or “association”" in start("web", environment)
