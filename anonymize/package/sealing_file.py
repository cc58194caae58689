"""A sealing key pair in a file of its owner: the public half to be read, the private one encrypted with a passphrase.

PKCS#8 has no form yet for X-Wing that libraries agree on, so the file is JSON: scrypt makes a key of the passphrase, and
AES-256-GCM seals the 32 private bytes, bound to the id of their public half.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from anonymize.errors import KeyStoreError
from anonymize.package import jose
from anonymize.package.keys import MIN_PASSPHRASE, SealingKey, SealingKeyPair

VERSION: Final = 1
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_SCRYPT: Final[Mapping[str, int]] = {"n": 2**15, "r": 8, "p": 1}  # 32 MiB, about a tenth of a second


def to_text(pair: SealingKeyPair, passphrase: str) -> bytes:
    """The file's content; a passphrase that is too short is refused."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise KeyStoreError(f"A passphrase needs at least {MIN_PASSPHRASE} characters. No key was written.")
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    sealed = _cipher(passphrase, salt).encrypt(nonce, pair.private_bytes(), pair.rkid.encode())
    document = {
        "version": VERSION,
        "public": pair.public_jwk(),
        "kdf": {"name": "scrypt", **_SCRYPT, "salt": jose.encode(salt)},
        "sealed": jose.encode(nonce + sealed),
    }
    return json.dumps(document, indent=2).encode() + b"\n"


def write(pair: SealingKeyPair, path: Path, passphrase: str) -> None:
    """A new file that only its owner can read; an existing one is never overwritten."""
    content = to_text(pair, passphrase)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as there:
        raise KeyStoreError(f"{path} is there already. No key was written.") from there
    except OSError as wrong:
        raise KeyStoreError(f"{path} cannot be written: {wrong.strerror}. No key was written.") from wrong
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def public_of(path: Path) -> SealingKey:
    """The public half, for which no passphrase is needed; KeyStoreError when the file is none of ours."""
    return _public(path, _read(path))


def from_file(path: Path, passphrase: str) -> SealingKeyPair:
    """Both halves; the sentence of a KeyStoreError tells a wrong passphrase from a wrong file."""
    document = _read(path)
    public = _public(path, document)
    try:
        kdf, sealed = document["kdf"], jose.decode(document["sealed"])
        if {name: kdf[name] for name in _SCRYPT} != _SCRYPT or kdf["name"] != "scrypt":
            raise KeyStoreError(f"{path} names another way to stretch a passphrase than this version knows.")
        cipher = _cipher(passphrase, jose.decode(kdf["salt"]))
        private = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], public.rkid.encode())
        pair = SealingKeyPair.from_private_bytes(public.suite, private)
    except InvalidTag as wrong:
        raise KeyStoreError(f"{path}: the passphrase is wrong, or the file was changed.") from wrong
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise KeyStoreError(f"{path} holds no whole sealing key. Restore it from your backup.") from wrong
    if pair.rkid != public.rkid:
        raise KeyStoreError(f"The halves of {path} do not belong together. Restore it from your backup.")
    return pair


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as wrong:
        raise KeyStoreError(f"The sealing key {path} cannot be read: {wrong.strerror}.") from wrong
    except (ValueError, RecursionError) as wrong:
        raise KeyStoreError(f"{path} holds no sealing key.") from wrong
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise KeyStoreError(f"{path} holds no sealing key of a version that is known here.")
    return document


def _public(path: Path, document: Mapping[str, Any]) -> SealingKey:
    jwk = document.get("public")
    if not isinstance(jwk, dict):
        raise KeyStoreError(f"{path} holds no sealing key.")
    return SealingKey.from_jwk(jwk)


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, **_SCRYPT).derive(passphrase.encode()))
