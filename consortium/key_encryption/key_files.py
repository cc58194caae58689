"""Files with keys, as ceremonies write and read them."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from anonymize.errors import KeyStoreError

VARIABLE = "CONCORD_CUSTODIAN_PASSPHRASE"  # for a rehearsal; at a ceremony each types their own


def new_file(path: Path, content: bytes) -> None:
    """Written whole and synced, for its owner only; one that is there is never overwritten."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as there:
        raise KeyStoreError(f"{path} is there already. Nothing was written.") from there
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def passphrase(asked: str, *, is_new: bool = False) -> str:
    """Typed without an echo, a new one twice; taken from the environment where nobody can type."""
    if given := os.environ.get(VARIABLE):
        return given
    text = getpass.getpass(f"{asked}: ")
    if is_new and getpass.getpass("Again: ") != text:
        raise KeyStoreError("The two differ. Nothing was written.")
    return text
