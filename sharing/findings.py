"""What each view of the explorer shows, in one sentence that can head it in a paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from consortium.web import formats
from sharing import charts
from sharing.benchmarks.explorer import Figures, Point
from sharing.benchmarks.heat_map import HeatMap
from sharing.benchmarks.mix import Mix
from sharing.benchmarks.trends import Line
from sharing.sentences import BANDS


def over_time(points: Sequence[Point], kind: str, *, us: str | None) -> str:
    return charts.time_series_in_words(points, kind, us=us)


def among_peers(now: Figures, kind: str, *, us: str | None) -> str:
    """Where we stand among the peers, else where the peers stand."""
    own = now.own
    if us is None or own is None or own.band is None or own.to_median is None:
        return charts.distribution_in_words(now, kind, us=us)
    return _("%(us)s: %(band)s, %(distance)s from the median.") % {
        "us": us,
        "band": BANDS[own.band],
        "distance": formats.difference(own.to_median, kind),
    }


def broken_down(lines: Sequence[tuple[str, Line]], kind: str) -> str:
    """The highest and the lowest pooled rate of a breakdown; `lines` has the parts without their total."""
    known = [(line.figures.pooled, name) for name, line in lines if line.figures.pooled is not None]
    if len(known) < 2:
        return _("Fewer than two parts of this view are published.")
    return _extremes(max(known), min(known), kind)


def laid_out(found: HeatMap, names: Mapping[str, Mapping[str, str]], panels: Sequence[str], kind: str) -> str:
    """The highest and the lowest figure of the first panel's crossings."""
    rows, columns = names[found.row_dimension], names[found.column_dimension]
    first = found.panels[0]
    known = [
        (value, f"{columns[column]} · {rows[row]}")
        for (row, column), value in first.figures.items()
        if value is not None and row != "_T" and column != "_T"
    ]
    if len(known) < 2:
        return _("Fewer than two parts of this view are published.")
    return f"{panels[0]} · {_extremes(max(known), min(known), kind)}"


def came_from(found: Mix, kind: str) -> str:
    """How much of a change came from rates and how much from the mix."""
    parts = found.found
    return _(
        "From %(since)s to %(until)s the pooled rate moved by %(change)s: %(rate)s from rates, %(mix)s from the mix, %(rest)s rest."
    ) % {
        "since": formats.period(found.since),
        "until": formats.period(found.until),
        "change": formats.difference(parts.change, kind),
        "rate": formats.difference(parts.rate, kind),
        "mix": formats.difference(parts.mix, kind),
        "rest": formats.difference(parts.rest, kind),
    }


def _extremes(highest: tuple[float, str], lowest: tuple[float, str], kind: str) -> str:
    return _("Highest in %(high)s, %(most)s; lowest in %(low)s, %(least)s.") % {
        "high": highest[1],
        "most": formats.figure(highest[0], kind),
        "low": lowest[1],
        "least": formats.figure(lowest[0], kind),
    }
