"""What DuckDB says about a tape, as a sentence without any value of it: its own messages quote the row at fault."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from anonymize.errors import LoanTapeError


@contextmanager
def tape_errors(files: Sequence[str]) -> Iterator[None]:
    """Turns what DuckDB says about a file into a sentence without any value of the tape."""
    try:
        yield
    except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException):
        raise  # about a statement, not about the tape
    except duckdb.OutOfMemoryException:
        raise _no_room(files) from None
    except (duckdb.ConversionException, duckdb.OutOfRangeException):
        raise LoanTapeError(
            f"{shown(files)}: an SQL expression of the mapping does not work on every row; try_cast(...) makes what "
            "does not fit a blank. Nothing was written.",
            rule="missing-value",
        ) from None
    except duckdb.Error as error:
        if "No space left" in str(error) or "Disk quota" in str(error):
            raise _no_room(files) from None
        # Not chained: the original quotes the row.
        raise LoanTapeError(_sentence(str(error), files), rule="unreadable-tape") from None


def shown(files: Sequence[str]) -> str:
    """A tape's files in a sentence."""
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def _no_room(files: Sequence[str]) -> LoanTapeError:
    return LoanTapeError(
        f"There is not enough memory or disk space to aggregate {shown(files)}. Let it use more with CONCORD_MEMORY=4GB, "
        "or name a larger disk with CONCORD_TEMP. Nothing was written.",
        rule="no-room",
    )


def _sentence(message: str, files: Sequence[str]) -> str:
    line = re.search(r"CSV Error on Line: (\d+)", message)
    where = f"{shown(files)}, line {line[1]}" if line else shown(files)
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
