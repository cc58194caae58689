"""Do as many default as the models expect? By band of the predicted probability, from published rates.

A band is understated or overstated only where both say so: the accounts (a binomial test of the pooled rate) and the
members (the interval around their median ratio of actual to expected defaults). With a million accounts the test alone
finds every difference, also those that only one large member makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import sqrt

from sharing.analytics.intervals import SIGNIFICANT, Interval, Typical, binomial_test, chance, holm


class Finding(StrEnum):
    UNDERSTATED = "understated"  # more default than expected
    OVERSTATED = "overstated"
    IN_LINE = "in-line"
    MIXED = "mixed"  # the pool differs, its typical member does not, or the other way about
    OPEN = "open"  # withheld, or nothing to judge by


@dataclass(frozen=True)
class Band:
    """One band: rates are fractions; `share` of all accounts; None where withheld or not known.

    `ratio` is the members' median of actual over expected defaults, `own_...` the viewer's institution's own rates.
    """

    code: str
    observed: float | None
    expected: float | None
    share: float | None = None
    trials: float | None = None
    ratio: Typical | None = None
    ratio_median: float | None = None
    contributors: int | None = None
    own_observed: float | None = None
    own_expected: float | None = None

    @property
    def is_shown(self) -> bool:
        return self.observed is not None and self.expected is not None

    @cached_property
    def interval(self) -> Interval | None:
        """Of the observed rate, by chance."""
        if self.observed is None or not self.trials:
            return None
        return chance(self.observed, self.trials)

    @cached_property
    def ratio_interval(self) -> Interval | None:
        """Of the typical member's ratio of actual to expected defaults."""
        return self.ratio.interval() if self.ratio else None

    @cached_property
    def p_value(self) -> float | None:
        if self.observed is None or self.expected is None or not self.trials:
            return None
        return binomial_test(self.observed, self.trials, self.expected)


@dataclass(frozen=True)
class Judged:
    """A band, the p-value of its test adjusted for the number of bands, and what follows."""

    band: Band
    p_value: float | None
    finding: Finding


def judge(bands: Sequence[Band]) -> list[Judged]:
    tested = [band for band in bands if band.p_value is not None]
    adjusted = dict(zip(tested, holm([band.p_value or 0.0 for band in tested]), strict=True))
    return [Judged(band, adjusted.get(band), _finding(band, adjusted.get(band))) for band in bands]


def _finding(band: Band, p_value: float | None) -> Finding:
    if band.observed is None or band.expected is None:
        return Finding.OPEN
    sides = []
    if p_value is not None:
        sides.append(0 if p_value >= SIGNIFICANT else 1 if band.observed > band.expected else -1)
    if band.ratio_interval is not None:
        sides.append(1 if band.ratio_interval.low > 1 else -1 if band.ratio_interval.high < 1 else 0)
    if not sides:
        return Finding.OPEN
    if len(set(sides)) > 1:
        return Finding.MIXED
    return {1: Finding.UNDERSTATED, -1: Finding.OVERSTATED, 0: Finding.IN_LINE}[sides[0]]


@dataclass(frozen=True)
class HosmerLemeshow:
    statistic: float
    freedom: int
    p_value: float


def hosmer_lemeshow(bands: Sequence[Band]) -> HosmerLemeshow | None:
    """Sum of n (o - e)^2 / (e (1 - e)) over the bands shown, chi-squared with as many degrees of freedom.

    Hosmer and Lemeshow (1980) lose two for a model fitted to the same data; these predictions were made a year before,
    so none is lost. None where a number of accounts is missing. It takes accounts as independent, says nothing of
    the direction, and refuses any model once there are enough accounts.
    """
    from scipy.special import chdtrc

    known = [
        (band.observed, band.expected, band.trials)
        for band in bands
        if band.observed is not None and band.expected is not None and band.trials and 0 < band.expected < 1
    ]
    if not known:
        return None
    statistic = sum(trials * (o - e) ** 2 / (e * (1 - e)) for o, e, trials in known)
    return HosmerLemeshow(statistic, len(known), float(chdtrc(len(known), statistic)))


@dataclass(frozen=True)
class Brier:
    """Murphy's partition: score = reliability - resolution + uncertainty; `covered` is the share of accounts in it."""

    reliability: float
    resolution: float
    uncertainty: float
    covered: float

    @property
    def score(self) -> float:
        return self.reliability - self.resolution + self.uncertainty

    @property
    def off_by(self) -> float:
        """The root of the reliability: how far expected lies from observed, in the mean over accounts."""
        return sqrt(self.reliability)

    @property
    def skill(self) -> float | None:
        """The share of the uncertainty that the predictions take away; None where nobody or everybody defaults."""
        return None if self.uncertainty == 0 else 1 - self.score / self.uncertainty


def brier(bands: Sequence[Band]) -> Brier | None:
    """Of the bands shown, as if everybody in a band had been given its mean prediction.

    Murphy (Journal of Applied Meteorology 12, 1973). What predictions differ by within a band is not in it: two more
    terms, which published figures do not hold (Stephenson, Coelho, Jolliffe, Weather and Forecasting 23, 2008).
    """
    known = [
        (band.share, band.observed, band.expected)
        for band in bands
        if band.share and band.observed is not None and band.expected is not None
    ]
    covered = sum(share for share, _o, _e in known)
    if not covered:
        return None
    base = sum(share * o for share, o, _e in known) / covered
    return Brier(
        reliability=sum(share * (e - o) ** 2 for share, o, e in known) / covered,
        resolution=sum(share * (o - base) ** 2 for share, o, _e in known) / covered,
        uncertainty=base * (1 - base),
        covered=min(covered, 1.0),
    )
