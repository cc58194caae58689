"""Is it us, or is it everybody? The own change beside the peer median's, from published figures alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sharing.benchmarks.explorer import Figures, Point
from sharing.benchmarks.trends import Change, on_last_period, on_last_year


class Verdict(StrEnum):
    LEVEL = "level"  # hardly anything moved
    EVERYBODY = "everybody"  # the peers moved with us
    BOTH = "both"
    US = "us"  # we moved, the peers did not, or the other way
    LESS = "less"  # the peers moved and we held
    OPEN = "open"  # there is nothing to compare


# Below this a change is noise to a reader: 0.05 percentage points of a rate, a hundredth of hours or of a quotient.
LEVEL = 0.0005
LEVEL_SHARE = 0.01
# Of our change, the share that the peer median made as well.
MOSTLY, PARTLY = 0.6, 0.25


@dataclass(frozen=True)
class Answer:
    """`change` covers a year where there are figures for it, else the last period; None with neither."""

    verdict: Verdict
    now: Figures
    change: Change | None
    over_a_year: bool


def answer(points: Sequence[Point], frequency: str, kind: str = "percent") -> Answer | None:
    """None without a single published period. `kind` is the indicator's format."""
    if not points:
        return None
    over_a_year, over_a_period = on_last_year(points, frequency), on_last_period(points, frequency)
    comparable = [change for change in (over_a_year, over_a_period) if change and change.median is not None]
    change = next(iter(comparable), None) or over_a_year or over_a_period
    return Answer(
        _verdict(change, _level(points[-1].figures, kind)),
        points[-1].figures,
        change,
        change is not None and change is over_a_year,
    )


def _level(now: Figures, kind: str) -> float:
    if kind == "percent" or now.median is None:
        return LEVEL
    return LEVEL_SHARE * abs(now.median)


def _verdict(change: Change | None, level: float) -> Verdict:
    if change is None or change.own is None or change.median is None:
        return Verdict.OPEN
    if abs(change.own) < level:
        return Verdict.LEVEL if abs(change.median) < level else Verdict.LESS
    share = change.median / change.own
    if share >= MOSTLY:
        return Verdict.EVERYBODY
    return Verdict.BOTH if share >= PARTLY else Verdict.US
