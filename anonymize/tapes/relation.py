"""SQL that reads the files of a tape: Parquet as it is, text without guessing types."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anonymize.errors import LoanTapeError
from anonymize.tapes.delimited import Layout, is_compressed, read_layout, same_layout, spread_sample, transcode
from anonymize.tapes.files import DataFile, check_names
from anonymize.tapes.reading import PeriodFilter, Reading
from anonymize.tapes.sql import literal, quoted

MOST_SAMPLED_FILES = 16
SAMPLED_FROM = 8 << 20  # bytes; less is read whole in a moment
PIECES, PIECES_FROM = 32, 200_000  # of a Parquet tape's sample, and the rows from which on it is one
ROW_NUMBER = "file_row_number"

Keys = tuple[tuple[str, str | None], ...]
Reader = Callable[[Sequence[str]], str]


def parquet_relation(files: Sequence[DataFile], period: PeriodFilter | None) -> str:
    """A statement that gives the rows of all files; files whose partition is of another period are not opened."""
    needed = of_period(files, period, lambda file: _schema(file.path).names)
    first = _schema(needed[0].path)
    check_names(first.names, needed[0].path)
    for file in needed[1:]:
        _same_schema(first, needed[0].path, _schema(file.path), file.path)
    return _union(
        needed,
        first.names,
        lambda paths: f"read_parquet([{', '.join(map(literal, paths))}], hive_partitioning = false)",
    )


def parquet_sample(files: Sequence[DataFile], period: PeriodFilter | None, rows: int) -> str | None:
    """A statement that gives so many rows from all over large files; None for small ones, which are quickly read."""
    needed = of_period(files, period, lambda file: _schema(file.path).names)
    names = _schema(needed[0].path).names
    pieces = _pieces([pq.read_metadata(file.path).num_rows for file in needed])
    if not pieces or ROW_NUMBER in {name.casefold() for name in names}:
        return None
    starts = {needed[at].path: places for at, places in pieces.items()}
    length = rows // PIECES

    def read(paths: Sequence[str]) -> str:
        return f"({' UNION ALL '.join(_rows_of(path, starts[path], length) for path in paths)})"

    return _union([file for file in needed if file.path in starts], names, read)


def _pieces(lengths: Sequence[int]) -> dict[int, list[int]]:
    """Where pieces evenly spread over all rows begin: places by the number of the file; nothing where rows are few."""
    ends = np.cumsum(lengths)
    if ends[-1] < PIECES_FROM:
        return {}
    found: dict[int, list[int]] = {}
    for place in (piece * int(ends[-1]) // PIECES for piece in range(PIECES)):
        file = int(np.searchsorted(ends, place, side="right"))
        found.setdefault(file, []).append(place - int(ends[file] - lengths[file]))
    return found


def _rows_of(path: str, starts: Sequence[int], length: int) -> str:
    # DuckDB skips the row groups in which no such row number can be.
    here = " OR ".join(f"{ROW_NUMBER} BETWEEN {start} AND {start + length - 1}" for start in starts)
    return (
        f"SELECT * EXCLUDE ({ROW_NUMBER}) FROM read_parquet({literal(path)}, hive_partitioning = false, "
        f"{ROW_NUMBER} = true) WHERE {here}"
    )


@dataclass(frozen=True)
class TextRelation:
    """Text files as SQL; `is_slow` when each reading of them would decompress them again."""

    sql: str
    columns: tuple[str, ...]
    files: tuple[DataFile, ...]
    layouts: tuple[Layout, ...]
    is_slow: bool


def csv_relation(
    files: Sequence[DataFile], reading: Reading, period: PeriodFilter | None, workspace: str
) -> TextRelation:
    """The same for text files; those that are not UTF-8 are copied to `workspace`."""

    def layout_of(file: DataFile) -> Layout:
        return read_layout(file.path, encoding=reading.encoding, delimiter=reading.delimiter)

    needed = of_period(files, period, lambda file: layout_of(file).columns)
    first = layout_of(needed[0])
    layouts = {}
    for file in needed:
        layout = layout_of(file)
        check_names(layout.columns, layout.file)
        same_layout(first, layout)
        layouts[file.path] = transcode(layout, workspace)
    sql = _union(needed, first.columns, lambda paths: _read_csv([layouts[path].file for path in paths], first))
    own = {name.casefold() for name in first.columns}
    columns = (*first.columns, *(name for name, _ in files[0].keys if name.casefold() not in own))
    read = tuple(layouts.values())
    return TextRelation(sql, columns, needed, read, any(is_compressed(layout.file) for layout in read))


def create_text_sample(connection: duckdb.DuckDBPyConnection, name: str, text: TextRelation, rows: int) -> None:
    """Makes a table of about so many rows from all over large files, without reading them whole.

    Small files are quickly read, and where few lines are whole rows the text is unusual: then there is no table.
    """
    step = max(1, len(text.layouts) // MOST_SAMPLED_FILES)
    chosen = list(zip(text.files, text.layouts, strict=True))[::step]
    if sum(Path(layout.file).stat().st_size for _, layout in chosen) < SAMPLED_FROM:
        return
    found: dict[str, list[str | None]] = {column: [] for column in text.columns}
    for file, layout in chosen:
        keys = [value for name, value in file.keys if name in text.columns[len(layout.columns) :]]
        for row in spread_sample(layout, rows // len(chosen)):
            for column, value in zip(text.columns, [*row, *keys], strict=True):
                found[column].append(value or None)
    table = pa.table({column: pa.array(values, pa.string()) for column, values in found.items()})
    if table.num_rows < rows // 4:
        return
    connection.register("text_sample", table)
    connection.execute(f"CREATE TEMP TABLE {quoted(name)} AS FROM text_sample")
    connection.unregister("text_sample")


def of_period(
    files: Sequence[DataFile], period: PeriodFilter | None, columns: Callable[[DataFile], Sequence[str]]
) -> tuple[DataFile, ...]:
    """The files whose partition can hold rows of the period; all of them where the partition does not say.

    A value that stands for no period is kept: its rows have to be refused, not overlooked.
    """
    if period is None or not files[0].keys:
        return tuple(files)
    try:
        texts = _partition_periods(files, period.expression)
    except duckdb.Error:
        return tuple(files)  # the period is not a matter of the partition alone
    found = {text: None if text is None else period.period_of(text) for text in texts}
    kept = tuple(file for file, text in zip(files, texts, strict=True) if found[text] in {None, period.period})
    own = {name.casefold() for name in columns((kept or files)[0])}
    if any(name.casefold() in own for name, _ in files[0].keys):
        return tuple(files)  # the files' own column counts, whatever their folder is called
    if not kept:
        known = sorted({each for each in found.values() if each is not None})
        span = known[0] if len(known) == 1 else f"{known[0]} to {known[-1]}"
        raise LoanTapeError(f"The tape has no partition of {period.period}; it is of {span}.", rule="wrong-period")
    return kept


def _partition_periods(files: Sequence[DataFile], expression: str) -> list[str | None]:
    columns = {
        name: pa.array([file.keys[at][1] for file in files], pa.string()) for at, (name, _) in enumerate(files[0].keys)
    }
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        connection.register("partitions", pa.table(columns))
        rows = connection.execute(f"SELECT ({expression})::VARCHAR FROM partitions").fetchall()
    return [row[0] for row in rows]


def _schema(file: str) -> pa.Schema:
    try:
        return pq.read_schema(file)
    except (pa.ArrowInvalid, OSError):
        raise LoanTapeError(
            f"{file} is not a whole Parquet file; it may be cut off. Export it again.", rule="truncated-tape"
        ) from None


def _same_schema(first: pa.Schema, first_file: str, other: pa.Schema, file: str) -> None:
    if other.names != first.names:
        raise LoanTapeError(
            f"{file} has other columns than {first_file}; files read together must agree.", rule="unreadable-tape"
        )
    for name in first.names:
        one, two = first.field(name).type, other.field(name).type
        if one != two and not (_is_number(one) and _is_number(two)) and pa.null() not in {one, two}:
            raise LoanTapeError(
                f"{file}: the column {name!r} is {two}, but {one} in {first_file}; files read together must agree.",
                rule="unreadable-tape",
            )


def _is_number(type_: pa.DataType) -> bool:
    return bool(pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_))


def _union(files: Sequence[DataFile], columns: Sequence[str], read: Reader) -> str:
    """The rows of every partition with its keys as columns; a column that the files have themselves is theirs."""
    own = {name.casefold() for name in columns}
    groups: defaultdict[Keys, list[str]] = defaultdict(list)
    for file in files:
        groups[file.keys].append(file.path)
    parts = []
    for keys, paths in groups.items():
        extra = [
            f"{'NULL' if value is None else literal(value)}::VARCHAR AS {quoted(name)}"
            for name, value in keys
            if name.casefold() not in own
        ]
        parts.append(f"SELECT {', '.join(['*', *extra])} FROM {read(paths)}")
    return " UNION ALL ".join(parts)


def _read_csv(files: Sequence[str], layout: Layout) -> str:
    # Types are not guessed: a branch code 007 must stay 007.
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in layout.columns)
    return (
        f"read_csv([{', '.join(map(literal, files))}], auto_detect = false, hive_partitioning = false, header = true, "
        f"delim = {literal(layout.delimiter)}, quote = '\"', escape = '\"', nullstr = '', columns = {{{columns}}})"
    )
