"""Which series of a collection are beyond what their own history leads to expect, period after period.

All series over the same periods are judged together, so that of what is raised few are false: a level counts when the
Benjamini-Hochberg procedure keeps it among all series of the period, a trend when the surprises of several periods add
up (a one-sided CUSUM). While a series is in an episode its values teach the expectation nothing. Everything follows
from the values given: whoever runs it again, or over corrected figures, gets what holds now.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np

from sharing.warnings.expectation import Values, back, expected, transformed
from sharing.warnings.policy import USUAL, WarningPolicy
from sharing.warnings.series import Reference, Series

_MOST_SURPRISE: Final = 4.0  # what one period adds to a trend at most: a single one is a level, not a trend
FEW: Final = 12  # values of history below which a reader is told so


class Kind(StrEnum):
    LEVEL = "level"
    TREND = "trend"
    OUTLIER = "outlier"
    SPREAD = "spread"


@dataclass(frozen=True)
class Judgement:
    """One period of one series. Figures are as published; None where there is no value or too little history.

    `limit` is what one value in a hundred passes by chance, on the side that is worse. `surprise` is in standard
    deviations and positive for worse, `added_up` the trend's sum of them.
    """

    period: str
    value: float | None
    expected: float | None = None
    limit: float | None = None
    surprise: float | None = None
    chance: float | None = None  # of a value at least as bad
    added_up: float = 0.0
    history: int = 0  # values that the expectation rests on
    is_beyond: bool = False  # the value passed the limit, by a change that matters
    kind: Kind | None = None  # why an episode holds; None outside one
    since: str | None = None  # when the episode began

    @property
    def has_little_history(self) -> bool:
        return self.history < FEW


@dataclass
class _Watched:
    """What is known of one series while its periods pass. Values are transformed, and higher is worse."""

    series: Series
    periods: tuple[str, ...]
    values: Values
    learnt: Values  # the values without those of episodes
    added_up: float = 0.0
    kind: Kind | None = None
    since: str | None = None
    within: int = 0
    judgements: list[Judgement] = field(default_factory=list)

    def begin(self, kind: Kind, since: str) -> None:
        outlier = self.series.reference.figure == "distance"
        self.kind, self.since, self.within = Kind.OUTLIER if outlier else kind, since, 0

    def end(self) -> None:
        """What the episode brought is history from now on."""
        self.learnt = self.values.copy()
        self.kind, self.since, self.added_up, self.within = None, None, 0.0, 0


def watch(
    panel: Sequence[Series], policy: WarningPolicy = USUAL, begun: Mapping[Reference, str] | None = None
) -> dict[Reference, list[Judgement]]:
    """The judgements of every series for the last `policy.replayed` periods, oldest first; all share their periods.

    `begun` tells of episodes that began before these periods.
    """
    if not panel:
        return {}
    if any(series.periods != panel[0].periods for series in panel):
        raise ValueError("series that are judged together share their periods")
    watched = [_watched(series, policy, (begun or {}).get(series.reference)) for series in panel]
    length = watched[0].values.size
    for place in range(max(0, length - policy.replayed), length):
        judged = [_judged(each, place, policy) for each in watched]
        limit = _largest_true_chance([each.chance for each in judged if each.is_beyond], len(judged), policy)
        for each, judgement in zip(watched, judged, strict=True):
            each.judgements.append(_decided(each, judgement, place, limit, policy))
    return {each.series.reference: each.judgements for each in watched}


def _watched(series: Series, policy: WarningPolicy, since: str | None) -> _Watched:
    values = transformed(np.array(series.values[-policy.window :]), series.scale)
    values = values if series.higher_is_worse else -values
    periods = series.periods[-policy.window :]
    watched = _Watched(series, periods, values, values.copy())
    before = max(0, values.size - policy.replayed)
    if since in periods[:before]:
        watched.begin(Kind.LEVEL, since)
        watched.learnt[periods.index(since) : before] = math.nan
    return watched


def _judged(each: _Watched, place: int, policy: WarningPolicy) -> Judgement:
    """The period by itself: what was expected, and how surprising the value is."""
    # Imported late, as the models that need it.
    from scipy import stats

    series, value = each.series, float(each.values[place])
    figure = None if math.isnan(value) else series.values[-each.values.size :][place]
    ahead = expected(each.learnt[:place], series.frequency)
    if ahead is None:
        return Judgement(each.periods[place], figure)
    limit = ahead.mean + ahead.deviation * float(stats.t.ppf(1 - policy.tail, ahead.freedom))
    judgement = Judgement(
        each.periods[place],
        figure,
        expected=_figure(ahead.mean, series),
        limit=_figure(limit, series),
        history=ahead.freedom + 1,
    )
    if figure is None:
        return judgement
    chance = float(stats.t.sf((value - ahead.mean) / ahead.deviation, ahead.freedom))
    surprise = float(np.clip(stats.norm.isf(chance), -_MOST_SURPRISE, _MOST_SURPRISE))
    is_beyond = chance < policy.tail and _matters(judgement, series, policy)
    return replace(judgement, chance=chance, surprise=surprise, is_beyond=is_beyond)


def _figure(value: float, series: Series) -> float:
    return back(value if series.higher_is_worse else -value, series.scale)


def _matters(judgement: Judgement, series: Series, policy: WarningPolicy) -> bool:
    """Whether the change is worth a person's time; a difference of logarithms is a share already."""
    value, usual = judgement.value, judgement.expected
    if value is None or usual is None:
        return False
    return abs(value - usual) >= policy.least_change * (1 if series.scale == "plain" else abs(usual))


def _largest_true_chance(chances: Sequence[float | None], tested: int, policy: WarningPolicy) -> float:
    """Benjamini and Hochberg (1995): levels up to this chance are raised, with few false ones among them; else -1."""
    ordered = sorted(chance for chance in chances if chance is not None)
    kept = [chance for rank, chance in enumerate(ordered, 1) if chance <= policy.false_share * rank / tested]
    return kept[-1] if kept else -1.0


def _decided(each: _Watched, judgement: Judgement, place: int, limit: float, policy: WarningPolicy) -> Judgement:
    """The period in its course: an episode begins, goes on or ends."""
    if each.since is not None:
        _go_on(each, judgement, place, policy)
    elif judgement.surprise is not None:
        _begin(each, judgement, judgement.surprise, limit, policy)
    if each.since is None:
        return replace(judgement, added_up=each.added_up)
    each.learnt[place] = math.nan
    return replace(judgement, added_up=each.added_up, kind=each.kind, since=each.since)


def _begin(each: _Watched, judgement: Judgement, surprise: float, limit: float, policy: WarningPolicy) -> None:
    each.added_up = max(0.0, each.added_up + surprise - policy.allowance)
    if judgement.is_beyond and judgement.chance is not None and judgement.chance <= limit:
        each.begin(Kind.LEVEL, judgement.period)
    elif each.added_up >= policy.decision and _matters(judgement, each.series, policy):
        each.begin(Kind.TREND, judgement.period)


def _go_on(each: _Watched, judgement: Judgement, place: int, policy: WarningPolicy) -> None:
    """Back within the limit for long enough, or so long beyond it that this is the level now."""
    if judgement.surprise is not None:
        each.within = 0 if judgement.is_beyond else each.within + 1
    lasted = place - each.periods.index(each.since) if each.since in each.periods else policy.accepted_after
    if each.within >= policy.back_for or lasted >= policy.accepted_after:
        each.end()
