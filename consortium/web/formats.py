"""Figures and periods as a person reads them, in the language of the page."""

from __future__ import annotations

from datetime import date

from django.utils.dateformat import format as format_date
from django.utils.formats import get_format, number_format
from django.utils.translation import gettext as _, pgettext

MINUS = "−"
NOTHING = "–"


def percent(fraction: float | None, digits: int = 2) -> str:
    """A fraction as a percentage: 0.0312 is "3.12%"; a dash when there is none."""
    return NOTHING if fraction is None else f"{_signed(fraction * 100, digits)}%"


def points(fraction: float | None, digits: int = 2) -> str:
    """A difference of two fractions in percentage points, always signed: "+0.80 pp"."""
    if fraction is None:
        return NOTHING
    return pgettext("percentage points", "%s pp") % _signed(fraction * 100, digits, plus=True)


def figure(value: float | None, kind: str = "percent", digits: int = 2) -> str:
    """An indicator's value by the template's `format`: `percent` or `number`."""
    if kind == "percent":
        return percent(value, digits)
    return NOTHING if value is None else _signed(value, digits)


def difference(value: float | None, kind: str = "percent", digits: int = 2) -> str:
    if kind == "percent":
        return points(value, digits)
    return NOTHING if value is None else _signed(value, digits, plus=True)


def size(value: float, kind: str = "percent", digits: int = 2) -> str:
    """How much something moved, without saying which way: "0.80 points"."""
    text = _signed(abs(value) * (100 if kind == "percent" else 1), digits)
    return pgettext("percentage points, in a sentence", "%s points") % text if kind == "percent" else text


def is_nothing(value: float, kind: str = "percent", digits: int = 2) -> bool:
    """Whether a difference would be shown as nought."""
    return round(abs(value) * (100 if kind == "percent" else 1), digits) == 0


def period(text: str, *, short: bool = False) -> str:
    """An SDMX period in words: "2026-10" is "October 2026", "2025-Q4" is "Q4 2025"; short: "Oct 2026"."""
    if "-Q" in text:
        year, _q, quarter = text.partition("-Q")
        return _("Q%(quarter)s %(year)s") % {"quarter": quarter, "year": year}
    if "-" in text:
        first_day = date.fromisoformat(f"{text}-01")
        return format_date(first_day, _("M Y") if short else get_format("YEAR_MONTH_FORMAT"))
    return text


def _signed(value: float, digits: int, *, plus: bool = False) -> str:
    rounded = round(value, digits)
    sign = MINUS if rounded < 0 else "+" if plus and rounded > 0 else ""
    return sign + number_format(abs(rounded), digits, use_l10n=True)
