"""Figures on pages: rounded for people, and to the last digit for programs."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from consortium.web import formats
from sharing.marks import exact as as_data

register = template.Library()


@register.filter
def exact(value: float | str | None, kind: str) -> SafeString | str:
    """An indicator's value: "3.12%", with 0.0312… beside it for whoever reads the page with a program."""
    # A template gives "" for an attribute of None.
    return formats.NOTHING if value is None or isinstance(value, str) else as_data(value, formats.figure(value, kind))


@register.filter
def moved(value: float | str | None, kind: str) -> SafeString | str:
    """A difference of two values: "+0.80 pp", with its digits beside it."""
    if value is None or isinstance(value, str):
        return formats.NOTHING
    return SafeString(f'<span class="nowrap">{as_data(value, formats.difference(value, kind))}</span>')
