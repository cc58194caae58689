"""What a loan tape looks like from outside: enough to write a mapping file, without showing anybody's row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from anonymize.identifiers import IdentifierFinding, looks_personal, scan
from anonymize.tape import Column, Tape, quoted

MOST_CODES = 40  # a column with more different values is no code list
KEY_FROM = 1_000_000  # whole numbers this large, mostly different, are keys

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
    rows = tape.run("SELECT count(*) FROM tape")[0][0]
    columns = tuple(_column(tape, column, shows=column.name not in personal) for column in tape.columns)
    direct = tuple(finding for finding in found if finding.is_direct)
    return TapeProfile(tape.files, rows, columns, direct, tuple(each for each in found if not each.is_direct))


def _column(tape: Tape, column: Column, *, shows: bool) -> ColumnProfile:
    text = f"nullif(trim({quoted(column.name)}::VARCHAR), '')"
    filled, different, numbers, wholes, dates, *ends = tape.run(
        f"SELECT count(text), approx_count_distinct(text), count(number), count_if(number = floor(number)), count(date), "
        f"min(number), max(number), min(date), max(date) FROM (SELECT {text} AS text, try_cast({text} AS DOUBLE) AS number, "
        f"try_cast({text} AS DATE) AS date FROM tape)"
    )[0]
    kind = _kind(filled, numbers, wholes, dates)
    shown: tuple[str, ...] = ()
    if shows and kind == "date":
        shown = (str(ends[2]), str(ends[3]))
    elif shows and kind in {"number", "whole number"} and not _is_key(kind, filled, different, ends):
        shown = (f"{ends[0]:g}", f"{ends[1]:g}")
    codes = _codes(tape, text) if shows and kind in {"text", "whole number"} and different <= MOST_CODES else ()
    return ColumnProfile(column.name, column.type, kind, filled, min(different, filled), shown, codes)


def _kind(filled: int, numbers: int, wholes: int, dates: int) -> Kind:
    if not filled:
        return "empty"
    if numbers == filled:
        return "whole number" if wholes == filled else "number"
    return "date" if dates == filled else "text"


def _is_key(kind: Kind, filled: int, different: int, ends: list[Any]) -> bool:
    largest = max(abs(ends[0]), abs(ends[1]))
    return kind == "whole number" and different > filled / 10 and largest >= KEY_FROM


def _codes(tape: Tape, text: str) -> tuple[str, ...]:
    """The different values, most frequent first, when each stands for many rows; nothing when one may be a person's."""
    rows = tape.run(f"SELECT {text} AS code, count(*) FROM tape WHERE code IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1")
    if len(rows) > MOST_CODES or any(looks_personal(code) for code, _ in rows):
        return ()
    return tuple(code for code, _ in rows)
