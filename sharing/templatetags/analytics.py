"""Figures of the analyses in templates."""

from __future__ import annotations

from django import template

from consortium.web import formats
from sharing.analytics.intervals import Interval

register = template.Library()


@register.filter
def digits(value: float | str | None, count: int) -> str:
    """A number with so many digits after the point; a dash when there is none."""
    # A template gives "" for an attribute of None.
    return formats.figure(None if isinstance(value, str) else value, "number", count)


@register.filter
def span(value: Interval | str | None, kind: str) -> str:
    """Both ends of an interval, once where they are equal: "2.10% – 2.40%". `kind` as of `figure`, or "index"."""
    if not isinstance(value, Interval):
        return formats.NOTHING
    form, count = ("number", 3) if kind == "index" else (kind, 2)
    low, high = (formats.figure(end, form, count) for end in (value.low, value.high))
    return low if low == high else f"{low} – {high}"
