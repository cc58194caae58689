"""How tapes write the period a row belongs to: dates, months, quarters, with or without separators."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from anonymize.tapes.sql import literal
from anonymize.template import Frequency

EXAMPLES = "2026-10-31, 2026-10, 202610, 2026/10/31, 2026年10月, 2026-Q4"

_QUARTER = re.compile(r"(\d{4})[-/. ]?Q([1-4])$", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})([-/.年]?)(\d{1,2})(?!\d{3})")


def period_of(text: str, frequency: Frequency) -> str | None:
    """The SDMX period that a text on a tape stands for, or None when it stands for none."""
    text = text.strip()
    quarter = _QUARTER.fullmatch(text)
    if quarter:
        return {"Q": f"{quarter[1]}-Q{quarter[2]}", "A": quarter[1]}.get(frequency)
    if frequency == "A" and re.fullmatch(r"\d{4}年?", text):
        return text[:4]
    found = _DATE.match(text)
    if not found or not 1 <= int(found[3]) <= 12 or (not found[2] and len(found[3]) < 2):
        return None
    year, month = found[1], int(found[3])
    return {"M": f"{year}-{month:02}", "Q": f"{year}-Q{(month + 2) // 3}", "A": year}[frequency]


def in_period(expression: str, period: str, frequency: Frequency) -> str:
    """An SQL condition that is true for most rows of the period; `period_of` decides about the others."""
    starts = [f"starts_with({expression}, {literal(start)})" for start in _starts(period, frequency)]
    return f"({' OR '.join(starts)})"


def _starts(period: str, frequency: Frequency) -> Sequence[str]:
    year = period[:4]
    if frequency == "A":
        return (f"{year}-", f"{year}/")
    if frequency == "M":
        month = period[5:]
        return (f"{year}-{month}", f"{year}{month}", f"{year}/{month}")
    last = 3 * int(period[-1])
    return tuple(f"{year}-{month:02}" for month in (last, last - 1, last - 2))


def bounds(period: str) -> tuple[date, date]:
    """The first day of a period and the first day after it."""
    first, months = _months(period)
    after = first + months
    return date(first // 12, first % 12 + 1, 1), date(after // 12, after % 12 + 1, 1)


def before(period: str) -> str:
    """The period before: 2026-12 before 2027-01, 2026-Q4 before 2027-Q1."""
    first, months = _months(period)
    year, month = divmod(first - months, 12)
    return {1: f"{year}-{month + 1:02}", 3: f"{year}-Q{month // 3 + 1}", 12: f"{year}"}[months]


def _months(period: str) -> tuple[int, int]:
    """The first month, counted from the year 0, and how many there are."""
    year = 12 * int(period[:4])
    if len(period) == len("2026"):
        return year, 12
    if period[5] == "Q":
        return year + 3 * int(period[6]) - 3, 3
    return year + int(period[5:]) - 1, 1
