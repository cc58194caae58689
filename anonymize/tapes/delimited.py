"""How a delimited text file is laid out: its encoding, its delimiter and its column names."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pyarrow as pa

from anonymize.errors import LoanTapeError

DELIMITERS = (",", ";", "\t", "|", "\x01")
LONGEST_DELIMITER = 4  # bytes, DuckDB's limit

_BLOCK = 1 << 20
_PLACES, _PIECE = 64, 1 << 15  # where a sample looks, and how many bytes there
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_AS_IT_IS = frozenset({"utf-8", "utf-8-sig", "ascii"})  # what DuckDB reads without help


@dataclass(frozen=True)
class Layout:
    """What has to be known of a file before it is read. `encoding` is a Python codec name."""

    file: str
    encoding: str
    delimiter: str
    columns: tuple[str, ...]


def read_layout(file: str, *, encoding: str | None, delimiter: str | None) -> Layout:
    """The layout of a file, from its first block where it is not given."""
    with _open(file) as stream:
        start = _read(stream, file)
    codec = _codec(encoding) if encoding else _guess_encoding(start, file)
    header = _header(codecs.getincrementaldecoder(codec)(errors="replace").decode(start), file)
    found = delimiter or _guess_delimiter(header)
    _check_delimiter(found)
    names = _fields(header, found)
    columns = tuple(name.strip() or f"column_{number}" for number, name in enumerate(names, start=1))
    return Layout(file, codec, found, columns)


def same_layout(first: Layout, other: Layout) -> None:
    """LoanTapeError when two files of one tape do not have the same columns and delimiter."""
    if (first.columns, first.delimiter) != (other.columns, other.delimiter):
        raise LoanTapeError(f"{other.file} has other columns than {first.file}; files read together must agree.")


def transcode(layout: Layout, directory: str) -> Layout:
    """The layout of the file as UTF-8: the file itself, or a copy in `directory`."""
    if layout.encoding in _AS_IT_IS:
        return layout
    copy = Path(directory) / f"{len(list(Path(directory).iterdir()))}.csv"
    try:
        with copy.open("w", encoding="utf-8", newline="") as target:
            for text in _decoded(layout):
                target.write(text)
    except UnicodeDecodeError:
        raise LoanTapeError(
            f"{layout.file} is not {layout.encoding} text. Set encoding under [tape] in the mapping file, or save the "
            "tape as UTF-8.",
            rule="unreadable-tape",
        ) from None
    return replace(layout, file=str(copy), encoding="utf-8")


def lines_of(layout: Layout) -> Generator[str, None, None]:
    """The lines of a file as text, one after the other; UnicodeDecodeError where it is not of its encoding."""
    with _open(layout.file) as stream, io.TextIOWrapper(stream, layout.encoding, errors="strict", newline="") as text:
        yield from text


def _decoded(layout: Layout) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(layout.encoding)(errors="strict")
    with _open(layout.file) as stream:
        while block := _read(stream, layout.file):
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)


def _open(file: str) -> IO[bytes] | gzip.GzipFile:
    if file.lower().endswith(".gz"):
        return gzip.open(file, "rb")
    if file.lower().endswith(".zst"):
        stream: IO[bytes] = pa.input_stream(file, compression="zstd")
        return stream
    return Path(file).open("rb")


def _read(stream: IO[bytes] | gzip.GzipFile, file: str) -> bytes:
    try:
        return stream.read(_BLOCK)
    except (OSError, EOFError, zlib.error):
        raise LoanTapeError(
            f"{file} is not a whole compressed file; it may be cut off. Export it again.", rule="truncated-tape"
        ) from None


def _codec(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        raise LoanTapeError(
            f'The encoding {encoding!r} is not known. Tapes are usually "utf-8" or "gb18030".'
        ) from None
    return "gb18030" if name in {"gbk", "gb2312"} else name


def _guess_encoding(start: bytes, file: str) -> str:
    for mark, codec in _BOMS:
        if start.startswith(mark):
            return codec
    if b"\0" in start:
        raise LoanTapeError(f"{file} is not a text file. A tape is CSV, Parquet or Excel.", rule="unreadable-tape")
    for codec in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(codec)(errors="strict").decode(start)
        except UnicodeDecodeError:
            continue
        return codec
    raise LoanTapeError(
        f"{file} is neither UTF-8 nor GB18030 text. Set encoding under [tape] in the mapping file.",
        rule="unreadable-tape",
    )


def _header(text: str, file: str) -> str:
    lines = text.lstrip("\ufeff").splitlines()
    if not lines or not lines[0].strip():
        raise LoanTapeError(f"{file}: the first line must hold the column names; it is blank.", rule="empty-tape")
    return lines[0]


def _guess_delimiter(header: str) -> str:
    """The delimiter that makes most columns of the header; a comma when none occurs."""
    return max(DELIMITERS, key=lambda each: len(_fields(header, each)))


def _check_delimiter(delimiter: str) -> None:
    if len(delimiter.encode()) > LONGEST_DELIMITER or set(delimiter) & set('"\r\n'):
        raise LoanTapeError(
            f"[tape]: a delimiter has at most {LONGEST_DELIMITER} bytes and neither quotes nor line ends. Export the tape "
            "with another one.",
            rule="unreadable-tape",
        )


def _fields(line: str, delimiter: str) -> list[str]:
    if len(delimiter) > 1:
        # Python's reader knows delimiters of one character only; the names must not hold one of several.
        return [field.strip().removeprefix('"').removesuffix('"') for field in line.split(delimiter)]
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return line.split(delimiter)  # a field too long for Python's reader: not the delimiter that is looked for


def spread_sample(layout: Layout, rows: int) -> list[list[str]]:
    """About so many rows from places spread over a plain text file in UTF-8.

    Lines are cut at line ends: a row that holds one in quotes is lost, which a sample may be.
    """
    found: list[list[str]] = []
    size = Path(layout.file).stat().st_size
    with Path(layout.file).open("rb") as stream:
        for place in range(_PLACES):
            stream.seek(size * place // _PLACES)
            stream.readline(_BLOCK)  # what is left of a row, or the column names
            lines = stream.read(_PIECE).split(b"\n")[:-1] or [stream.readline(_BLOCK)]
            found.extend(_whole_rows(lines, layout)[: rows // _PLACES + 1])
    return found


def is_compressed(file: str) -> bool:
    """Whether DuckDB decompresses the file while it reads it."""
    return file.lower().endswith((".gz", ".zst"))


def _whole_rows(lines: list[bytes], layout: Layout) -> list[list[str]]:
    found = []
    for line in lines:
        fields = _fields(line.decode("utf-8", "replace").rstrip("\r"), layout.delimiter)
        if len(fields) == len(layout.columns):
            found.append(fields)
    return found
