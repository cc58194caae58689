"""The DuckDB connection that fits the machine: bounded memory, a private folder to spill to, no network."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from anonymize.errors import ConfigError
from anonymize.tapes.sql import literal

MEMORY, TEMP, THREADS = "CONCORD_MEMORY", "CONCORD_TEMP", "CONCORD_THREADS"

_SHARE = 0.6  # of the memory; the rest is for the cube's own mathematics and everybody else
_CGROUP = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # cgroup version 2 and 1
_SIZE = re.compile(r"[1-9]\d*(\.\d+)? ?([KMGT]i?B)", re.IGNORECASE)


def connect(workspace: str) -> duckdb.DuckDBPyConnection:
    """An empty database in memory that spills to `workspace`."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        # A bank's tape must not cause a download: extensions come with the wheel or not at all.
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(Path(workspace) / "spill"),
        "preserve_insertion_order": "false",
        **_limits(os.environ),
    }
    connection = duckdb.connect(config=settings)
    # Counted for Tape.progress, never printed.
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    return connection


def lock(connection: duckdb.DuckDBPyConnection, files: Sequence[str], workspace: str) -> None:
    """From here on the connection reads these files and nothing else: a mapping's SQL may come from elsewhere."""
    paths = ", ".join(map(literal, files))
    connection.execute(f"SET allowed_paths = [{paths}]; SET allowed_directories = [{literal(workspace)}]")
    connection.execute("SET enable_external_access = false; SET lock_configuration = true")


def spill_folder() -> str | None:
    """Where temporary files go: CONCORD_TEMP, or None for the system's place."""
    folder = os.environ.get(TEMP)
    if folder and not (Path(folder).is_dir() and os.access(folder, os.W_OK)):
        raise ConfigError(f"{TEMP} names {folder}, which is no folder that can be written to.")
    return folder or None


def usable_memory() -> int | None:
    """The bytes this process may use: the machine's, or less where a container limits it; None when unknown."""
    known = [_read_limit(_CGROUP / name) for name in _LIMITS]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        known.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min((each for each in known if each), default=None)


def _limits(environment: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    memory, usable = environment.get(MEMORY), usable_memory()
    if memory:
        if not _SIZE.fullmatch(memory):
            raise ConfigError(f"{MEMORY} is a size such as 2GB or 800MB.")
        found["memory_limit"] = memory
    elif usable:
        found["memory_limit"] = f"{int(usable * _SHARE)}B"
    threads = environment.get(THREADS)
    if threads:
        if not re.fullmatch(r"[1-9]\d{0,3}", threads):
            raise ConfigError(f"{THREADS} is a whole number above zero.")
        found["threads"] = threads
    return found


def _read_limit(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None  # there is no such limit, or it says "max"
