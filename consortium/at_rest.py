"""Small secrets that the database keeps for the web process: sealed with a key made from the secret key.

Each purpose has a key of its own, so that a text sealed for one is refused for another. Whoever has a copy of the
database alone learns nothing; whoever changes `SECRET_KEY` keeps the old one in `SECRET_KEY_FALLBACKS`
(in production `CONCORD_FORMER_SECRET_KEYS`) until all is sealed again.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.encoding import force_bytes

_VERSION: Final = "v1."
_NONCE: Final = 12  # bytes


def seal(text: str, purpose: str) -> str:
    """`v1.` and the base64url of nonce and AES-256-GCM ciphertext."""
    nonce = os.urandom(_NONCE)
    sealed = _cipher(settings.SECRET_KEY, purpose).encrypt(nonce, text.encode(), None)
    return _VERSION + urlsafe_b64encode(nonce + sealed).decode()


def unseal(sealed: str, purpose: str) -> str:
    """The text; ValueError when it was sealed for something else, with another key, or changed since."""
    if not sealed.startswith(_VERSION):
        raise ValueError("not a sealed text")
    raw = urlsafe_b64decode(sealed.removeprefix(_VERSION))
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            return _cipher(key, purpose).decrypt(raw[:_NONCE], raw[_NONCE:], None).decode()
        except InvalidTag:
            continue
    raise ValueError("sealed for something else, with another key, or changed since")


def _cipher(secret_key: str | bytes, purpose: str) -> AESGCM:
    derived = HKDF(SHA256(), 32, salt=None, info=f"concord at rest: {purpose}".encode()).derive(force_bytes(secret_key))
    return AESGCM(derived)
