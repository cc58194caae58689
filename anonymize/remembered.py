"""The cube that a push made, kept until it was sent: a run that was ended goes on with it and aggregates nothing again.

It is used only while everything that it was made of is the same: the tape's files (place, size, times, inode), mapping,
template, last period's figures, options and software. A database has no such mark; its tape is read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import duckdb

from anonymize.config import Config
from anonymize.files import read_whole, write_all
from anonymize.pipeline import Prepared
from anonymize.tapes.database import is_database
from anonymize.tapes.files import find_files

FORMAT: Final = 1


@dataclass(frozen=True)
class Ready:
    """A protected, checked cube as Parquet, and how many cells it has."""

    content: bytes = field(repr=False)
    cells: int
    published: int
    withheld: int
    is_remembered: bool = False

    @classmethod
    def of(cls, prepared: Prepared, content: bytes) -> Ready:
        summary = prepared.cells_summary
        return cls(content, summary.cells, summary.published, summary.withheld)


@dataclass(frozen=True)
class _Kept:
    format: int
    made_of: str
    sha256: str
    cells: int
    published: int
    withheld: int


def marks(places: Sequence[str]) -> list[list[Any]] | None:
    """What tells whether the tapes at these places were touched; None where that cannot be told."""
    found: list[list[Any]] = []
    for place in places:
        if is_database(place):
            return None
        for file in find_files(place):
            try:
                stat = Path(file.path).stat()
            except OSError:
                return None
            # The time of the change too: a copy may keep size and date of what it replaces.
            found.append(
                [str(Path(file.path).resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
            )
    return found


def made_of(tapes: Sequence[str], parts: Mapping[str, Any]) -> str | None:
    """The digest of everything that cubes are made of; None when a tape has no marks."""
    of_tapes = marks(tapes)
    if of_tapes is None:
        return None
    software = f"concord {version('concord')}, duckdb {duckdb.__version__}"
    text = json.dumps({"tapes": of_tapes, "software": software, **parts}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def remember(config: Config, made: str, ready: Mapping[str, Ready]) -> None:
    """Keeps every round's cube, or none."""
    contents: dict[Path, bytes] = {}
    for round_id, each in ready.items():
        kept = _Kept(FORMAT, made, _digest(each.content), each.cells, each.published, each.withheld)
        contents[_cube_file(config, round_id)] = each.content
        contents[_facts_file(config, round_id)] = json.dumps(asdict(kept), indent=2).encode() + b"\n"
    write_all(contents)


def remembered(config: Config, made: str, round_ids: Sequence[str]) -> dict[str, Ready] | None:
    """The cubes of all these rounds as the last run made them of the same things; None when one is missing."""
    found = {id: _recalled(config, id, made) for id in round_ids}
    ready = {id: each for id, each in found.items() if each is not None}
    return ready if len(ready) == len(round_ids) else None


def _recalled(config: Config, round_id: str, made: str) -> Ready | None:
    try:
        kept = _Kept(**json.loads(_facts_file(config, round_id).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    if any(type(number) is not int for number in (kept.cells, kept.published, kept.withheld)):
        return None
    cube = _cube_file(config, round_id)
    if (kept.format, kept.made_of) != (FORMAT, made) or not cube.exists():
        return None
    content = read_whole(cube)
    if _digest(content) != kept.sha256:
        return None  # it was changed since, or the run was ended between two files
    return Ready(content, kept.cells, kept.published, kept.withheld, is_remembered=True)


def _cube_file(config: Config, round_id: str) -> Path:
    return config.kept("state", round_id, ".cube.parquet")


def _facts_file(config: Config, round_id: str) -> Path:
    return config.kept("state", round_id, ".cube.json")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
