"""A key-encryption key inside a key server that speaks the transit API of HashiCorp Vault and OpenBao.

The address is that of the key: `transit:https://keys.example:8200/v1/transit/keys/rounds`, of type aes256-gcm96. The
purpose goes along as associated data, so that what was wrapped for one round opens for no other.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from urllib.parse import urlsplit

import httpx

from anonymize.errors import KeyStoreError

SCHEME = "transit:"
TIMEOUT_SECONDS = 10
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_KEYS = "/keys/"


class TransitKey:
    """Asks the server for each key that is wrapped or unwrapped; nothing of the key-encryption key comes here."""

    def __init__(self, address: str, token: str) -> None:
        url = address.removeprefix(SCHEME)
        parts = urlsplit(url)
        self._base, _keys, self._name = url.rpartition(_KEYS)
        if not (parts.hostname and _keys and self._name) or "/" in self._name or parts.query or parts.fragment:
            raise KeyStoreError("The transit: address is that of a key: transit:https://HOST/v1/transit/keys/NAME.")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL_HOSTS):
            raise KeyStoreError("The transit: address must begin with transit:https://.")
        if not token:
            raise KeyStoreError("A key in a key server needs a token for it: CONCORD_KEK_TOKEN.")
        self._token = token
        self.id = f"transit:{parts.netloc.rpartition('@')[2]}{parts.path}"

    def wrap(self, private: bytes, purpose: str) -> bytes:
        return self._ask(
            "encrypt", "ciphertext", plaintext=_text(private), associated_data=_text(purpose.encode())
        ).encode()

    def unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        ciphertext = wrapped.decode("ascii", "replace")
        answer = self._ask("decrypt", "plaintext", ciphertext=ciphertext, associated_data=_text(purpose.encode()))
        try:
            return b64decode(answer, validate=True)
        except binascii.Error as wrong:
            raise self._failed("an answer that is no base64") from wrong

    def _ask(self, verb: str, wanted: str, **body: str) -> str:
        try:
            answer = httpx.post(
                f"{self._base}/{verb}/{self._name}",
                json=body,
                headers={"X-Vault-Token": self._token},
                timeout=TIMEOUT_SECONDS,
                follow_redirects=False,
            )
        except httpx.HTTPError as wrong:
            raise self._failed(type(wrong).__name__) from None  # its text could hold what was sent
        if answer.status_code != httpx.codes.OK:
            raise self._failed(f"status {answer.status_code}")
        try:
            found = answer.json()["data"][wanted]
        except (ValueError, KeyError, TypeError) as wrong:
            raise self._failed("an answer of another form") from wrong
        if not isinstance(found, str):
            raise self._failed("an answer of another form")
        return found

    def _failed(self, how: str) -> KeyStoreError:
        return KeyStoreError(f"The key server did not use its key {self._name} ({how}). Nothing was opened.")


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
