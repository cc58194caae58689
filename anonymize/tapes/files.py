"""The files of a tape: one file, a glob or a folder, with the keys that a partitioned folder carries in its paths."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from anonymize.errors import LoanTapeError

Kind = Literal["parquet", "csv", "excel"]

_PARQUET_MAGIC, _ZIP_MAGIC, _OLD_OFFICE_MAGIC = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_WILDCARDS = frozenset("*?[")
_BLANK_PARTITION = "__HIVE_DEFAULT_PARTITION__"
_PARQUET = (".parquet", ".pq")
_EXCEL = (".xlsx", ".xlsm")
_TEXT = (".csv", ".txt", ".tsv", ".dat", ".del")
_DATA = (*_PARQUET, *_EXCEL, *(text + end for text in _TEXT for end in ("", ".gz", ".zst")))


@dataclass(frozen=True)
class DataFile:
    """A file of a tape; `keys` are its partition's columns, None where the path says that the value is blank."""

    path: str
    keys: tuple[tuple[str, str | None], ...] = ()


def find_files(source: str | Path) -> tuple[DataFile, ...]:
    """Every data file of a path, a glob or a folder, in order; LoanTapeError when there is none."""
    text = str(source)
    if not text:
        # An empty variable in a script must not mean the folder that the script happens to run in.
        raise LoanTapeError(
            "The tape's name is empty. Give a file, a folder, a glob or a database.", rule="no-such-tape"
        )
    path = Path(text)
    if path.is_dir():
        files = _partitioned(path, sorted(_inside(path, frozenset())))
        if not files:
            raise LoanTapeError(f"{text} is a folder without data files.", rule="no-such-tape")
        return files
    if path.is_file():
        return (DataFile(text),)
    if path.exists() and not _WILDCARDS & set(text):
        raise LoanTapeError(f"{text} is a pipe or a device. Write the tape into a file first.", rule="no-such-tape")
    found = sorted(name for name in glob.glob(text, recursive=True) if Path(name).is_file())  # noqa: PTH207 - a pattern may be absolute
    if not found:
        what = "No file matches" if _WILDCARDS & set(text) else "There is no file"
        raise LoanTapeError(f"{what} {text}.", rule="no-such-tape")
    return _partitioned(_fixed_part(path), found)


def kind_of(file: str) -> Kind:
    """What a file is by its first bytes, whatever its name says."""
    try:
        with Path(file).open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise LoanTapeError(f"{file} cannot be opened: {error.strerror}.", rule="unreadable-tape") from None
    if not start:
        raise LoanTapeError(f"{file} is empty. Export the tape again.", rule="empty-tape")
    if start == _OLD_OFFICE_MAGIC:
        raise LoanTapeError(
            f"{file} is an old (.xls) or password-protected Excel file. Save it as an .xlsx workbook without a "
            "password, or as CSV (UTF-8).",
            rule="unreadable-tape",
        )
    if start == _ZIP_MAGIC:
        return "excel"
    if file.lower().endswith(_PARQUET) and start != _PARQUET_MAGIC:
        raise LoanTapeError(f"{file} is not a Parquet file, whatever its name says.", rule="unreadable-tape")
    if file.lower().endswith(_EXCEL):
        raise LoanTapeError(f"{file} is not an Excel workbook, whatever its name says.", rule="unreadable-tape")
    return "parquet" if start == _PARQUET_MAGIC else "csv"


def only_kind(files: Sequence[DataFile]) -> Kind:
    """The kind that all files are of; LoanTapeError when they are mixed."""
    first = kind_of(files[0].path)
    for file in files[1:]:
        if kind_of(file.path) != first:
            raise LoanTapeError(
                f"{files[0].path} and {file.path} are of different kinds (CSV, Parquet, Excel). Read them one kind at a "
                "time.",
                rule="unreadable-tape",
            )
    return first


def check_names(names: Sequence[str], file: str) -> None:
    """LoanTapeError when two columns differ in case at most: SQL could not tell them apart."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise LoanTapeError(
                f"{file}: the column {name!r} is there twice. Rename or drop one.", rule="duplicate-column"
            )
        seen.add(name.casefold())


@dataclass(frozen=True)
class Stamp:
    """What a file was when the tape was opened."""

    path: str
    size: int
    changed: int
    inode: int

    @classmethod
    def of(cls, path: str) -> Stamp | None:
        try:
            stat = Path(path).stat()
        except OSError:
            return None
        return cls(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


def stamps(files: Sequence[str]) -> tuple[Stamp, ...]:
    """The state of each file; what is no file has none."""
    return tuple(stamp for stamp in map(Stamp.of, files) if stamp is not None)


def check_unchanged(before: Sequence[Stamp]) -> None:
    """LoanTapeError when a file was written to, replaced or removed since."""
    for stamp in before:
        if Stamp.of(stamp.path) != stamp:
            raise LoanTapeError(
                f"{stamp.path} changed while it was read. Wait until the export has ended and run again. "
                "Nothing was written.",
                rule="tape-changed",
            )


def _inside(folder: Path, above: frozenset[Path]) -> Iterator[str]:
    """The data files below a folder. What a job leaves beside them (_SUCCESS, .part.crc) is no data."""
    here = folder.resolve()
    if here in above:
        raise LoanTapeError(f"{folder} leads back to a folder above it. Name the files with a glob.")
    for entry in sorted(_entries(folder), key=lambda entry: entry.name):
        if entry.name.startswith(("_", ".")) or entry.name.endswith(".crc"):
            continue
        if entry.is_dir():
            yield from _inside(Path(entry.path), above | {here})
        elif not entry.is_file() or ("." in entry.name and not entry.name.lower().endswith(_DATA)):
            raise LoanTapeError(
                f"{entry.path} is neither CSV, Parquet nor Excel. Move it out of the folder, or name the files with a "
                f"glob such as '{folder}/*.parquet'.",
                rule="unreadable-tape",
            )
        else:
            yield entry.path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise LoanTapeError(f"{folder} cannot be listed: {error.strerror}.", rule="unreadable-tape") from None


def _fixed_part(pattern: Path) -> Path:
    """The folders of a pattern before the first with a wildcard."""
    parts = pattern.parts
    wild = next((at for at, part in enumerate(parts) if _WILDCARDS & set(part)), len(parts) - 1)
    return Path(*parts[:wild])


def _partitioned(root: Path, paths: Sequence[str]) -> tuple[DataFile, ...]:
    files = tuple(DataFile(path, _keys(root, Path(path))) for path in paths)
    for file in files:
        if [name for name, _ in file.keys] != [name for name, _ in files[0].keys]:
            raise LoanTapeError(
                f"{file.path} has other partition folders than {files[0].path}; files read together must agree.",
                rule="unreadable-tape",
            )
    if files:
        check_names([name for name, _ in files[0].keys], str(root))
    return files


def _keys(root: Path, path: Path) -> tuple[tuple[str, str | None], ...]:
    """What `month=2026-10/region=33` says, from folders below the root."""
    pairs = [part.partition("=") for part in path.relative_to(root).parts[:-1] if "=" in part]
    return tuple(
        (unquote(name), None if value == _BLANK_PARTITION else unquote(value)) for name, _, value in pairs if name
    )
