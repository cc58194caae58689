"""Files that are whole or not there: what is written appears under its name only when it is complete."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from anonymize.errors import ConfigError, ServerError

_LOCKED_BYTE: Final = 2**20  # on Windows, beyond what the file holds, so that others can read who has it


def write_whole(path: Path, content: bytes) -> None:
    """Replaces or creates a file in one step; ConfigError when it cannot be written, and then nothing has changed."""
    write_all({path: content})


def write_all(contents: Mapping[Path, bytes]) -> None:
    """Writes every file, then gives all of them their names; ConfigError when one cannot be written, before any has."""
    waiting: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            waiting[path] = _set_down(path, content)
        for path, temporary in waiting.items():
            try:
                temporary.replace(path)
            except OSError as wrong:
                raise _unwritable(path, wrong) from wrong
    finally:
        for temporary in waiting.values():
            temporary.unlink(missing_ok=True)


def make_folder(path: Path) -> Path:
    """The folder, made for its owner only where it was not there; ConfigError when it cannot be."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as wrong:
        raise ConfigError(f"The folder {path} cannot be made: {wrong.strerror}. Nothing was changed.") from wrong
    return path


def check_place(path: Path) -> None:
    """ConfigError when no file can be written there, so that long work is not begun in vain."""
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; a file is meant. Nothing was written.")
    if not path.parent.is_dir():
        raise ConfigError(f"The folder {path.parent} is not there; make it first. Nothing was written.")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"The folder {path.parent} cannot be written to. Nothing was written.")


def _set_down(path: Path, content: bytes) -> Path:
    """A temporary file beside the path with the content, safe on the disk."""
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as wrong:
        raise _unwritable(path, wrong) from wrong
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException as wrong:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(wrong, OSError):
            raise _unwritable(path, wrong) from wrong
        raise
    return Path(temporary)


def read_whole(path: Path) -> bytes:
    """A file's bytes; ConfigError names the file that cannot be read."""
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise ConfigError(f"{path} cannot be read: {wrong.strerror}.") from wrong


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Holds a lock file, which names this process, while the block runs; ServerError (retryable) when another holds it,
    ConfigError when the file cannot be written.

    The system lets go of the lock when the process ends, however it ends: a file that is left says nothing.
    """
    try:
        file = path.open("a+b", buffering=0)  # what is not written at once would be tried again when it is closed
    except OSError as wrong:
        raise _unwritable(path, wrong) from wrong
    with file:
        try:
            lock_now(file)
        except OSError as held:
            raise ServerError(
                f"Another run for the same round{_whose(path)} is still going on. Nothing was sent by this one.",
                rule="already-running",
                retryable=True,
            ) from held
        try:
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        except OSError as wrong:
            raise _unwritable(path, wrong) from wrong
        yield


def _whose(path: Path) -> str:
    """The process that a lock file names, as a sentence shows it; nothing where it cannot be read."""
    try:
        pid = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
    return f" (process {pid})" if pid.isdigit() else ""


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Holds a lock file while the block runs, after waiting for whoever holds it; ConfigError when it cannot be had."""
    try:
        file = path.open("ab")
    except OSError as wrong:
        raise _unwritable(path, wrong) from wrong
    with file:
        try:
            _wait_for_lock(file.fileno())
        except OSError as wrong:
            raise _unwritable(path, wrong) from wrong
        yield


def _wait_for_lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)  # ten seconds at most
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def lock_now(file: IO[bytes]) -> None:
    """Takes the lock of an open file until it is closed, or raises OSError at once."""
    if sys.platform == "win32":
        import msvcrt

        file.seek(_LOCKED_BYTE)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _unwritable(path: Path, wrong: OSError) -> ConfigError:
    return ConfigError(f"{path} cannot be written: {wrong.strerror}. Nothing was changed.")
