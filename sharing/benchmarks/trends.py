"""How the latest published figure moved: on the period before and on the same period a year before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sharing.benchmarks.explorer import Figures, Point
from sharing.benchmarks.periods import PERIODS_A_YEAR, earlier


@dataclass(frozen=True)
class Change:
    """Differences in fractions of one (0.008 is 0.8 percentage points); None where either figure is missing."""

    since: str
    pooled: float | None
    median: float | None
    own: float | None


def on_last_period(points: Sequence[Point], frequency: str) -> Change | None:
    """The change of the last point on the period just before it; None when that period has no point."""
    return _change(points, frequency, 1)


def on_last_year(points: Sequence[Point], frequency: str) -> Change | None:
    """The change of the last point on the same period a year before; None when that period has no point."""
    return _change(points, frequency, PERIODS_A_YEAR[frequency])


def _change(points: Sequence[Point], frequency: str, by: int) -> Change | None:
    if not points:
        return None
    now = points[-1]
    wanted = earlier(now.period, frequency, by)
    before = next((point for point in reversed(points) if point.period == wanted), None)
    return None if before is None else between(before.figures, now.figures, since=before.period)


def between(before: Figures, now: Figures, *, since: str) -> Change:
    """How the same cell moved from one period to another."""
    return Change(
        since=since,
        pooled=_difference(now.pooled, before.pooled),
        median=_difference(now.median, before.median),
        own=_difference(_own(now), _own(before)),
    )


@dataclass(frozen=True)
class Line:
    """One cell of a view with the period it is of, and how it moved on the period and on the year before."""

    period: str
    figures: Figures
    on_period: Change | None = None
    on_year: Change | None = None


def lines(points: Sequence[Point], frequency: str) -> list[Line]:
    """Every point of a series with its changes."""
    by_period = {point.period: point.figures for point in points}

    def change(point: Point, by: int) -> Change | None:
        since = earlier(point.period, frequency, by)
        return between(by_period[since], point.figures, since=since) if since in by_period else None

    return [
        Line(point.period, point.figures, change(point, 1), change(point, PERIODS_A_YEAR[frequency]))
        for point in points
    ]


def _own(figures: Figures) -> float | None:
    return None if figures.own is None else figures.own.rate


def _difference(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before
