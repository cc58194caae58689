"""A loan tape opened as one DuckDB relation called `tape`, whatever its format.

Every error is a `LoanTapeError` that names the file, the line and the remedy. DuckDB's own messages quote the row at
fault, so they are never passed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import duckdb
import pyarrow as pa

from anonymize.errors import LoanTapeError
from anonymize.tapes.database import is_database, load_database
from anonymize.tapes.errors import shown, tape_errors
from anonymize.tapes.files import Stamp, check_names, check_unchanged, find_files, only_kind, stamps
from anonymize.tapes.join import BEFORE, NOW, Joined, Previous, join_tapes
from anonymize.tapes.machine import connect, lock, spill_folder
from anonymize.tapes.reading import EVERYTHING, Reading, Wanted
from anonymize.tapes.relation import create_text_sample, csv_relation, parquet_relation, parquet_sample
from anonymize.tapes.sql import literal as literal, quoted as quoted
from anonymize.tapes.workspace import Workspace

Rows = list[tuple[Any, ...]]
Place: TypeAlias = str | Path | pa.Table  # a file, a glob, a folder, a database's address, or a table in memory

TAPE, SAMPLE = "tape", "tape_sample"
SAMPLE_ROWS = 5_000


@dataclass(frozen=True)
class Column:
    """A column of the tape with its DuckDB type; every column of a CSV tape is VARCHAR."""

    name: str
    type: str


@dataclass(frozen=True)
class Tape:
    """An open tape. It is a context manager: leaving it removes every temporary file.

    `tape_sample` beside `tape` holds some thousand rows from all over it. `joined` says how two tapes met.
    """

    connection: duckdb.DuckDBPyConnection
    columns: tuple[Column, ...]
    files: tuple[str, ...]
    workspace: Workspace
    joined: Joined | None = None
    opened: tuple[Stamp, ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def run(self, sql: str) -> Rows:
        """The rows of a statement; what fails in the tape itself becomes a LoanTapeError."""
        with tape_errors(self.files):
            return self.connection.execute(sql).fetchall()

    def arrow(self, sql: str) -> pa.Table:
        """The same as `run`, as an Arrow table."""
        with tape_errors(self.files):
            return self.connection.sql(sql).to_arrow_table()

    def progress(self) -> float | None:
        """How much of the running statement is done, 0 to 1, asked from another thread; None when nobody can tell."""
        share = self.connection.query_progress()
        return share / 100 if share >= 0 else None

    def check_unchanged(self) -> None:
        """LoanTapeError when a file of the tape was written to since it was opened."""
        check_unchanged(self.opened)

    def close(self) -> None:
        self.connection.close()
        self.workspace.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_tape(
    source: Place,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    reading: Reading | None = None,
    wanted: Wanted = EVERYTHING,
    previous: Previous | None = None,
) -> Tape:
    """A tape from a file, a glob, a folder, a database's address or an Arrow table, joined to `previous` when given.

    `reading` says how it is read; `encoding` ("utf-8", "gb18030") and `delimiter` alone are short for one. `wanted`
    spares what a mapping does not need.
    """
    reading = reading or Reading(encoding=encoding, delimiter=delimiter)
    workspace = Workspace(spill_folder())
    connection = None
    try:
        connection = connect(workspace.name)
        if previous is None:
            paths, joined = _lay_open(connection, TAPE, source, reading, wanted, workspace.name), None
            lock(connection, paths, workspace.name)
        else:
            now = previous.needs_of_now(wanted)
            paths = _lay_open(connection, NOW, source, reading, now, workspace.name)
            paths += _lay_open(connection, BEFORE, previous.source, previous.reading, previous.needs(), workspace.name)
            lock(connection, paths, workspace.name)
            joined = join_tapes(connection, TAPE, previous, wanted, paths)
        return _checked(connection, paths, workspace, joined)
    except BaseException:
        if connection is not None:
            connection.close()
        workspace.cleanup()
        raise


def _lay_open(
    connection: duckdb.DuckDBPyConnection, name: str, source: Place, reading: Reading, wanted: Wanted, workspace: str
) -> tuple[str, ...]:
    """Makes the relation `name`; the places it comes from, as a message may show them."""
    if isinstance(source, pa.Table):
        connection.register(name, source)
        return ("the table in memory",)
    if is_database(source):
        return (load_database(connection, name, str(source), reading, wanted),)
    files = find_files(source)
    paths = tuple(file.path for file in files)
    kind = only_kind(files)
    if kind == "excel":
        from anonymize.tapes.excel import read_workbook  # openpyxl takes a while to import, and few tapes need it

        connection.register(name, read_workbook(paths, reading))
    elif kind == "parquet":
        _create(connection, f"VIEW {quoted(name)} AS {parquet_relation(files, wanted.period)}", paths)
        sample = parquet_sample(files, wanted.period, SAMPLE_ROWS) if name == TAPE else None
        if sample is not None:
            _create(connection, f"TABLE {SAMPLE} AS {sample}", paths)
    else:
        text = csv_relation(files, reading, wanted.period, workspace)
        # Text that is slow to read, or that is looked at more than once, is read once and kept.
        if text.is_slow or wanted is EVERYTHING or name != TAPE:
            chosen = ", ".join(map(quoted, wanted.columns(text.columns)))
            _create(connection, f"TABLE {quoted(name)} AS SELECT {chosen} FROM ({text.sql})", paths)
        else:
            _create(connection, f"VIEW {quoted(name)} AS {text.sql}", paths)
            create_text_sample(connection, SAMPLE, text, SAMPLE_ROWS)
    return paths


def _create(connection: duckdb.DuckDBPyConnection, what: str, paths: Sequence[str]) -> None:
    with tape_errors(paths):
        connection.execute(f"CREATE TEMP {what}")


def _checked(
    connection: duckdb.DuckDBPyConnection,
    paths: tuple[str, ...],
    workspace: Workspace,
    joined: Joined | None,
) -> Tape:
    opened = stamps(paths)
    tape = Tape(connection, (), paths, workspace, joined, opened)
    columns = tuple(Column(row[0], row[1]) for row in tape.run(f"DESCRIBE {TAPE}"))
    check_names([column.name for column in columns], shown(paths))
    if not tape.run(f"SELECT 1 FROM {TAPE} LIMIT 1"):
        raise LoanTapeError(f"{shown(paths)} has column names and no rows. Export the tape again.", rule="empty-tape")
    if not tape.run(f"SELECT 1 FROM duckdb_tables() WHERE table_name = {literal(SAMPLE)}"):
        tape.run(f"CREATE TEMP TABLE {SAMPLE} AS FROM {TAPE} USING SAMPLE {SAMPLE_ROWS} ROWS")
    return Tape(connection, columns, paths, workspace, joined, opened)
