"""The three kinds of keys: signing keys of institutions and of the consortium, sealing keys of rounds, their wrapping.

An id (`kid`, `rkid`) is always the RFC 7638 thumbprint of the public half, so that it cannot be assigned wrongly.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, thumbprint

from anonymize.errors import KeyStoreError, PackageError
from anonymize.package import hpke, jose
from anonymize.package.hpke import SuiteId
from anonymize.package.jose import Jwk

Algorithm = Literal["Ed25519", "ES256"]

# PKCS#8 as OpenSSL writes it stretches a passphrase only a little; length has to do the rest.
MIN_PASSPHRASE: Final = 12
_WRAP_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_KEK_BYTES: Final = 32


class SigningKey:
    """The private key with which an institution signs packages, the consortium receipts, or its vault round keys."""

    def __init__(self, key: OKPKey | ECKey, alg: Algorithm) -> None:
        self._key = key
        self.alg: Algorithm = alg
        self.kid = key.thumbprint()

    @classmethod
    def generate(cls, alg: Algorithm = "Ed25519") -> SigningKey:
        if alg == "Ed25519":
            return cls(OKPKey.generate_key("Ed25519"), alg)
        return cls(ECKey.generate_key("P-256"), alg)

    @classmethod
    def from_jwk(cls, jwk: Jwk) -> SigningKey:
        """A key from its private JWK, for a vault or a test; KeyStoreError when it is of another kind."""
        members = {name: value for name, value in jwk.items() if name in {"kty", "crv", "x", "y", "d"}}
        kind = (members.get("kty"), members.get("crv"))
        try:
            if "d" in members and kind == ("OKP", "Ed25519"):
                return cls(OKPKey.import_key(members), "Ed25519")
            if "d" in members and kind == ("EC", "P-256"):
                return cls(ECKey.import_key(members), "ES256")
        except (JoseError, ValueError) as wrong:
            raise KeyStoreError("The JWK is no readable private key.") from wrong
        raise KeyStoreError("The JWK is no private Ed25519 or P-256 key.")

    @classmethod
    def from_private_bytes(cls, private: bytes) -> SigningKey:
        """From the 32 bytes of a private Ed25519 key."""
        try:
            key = Ed25519PrivateKey.from_private_bytes(private)
        except ValueError as wrong:
            raise KeyStoreError("The bytes are no private Ed25519 key.") from wrong
        return cls(OKPKey.import_key(key), "Ed25519")

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: str | None) -> SigningKey:
        """A key from PKCS#8; the sentence of a KeyStoreError tells a wrong passphrase from a wrong file."""
        try:
            key = serialization.load_pem_private_key(pem, passphrase.encode() if passphrase else None)
        except TypeError as wrong:
            raise KeyStoreError("The key is encrypted and no passphrase was given, or the reverse.") from wrong
        except ValueError as wrong:
            raise KeyStoreError("The passphrase is wrong, or the file holds no private key.") from wrong
        if isinstance(key, Ed25519PrivateKey):
            return cls(OKPKey.import_key(key), "Ed25519")
        if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
            return cls(ECKey.import_key(key), "ES256")
        raise KeyStoreError("The key is neither Ed25519 nor P-256.")

    @classmethod
    def from_file(cls, path: Path, passphrase: str | None) -> SigningKey:
        try:
            pem = path.read_bytes()
        except OSError as wrong:
            raise KeyStoreError(f"The signing key {path} cannot be read: {wrong.strerror}.") from wrong
        try:
            return cls.from_pem(pem, passphrase)
        except KeyStoreError as wrong:
            raise KeyStoreError(f"{path}: {wrong.sentence}") from wrong

    def to_pem(self, passphrase: str) -> bytes:
        """PKCS#8, encrypted; a passphrase shorter than `MIN_PASSPHRASE` characters is refused."""
        if len(passphrase) < MIN_PASSPHRASE:
            raise KeyStoreError(f"A passphrase needs at least {MIN_PASSPHRASE} characters. No key was written.")
        private = self._key.private_key
        if private is None:
            raise KeyStoreError("There is no private half to write.")
        return private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase.encode()),
        )

    def to_file(self, path: Path, passphrase: str) -> None:
        """Writes a new file that only its owner can read; an existing one is never overwritten."""
        pem = self.to_pem(passphrase)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as there:
            raise KeyStoreError(f"{path} is there already. No key was written.") from there
        except OSError as wrong:
            raise KeyStoreError(f"{path} cannot be written: {wrong.strerror}. No key was written.") from wrong
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)

    def public_jwk(self) -> dict[str, Any]:
        """The public half as it is registered and published."""
        public = self._key.as_dict(private=False)
        return {**public, "kid": self.kid, "use": "sig", "alg": self.alg}

    def sign_compact(self, header: Mapping[str, Any], payload: bytes) -> str:
        """A compact JWS; `alg` and `kid` are put first into the header."""
        return jose.sign({"alg": self.alg, "kid": self.kid, **header}, payload, self._key)


def kid_of(jwk: Jwk) -> str:
    """The thumbprint of a public signing key; KeyStoreError when it is none that we accept.

    Anything that registers a key calls this: a JWK with a private half, of another kind, or with a `kid` that is not
    its thumbprint is refused.
    """
    if not jose.is_public(jwk):
        raise KeyStoreError("The JWK holds a private key. Make a new key; this one is no longer secret.")
    try:
        key = jose.verifying_key(jwk, "Ed25519" if jwk.get("kty") == "OKP" else "ES256")
        key.get_op_key("verify")  # raises when the point is not on the curve
    except (PackageError, JoseError, ValueError, TypeError, AttributeError) as wrong:
        raise KeyStoreError("The JWK is no public Ed25519 or P-256 key.") from wrong
    kid = key.thumbprint()
    if jwk.get("kid", kid) != kid:
        raise KeyStoreError("The kid of the JWK is not its RFC 7638 thumbprint.")
    return kid


def ed25519_jwk(public: bytes) -> dict[str, Any]:
    """The published form of a public Ed25519 key, from its 32 bytes; KeyStoreError when they are none."""
    jwk = {"crv": "Ed25519", "x": jose.encode(public), "kty": "OKP"}
    return {**jwk, "kid": kid_of(jwk), "use": "sig", "alg": "Ed25519"}


class SealingKey:
    """The public half of a round's key: what a member seals to."""

    def __init__(self, suite: SuiteId, public: bytes) -> None:
        try:
            self._key = hpke.public_key(suite, public)
        except ValueError as wrong:
            raise KeyStoreError(f"The sealing key is no {suite} key.") from wrong
        self.suite: SuiteId = suite
        self._public = public
        self.rkid = thumbprint(_required_members(suite, public))

    @classmethod
    def from_jwk(cls, jwk: Jwk) -> SealingKey:
        """A sealing key from its JWK; KeyStoreError when the JWK is private, of no known suite, or misnamed."""
        suite: SuiteId = "X25519" if jwk.get("kty") == "OKP" else "X-Wing"
        if not jose.is_public(jwk):
            raise KeyStoreError("The JWK holds a private key. Make a new key; this one is no longer secret.")
        try:
            public = jose.decode(jwk["pub" if suite == "X-Wing" else "x"])
        except (KeyError, ValueError, AttributeError) as wrong:
            raise KeyStoreError("The sealing key has no readable public half.") from wrong
        key = cls(suite, public)
        if any(jwk.get(member) != value for member, value in key.public_jwk().items()):
            raise KeyStoreError("The sealing key's members do not agree with its public half.")
        return key

    def public_jwk(self) -> dict[str, Any]:
        members = _required_members(self.suite, self._public)
        return {**members, "kid": self.rkid, "use": "enc", "suite": self.suite}

    def encrypt(self, plaintext: bytes, info: bytes) -> bytes:
        """HPKE base mode, single shot: `enc || ciphertext`."""
        return hpke.encrypt(self.suite, self._key, plaintext, info)


class SealingKeyPair:
    """Both halves of a round's key. Only a worker of the vault holds one."""

    def __init__(self, suite: SuiteId, private: bytes) -> None:
        try:
            self._key, public = hpke.private_key(suite, private)
        except ValueError as wrong:
            raise KeyStoreError(f"The bytes are no private {suite} key.") from wrong
        self.suite: SuiteId = suite
        self._private = private
        self.public = SealingKey(suite, public)
        self.rkid = self.public.rkid

    @classmethod
    def generate(cls, suite: SuiteId = "X-Wing") -> SealingKeyPair:
        return cls(suite, os.urandom(hpke.PRIVATE_BYTES))

    @classmethod
    def from_private_bytes(cls, suite: SuiteId, private: bytes) -> SealingKeyPair:
        """From the 32 bytes of the X-Wing seed or of the X25519 scalar."""
        return cls(suite, private)

    def public_jwk(self) -> dict[str, Any]:
        return self.public.public_jwk()

    def private_bytes(self) -> bytes:
        return self._private

    def decrypt(self, ciphertext: bytes, info: bytes) -> bytes:
        """The plaintext; ValueError when anything at all is wrong."""
        return hpke.decrypt(self.suite, self._key, ciphertext, info)


def _required_members(suite: SuiteId, public: bytes) -> dict[str, Any]:
    """The members that the thumbprint covers: those of an AKP key or of an OKP key."""
    if suite == "X-Wing":
        return {"kty": "AKP", "alg": "X-Wing", "pub": jose.encode(public)}
    return {"kty": "OKP", "crv": "X25519", "x": jose.encode(public)}


def wrap(private: bytes, kek: bytes, about: str) -> bytes:
    """A private key encrypted under the key-encryption key with AES-256-GCM.

    `about` names what the key is for (round id and rkid) and must be the same when unwrapping, so that a wrapped key
    cannot be moved to another row.
    """
    nonce = os.urandom(_NONCE_BYTES)
    return _WRAP_VERSION + nonce + _kek_cipher(kek).encrypt(nonce, private, about.encode())


def unwrap(wrapped: bytes, kek: bytes, about: str) -> bytes:
    """The private key; KeyStoreError when the key-encryption key, the purpose or the bytes are not the same."""
    if wrapped[:1] != _WRAP_VERSION:
        raise KeyStoreError("The wrapped key is of no known version.")
    nonce, sealed = wrapped[1 : 1 + _NONCE_BYTES], wrapped[1 + _NONCE_BYTES :]
    try:
        return _kek_cipher(kek).decrypt(nonce, sealed, about.encode())
    except (InvalidTag, ValueError) as wrong:
        raise KeyStoreError("The wrapped key does not open with this key-encryption key.") from wrong


def _kek_cipher(kek: bytes) -> AESGCM:
    if len(kek) != _KEK_BYTES:
        raise KeyStoreError(f"A key-encryption key has {_KEK_BYTES} bytes.")
    return AESGCM(kek)
