"""HPKE (RFC 9180) in base mode, single shot, in the two suites that we speak.

X-Wing (KEM id 0x647a, MLKEM768-X25519) is the default; X25519 (KEM id 0x0020) serves browsers and older stacks.
Both use HKDF-SHA256 and AES-256-GCM. The library's hybrid private key does not serialise, so what is kept is the
32-byte X-Wing seed, expanded as draft-connolly-cfrg-xwing-kem says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

SuiteId = Literal["X-Wing", "X25519"]
PublicKey = X25519PublicKey | MLKEM768X25519PublicKey
PrivateKey = X25519PrivateKey | MLKEM768X25519PrivateKey

PRIVATE_BYTES: Final = 32
TAG_BYTES: Final = 16
_MLKEM_PUBLIC_BYTES: Final = 1184


@dataclass(frozen=True)
class _Sizes:
    public: int
    enc: int


SIZES: Final[Mapping[str, _Sizes]] = {"X-Wing": _Sizes(1216, 1120), "X25519": _Sizes(32, 32)}
_SUITES: Final[Mapping[str, Suite]] = {
    "X-Wing": Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    "X25519": Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}


def overhead(suite: SuiteId) -> int:
    """By how many bytes a ciphertext (`enc || ct`) is longer than its plaintext."""
    return SIZES[suite].enc + TAG_BYTES


def public_key(suite: SuiteId, raw: bytes) -> PublicKey:
    """A public key from its serialised form; ValueError when it is none."""
    if len(raw) != SIZES[suite].public:
        raise ValueError(f"a public key of {suite} has {SIZES[suite].public} bytes")
    if suite == "X25519":
        return X25519PublicKey.from_public_bytes(raw)
    return MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_BYTES]),
        X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_BYTES:]),
    )


def private_key(suite: SuiteId, raw: bytes) -> tuple[PrivateKey, bytes]:
    """A private key from its 32 bytes, with its serialised public half."""
    if len(raw) != PRIVATE_BYTES:
        raise ValueError(f"a private key of {suite} has {PRIVATE_BYTES} bytes")
    if suite == "X25519":
        plain = X25519PrivateKey.from_private_bytes(raw)
        return plain, plain.public_key().public_bytes_raw()
    expanded = hashlib.shake_256(raw).digest(96)
    mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    x25519 = X25519PrivateKey.from_private_bytes(expanded[64:])
    public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(mlkem, x25519), public


def encrypt(suite: SuiteId, key: PublicKey, plaintext: bytes, info: bytes) -> bytes:
    """`enc || ciphertext`; different at every call."""
    return _SUITES[suite].encrypt(plaintext, key, info=info)


def decrypt(suite: SuiteId, key: PrivateKey, ciphertext: bytes, info: bytes) -> bytes:
    """The plaintext; ValueError, without a reason, when anything at all is wrong."""
    try:
        return _SUITES[suite].decrypt(ciphertext, key, info=info)
    except (InvalidTag, ValueError) as wrong:
        raise ValueError("the ciphertext does not open") from wrong
