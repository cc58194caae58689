"""Bytes of a cube to a table and back: Parquet, SDMX-CSV 2.0 and Excel.

Nothing here knows what a code means. What is read is bounded before it is decoded, and no message of a parser, which
would repeat a piece of the file, gets out.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from anonymize.cube_structure import CubeError, check_columns, check_size, text_columns
from anonymize.template import Template

PARQUET = "application/vnd.apache.parquet"
SDMX_CSV = "application/vnd.sdmx.data+csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = (PARQUET, SDMX_CSV, XLSX)
SUFFIXES: Mapping[str, str] = {".parquet": PARQUET, ".csv": SDMX_CSV, ".xlsx": XLSX}

_THRIFT_LIMITS = {"thrift_string_size_limit": 2**20, "thrift_container_size_limit": 2**16}

_GZIP_LEVEL = 4  # 6 takes three times as long to write for 2 % less

LARGEST_FILE = 64 * 2**20  # bytes, as of the sealed package
LARGEST_UNPACKED = 256 * 2**20  # bytes; a small file may claim to hold much more

SDMX_COLUMNS = ("STRUCTURE", "STRUCTURE_ID", "ACTION")
_CSV_ACTIONS = frozenset({"I", "A", "R"})
_METADATA = ("collection", "version", "period", "institution")
_FAILURES = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, SyntaxError)


@dataclass(frozen=True, eq=False)
class Parsed:
    """A table as the file has it, and what the file says of itself ('' where it is silent)."""

    table: pa.Table
    stated: Mapping[str, str]


def parse(content: bytes, media_type: str, template: Template) -> Parsed:
    """The table in a file of one of MEDIA_TYPES; CubeError when there is none."""
    if media_type not in _READERS:
        raise CubeError(
            f"A cube comes as one of {', '.join(MEDIA_TYPES)}; this one says it is something else.",
            rule="unsupported-media-type",
        )
    if len(content) > LARGEST_FILE:
        raise CubeError(f"The file is larger than {LARGEST_FILE // 2**20} MiB.", rule="too-large")
    if not content:
        raise CubeError("The file is empty.", rule="empty")
    try:
        return _READERS[media_type](content, template)
    except CubeError:
        raise
    except _FAILURES:
        # The parser's own words would quote the file.
        kind = {PARQUET: "Parquet", SDMX_CSV: "CSV (UTF-8)", XLSX: "Excel (.xlsx)"}[media_type]
        raise CubeError(f"The file cannot be read as {kind}. Write it again.", rule="unreadable") from None


def parquet_bytes(table: pa.Table, stated: Mapping[str, str]) -> bytes:
    """The same bytes for the same table and statements, with one version of pyarrow."""
    sink = io.BytesIO()
    coded = [column.name for column in table.schema if pa.types.is_dictionary(column.type)]
    with pq.ParquetWriter(
        sink,
        table.schema,
        compression="gzip",  # the one that browsers unpack: the sealing page reads what is written here
        compression_level=_GZIP_LEVEL,
        use_dictionary=coded,
        store_schema=False,
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({f"concord.{name}": stated[name] for name in _METADATA})
    return sink.getvalue()


def _parquet(content: bytes, template: Template) -> Parsed:
    buffer = pa.BufferReader(content)
    file = pq.ParquetFile(buffer, **_THRIFT_LIMITS)
    metadata = file.metadata
    names = file.schema.names
    check_columns(names, template)
    check_size(metadata.num_rows, template)
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    if sum(group.total_byte_size for group in groups) > LARGEST_UNPACKED:
        raise CubeError("The file unpacks to more than a cube can hold.", rule="too-large")
    stated = {
        name: (metadata.metadata or {}).get(f"concord.{name}".encode(), b"").decode("utf-8") for name in _METADATA
    }
    # Codes are read as what they are in the file, numbers of a dictionary: as texts they take longer than all the rest.
    coded = pq.ParquetFile(buffer, metadata=metadata, read_dictionary=text_columns(template), **_THRIFT_LIMITS)
    return Parsed(coded.read(use_threads=False), stated)


def _csv(content: bytes, template: Template) -> Parsed:
    header = content.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].decode("utf-8")
    separator = ";" if header.count(";") > header.count(",") else ","
    table = pa_csv.read_csv(
        pa.BufferReader(content),
        read_options=pa_csv.ReadOptions(use_threads=False),
        parse_options=pa_csv.ParseOptions(delimiter=separator),
        convert_options=pa_csv.ConvertOptions(
            column_types={name.strip().strip('"'): pa.string() for name in header.split(separator)},
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    check_columns(table.column_names, template, also=SDMX_COLUMNS)
    check_size(table.num_rows, template)
    stated = _sdmx_statement(table)
    columns = [name for name in table.column_names if name not in SDMX_COLUMNS]
    return Parsed(_typed(table.select(columns), template), stated)


def _sdmx_statement(table: pa.Table) -> dict[str, str]:
    """Collection and version of SDMX-CSV's first columns, `AGENCY:ID(VERSION)`, where they are there."""
    stated = dict.fromkeys(_METADATA, "")
    if "ACTION" in table.column_names and not set(pc.unique(table.column("ACTION")).to_pylist()) <= _CSV_ACTIONS:
        raise CubeError("ACTION must be I: a cube is always whole, nothing can be deleted with it.", rule="unreadable")
    if "STRUCTURE_ID" in table.column_names:
        structures = pc.unique(table.column("STRUCTURE_ID")).to_pylist()
        if len(structures) != 1 or structures[0] is None:
            raise CubeError("Every row of a cube has one and the same STRUCTURE_ID.", rule="wrong-collection")
        identifier, _, version = structures[0].rpartition(":")[2].partition("(")
        stated |= {"collection": identifier, "version": version.removesuffix(")")}
    return stated


def _typed(table: pa.Table, template: Template) -> pa.Table:
    """The measures of a table of texts as numbers."""
    for measure in template.measures:
        at = table.column_names.index(measure.id)
        texts = table.column(measure.id)
        table = table.set_column(at, measure.id, _as_numbers(texts, measure.id))
    return table


def _as_numbers(texts: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    for kind in (pa.int64(), pa.float64()):
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:
            continue
    raise CubeError(f"The column {name} must hold numbers, with a point for decimals.", rule="wrong-type")


def _xlsx(content: bytes, template: Template) -> Parsed:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > LARGEST_UNPACKED:
            raise CubeError("The file unpacks to more than a cube can hold.", rule="too-large")
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    rows = book.worksheets[0].iter_rows(values_only=True)
    names = ["" if name is None else str(name).strip() for name in next(rows, ())]
    while names and not names[-1]:
        names.pop()
    check_columns(names, template, also=SDMX_COLUMNS)
    table = pa.table(_xlsx_columns(rows, names, template))
    check_size(table.num_rows, template)
    stated = _sdmx_statement(table)
    return Parsed(table.drop_columns([name for name in SDMX_COLUMNS if name in names]), stated)


def _xlsx_columns(rows: Any, names: list[str], template: Template) -> dict[str, pa.Array]:
    values: list[tuple[Any, ...]] = []
    for row in rows:
        if any(value is not None for value in row):
            values.append((*row, *([None] * len(names)))[: len(names)])
            check_size(len(values), template)
    columns = dict(zip(names, zip(*values, strict=True), strict=True)) if values else dict.fromkeys(names, ())
    return {name: _xlsx_column(name, column, template) for name, column in columns.items()}


def _xlsx_column(name: str, values: tuple[Any, ...], template: Template) -> pa.Array:
    if name not in template.measure_ids:
        return pa.array([None if value is None else _xlsx_text(value) for value in values], pa.string())
    if any(isinstance(value, bool) or not isinstance(value, int | float | None) for value in values):
        raise CubeError(f"The column {name} must hold numbers.", rule="wrong-type")
    return pa.array(values, pa.float64())


def _xlsx_text(value: Any) -> str:
    # Excel turns a typed 2026-10 into a date of its own accord.
    return f"{value:%Y-%m}" if isinstance(value, date) else str(value)


_READERS = {PARQUET: _parquet, SDMX_CSV: _csv, XLSX: _xlsx}
