"""A series that is watched: one figure of one indicator at one cell and peer group, period after period."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from sharing.benchmarks.periods import earlier

Figure = Literal["pooled", "median", "own", "distance"]
Scale = Literal["rate", "positive", "plain"]  # a fraction of one; another quotient; what is a difference already


@dataclass(frozen=True, order=True)
class Reference:
    """Which series it is. `distance` is the own rate beside the median of the peer group."""

    collection: str
    indicator: str
    peer_group: str
    key: str
    figure: Figure

    @property
    def cell(self) -> tuple[str, str, str]:
        """An alert is about a cell, whichever of its figures gave it away."""
        return self.indicator, self.peer_group, self.key


@dataclass(frozen=True)
class Series:
    """One value for every period in order; a period that is missing or withheld is a gap (NaN).

    `higher_is_worse` says which way is watched.
    """

    reference: Reference
    periods: tuple[str, ...]
    values: tuple[float, ...]
    frequency: str = "M"
    higher_is_worse: bool = True
    scale: Scale = "rate"

    def __post_init__(self) -> None:
        if len(self.periods) != len(self.values):
            raise ValueError("a series has one value for every period")

    @classmethod
    def of(
        cls,
        reference: Reference,
        found: Mapping[str, float | None],
        periods: Sequence[str],
        *,
        frequency: str,
        higher_is_worse: bool,
        scale: Scale,
    ) -> Self:
        """The series over these periods, with gaps where nothing was found."""
        values = tuple(math.nan if (value := found.get(period)) is None else value for period in periods)
        return cls(reference, tuple(periods), values, frequency, higher_is_worse, scale)


def span(first: str, last: str, frequency: str) -> list[str]:
    """Every period from the first to the last, so that one without a release is a gap."""
    periods = [last]
    while periods[-1] != first:
        periods.append(earlier(periods[-1], frequency, 1))
    return periods[::-1]
