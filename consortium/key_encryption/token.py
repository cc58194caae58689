"""A key-encryption key inside a hardware module, reached through PKCS#11: it never leaves the module.

The address is a PKCS #11 URI (RFC 7512): `pkcs11:token=concord;object=rounds?module-path=/usr/lib/…/libsofthsm2.so`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from anonymize.errors import KeyStoreError

SCHEME = "pkcs11:"
_NONCE_BYTES = 12
_TAG_BITS = 128
_NEEDED = ("token", "object", "module-path")


class TokenKey:
    """An AES-256 key of a token, used with AES-GCM. A session is open only while it is used: workers fork."""

    def __init__(self, uri: str, pin: str) -> None:
        attributes = _attributes(uri)
        self._token, self._label, self._module = (attributes[name] for name in _NEEDED)
        if not pin:
            raise KeyStoreError("A key in a hardware module needs the PIN of its token: CONCORD_KEK_PIN.")
        self._pin = pin
        self.id = f"pkcs11:{self._token}/{self._label}"

    def wrap(self, private: bytes, purpose: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        with self._key() as (key, how):
            return nonce + bytes(key.encrypt(private, **how(nonce, purpose)))

    def unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        with self._key() as (key, how):
            return bytes(key.decrypt(sealed, **how(nonce, purpose)))

    @contextmanager
    def _key(self) -> Iterator[tuple[Any, Any]]:
        """The key in an open session, and the parameters of AES-GCM for a nonce and a purpose."""
        try:
            import pkcs11
        except ImportError as missing:
            raise KeyStoreError("A key in a hardware module needs python-pkcs11: install concord[pkcs11].") from missing

        def how(nonce: bytes, purpose: str) -> dict[str, Any]:
            parameters = pkcs11.GCMParams(nonce, purpose.encode(), _TAG_BITS)
            return {"mechanism": pkcs11.Mechanism.AES_GCM, "mechanism_param": parameters}

        try:
            token = pkcs11.lib(self._module).get_token(token_label=self._token)
            with token.open(user_pin=self._pin) as session:
                yield session.get_key(label=self._label, key_type=pkcs11.KeyType.AES), how
        except (pkcs11.PKCS11Error, RuntimeError) as wrong:
            # The library says what failed by the exception's name only.
            raise KeyStoreError(
                f"The token {self._token} did not use its key {self._label} ({type(wrong).__name__}). Nothing was opened."
            ) from wrong


def _attributes(uri: str) -> dict[str, str]:
    """Exactly the attributes that are needed; KeyStoreError names what is missing or unknown."""
    path, _mark, query = uri.removeprefix(SCHEME).partition("?")
    pairs = (part.partition("=") for part in (*path.split(";"), *query.split("&")) if part)
    attributes = {name: unquote(value) for name, _equals, value in pairs}
    if missing := [name for name in _NEEDED if not attributes.get(name)]:
        raise KeyStoreError(f"The pkcs11: address lacks {' and '.join(missing)}.")
    if unknown := sorted(attributes.keys() - set(_NEEDED)):
        raise KeyStoreError(f"The pkcs11: address has {unknown[0]}, which is not known here; a PIN never stands in it.")
    return attributes
