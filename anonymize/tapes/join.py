"""This month's tape beside last month's: one row a loan, whether it is on both, gone, or new.

The joined tape has this month's columns under their names and last month's as `previous_<name>`. A loan that is gone has
blanks in this month's columns, a new one in last month's; the key and the period are there for every loan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from anonymize.errors import LoanTapeError, MappingError
from anonymize.tapes.errors import tape_errors
from anonymize.tapes.reading import PeriodFilter, Reading, Wanted, mentioned
from anonymize.tapes.sql import literal, quoted

PREFIX = "previous_"
NOW, BEFORE = "tape_now", "tape_before"


@dataclass(frozen=True)
class Joined:
    """How many loans are on both tapes, only on last month's, only on this month's."""

    matched: int
    gone: int
    new: int

    @property
    def is_doubtful(self) -> bool:
        """Fewer than half of the smaller tape's loans are on the other: it may be the wrong file."""
        return 2 * self.matched < self.matched + min(self.gone, self.new)


@dataclass(frozen=True)
class Previous:
    """Last month's tape: where it is, how it is read, and the key on which the two are joined.

    `expressions` are those of the mapping; `where` filters each tape before they are joined.
    """

    source: str | Path | pa.Table
    reading: Reading
    on: tuple[str, ...]
    period: PeriodFilter | None
    expressions: tuple[str, ...]
    where: str | None = None

    def needs_of_now(self, wanted: Wanted) -> Wanted:
        """What is needed of this month's tape."""
        return Wanted(lambda names: self._columns(names, wanted, ""), wanted.period, self.where)

    def needs(self) -> Wanted:
        """What is needed of last month's."""
        return Wanted(lambda names: self._columns(names, self, PREFIX), self.period, self.where)

    def _columns(self, names: Sequence[str], side: Wanted | Previous, prefix: str) -> list[str]:
        filters = [side.period.expression] if side.period is not None else []
        keys = {key.casefold() for key in self.on}
        found = {
            *mentioned(names, self.expressions, prefix),
            *mentioned(names, [*filters, *([self.where] if self.where else [])]),
            *(name for name in names if name.casefold() in keys),
        }
        return [name for name in names if name in found]


def join_tapes(
    connection: duckdb.DuckDBPyConnection, name: str, previous: Previous, wanted: Wanted, files: Sequence[str]
) -> Joined:
    """Makes the table `name` of both tapes; LoanTapeError when a key is blank or there twice, or nothing matches."""
    now, before = _columns(connection, NOW), _columns(connection, BEFORE)
    for columns, which in ((now, "This month's"), (before, "Last month's")):
        _check_keys_exist(previous.on, columns, which)
    needed = set(wanted.columns([*now, *(PREFIX + each for each in before)]))
    with tape_errors(files):
        _restrict(connection, NOW, previous, wanted.period, "This month's")
        _restrict(connection, BEFORE, previous, previous.period, "Last month's")
        connection.execute(f"CREATE TEMP TABLE {quoted(name)} AS {_statement(previous, wanted, now, before, needed)}")
        return _counted(connection, name)


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE {relation}").fetchall()}


def _check_keys_exist(on: Sequence[str], columns: dict[str, str], which: str) -> None:
    known = {name.casefold() for name in columns}
    for key in on:
        if key.casefold() not in known:
            raise MappingError(
                f'[previous]: {which} tape has no column {key!r} to join on. Name the loan\'s key, on = "loan_no".',
                rule="missing-column",
            )


def _restrict(
    connection: duckdb.DuckDBPyConnection, relation: str, previous: Previous, period: PeriodFilter | None, which: str
) -> None:
    """Makes the view `<relation>_rows` of the period's rows, with the key as text that compares."""
    keys = [f"nullif(trim({quoted(key)}::VARCHAR), '') AS concord_key{at}" for at, key in enumerate(previous.on)]
    conditions = [] if previous.where is None else [_kept(connection, relation, previous.where, which)]
    if period is not None:
        conditions.append(_of_period(connection, relation, period, which))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = f"{relation}_rows"
    connection.execute(f"CREATE TEMP VIEW {rows} AS SELECT *, {', '.join(keys)} FROM {relation}{where}")
    names = [f"concord_key{at}" for at in range(len(keys))]
    blank = " OR ".join(f"{name} IS NULL" for name in names)
    found = connection.execute(
        f"SELECT sum(rows), count_if(rows > 1), sum(CASE WHEN {blank} THEN rows END) "
        f"FROM (SELECT {', '.join(names)}, count(*) AS rows FROM {rows} GROUP BY ALL)"
    ).fetchone()
    total, twice, blanks = found or (0, 0, 0)
    if not total:
        raise LoanTapeError(f"{which} tape has no rows to join. Check [tape] where and the files.", rule="empty-tape")
    on = ", ".join(previous.on)
    if blanks:
        raise LoanTapeError(
            f"[previous]: {blanks} rows of {which.lower()} tape have no {on}. Nothing was aggregated.",
            rule="missing-value",
        )
    if twice:
        raise LoanTapeError(
            f"[previous]: {twice} keys ({on}) are on {which.lower()} tape more than once. Join on what is different for "
            "every loan, or export one row a loan. Nothing was aggregated.",
            rule="duplicate-key",
        )


def _kept(connection: duckdb.DuckDBPyConnection, relation: str, where: str, which: str) -> str:
    """The filter of the mapping; LoanTapeError where it cannot tell: a blank must not drop a loan unseen."""
    found = connection.execute(f"SELECT count(*) FROM {relation} WHERE ({where})::BOOLEAN IS NULL").fetchone()
    if found and found[0]:
        raise LoanTapeError(
            f"[tape]: where is neither true nor false for {found[0]} rows of {which.lower()} tape, because something is "
            "blank. Say what a blank means, where = \"coalesce(status, '') <> 'sold'\". Nothing was aggregated.",
            rule="missing-value",
        )
    return f"({where})::BOOLEAN"


def _of_period(connection: duckdb.DuckDBPyConnection, relation: str, period: PeriodFilter, which: str) -> str:
    expression = f"({period.expression})::VARCHAR"
    rows = connection.execute(f"SELECT {expression}, count(*) FROM {relation} GROUP BY 1").fetchall()
    found = {text: None if text is None else period.period_of(text) for text, _ in rows}
    without = sum(count for text, count in rows if found[text] is None)
    if without:
        raise LoanTapeError(
            f"{which} tape: {without} rows have no reporting period that can be read. Nothing was aggregated.",
            rule="no-period",
        )
    texts = [literal(text) for text, each in found.items() if each == period.period]
    if not texts:
        known = sorted(each for each in found.values() if each is not None)
        span = " to ".join(dict.fromkeys([known[0], known[-1]])) if known else "nothing"
        raise LoanTapeError(f"{which} tape has no row of {period.period}; it is of {span}.", rule="wrong-period")
    return f"{expression} IN ({', '.join(texts)})"


def _statement(
    previous: Previous, wanted: Wanted, now: dict[str, str], before: dict[str, str], needed: set[str]
) -> str:
    keys = {key.casefold() for key in previous.on}
    dated = set(mentioned(list(now), [wanted.period.expression])) if wanted.period is not None else set()
    columns = ["n.concord_here IS NOT NULL AS concord_now", "b.concord_here IS NOT NULL AS concord_before"]
    types = {name.casefold(): type_ for name, type_ in before.items()}
    for name, type_ in now.items():
        column = quoted(name)
        if name.casefold() in keys:
            text = "" if types[name.casefold()] == type_ else "::VARCHAR"
            columns.append(f"coalesce(n.{column}{text}, b.{column}{text}) AS {column}")
        elif name in dated:
            # Every row of the joined tape is of this period, also those of loans that are gone.
            columns.append(f"CASE WHEN n.concord_here THEN n.{column} ELSE one.{column} END AS {column}")
        elif name in needed:
            columns.append(f"n.{column}")
    columns += [f"b.{quoted(name)} AS {quoted(PREFIX + name)}" for name in before if PREFIX + name in needed]
    on = " AND ".join(f"n.concord_key{at} = b.concord_key{at}" for at in range(len(previous.on)))
    return (
        f"SELECT {', '.join(columns)} FROM (SELECT *, true AS concord_here FROM {NOW}_rows) AS n "
        f"FULL OUTER JOIN (SELECT *, true AS concord_here FROM {BEFORE}_rows) AS b ON {on} "
        f"CROSS JOIN (SELECT * FROM {NOW}_rows LIMIT 1) AS one"
    )


def _counted(connection: duckdb.DuckDBPyConnection, name: str) -> Joined:
    row = connection.execute(
        f"SELECT count_if(concord_now AND concord_before), count_if(NOT concord_now), count_if(NOT concord_before) "
        f"FROM {quoted(name)}"
    ).fetchone()
    joined = Joined(*(row or (0, 0, 0)))
    if not joined.matched:
        raise LoanTapeError(
            "No loan of this month's tape is on last month's. Check [previous] on, and that --previous-tape is the right "
            "file. Nothing was aggregated.",
            rule="nothing-matches",
        )
    for column in ("concord_now", "concord_before"):
        connection.execute(f"ALTER TABLE {quoted(name)} DROP COLUMN {column}")
    return joined
