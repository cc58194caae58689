"""How a tape is read and what of it: the words that the mapping file and the readers share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """What `[tape]` of a mapping file may say; what is not said is found by looking.

    `encoding` and `delimiter` are for text files, `sheet` and `header_row` (from 1) for workbooks, `table`, `query` and
    `url_env` (the environment variable that holds the address) for databases.
    """

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    table: str | None = None
    query: str | None = None
    url_env: str | None = None


@dataclass(frozen=True)
class PeriodFilter:
    """The rows of one period: an SQL expression over the columns, and what its texts stand for."""

    expression: str
    period: str
    period_of: Callable[[str], str | None]


@dataclass(frozen=True)
class Wanted:
    """What a mapping needs of a tape, so that nothing else is fetched or joined.

    `columns` is given all names, answers with those that are needed, and refuses when one is missing.
    """

    columns: Callable[[Sequence[str]], Sequence[str]]
    period: PeriodFilter | None = None
    where: str | None = None


EVERYTHING = Wanted(columns=list)


def mentioned(names: Sequence[str], expressions: Sequence[str], prefix: str = "") -> list[str]:
    """The columns that SQL expressions may use: those whose name, after the prefix, occurs in one; too many, never too few."""
    text = "\n".join(expressions).casefold()
    return [name for name in names if quotable(f"{prefix}{name}").casefold() in text]


def quotable(name: str) -> str:
    """A name as it stands between the quotes of an SQL identifier."""
    return name.replace('"', '""')
