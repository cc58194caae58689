"""The temporary folder of a tape: it may hold rows of borrowers, so it never stays longer than the process.

A process that is killed outright cannot clean up. Each folder therefore has a lock file beside it, which the system lets
go of when the process ends, however it ends; whoever makes a folder next removes those that nobody holds any more.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from anonymize.errors import ConfigError
from anonymize.files import lock_now

PREFIX: Final = "concord-"
_LOCK: Final = ".lock"
_OURS: Final = re.compile(r"concord-\d+-[0-9a-f]{8}\.lock")


class Workspace:
    """A folder for this process alone, mode 0700; `cleanup` removes it and may be called twice."""

    def __init__(self, parent: str | None = None) -> None:
        above = Path(parent or tempfile.gettempdir())
        sweep(above)
        try:
            lock_path, held = _held_lock(above)
            path = lock_path.with_suffix("")
            path.mkdir(mode=0o700)
        except OSError as wrong:
            raise ConfigError(f"No temporary folder can be made in {above}: {wrong.strerror}.") from wrong
        self.name = str(path)
        # Whoever forgets to clean up has it done when the object, or the process, ends.
        self.cleanup: Callable[[], object] = weakref.finalize(self, _remove, path, lock_path, held)

    def __enter__(self) -> str:
        return self.name

    def __exit__(self, *_: object) -> None:
        self.cleanup()


def _remove(folder: Path, lock_path: Path, held: IO[bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if os.name == "nt":  # where no open file is removed; its folder is gone already
        held.close()
    lock_path.unlink(missing_ok=True)
    held.close()


def sweep(above: Path) -> int:
    """Removes the folders of processes that ended without cleaning up; how many."""
    removed = 0
    for path in above.glob(f"{PREFIX}*{_LOCK}"):
        if not _OURS.fullmatch(path.name):
            continue
        try:
            removed += _removed_if_left(path)
        except OSError:
            continue  # somebody else's, or taken by another sweep in this moment
    return removed


def _removed_if_left(path: Path) -> bool:
    with path.open("r+b") as file:
        lock_now(file)
        if not _is_still(path, file):
            return False
        shutil.rmtree(path.with_suffix(""), ignore_errors=True)
        path.unlink()
        return True


def _held_lock(above: Path) -> tuple[Path, IO[bytes]]:
    """A new lock file, held. Another process may sweep it between making and locking it; then there is another one."""
    while True:
        path = above / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}{_LOCK}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        file = os.fdopen(descriptor, "r+b")
        try:
            lock_now(file)
        except OSError:
            file.close()
            continue
        if _is_still(path, file):
            return path, file
        file.close()


def _is_still(path: Path, file: IO[bytes]) -> bool:
    """Whether the open file is the one that the path names."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except OSError:
        return False
