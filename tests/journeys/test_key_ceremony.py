"""The key ceremony, rehearsed: founding, a lost vault machine, recovery by two custodians, a key-encryption key that ends.

docs/key-ceremony.md is what these tests do, in words.
"""

from __future__ import annotations

import json
from io import StringIO
from itertools import combinations
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from anonymize.errors import KeyStoreError
from anonymize.package import SealingKeyPair
from consortium.embedded import keys
from consortium.key_encryption import custodians
from consortium.key_encryption.key_files import VARIABLE
from consortium.key_encryption.local import LocalKey
from sharing import blobs, vault
from sharing.models import RoundKey
from sharing.services import checking, submissions
from tests.cast import sealed

NAMES = ("ada", "bela", "carl")
PASSPHRASE = "a passphrase of nobody else"


def run(*arguments: object) -> str:
    said = StringIO()
    call_command(*(str(each) for each in arguments), stdout=said)
    return said.getvalue()


@pytest.fixture
def safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the ceremony's files are: three custodians with keys of their own, and a stranger."""
    monkeypatch.setenv(VARIABLE, PASSPHRASE)
    for name in (*NAMES, "stranger"):
        run("kek_backup", "custodian", tmp_path / name)
    return tmp_path


@pytest.fixture
def founded(safe: Path, settings) -> Path:
    """The keys are made, backed up for the custodians, and given to the processes."""
    run("make_keys", safe / "keys")
    run(
        "kek_backup",
        "make",
        safe / "keys/key-encryption-key",
        safe / "backup.json",
        *(safe / f"{n}.jwk" for n in NAMES),
    )
    made = safe / "keys"
    settings.CONCORD_SIGNING_KEY = made / "signing-key.json"
    settings.CONCORD_VAULT_SIGNING_KEY = (made / "vault-signing-key").read_text()
    settings.CONCORD_VAULT_PUBLIC_KEY = (made / "vault-public-key").read_text()
    settings.CONCORD_KEK = (made / "key-encryption-key").read_text()
    return safe


@pytest.fixture
def received(founded, harbour, open_round, ada):
    return submissions.receive(open_round, sealed(harbour, open_round), by=ada).submission


@pytest.fixture
def lost(founded, received, settings) -> Path:
    """The vault's machine burns, with all that was on it."""
    (founded / "keys/key-encryption-key").unlink()
    settings.CONCORD_KEK = ""
    return founded


def test_founding_names_the_public_keys_and_overwrites_nothing(safe: Path):
    first = run("make_keys", safe / "keys")
    made = {path.name: path.read_bytes() for path in (safe / "keys").iterdir()}

    assert first == run("make_keys", safe / "keys")
    assert made == {path.name: path.read_bytes() for path in (safe / "keys").iterdir()}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (safe / "keys").iterdir())
    assert not any(text.decode() in first for name, text in made.items() if "public" not in name)


def test_after_the_loss_of_the_vault_two_custodians_open_every_package(lost: Path, received, settings):
    with pytest.raises(ImproperlyConfigured):
        checking.open_sealed(received.pk)

    run("kek_backup", "recover", lost / "backup.json", lost / "kek", lost / "ada.pem", lost / "carl.pem")
    settings.CONCORD_KEK = (lost / "kek").read_text()
    checking.open_sealed(received.pk)

    received.refresh_from_db()
    assert received.state == "accepted"
    assert (lost / "kek").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("pair", list(combinations(NAMES, 2)), ids="-".join)
def test_any_two_custodians_suffice_in_any_order(lost: Path, pair, received, settings):
    for number, names in enumerate((pair, pair[::-1])):
        target = lost / f"kek{number}"
        run("kek_backup", "recover", lost / "backup.json", target, *(lost / f"{name}.pem" for name in names))
        settings.CONCORD_KEK = target.read_text()
        assert vault.open_one(received, blobs.get(received.blob)).plaintext


def test_two_custodians_need_not_meet(lost: Path, received, settings):
    backup = custodians.read(lost / "backup.json")
    first, second = (
        next(n for n in NAMES if json.loads((lost / f"{n}.jwk").read_text())["kid"] == kid)
        for kid in backup["envelopes"][0]["custodians"]
    )
    run("kek_backup", "first", lost / "backup.json", lost / "half.json", lost / f"{first}.pem")
    assert received.pk  # nothing readable travels between them
    run("kek_backup", "recover", lost / "half.json", lost / "kek", lost / f"{second}.pem")

    settings.CONCORD_KEK = (lost / "kek").read_text()
    assert vault.open_one(received, blobs.get(received.blob)).plaintext


@pytest.mark.parametrize(
    "who", [["ada"], ["ada", "ada"], ["stranger"], ["ada", "stranger"], ["stranger", "bela"]], ids="-".join
)
def test_one_custodian_or_a_stranger_recovers_nothing(lost: Path, who):
    with pytest.raises(CommandError, match="not two custodians of this backup"):
        run("kek_backup", "recover", lost / "backup.json", lost / "kek", *(lost / f"{name}.pem" for name in who))

    assert not (lost / "kek").exists()


def test_a_half_opened_backup_is_nothing_to_a_stranger_or_to_who_opened_it(lost: Path):
    backup = custodians.read(lost / "backup.json")
    kid = backup["envelopes"][0]["custodians"][0]
    first = next(n for n in NAMES if json.loads((lost / f"{n}.jwk").read_text())["kid"] == kid)
    run("kek_backup", "first", lost / "backup.json", lost / "half.json", lost / f"{first}.pem")

    for name in (first, "stranger"):
        with pytest.raises(CommandError, match="not two custodians"):
            run("kek_backup", "recover", lost / "half.json", lost / "kek", lost / f"{name}.pem")


def test_a_stranger_who_takes_a_custodians_name_opens_nothing(lost: Path):
    """Whoever writes the backup's file puts its own name over a custodian's: the ciphertext knows better."""
    stranger = json.loads((lost / "stranger.jwk").read_text())["kid"]
    ada = json.loads((lost / "ada.jwk").read_text())["kid"]
    changed = (lost / "backup.json").read_text().replace(ada, stranger)
    (lost / "changed.json").write_text(changed)

    with pytest.raises(CommandError, match="does not open"):
        run("kek_backup", "recover", lost / "changed.json", lost / "kek", lost / "stranger.pem", lost / "bela.pem")


def test_a_wrong_passphrase_opens_nothing(lost: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(VARIABLE, "another passphrase")

    with pytest.raises(CommandError, match="passphrase is wrong"):
        run("kek_backup", "recover", lost / "backup.json", lost / "kek", lost / "ada.pem", lost / "bela.pem")


def test_a_backup_names_what_it_holds_and_shows_none_of_it(founded: Path):
    kek = (founded / "keys/key-encryption-key").read_text()
    text = (founded / "backup.json").read_text()

    assert json.loads(text)["kek"] == LocalKey.from_text(kek).id
    assert kek not in text
    assert len(json.loads(text)["envelopes"]) == 3


def test_a_backup_needs_two_custodians_and_no_existing_file(founded: Path):
    kek = founded / "keys/key-encryption-key"
    for who in (["ada"], ["ada", "ada"]):
        with pytest.raises(CommandError, match="2 custodians or more"):
            run("kek_backup", "make", kek, founded / "other.json", *(founded / f"{name}.jwk" for name in who))
    with pytest.raises(CommandError, match="there already"):
        run("kek_backup", "make", kek, founded / "backup.json", founded / "ada.jwk", founded / "bela.jwk")
    with pytest.raises(CommandError, match="there already"):
        run("kek_backup", "custodian", founded / "ada")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 1}',
        '{"version": 1, "envelopes": [7]}',
        '{"version": 1, "envelopes": [{"custodians": ["a", "b"]}]}',
    ],
)
def test_a_damaged_backup_is_told(lost: Path, text: str):
    (lost / "damaged.json").write_text(text)

    with pytest.raises(CommandError, match="backup"):
        run("kek_backup", "recover", lost / "damaged.json", lost / "kek", lost / "ada.pem", lost / "bela.pem")


def test_a_key_encryption_key_that_ended_opens_no_restored_row(founded: Path, received, settings, tmp_path_factory):
    """The second shred: after another key took over, backups of wrapped keys are worth what the former key is."""
    former = settings.CONCORD_KEK
    restored = bytes(RoundKey.objects.get(rkid=received.rkid).wrapped_private)
    settings.CONCORD_FORMER_KEKS, settings.CONCORD_KEK = former, keys.key_encryption_key(tmp_path_factory.mktemp("new"))
    run("rewrap_keys")
    settings.CONCORD_FORMER_KEKS = ""
    assert vault.open_one(received, blobs.get(received.blob)).plaintext

    RoundKey.objects.filter(rkid=received.rkid).update(wrapped_private=restored)

    with pytest.raises(KeyStoreError):
        vault.open_one(received, blobs.get(received.blob))
    assert SealingKeyPair.from_private_bytes(
        "X-Wing", LocalKey.from_text(former).unwrap(restored, f"{received.round.public_id}/{received.rkid}")
    )  # which is why the former key's copies are destroyed too
