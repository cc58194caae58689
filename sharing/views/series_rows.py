"""The rows of a series' table. Joined, not templated: ten years of months are some fourteen hundred fields."""

from __future__ import annotations

from collections.abc import Sequence

from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import SafeString

from consortium.web import formats
from sharing.benchmarks.trends import Change, Line
from sharing.templatetags.benchmarks import exact, moved


def series_rows(lines: Sequence[Line], kind: str, *, has_own: bool, has_deciles: bool) -> SafeString:
    """One row a period: our own figure, the published ones and how the pooled rate moved."""
    withheld = render_to_string("web/_withheld.html").strip()
    figures = ("median", "p10", "p25", "p75", "p90", "pooled") if has_deciles else ("median", "p25", "p75", "pooled")
    nothing = f'<td class="is-withheld" colspan="{len(figures) + 3}">{withheld}</td>'
    return SafeString(
        "".join(
            f'<tr><th scope="row" class="nowrap">{escape(formats.period(line.period))}</th>{_own(line, kind) if has_own else ""}'
            f"{nothing if line.figures.withheld else _published(line, figures, kind, withheld)}</tr>"
            for line in lines
        )
    )


def _own(line: Line, kind: str) -> str:
    own = line.figures.own
    return _field(exact(own.rate if own else None, kind))


def _published(line: Line, figures: Sequence[str], kind: str, withheld: str) -> str:
    values = (getattr(line.figures, figure) for figure in figures)
    fields = [_field(withheld if value is None else exact(value, kind)) for value in values]
    moves = [_field(moved(_pooled(change), kind)) for change in (line.on_period, line.on_year)]
    return "".join([*fields, *moves, _field(str(line.figures.contributors))])


def _pooled(change: Change | None) -> float | None:
    return change.pooled if change else None


def _field(content: str) -> str:
    return f'<td class="number">{content}</td>'
