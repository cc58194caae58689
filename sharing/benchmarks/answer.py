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


# Below this a change is noise to a reader: 0.05 percentage points, or 5 % of the figure where figures are small.
LEVEL = 0.0005
# Of our change, the share that the peer median made as well.
MOSTLY, PARTLY = 0.6, 0.25


@dataclass(frozen=True)
class Answer:
    """`change` covers a year where there are figures for it, else the last period; None with neither."""

    verdict: Verdict
    now: Figures
    change: Change | None
    over_a_year: bool


def answer(points: Sequence[Point], frequency: str) -> Answer | None:
    """None without a single published period."""
    if not points:
        return None
    over_a_year, over_a_period = on_last_year(points, frequency), on_last_period(points, frequency)
    comparable = [change for change in (over_a_year, over_a_period) if change and change.median is not None]
    change = next(iter(comparable), None) or over_a_year or over_a_period
    return Answer(_verdict(change), points[-1].figures, change, change is not None and change is over_a_year)


def _verdict(change: Change | None) -> Verdict:
    if change is None or change.own is None or change.median is None:
        return Verdict.OPEN
    if abs(change.own) < LEVEL:
        return Verdict.LEVEL if abs(change.median) < LEVEL else Verdict.LESS
    share = change.median / change.own
    if share >= MOSTLY:
        return Verdict.EVERYBODY
    return Verdict.BOTH if share >= PARTLY else Verdict.US
