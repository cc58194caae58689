"""Key files of an embedded consortium."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from anonymize.package import SigningKey, ed25519_jwk
from consortium.embedded import keys


def test_keys_are_made_once_and_are_private(tmp_path: Path) -> None:
    directory = tmp_path / "keys"
    assert keys.key_encryption_key(directory) == keys.key_encryption_key(directory)
    assert len(keys.decode(keys.key_encryption_key(directory))) == 32
    assert [path.stat().st_mode & 0o777 for path in directory.iterdir()] == [0o600]
    assert directory.stat().st_mode & 0o777 == 0o700


def test_processes_that_start_together_agree_on_a_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: keys.django_secret(tmp_path), range(32)))
    assert len(made) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["django-secret"]


def test_the_signing_key_is_a_private_ed25519_jwk(tmp_path: Path) -> None:
    jwk = json.loads(keys.signing_key(tmp_path).read_text())
    assert (jwk["kty"], jwk["crv"]) == ("OKP", "Ed25519")
    assert "d" in jwk


def test_the_vaults_public_key_belongs_to_its_private_one_and_is_kept_beside_it(tmp_path: Path) -> None:
    public = keys.vault_public_key(tmp_path)
    vault = SigningKey.from_private_bytes(keys.decode(keys.vault_signing_key(tmp_path)))
    assert vault.public_jwk() == ed25519_jwk(keys.decode(public))
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "vault-signing-key": 0o600,
        "vault-public-key": 0o600,
    }
    (tmp_path / "vault-signing-key").unlink()
    assert keys.vault_public_key(tmp_path) == public


def test_the_public_delivery_key_belongs_to_the_private_one(tmp_path: Path) -> None:
    private = keys.delivery_key(tmp_path)
    public = keys.delivery_public_key(private)
    assert public != private
    assert len(keys.decode(public)) == 32
