"""A first mapping of an unknown tape: proposed from the names and values of its columns, for a person to check.

A column with direct identifiers, or one that singles out rows, is never proposed as a dimension. Values are shown only
where they mean a code of the template, or cannot be about a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from anonymize.identifiers import looks_personal
from anonymize.mappings.proposal_codes import bins_of, code_for, graded, meanings, plain, words
from anonymize.profile import ColumnProfile, TapeProfile, profile
from anonymize.tape import Tape
from anonymize.tapes.sql import quoted
from anonymize.template import Dimension, Measure, Template

Confidence = Literal["high", "medium", "low", "none"]
MOST_VALUES = 60  # a column with more different values is no code list
ENOUGH = 0.5


@dataclass(frozen=True)
class Guess:
    """One table of the mapping. Without a column and an expression somebody has to choose."""

    table: str  # "dimensions.PRODUCT"
    confidence: Confidence
    why: str
    column: str | None = None
    sql: str | None = None
    codes: dict[str, str] = field(default_factory=dict)  # an empty code has to be chosen
    bins: list[tuple[float | None, str]] = field(default_factory=list)
    hidden: int = 0  # values without a code that are not shown, because they may be about persons


@dataclass(frozen=True)
class Proposal:
    template: str
    guesses: tuple[Guess, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The tables for which somebody has to choose."""
        return tuple(each.table for each in self.guesses if _is_open(each))


def propose(tape: Tape, template: Template) -> Proposal:
    """A guess for every table that a mapping of the template needs."""
    seen = profile(tape)
    barred = {each.column for each in (*seen.identifiers, *seen.singling_out)}
    lists = [each for each in seen.columns if each.kind not in {"date", "empty"} and each.different <= MOST_VALUES]
    values = {each.name: _different(tape, each.name) for each in lists if each.name not in barred}
    return _Proposer(template, seen, values).proposal()


def _different(tape: Tape, column: str) -> list[str]:
    text = f"trim({quoted(column)}::VARCHAR)"
    rows = tape.run(f"SELECT DISTINCT {text} FROM tape WHERE {text} <> '' ORDER BY 1 LIMIT {MOST_VALUES + 1}")
    return [str(row[0]) for row in rows]


@dataclass(frozen=True)
class _Proposer:
    template: Template
    seen: TapeProfile
    values: dict[str, list[str]]  # of each column that may be a code list

    def proposal(self) -> Proposal:
        dimensions = [self._dimension(each) for each in self.template.dimensions]
        amounts = [self._measure(each) for each in self.template.measures if each.type == "amount"]
        group = self._named("group", self._usable(keys=True))
        borrower = [self._borrower(), *([_guess("borrower.group", group[0], group[1])] if group else [])]
        return Proposal(self.template.id, (self._period(), *dimensions, *amounts, *borrower))

    def _period(self) -> Guess:
        found = self._named("period", self._usable(dates=True))
        return _guess("period", *found) if found else _open("period", "no column is named like a reporting date")

    def _borrower(self) -> Guess:
        keys = self._usable(keys=True)
        if found := self._named("borrower", keys):
            return _guess("borrower.id", *found)
        if found := self._named("loan", keys):
            why = f"{found[1]}; no key of borrowers was found, so that every loan would be a borrower of its own"
            return Guess("borrower.id", "low", why, column=found[0])
        return _open("borrower.id", "no column is named like the bank's key of a borrower")

    def _measure(self, measure: Measure) -> Guess:
        table = f"measures.{measure.id}"
        numbers = [each for each in self._usable() if each.kind in {"number", "whole number"}]
        found = self._named(measure.id, numbers, tuple(measure.names.values()))
        return _guess(table, *found) if found else _open(table, "no column of numbers is named like it")

    def _dimension(self, dimension: Dimension) -> Guess:
        table, usable = f"dimensions.{dimension.id}", self._usable()
        names = tuple(dimension.names.values())
        bins = bins_of(dimension)
        numbers = [each for each in usable if each.kind in {"number", "whole number"}]
        if bins and (found := self._named(dimension.id, numbers, names)):
            return Guess(table, "high", f"{found[1]}; the bins are those of the codes", column=found[0], bins=bins)
        if dimension.id == "MONTHS_ON_BOOK" and (months := self._months(table, bins)):
            return months
        return self._coded(table, dimension, names)

    def _months(self, table: str, bins: list[tuple[float | None, str]]) -> Guess | None:
        dates = self._usable(dates=True)
        opened, report = self._named("origination", dates), self._named("period", dates)
        if not opened or not report:
            return None
        sql = f"datediff('month', {_date(opened[0])}, {_date(report[0])})"
        return Guess(table, "medium", "calendar months from origination to the reporting date", sql=sql, bins=bins)

    def _coded(self, table: str, dimension: Dimension, names: tuple[str, ...]) -> Guess:
        """The column whose name and values fit the code list best."""
        best: tuple[float, Guess] = (0.0, _open(table, "no column has its name or its codes"))
        for column in self.values:
            named = _likeness(column, dimension.id, names)
            guess, share = self._values(table, dimension, column, named)
            score = 0.6 * named + 0.6 * share
            if score >= ENOUGH and score > best[0]:
                best = (score, guess)
        return best[1]

    def _values(self, table: str, dimension: Dimension, column: str, named: float) -> tuple[Guess, float]:
        values, known = self.values[column], meanings(dimension)
        codes = {value: code for value in values if (code := code_for(value, known))}
        why = f"{len(codes)} of its {len(values)} values mean codes" + (", and its name fits" if named else "")
        if not codes and named and (codes := graded(values, dimension)):
            why = "its name fits; its grades were divided by their order, which only the bank can judge"
            return Guess(table, "low", why, column=column, codes=codes), 1.0
        unknown = [value for value in values if value not in codes]
        shown = [] if any(map(looks_personal, unknown)) else unknown
        share = len(codes) / len(values) if values else 0.0
        confidence: Confidence = "high" if named and share == 1 else "medium" if share > ENOUGH else "low"
        found = {**codes, **dict.fromkeys(shown, "")}
        return Guess(table, confidence, why, column, codes=found, hidden=len(unknown) - len(shown)), share

    def _usable(self, *, keys: bool = False, dates: bool = False) -> list[ColumnProfile]:
        """Columns without direct identifiers; those that single out rows only where keys are wanted."""
        barred = {each.column for each in self.seen.identifiers}
        if not keys:
            barred |= {each.column for each in self.seen.singling_out}
        filled = [each for each in self.seen.columns if each.kind != "empty" and each.name not in barred]
        return [each for each in filled if each.kind in {"date", "text", "whole number"}] if dates else filled

    def _named(self, role: str, columns: list[ColumnProfile], names: tuple[str, ...] = ()) -> tuple[str, str] | None:
        """The column whose name is most like a role's, and why."""
        rated = [(_likeness(each.name, role, names), each.name) for each in columns]
        score, name = max(rated, default=(0.0, ""), key=lambda each: each[0])
        if score < ENOUGH:
            return None
        return name, "its name fits" if score == 1 else "its name is like it"


def _likeness(name: str, role: str, names: tuple[str, ...]) -> float:
    """1 where a column is called what the role is called, less where its name only holds such a word."""
    wanted = [plain(each) for each in (role, *words()["columns"].get(role, ()), *names)]
    given = plain(name)
    if given in wanted:
        return 1.0
    if any(given == plain(word) for called in words()["columns"].values() for word in called):
        return 0.0  # it is called what something else is
    longer = [each for each in wanted if each in given and (len(each) > 4 or not each.isascii()) and len(each) > 1]
    return 0.5 + 0.4 * max(map(len, longer)) / len(given) if longer else 0.0


def _guess(table: str, column: str, why: str) -> Guess:
    return Guess(table, "high" if why == "its name fits" else "medium", why, column=column)


def _open(table: str, why: str) -> Guess:
    return Guess(table, "none", why)


def _is_open(guess: Guess) -> bool:
    return (guess.column is None and guess.sql is None) or "" in guess.codes.values() or guess.hidden > 0


def _date(column: str) -> str:
    return f"try_cast({quoted(column)} AS DATE)"
