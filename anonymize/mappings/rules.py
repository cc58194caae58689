"""What a mapping file says, as typed values: where each dimension, measure and key of the template comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anonymize.tapes.reading import Reading
from anonymize.tapes.sql import quoted


@dataclass(frozen=True)
class Source:
    """Where a value comes from: a column of the tape, or an SQL expression over its columns."""

    place: str  # "[measures.BALANCE]", for messages
    column: str | None = None
    sql: str | None = None
    at: str = field(default="", compare=False)  # "map.toml, line 12: " where the mapping is a file

    @property
    def expression(self) -> str:
        # The line break ends a comment that the expression may end with.
        return quoted(self.column) if self.column is not None else f"({self.sql}\n)"

    @property
    def label(self) -> str:
        return f"column {self.column!r}" if self.column is not None else "the SQL expression"

    @property
    def where(self) -> str:
        """The file, the line and the table, as a message begins."""
        return f"{self.at}{self.place}"


@dataclass(frozen=True)
class Bin:
    """Values up to and including `upto` that no earlier bin took; the last may be open (infinite)."""

    upto: float
    code: str


@dataclass(frozen=True)
class DimensionRule:
    """A leaf code for every row: by a code map, by bins, by the value itself, or one fixed code."""

    dimension: str
    source: Source | None  # None when the code is fixed
    codes: Mapping[str, str]  # value on the tape -> leaf code; empty with bins
    bins: tuple[Bin, ...]
    default: str | None  # where every other value goes, and blanks too unless `blank` says otherwise
    blank: str | None = None


@dataclass(frozen=True)
class Currency:
    """The currency of each row, and what one unit of it is worth in the measure's own unit."""

    source: Source
    rates: Mapping[str, float]  # upper-case codes; the measure's own unit is among them, at 1


@dataclass(frozen=True)
class MeasureRule:
    """What a row adds to a measure. Without a source every row counts as one."""

    measure: str
    source: Source | None
    distinct: bool = False
    scale: float = 1.0
    currency: Currency | None = None


@dataclass(frozen=True)
class PreviousRule:
    """How the tape of the period before is read, and the columns on which it is joined to this period's."""

    on: tuple[str, ...]
    reading: Reading
    period: Source | None = None  # None where both tapes tell their period alike


@dataclass(frozen=True)
class TapeMapping:
    """A mapping file that fits its template."""

    template: str
    period: Source | None  # None when every row is of the fixed period
    fixed_period: str | None
    dimensions: tuple[DimensionRule, ...]  # in the template's order
    measures: tuple[MeasureRule, ...]
    borrower: Source
    group: Source | None
    where: Source | None = None  # the condition of the rows that count; all rows without one
    reading: Reading = field(default_factory=Reading)
    previous: PreviousRule | None = None

    def sources(self) -> tuple[Source, ...]:
        """Every source that is read, in the file's order."""
        found = [self.period, *(rule.source for rule in self.dimensions), *(rule.source for rule in self.measures)]
        found += [rule.currency.source for rule in self.measures if rule.currency is not None]
        return tuple(source for source in [*found, self.borrower, self.group] if source is not None)
