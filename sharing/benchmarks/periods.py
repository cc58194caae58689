"""Arithmetic of SDMX periods: "2026-10", "2026-Q4", "2026"."""

from __future__ import annotations

from datetime import date

PERIODS_A_YEAR = {"M": 12, "Q": 4, "A": 1}


def earlier(period: str, frequency: str, by: int) -> str:
    """The period that lies `by` periods before: ("2026-01", "M", 1) -> "2025-12"."""
    if frequency == "A":
        return f"{int(period) - by:04d}"
    per_year = PERIODS_A_YEAR[frequency]
    year, part = period.split("-")
    count = int(year) * per_year + int(part.removeprefix("Q")) - 1 - by
    number = count % per_year + 1
    return f"{count // per_year:04d}-{f'Q{number}' if frequency == 'Q' else f'{number:02d}'}"


def first_day_after(period: str, frequency: str, months: int = 0) -> date:
    """The day on which the period, and so many months more, are over."""
    year, _dash, part = period.partition("-")
    length = 12 // PERIODS_A_YEAR[frequency]
    number = int(part.removeprefix("Q")) if part else 1
    count = int(year) * 12 + number * length + months
    return date(count // 12, count % 12 + 1, 1)
