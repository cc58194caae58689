"""The key-encryption keys of a vault worker: one that wraps, and former ones that still unwrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from anonymize.errors import KeyStoreError
from consortium.key_encryption import token, transit
from consortium.key_encryption.local import LocalKey
from consortium.key_encryption.token import TokenKey
from consortium.key_encryption.transit import TransitKey

LONGEST_ID = 120  # what a wrapped key has room for


class KeyEncryption(Protocol):
    """A key-encryption key. `purpose` says what a wrapped key is for, and must be the same when unwrapping."""

    id: str

    def wrap(self, private: bytes, purpose: str) -> bytes: ...

    def unwrap(self, wrapped: bytes, purpose: str) -> bytes:
        """The private key; KeyStoreError when the key, the purpose or the bytes are not the same."""
        ...


@dataclass(frozen=True)
class Keyring:
    """What is wrapped names its key, so that several can be in use while one follows another."""

    current: KeyEncryption
    former: Sequence[KeyEncryption] = ()

    def unwrap(self, wrapped: bytes, kek_id: str, purpose: str) -> bytes:
        """The private key; KeyStoreError also when the key-encryption key is none of these."""
        if not kek_id:
            return self._unwrap_unnamed(wrapped, purpose)
        for key in (self.current, *self.former):
            if key.id == kek_id:
                return key.unwrap(wrapped, purpose)
        raise KeyStoreError(
            f"This is wrapped by the key-encryption key {kek_id}, which this process does not have. Name it in "
            "CONCORD_FORMER_KEKS. Nothing was opened."
        )

    def _unwrap_unnamed(self, wrapped: bytes, purpose: str) -> bytes:
        """What was wrapped before keys had names, by one that was held locally."""
        for key in (self.current, *self.former):
            if isinstance(key, LocalKey):
                try:
                    return key.unwrap(wrapped, purpose)
                except KeyStoreError:
                    continue
        raise KeyStoreError("The wrapped key does not open with any key-encryption key of this process.")


def keyring(kek: str, former: Sequence[str] = (), *, pin: str = "", secret: str = "") -> Keyring:
    """The keys behind these addresses; KeyStoreError names what is wrong with one. Nothing is connected to yet."""
    keys = [_key(address, pin, secret) for address in (kek, *former)]
    if len({key.id for key in keys}) < len(keys):
        raise KeyStoreError("A key-encryption key is named twice. A former one is another than the current one.")
    return Keyring(keys[0], tuple(keys[1:]))


def _key(address: str, pin: str, secret: str) -> KeyEncryption:
    key: KeyEncryption
    if address.startswith(token.SCHEME):
        key = TokenKey(address, pin)
    elif address.startswith(transit.SCHEME):
        key = TransitKey(address, secret)
    else:
        key = LocalKey.from_text(address)
    if len(key.id) > LONGEST_ID:
        raise KeyStoreError(f"The address of a key-encryption key is too long: its name has {len(key.id)} characters.")
    return key
