"""How sure a published figure is, in two ways that say different things.

*Chance* is what the figure would vary by if every account turned out well or badly on its own: it needs the number of
accounts and is narrow in a large pool. *Members* is what it would vary by with other members in the pool: it needs
their quartiles, and is what somebody who asks "would it be so with us" has to know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, sin, sqrt
from typing import Final

LEVEL: Final = 0.95
SIGNIFICANT: Final = 0.05

# Of a normal distribution: the quartiles lie 1.349 standard deviations apart, and the standard error of a median is
# sqrt(pi / 2) times that of a mean.
QUARTILES_APART: Final = 1.3489795003921634
MEDIAN_TO_MEAN: Final = 1.2533141373155003


@dataclass(frozen=True)
class Interval:
    low: float
    high: float

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Typical:
    """The median of the members on a scale where spread does not depend on level, with its standard error there.

    Rates are taken as the arc sine of their root, ratios and hours as their root; both know zero. Quantiles go through
    a rising function unchanged. The standard error is that of McGill, Tukey and Larsen (The American Statistician 32,
    1978), from the quartiles alone: 1.2533 / 1.349 times their distance, over the root of the number of members.
    """

    centre: float
    error: float
    freedom: int
    is_share: bool

    @classmethod
    def of(cls, p25: float, median: float, p75: float, contributors: int, *, is_share: bool) -> Typical:
        low, centre, high = (_spread_out(value, is_share=is_share) for value in (p25, median, p75))
        deviation = (high - low) / QUARTILES_APART
        return cls(centre, MEDIAN_TO_MEAN * deviation / sqrt(contributors), contributors - 1, is_share)

    def interval(self, level: float = LEVEL) -> Interval:
        """Of Student's distribution, as the spread itself is estimated from as few members."""
        from scipy.special import stdtrit

        reach = float(stdtrit(self.freedom, (1 + level) / 2)) * self.error
        return Interval(
            _back(self.centre - reach, is_share=self.is_share), _back(self.centre + reach, is_share=self.is_share)
        )


def _spread_out(value: float, *, is_share: bool) -> float:
    root = sqrt(max(value, 0.0))
    return asin(min(root, 1.0)) if is_share else root


def _back(value: float, *, is_share: bool) -> float:
    if not is_share:
        return max(value, 0.0) ** 2
    return sin(min(max(value, 0.0), asin(1.0))) ** 2


def chance(rate: float, trials: float, level: float = LEVEL) -> Interval:
    """Jeffreys' interval of a rate: quantiles of Beta(x + 1/2, n - x + 1/2); its ends are 0 and 1 where the rate is.

    It has near nominal coverage on average (Brown, Cai, DasGupta, Statistical Science 16, 2001) and, other than exact
    ones, takes a number of successes that is not whole: here it is a published rate times a rounded number of accounts.
    """
    from scipy.special import betaincinv

    hits = rate * trials
    a, b = hits + 0.5, trials - hits + 0.5
    low = 0.0 if hits <= 0 else float(betaincinv(a, b, (1 - level) / 2))
    high = 1.0 if hits >= trials else float(betaincinv(a, b, (1 + level) / 2))
    return Interval(low, high)


def binomial_test(rate: float, trials: float, expected: float) -> float:
    """The p-value of an exact test that the accounts default with the expected rate: twice the smaller tail.

    Clopper and Pearson's (Biometrika 26, 1934): the expected rate is refused at 5 % exactly where it lies outside their
    95 % interval. Accounts are taken as independent, which defaults in a crisis are not.
    """
    from scipy.special import bdtr, bdtrc

    n, x = max(round(trials), 1), round(rate * trials)
    below = float(bdtr(x, n, expected))
    above = 1.0 if x <= 0 else float(bdtrc(x - 1, n, expected))
    return min(1.0, 2 * min(below, above))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values adjusted for asking several questions at once (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted
