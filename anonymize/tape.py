"""A loan tape opened as one DuckDB relation called `tape`, whatever its format.

Every error is a `LoanTapeError` that names the file, the line and the remedy. DuckDB's own messages quote the row at
fault, so they are never passed on.
"""

from __future__ import annotations

import glob
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from anonymize.delimited import Layout, read_layout, same_layout, transcode
from anonymize.errors import LoanTapeError

Rows = list[tuple[Any, ...]]

_PARQUET_MAGIC = b"PAR1"
_ZIP_MAGIC = b"PK\x03\x04"
_WILDCARDS = frozenset("*?[")


@dataclass(frozen=True)
class Column:
    """A column of the tape with its DuckDB type; every column of a CSV tape is VARCHAR."""

    name: str
    type: str


@dataclass(frozen=True)
class Tape:
    """An open tape. It is a context manager: leaving it removes every temporary file."""

    connection: duckdb.DuckDBPyConnection
    columns: tuple[Column, ...]
    files: tuple[str, ...]
    workspace: tempfile.TemporaryDirectory[str]

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

    def close(self) -> None:
        self.connection.close()
        self.workspace.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_tape(source: str | Path | pa.Table, *, encoding: str | None = None, delimiter: str | None = None) -> Tape:
    """A tape from a CSV or Parquet file, a glob of either, or an Arrow table.

    `encoding` ("utf-8", "gb18030") and `delimiter` are found by looking when they are not given.
    """
    workspace = tempfile.TemporaryDirectory(prefix="concord-")
    try:
        connection = _connect(workspace.name)
        if isinstance(source, pa.Table):
            files: tuple[str, ...] = ("the table in memory",)
            connection.register("tape", source)
        else:
            files = _matching(source)
            with tape_errors(files):
                connection.execute(f"CREATE TEMP VIEW tape AS {_relation(files, encoding, delimiter, workspace.name)}")
        tape = Tape(connection, (), files, workspace)
        columns = tuple(Column(row[0], row[1]) for row in tape.run("DESCRIBE tape"))
        _check_names([column.name for column in columns], files[0])
        _check_rows(tape)
    except BaseException:
        workspace.cleanup()
        raise
    return Tape(connection, columns, files, workspace)


@contextmanager
def tape_errors(files: Sequence[str]) -> Iterator[None]:
    """Turns what DuckDB says about a file into a sentence without any value of the tape."""
    try:
        yield
    except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException):
        raise  # about a statement, not about the tape
    except duckdb.OutOfMemoryException:
        raise LoanTapeError(
            f"There is not enough memory or disk space to aggregate {_shown(files)}. Nothing was written."
        ) from None
    except (duckdb.ConversionException, duckdb.OutOfRangeException):
        raise LoanTapeError(
            f"{_shown(files)}: an SQL expression of the mapping does not work on every row; try_cast(...) makes what "
            "does not fit a blank. Nothing was written.",
            rule="missing-value",
        ) from None
    except duckdb.Error as error:
        # Not chained: the original quotes the row.
        raise LoanTapeError(_sentence(str(error), files), rule="unreadable-tape") from None


def quoted(name: str) -> str:
    """A column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _connect(directory: str) -> duckdb.DuckDBPyConnection:
    # A bank's tape must not cause a download: extensions come with the wheel or not at all.
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "temp_directory": str(Path(directory) / "spill"),
            "preserve_insertion_order": "false",
        }
    )
    # Counted for Tape.progress, never printed.
    connection.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")
    return connection


def _matching(source: str | Path) -> tuple[str, ...]:
    text = str(source)
    if "://" in text:
        raise LoanTapeError(
            f"{text.split('://')[0]}:// is not a place a tape is read from; give a CSV or Parquet file."
        )
    if Path(text).is_dir():
        raise LoanTapeError(f"{text} is a folder. Name its files, for example '{text.rstrip('/')}/*.parquet'.")
    if Path(text).is_file():
        return (text,)
    found = tuple(
        sorted(
            path
            for path in glob.glob(text, recursive=True)  # noqa: PTH207 - an absolute pattern is fine here
            if Path(path).is_file()
        )
    )
    if not found:
        what = "No file matches" if _WILDCARDS & set(text) else "There is no file"
        raise LoanTapeError(f"{what} {text}.", rule="no-such-tape")
    return found


def _relation(files: Sequence[str], encoding: str | None, delimiter: str | None, directory: str) -> str:
    kinds = {_is_parquet(file) for file in files}
    if len(kinds) > 1:
        raise LoanTapeError(f"{_shown(files)}: CSV and Parquet files are mixed. Read them one kind at a time.")
    if kinds == {True}:
        return _parquet_relation(files)
    layouts = [read_layout(file, encoding=encoding, delimiter=delimiter) for file in files]
    for layout in layouts:
        _check_names(layout.columns, layout.file)
        same_layout(layouts[0], layout)
    return _csv_relation([transcode(layout, directory) for layout in layouts], layouts[0])


def _is_parquet(file: str) -> bool:
    try:
        with Path(file).open("rb") as stream:
            start = stream.read(4)
    except OSError as error:
        raise LoanTapeError(f"{file} cannot be opened: {error.strerror}.", rule="unreadable-tape") from None
    if not start:
        raise LoanTapeError(f"{file} is empty. Export the tape again.", rule="empty-tape")
    if start == _ZIP_MAGIC:
        raise LoanTapeError(
            f"{file} is a ZIP or Excel file. Save it as CSV (UTF-8) and try again.", rule="unreadable-tape"
        )
    if file.lower().endswith((".parquet", ".pq")) and start != _PARQUET_MAGIC:
        raise LoanTapeError(f"{file} is not a Parquet file, whatever its name says.", rule="unreadable-tape")
    return start == _PARQUET_MAGIC


def _parquet_relation(files: Sequence[str]) -> str:
    first: list[str] | None = None
    for file in files:
        try:
            names = list(pq.read_schema(file).names)
        except (pa.ArrowInvalid, OSError):
            raise LoanTapeError(
                f"{file} is not a whole Parquet file; it may be cut off. Export it again.", rule="truncated-tape"
            ) from None
        _check_names(names, file)
        first = first or names
        if names != first:
            raise LoanTapeError(f"{file} has other columns than {files[0]}; files read together must agree.")
    return f"SELECT * FROM read_parquet([{', '.join(map(literal, files))}])"


def _csv_relation(files: Sequence[str], layout: Layout) -> str:
    # Types are not guessed: a branch code 007 must stay 007.
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in layout.columns)
    return (
        f"SELECT * FROM read_csv([{', '.join(map(literal, files))}], auto_detect = false, header = true, "
        f"delim = {literal(layout.delimiter)}, quote = '\"', escape = '\"', nullstr = '', columns = {{{columns}}})"
    )


def _check_names(names: Sequence[str], file: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise LoanTapeError(
                f"{file}: the column {name!r} is there twice. Rename or drop one.", rule="duplicate-column"
            )
        seen.add(name.casefold())


def _check_rows(tape: Tape) -> None:
    if not tape.run("SELECT 1 FROM tape LIMIT 1"):
        raise LoanTapeError(
            f"{_shown(tape.files)} has column names and no rows. Export the tape again.", rule="empty-tape"
        )


def _sentence(message: str, files: Sequence[str]) -> str:
    line = re.search(r"CSV Error on Line: (\d+)", message)
    where = f"{_shown(files)}, line {line[1]}" if line else _shown(files)
    fields = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", message)
    if fields:
        return (
            f"{where}: {fields[2]} fields instead of {fields[1]}. The file may be cut off, or a text holds the "
            "delimiter without quotes. Nothing was written."
        )
    if "unterminated quote" in message:
        return f"{where}: a quoted text does not end. The file may be cut off. Nothing was written."
    if "utf-8" in message.lower() or "unicode" in message.lower():
        return f'{where}: not valid UTF-8. Set encoding = "gb18030" under [tape] if it is a Chinese export.'
    return f"{where} cannot be read to its end; it may be damaged or cut off. Nothing was written."


def _shown(files: Sequence[str]) -> str:
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
