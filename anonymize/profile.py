"""What a loan tape looks like from outside: enough to write a mapping file, without showing anybody's row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from anonymize.identifiers import IdentifierFinding, looks_personal, scan
from anonymize.tape import SAMPLE, TAPE, Column, Tape, quoted

MOST_CODES = 40  # a column with more different values is no code list
KEY_FROM = 1_000_000  # whole numbers this large, mostly different, are keys

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "U", "FLOAT", "DOUBLE", "DECIMAL")

Kind = Literal["whole number", "number", "date", "text", "empty"]


@dataclass(frozen=True)
class ColumnProfile:
    """`range` and `codes` are empty wherever they could show somebody's key or name."""

    name: str
    type: str
    kind: Kind
    filled: int
    different: int  # approximate on large tapes
    range: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TapeProfile:
    files: tuple[str, ...]
    rows: int
    columns: tuple[ColumnProfile, ...]
    identifiers: tuple[IdentifierFinding, ...]
    singling_out: tuple[IdentifierFinding, ...]  # free text and keys of rows


def profile(tape: Tape) -> TapeProfile:
    """Rows, columns with kinds, ranges and codes, the direct identifiers found, and what else singles out rows."""
    found = scan(tape)
    personal = {finding.column for finding in found}
    looks = [_Look(column, _guess(tape, column)) for column in tape.columns]
    rows, *counts = tape.run(f"SELECT {', '.join(['count(*)', *(look.counts for look in looks)])} FROM {TAPE}")[0]
    columns = tuple(
        _column(tape, look, _Counts(*counts[5 * at : 5 * at + 5]), shows=look.column.name not in personal)
        for at, look in enumerate(looks)
    )
    direct = tuple(finding for finding in found if finding.is_direct)
    return TapeProfile(tape.files, rows, columns, direct, tuple(each for each in found if not each.is_direct))


@dataclass(frozen=True)
class _Look:
    """How a column is counted: as what it is by its type, or, being text, by what a sample of it looks like."""

    column: Column
    guess: Literal["number", "date", "text"]

    @property
    def text(self) -> str:
        return f"nullif(trim({quoted(self.column.name)}::VARCHAR), '')"

    @property
    def counts(self) -> str:
        """The SQL of the five members of `_Counts`."""
        filled = self.text if self.column.type == "VARCHAR" else quoted(self.column.name)
        if self.guess == "text":
            return f"count({filled}), approx_count_distinct({filled}), 0, NULL, NULL"
        value = f"try_cast({filled} AS {'DOUBLE' if self.guess == 'number' else 'DATE'})"
        whole = f"count_if({value} = floor({value}))" if self.guess == "number" else f"count({value})"
        fits = f"if(count({value}) = count({filled}), 1 + ({whole} = count({filled}))::INT, 0)"
        return f"count({filled}), approx_count_distinct({filled}), {fits}, min({value}), max({value})"


class _Counts(NamedTuple):
    """`fits`: 0 where not every value is what was guessed, 1 where it is, 2 where it is a whole number or a date."""

    filled: int
    different: int
    fits: int
    least: Any
    most: Any


def _guess(tape: Tape, column: Column) -> Literal["number", "date", "text"]:
    if column.type != "VARCHAR":
        if column.type == "DATE" or column.type.startswith("TIMESTAMP"):
            return "date"
        return "number" if column.type.startswith(_NUMBERS) else "text"
    text = f"nullif(trim({quoted(column.name)}), '')"
    filled, numbers, dates = tape.run(
        f"SELECT count({text}), count(try_cast({text} AS DOUBLE)), count(try_cast({text} AS DATE)) FROM {SAMPLE}"
    )[0]
    return "number" if numbers == filled else "date" if dates == filled else "text"


def _column(tape: Tape, look: _Look, counts: _Counts, *, shows: bool) -> ColumnProfile:
    kind = _kind(look, counts)
    shown: tuple[str, ...] = ()
    if shows and kind == "date":
        shown = (str(counts.least)[:10], str(counts.most)[:10])
    elif shows and kind in {"number", "whole number"} and not _is_key(kind, counts):
        shown = (f"{counts.least:g}", f"{counts.most:g}")
    has_codes = shows and kind in {"text", "whole number"} and counts.different <= MOST_CODES
    return ColumnProfile(
        name=look.column.name,
        type=look.column.type,
        kind=kind,
        filled=counts.filled,
        different=min(counts.different, counts.filled),
        range=shown,
        codes=_codes(tape, look.text) if has_codes else (),
    )


def _kind(look: _Look, counts: _Counts) -> Kind:
    if not counts.filled:
        return "empty"
    if not counts.fits or look.guess == "text":
        return "text"
    if look.guess == "date":
        return "date"
    return "whole number" if counts.fits == 2 else "number"


def _is_key(kind: Kind, counts: _Counts) -> bool:
    largest = max(abs(counts.least), abs(counts.most))
    return kind == "whole number" and counts.different > counts.filled / 10 and largest >= KEY_FROM


def _codes(tape: Tape, text: str) -> tuple[str, ...]:
    """The different values, most frequent first, when each stands for many rows; nothing when one may be a person's."""
    rows = tape.run(f"SELECT {text} AS code, count(*) FROM tape WHERE code IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1")
    if len(rows) > MOST_CODES or any(looks_personal(code) for code, _ in rows):
        return ()
    return tuple(code for code, _ in rows)
