"""Periods as SDMX writes them, as spans of days, so that 2026 holds 2026-Q3 and 2026-10."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from sharing.sdmx.errors import syntax

_MONTHS = {"A": 12, "S": 6, "T": 4, "Q": 3, "M": 1}
_NO_PERIOD = "This is no period: it looks like 2026, 2026-Q3, 2026-10 or 2026-10-31."
_FORMS = re.compile(
    r"(?P<year>\d{4})(?:-?(?P<kind>[ASTQMWD])(?P<number>\d{1,3})|-(?P<month>\d{2})(?:-(?P<day>\d{2})(?:T[0-9:.]+Z?)?)?)?"
)


@dataclass(frozen=True)
class Span:
    first: date
    last: date

    @classmethod
    def read(cls, text: str) -> Span:
        """SdmxError when it is no period of SDMX."""
        found = _FORMS.fullmatch(text)
        if found is None:
            raise syntax(_NO_PERIOD)
        try:
            return _span(found)
        except (ValueError, OverflowError) as wrong:
            raise syntax(_NO_PERIOD) from wrong


def _span(found: re.Match[str]) -> Span:
    year = int(found["year"])
    if found["day"]:
        day = date(year, int(found["month"]), int(found["day"]))
        return Span(day, day)
    if found["month"]:
        return _months(year, int(found["month"]), 1)
    if not found["kind"]:
        return _months(year, 1, 12)
    number = int(found["number"])
    if found["kind"] == "D":
        day = date(year, 1, 1) + timedelta(days=number - 1)
        return Span(day, day)
    if found["kind"] == "W":
        monday = date.fromisocalendar(year, number, 1)
        return Span(monday, monday + timedelta(days=6))
    length = _MONTHS[found["kind"]]
    return _months(year, (number - 1) * length + 1, length)


def _months(year: int, month: int, length: int) -> Span:
    if not 1 <= month <= 13 - length:
        raise ValueError(month)
    after = month + length
    last = date(year, 12, 31) if after == 13 else date(year, after, 1) - timedelta(days=1)
    return Span(date(year, month, 1), last)
