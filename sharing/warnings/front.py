"""How a wave spreads along one dimension: which of its codes crossed their limits when, and how many are beyond them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sharing.warnings.policy import USUAL, WarningPolicy
from sharing.warnings.watching import Judgement


@dataclass(frozen=True)
class Month:
    """Of the codes that have a figure in a period, those in an episode."""

    period: str
    published: int
    beyond: int

    @property
    def share(self) -> float | None:
        """None where nothing is published."""
        return self.beyond / self.published if self.published else None


@dataclass(frozen=True)
class Crossing:
    """When a code's present episode began, and how many periods after the first one."""

    code: str
    since: str
    lag: int


@dataclass(frozen=True)
class Front:
    """The codes that are beyond their limits now, first ones first, and the way there."""

    months: tuple[Month, ...]
    crossings: tuple[Crossing, ...]
    is_spreading: bool  # several crossed within a few periods, and are beyond still


def front(judged: Mapping[str, Sequence[Judgement]], policy: WarningPolicy = USUAL) -> Front | None:
    """Of the judgements by code, over the same periods; None without any."""
    if not judged or not next(iter(judged.values())):
        return None
    periods = [judgement.period for judgement in next(iter(judged.values()))]
    months = tuple(_month(judged, place, period) for place, period in enumerate(periods))
    begun = sorted((last.since, code) for code, each in judged.items() if (last := each[-1]).since is not None)
    places = [periods.index(since) if since in periods else 0 for since, _code in begun]
    crossings = tuple(
        Crossing(code, since, place - places[0]) for (since, code), place in zip(begun, places, strict=True)
    )
    return Front(months, crossings, _spreads(places, policy))


def _month(judged: Mapping[str, Sequence[Judgement]], place: int, period: str) -> Month:
    published = [each[place] for each in judged.values() if each[place].value is not None]
    return Month(period, len(published), sum(judgement.kind is not None for judgement in published))


def _spreads(places: Sequence[int], policy: WarningPolicy) -> bool:
    """Whether so many crossings lie within so many periods."""
    return any(
        later - earlier < policy.front_within
        for earlier, later in zip(places, places[policy.front - 1 :], strict=False)
    )
