"""Key files of an embedded consortium, made on first use under `var/keys` and readable by their owner only.

A production consortium makes its keys in a ceremony (docs/operations.md) and hands each process only its own.
"""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from joserfc.jwk import OKPKey


def django_secret(keys: Path) -> str:
    return kept(keys / "django-secret", lambda: secrets.token_urlsafe(50))


def key_encryption_key(keys: Path) -> str:
    """32 bytes, base64url: only a vault worker's environment may hold them."""
    return kept(keys / "key-encryption-key", lambda: encode(secrets.token_bytes(32)))


def delivery_key(keys: Path) -> str:
    """The private X25519 key that opens statements for the portal, base64url."""
    return kept(keys / "delivery-key", lambda: encode(X25519PrivateKey.generate().private_bytes_raw()))


def delivery_public_key(private: str) -> str:
    return encode(X25519PrivateKey.from_private_bytes(decode(private)).public_key().public_bytes_raw())


def signing_key(keys: Path) -> Path:
    """The Ed25519 key that signs receipts, as a private JWK in a file."""
    path = keys / "signing-key.json"
    kept(path, lambda: json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)))
    return path


def vault_signing_key(keys: Path) -> str:
    """The private Ed25519 key that signs the rounds' sealing keys, base64url: only a vault worker may hold it."""
    return kept(keys / "vault-signing-key", lambda: encode(Ed25519PrivateKey.generate().private_bytes_raw()))


def vault_public_key(keys: Path) -> str:
    """Its public half, in a file of its own: who needs it does not read the private one."""
    return kept(keys / "vault-public-key", lambda: _ed25519_public(vault_signing_key(keys)))


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _ed25519_public(private: str) -> str:
    return encode(Ed25519PrivateKey.from_private_bytes(decode(private)).public_key().public_bytes_raw())


def kept(path: Path, make: Callable[[], str]) -> str:
    """The file's text; made whole and linked into place first, so that two processes agree on one."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # another process was first
        finally:
            fresh.unlink()
    return path.read_text()
