"""Small drawings inside tables and tiles, as SVG text: no script, no style attribute, colours from the style sheet."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from sharing.benchmarks.explorer import Figures

Values = Sequence[float | None]


def exact(value: float, text: str) -> SafeString:
    """A figure as a person reads it, with every digit of it for programs."""
    return SafeString(f'<data value="{float(value)!r}">{escape(text)}</data>')


def sparkline(*lines: tuple[Values, str], width: int = 120, height: int = 32) -> SafeString:
    """Lines of equal length on one scale, each with its CSS class, broken where a value is missing.

    Empty where no line has two values.
    """
    if all(sum(value is not None for value in values) < 2 for values, _css in lines):
        return SafeString("")
    known = [value for values, _css in lines for value in values if value is not None]
    low, span = min(known), (max(known) - min(known)) or 1.0
    paths = [
        (css, _path([None if value is None else (value - low) / span for value in values], width, height))
        for values, css in lines
    ]
    return format_html(
        '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true">{}</svg>',
        width, height, format_html_join("", '<path class="{}" d="{}"/>', paths),
    )  # fmt: skip


def _path(heights: Values, width: int, height: int) -> str:
    """SVG path commands through heights between 0 and 1, with room for the stroke above and below."""
    step = width / max(len(heights) - 1, 1)
    commands, pen = [], "M"
    for position, value in enumerate(heights):
        if value is not None:
            commands.append(f"{pen}{position * step:.1f} {height - 3 - value * (height - 6):.1f}")
        pen = "M" if value is None else "L"
    return "".join(commands)


class RangeScale:
    """One scale for the range drawings of a table, so that its rows compare."""

    def __init__(self, rows: Sequence[Figures], width: int = 144) -> None:
        known = [value for row in rows for value in _values(row) if value is not None]
        self.low = min(known, default=0.0)
        self.span = (max(known, default=1.0) - self.low) or 1.0
        self.width = width

    def at(self, value: float) -> str:
        return f"{4 + (value - self.low) / self.span * (self.width - 8):.1f}"

    def draw(self, figures: Figures) -> SafeString:
        """The middle half of the peers as a bar, their median as a tick, our own figure as a dot."""
        parts: list[tuple[str]] = []
        if figures.p25 is not None and figures.p75 is not None:
            left, right = float(self.at(figures.p25)), float(self.at(figures.p75))
            parts.append((format_html('<rect class="band-peers" x="{}" y="5" width="{}" height="10" rx="2"/>',
                                      f"{left:.1f}", f"{max(right - left, 1):.1f}"),))  # fmt: skip
        if figures.median is not None:
            parts.append((format_html('<path class="line-peers" d="M{0} 3V17"/>', self.at(figures.median)),))
        if figures.own is not None:
            parts.append((format_html('<circle class="dot-ours" cx="{}" cy="10" r="4"/>', self.at(figures.own.rate)),))
        return format_html(
            '<svg class="range" viewBox="0 0 {} 20" aria-hidden="true"><path class="axis" d="M0 10H{}"/>{}</svg>',
            self.width, self.width, format_html_join("", "{}", parts),
        )  # fmt: skip


def _values(row: Figures) -> tuple[float | None, ...]:
    return (row.p25, row.median, row.p75, row.own.rate if row.own else None)
