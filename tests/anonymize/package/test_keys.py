from __future__ import annotations

import stat
from pathlib import Path
from typing import Any, get_args

import pytest

from anonymize.errors import KeyStoreError
from anonymize.package import SealingKey, SealingKeyPair, SigningKey, kid_of, unwrap, wrap
from anonymize.package.hpke import SuiteId
from anonymize.package.jose import decode
from anonymize.package.keys import Algorithm

PASSPHRASE = "correct horse battery"
SUITES: tuple[SuiteId, ...] = get_args(SuiteId)
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_signing_key_survives_its_file(tmp_path: Path, alg: Algorithm) -> None:
    key = SigningKey.generate(alg)
    key.to_file(tmp_path / "key.pem", PASSPHRASE)
    assert SigningKey.from_file(tmp_path / "key.pem", PASSPHRASE).public_jwk() == key.public_jwk()


def test_a_key_file_is_encrypted_and_only_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    SigningKey.generate().to_file(path, PASSPHRASE)
    assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text("something else")
    with pytest.raises(KeyStoreError, match="is there already"):
        SigningKey.generate().to_file(path, PASSPHRASE)
    assert path.read_text() == "something else"


def test_a_short_passphrase_writes_no_key(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match="at least 12 characters"):
        SigningKey.generate().to_file(tmp_path / "key.pem", "short")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("passphrase", ["another passphrase", None])
def test_a_wrong_passphrase_is_told(tmp_path: Path, passphrase: str | None) -> None:
    SigningKey.generate().to_file(tmp_path / "key.pem", PASSPHRASE)
    with pytest.raises(KeyStoreError, match="passphrase"):
        SigningKey.from_file(tmp_path / "key.pem", passphrase)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyStoreError, match=r"nowhere\.pem"):
        SigningKey.from_file(tmp_path / "nowhere.pem", PASSPHRASE)


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_a_kid_is_the_thumbprint_and_nothing_else(alg: Algorithm) -> None:
    key = SigningKey.generate(alg)
    assert kid_of(key.public_jwk()) == key.kid
    with pytest.raises(KeyStoreError, match="thumbprint"):
        kid_of({**key.public_jwk(), "kid": "mine"})


@pytest.mark.parametrize("jwk", [{}, {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, {"kty": "oct", "crv": None}])
def test_what_is_no_key_is_not_registered(jwk: dict[str, Any]) -> None:
    with pytest.raises(KeyStoreError, match="no public"):
        kid_of(jwk)


def test_a_point_off_the_curve_is_not_registered() -> None:
    jwk = SigningKey.generate("ES256").public_jwk()
    with pytest.raises(KeyStoreError, match="no public"):
        kid_of({**jwk, "y": jwk["x"], "kid": "any"})


def test_a_private_key_is_not_registered() -> None:
    with pytest.raises(KeyStoreError, match="no longer secret"):
        kid_of({**SigningKey.generate().public_jwk(), "d": "AAAA"})


def test_an_xwing_seed_expands_as_its_draft_says() -> None:
    # First test vector of draft-connolly-cfrg-xwing-kem: SHAKE128("") as the seed, the start of its public key.
    seed = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    public = decode(SealingKeyPair.from_private_bytes("X-Wing", seed).public_jwk()["pub"])
    assert public.hex().startswith("e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5")


@pytest.mark.parametrize("suite", SUITES)
def test_a_sealing_key_survives_its_bytes_and_its_jwk(suite: SuiteId) -> None:
    pair = SealingKeyPair.generate(suite)
    again = SealingKeyPair.from_private_bytes(suite, pair.private_bytes())
    public = SealingKey.from_jwk(pair.public_jwk())
    assert again.decrypt(public.encrypt(b"cube", b"info"), b"info") == b"cube"
    assert public.rkid == pair.rkid == again.rkid


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("change", [{"kid": "x"}, {"suite": "P-256"}, {"use": "sig"}, {"pub": "AAAA", "x": "AAAA"}])
def test_a_sealing_key_that_contradicts_itself_is_refused(suite: SuiteId, change: dict[str, str]) -> None:
    with pytest.raises(KeyStoreError):
        SealingKey.from_jwk({**SealingKeyPair.generate(suite).public_jwk(), **change})


def test_a_wrapped_key_opens_only_for_its_own_purpose() -> None:
    kek, private = b"k" * 32, b"p" * 32
    wrapped = wrap(private, kek, "round 1, key a")
    assert private not in wrapped
    assert unwrap(wrapped, kek, "round 1, key a") == private
    for other_kek, about in ((b"K" * 32, "round 1, key a"), (kek, "round 2, key a")):
        with pytest.raises(KeyStoreError, match="does not open"):
            unwrap(wrapped, other_kek, about)


@pytest.mark.parametrize("wrapped", [b"", b"\x01", b"\x02" + b"x" * 60])
def test_what_is_no_wrapped_key_is_refused(wrapped: bytes) -> None:
    with pytest.raises(KeyStoreError):
        unwrap(wrapped, b"k" * 32, "round 1")


def test_a_key_encryption_key_has_32_bytes() -> None:
    with pytest.raises(KeyStoreError, match="32 bytes"):
        wrap(b"p" * 32, b"short", "round 1")
