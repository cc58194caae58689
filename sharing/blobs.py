"""Sealed packages in storage: written whole and durable before anybody hears of them, named by their digest."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings


def put(folder: str, digest: str, package: bytes) -> str:
    """The name under which the package can be read; on disk, and its directory entry too, when this returns.

    The same bytes have the same name. `digest` is their SHA-256 in hex.
    """
    name = f"{folder}/{digest}"
    path = _path(name)
    if path.exists():
        os.utime(path)  # young again: the sweeper must not take it while its row is being written
        return name
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sync_directory(path.parent.parent)
    unfinished = path.with_name(f".{digest}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(package)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
    _sync_directory(path.parent)
    return name


def get(name: str) -> bytes:
    return _path(name).read_bytes()


def remove(name: str) -> None:
    _path(name).unlink(missing_ok=True)


def older_than(seconds: float) -> Iterator[str]:
    """The names of all blobs, unfinished ones included, that were last put longer ago than this."""
    limit = time.time() - seconds
    root = Path(settings.CONCORD_BLOBS)
    for folder in root.iterdir() if root.is_dir() else ():
        with os.scandir(folder) as entries:
            yield from (f"{folder.name}/{entry.name}" for entry in entries if entry.stat().st_mtime < limit)


def _path(name: str) -> Path:
    folder, _slash, file = name.partition("/")
    if not file or "/" in file or ".." in (folder, file):
        raise ValueError(f"no blob is named {name!r}")
    return Path(settings.CONCORD_BLOBS) / folder / file


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
