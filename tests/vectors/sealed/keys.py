"""Fixed keys of the test vectors. They are derived from public words: use them for nothing but tests."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import ECKey

from anonymize.package import SealingKeyPair, SigningKey
from anonymize.package.consortium import published
from anonymize.package.hpke import SuiteId


def _bytes(name: str) -> bytes:
    return hashlib.sha256(f"concord test vectors: {name}".encode()).digest()


def ed25519(name: str) -> SigningKey:
    return SigningKey.from_private_bytes(_bytes(name))


def bare(key: SigningKey) -> Ed25519PrivateKey:
    """The primitive key inside, for signing what no library would."""
    private = key._key.private_key
    assert isinstance(private, Ed25519PrivateKey)
    return private


def es256(name: str) -> SigningKey:
    scalar = int.from_bytes(_bytes(name), "big")
    return SigningKey(ECKey.import_key(derive_private_key(scalar, SECP256R1())), "ES256")


def round_key(suite: SuiteId, name: str) -> SealingKeyPair:
    return SealingKeyPair.from_private_bytes(suite, _bytes(name))


INSTITUTION = ed25519("institution, Ed25519")
INSTITUTION_HSM = es256("institution, ES256")
REVOKED = ed25519("institution, revoked")
STRANGER = ed25519("another institution")
CONSORTIUM = ed25519("consortium")  # signs receipts
VAULT = ed25519("consortium, vault")  # signs round keys
CONSORTIUM_JWKS = {
    "keys": [published(CONSORTIUM.public_jwk(), "receipts"), published(VAULT.public_jwk(), "round-keys")]
}
ROUND_XWING = round_key("X-Wing", "round, X-Wing")
ROUND_X25519 = round_key("X25519", "round, X25519")
OTHER_ROUND = round_key("X-Wing", "another round")
