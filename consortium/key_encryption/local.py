"""A key-encryption key of 32 bytes, from the environment or a file: AES-256-GCM in the worker's own memory."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64decode

from anonymize.errors import KeyStoreError
from anonymize.package import unwrap, wrap

BYTES = 32


class LocalKey:
    """`id` is a fingerprint of the key: it names it beside what it wrapped, and tells nothing about it."""

    def __init__(self, kek: bytes) -> None:
        if len(kek) != BYTES:
            raise KeyStoreError(f"A key-encryption key has {BYTES} bytes in base64url; this one has {len(kek)}.")
        self._kek = kek
        self.id = "local:" + hashlib.sha256(b"concord key-encryption key\0" + kek).hexdigest()[:32]

    @classmethod
    def from_text(cls, text: str) -> LocalKey:
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError as wrong:
            raise KeyStoreError(f"A key-encryption key is {BYTES} bytes in base64url, or an address.") from wrong
        return cls(raw)

    def wrap(self, private: bytes, purpose: str) -> bytes:
        return wrap(private, self._kek, purpose)

    def unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        return unwrap(wrapped, self._kek, purpose)
