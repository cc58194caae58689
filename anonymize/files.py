"""Files that are whole or not there: what is written appears under its name only when it is complete."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from anonymize.errors import ConfigError


def write_whole(path: Path, content: bytes) -> None:
    """Replaces or creates a file in one step; ConfigError when it cannot be written, and then nothing has changed."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as wrong:
        raise _unwritable(path, wrong) from wrong
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as wrong:
        Path(temporary).unlink(missing_ok=True)
        raise _unwritable(path, wrong) from wrong


def read_whole(path: Path) -> bytes:
    """A file's bytes; ConfigError names the file that cannot be read."""
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ConfigError(f"{path} cannot be read: {wrong.strerror}.") from wrong


def _unwritable(path: Path, wrong: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be written: {wrong.strerror}. Nothing was changed.")
