"""Do those who default stand where the model ranks them worst? From the bands of a score, worst first.

A band holds a mass of bad accounts (share of all accounts times default rate) and one of good accounts. The area under
the ROC curve is the chance that a bad account stands in a worse band than a good one, half where both are in the same:
Mann and Whitney's statistic with ties, which for bands is the trapezoid rule (Hanley and McNeil, Radiology 143, 1982).
Gini = 2 AUC - 1; KS is the largest distance between the two distributions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from typing import Final

from sharing.analytics.intervals import Interval

NOTHING: Final = 1e-9


@dataclass(frozen=True)
class Bin:
    """One band's masses, as shares of all accounts; both None where the band is withheld."""

    code: str
    bad: float | None
    good: float | None

    @classmethod
    def of(cls, code: str, share: float | None, rate: float | None) -> Bin:
        if share is None or rate is None:
            return cls(code, None, None)
        return cls(code, share * rate, share * (1 - rate))


@dataclass(frozen=True)
class Discrimination:
    """`auc` and `ks` of the bands that are shown; `bounds` hold the AUC of all accounts wherever the others stand.

    `covered` is the share of all accounts that the shown bands hold.
    """

    auc: float
    ks: float
    bounds: Interval | None
    covered: float

    @property
    def gini(self) -> float:
        return 2 * self.auc - 1


def discriminate(bins: Sequence[Bin], total: Bin) -> Discrimination | None:
    """None without two bands that are shown, or where nobody or everybody in them defaulted. Bands are worst first."""
    shown = [(each.bad, each.good) for each in bins if each.bad is not None and each.good is not None]
    bad, good = sum(bad for bad, _good in shown), sum(good for _bad, good in shown)
    if len(shown) < 2 or bad <= NOTHING or good <= NOTHING:
        return None
    return Discrimination(_auc(shown), _ks(shown), _bounds(bins, total), min(bad + good, 1.0))


def _auc(masses: Sequence[tuple[float, float]]) -> float:
    """Bad in a worse band than good, ties half, over all pairs of a bad and a good account."""
    all_bad, all_good = sum(bad for bad, _good in masses), sum(good for _bad, good in masses)
    won, better = 0.0, all_good
    for bad, good in masses:
        better -= good
        won += bad * (better + good / 2)
    return won / (all_bad * all_good)


def _ks(masses: Sequence[tuple[float, float]]) -> float:
    bad = list(accumulate(bad for bad, _good in masses))
    good = list(accumulate(good for _bad, good in masses))
    return max(abs(b / bad[-1] - g / good[-1]) for b, g in zip(bad, good, strict=True))


def _bounds(bins: Sequence[Bin], total: Bin) -> Interval | None:
    """The least and the greatest AUC over all places where the accounts that no shown band holds may stand.

    What is missing are withheld bands, and what members withheld themselves, which may be in any band. The AUC is
    linear in where the missing bad accounts stand and in where the good ones do, so both extremes have all of either in one band.
    None where the total is withheld.
    """
    if total.bad is None or total.good is None:
        return None
    shown = [(each.bad or 0.0, each.good or 0.0) for each in bins]
    bad_left = max(total.bad - sum(bad for bad, _good in shown), 0.0)
    good_left = max(total.good - sum(good for _bad, good in shown), 0.0)
    found = []
    for bad_at, good_at in product(range(len(shown)), repeat=2):
        masses = [
            (bad + bad_left * (place == bad_at), good + good_left * (place == good_at))
            for place, (bad, good) in enumerate(shown)
        ]
        found.append(_auc(masses))
    return Interval(min(found), max(found))
