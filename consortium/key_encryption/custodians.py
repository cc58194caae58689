"""The backup of a key-encryption key: for every two custodians a copy that only both together can read.

A copy is sealed to one custodian and the result to the other (HPKE, RFC 9180), so no custodian and no single copy of
the file opens anything, and any two custodians suffice. Nothing here shares a secret by arithmetic of its own.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from anonymize.errors import KeyStoreError
from anonymize.package import SealingKey, SealingKeyPair
from anonymize.package.keys import MIN_PASSPHRASE
from consortium.key_encryption.local import LocalKey

VERSION: Final = 1
FEWEST: Final = 2
_SUITE: Final = "X25519"


def new_custodian(passphrase: str) -> tuple[bytes, dict[str, Any]]:
    """A custodian's private key (PKCS#8, encrypted) and its public JWK, whose `kid` names the custodian."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise KeyStoreError(f"A passphrase needs at least {MIN_PASSPHRASE} characters. No key was made.")
    key = X25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    return pem, SealingKey(_SUITE, key.public_key().public_bytes_raw()).public_jwk()


def open_custodian(pem: bytes, passphrase: str) -> SealingKeyPair:
    """A custodian's key; KeyStoreError at a wrong passphrase or another file."""
    try:
        key = serialization.load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError) as wrong:
        raise KeyStoreError("The passphrase is wrong, or the file holds no custodian's key.") from wrong
    if not isinstance(key, X25519PrivateKey):
        raise KeyStoreError("The file holds another kind of key than a custodian's.")
    return SealingKeyPair.from_private_bytes(_SUITE, key.private_bytes_raw())


def back_up(kek: str, custodians: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The backup of a key-encryption key of 32 bytes; a device's own key is backed up by the device.

    KeyStoreError unless there are two or more custodians, all of them different.
    """
    fingerprint = LocalKey.from_text(kek).id
    keys = sorted((SealingKey.from_jwk(jwk) for jwk in custodians), key=lambda key: key.rkid)
    names = [key.rkid for key in keys]
    if len(set(names)) < max(FEWEST, len(names)):
        raise KeyStoreError(f"A backup needs {FEWEST} custodians or more, each once. Nothing was written.")
    envelopes = [
        {
            "custodians": [first.rkid, second.rkid],
            "sealed": _seal_twice(kek.encode("ascii"), first, second, fingerprint),
        }
        for first, second in combinations(keys, 2)
    ]
    return {"version": VERSION, "kek": fingerprint, "custodians": names, "envelopes": envelopes}


def take_off_first(backup: Mapping[str, Any], custodian: SealingKeyPair) -> dict[str, Any]:
    """What one custodian does, alone, on a machine of its own: the copies from which its own layer is off.

    They hold nothing readable: each is still sealed to the other custodian.
    """
    opened = []
    for envelope in _envelopes(backup):
        if envelope["custodians"][0] == custodian.rkid:
            inner = _open(envelope["sealed"], custodian, _about(backup, envelope, 0))
            opened.append({**envelope, "sealed": _text(inner), "is_half_open": True})
    return {**backup, "envelopes": opened}


def recover(backup: Mapping[str, Any], custodians: Sequence[SealingKeyPair]) -> str:
    """The key-encryption key, by any two custodians; KeyStoreError when they are not two of its custodians."""
    present = {key.rkid: key for key in custodians}
    for envelope in _envelopes(backup):
        first, second = envelope["custodians"]
        half_open = envelope.get("is_half_open") is True
        if second in present and (half_open or first in present):
            sealed = envelope["sealed"]
            if not half_open:
                sealed = _text(_open(sealed, present[first], _about(backup, envelope, 0)))
            kek = _open(sealed, present[second], _about(backup, envelope, 1)).decode("ascii", "replace")
            return _checked(kek, str(backup["kek"]))
    raise KeyStoreError("These are not two custodians of this backup. Nothing was recovered.")


def read(path: Path) -> dict[str, Any]:
    """A backup from its file; KeyStoreError when it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as wrong:
        raise KeyStoreError(f"{path} cannot be read as a backup.") from wrong
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise KeyStoreError(f"{path} is no backup of this version.")
    return document


def _seal_twice(kek: bytes, first: SealingKey, second: SealingKey, fingerprint: str) -> str:
    pair = [first.rkid, second.rkid]
    inner = second.encrypt(kek, _info(fingerprint, pair, 1))
    return _text(first.encrypt(inner, _info(fingerprint, pair, 0)))


def _about(backup: Mapping[str, Any], envelope: Mapping[str, Any], layer: int) -> bytes:
    return _info(str(backup.get("kek")), envelope["custodians"], layer)


def _info(fingerprint: str, pair: Sequence[str], layer: int) -> bytes:
    return f"concord kek backup {VERSION}/{fingerprint}/{pair[0]}/{pair[1]}/{layer}".encode()


def _open(sealed: str, key: SealingKeyPair, info: bytes) -> bytes:
    try:
        return key.decrypt(b64decode(sealed, validate=True), info)
    except ValueError as wrong:
        raise KeyStoreError("A copy in this backup was changed and does not open. Use another backup.") from wrong


def _checked(kek: str, fingerprint: str) -> str:
    if LocalKey.from_text(kek).id != fingerprint:
        raise KeyStoreError("The backup holds another key than it names. Nothing was recovered.")
    return kek


def _envelopes(backup: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = backup.get("envelopes")
    wrong = KeyStoreError("The backup is not of the published form. Nothing was recovered.")
    if not isinstance(found, list):
        raise wrong
    for each in found:
        pair = each.get("custodians") if isinstance(each, dict) else None
        if not (isinstance(pair, list) and len(pair) == 2 and all(isinstance(name, str) for name in pair)):
            raise wrong
        if not isinstance(each.get("sealed"), str):
            raise wrong
    return found


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
