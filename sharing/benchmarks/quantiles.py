"""Medians, quartiles and deciles that are never one institution's own rate, and the mean of the middle.

The usual sample quantile (type 7 of Hyndman and Fan, 1996) interpolates between two neighbouring order statistics, and
falls on one of them whenever its rank is whole: the median of an odd number of rates is somebody's rate, and of an even
number the mean of two, of which either of the two could solve for the other. Published here is the mean of four type 7 quantiles around it,

    Q(p) = (x[h - 3/2] + x[h - 1/2] + x[h + 1/2] + x[h + 3/2]) / 4,   h = (n - 1) p,   x[.] linear between x[0] ... x[n - 1],

kept within the rates that are there: a local average of four or five order statistics, of which none weighs more than a
quarter from five rates on, so that a member that knows its place, or two of them, solve for nobody's rate. It is a simple one of the
smoothed L-estimators that Harrell and Davis (1982) began, and costs one sort. Where neighbours are equal, as among
institutions without any arrears, their common rate remains.

The trimmed mean leaves out a tenth of the rates at each end (Tukey 1962; fractions of a rate weigh as such): with
g = n / 10 the first [g] rates weigh nothing and the next one 1 - (g - [g]), likewise at the other end.

All functions take rates sorted along the last axis, NaN last, and the number of rates: sort once, ask often.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

# The figures of a release that are quantiles, and of which share of the rates.
QUANTILES: Final[Mapping[str, float]] = {
    "p10": 0.1,
    "p20": 0.2,
    "p25": 0.25,
    "p30": 0.3,
    "p40": 0.4,
    "median": 0.5,
    "p60": 0.6,
    "p70": 0.7,
    "p75": 0.75,
    "p80": 0.8,
    "p90": 0.9,
}
_STEPS: Final = (-1.5, -0.5, 0.5, 1.5)  # in ranks around a quantile
TRIMMED: Final = 10  # one in so many is left out at each end


@dataclass(frozen=True)
class Trimmed:
    """Over the cells: the trimmed mean; the sum of what it cuts off above; what weighs most in it [place, cell]."""

    mean: Values
    tail: Values
    largest: Values


@dataclass(frozen=True)
class Ordered:
    """The rates of each cell in ascending order [cell, place], NaN after the last of them, and how many there are."""

    ascending: Values
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, rates: Values) -> Ordered:
        """From rates [cell, contributor], NaN for whoever does not contribute. Contiguous rows: one sort serves all."""
        return cls(np.sort(rates, axis=1), np.sum(~np.isnan(rates), axis=1))

    def total(self) -> Values:
        """The sum of each cell's rates, in ascending order."""
        return self._by_count(lambda rates: rates.sum(axis=1))

    def largest(self, number: int) -> Values:
        """[place, cell], the largest first; 0 where there are fewer."""
        return np.stack([self._at_or_nought(self.counts - 1 - place) for place in range(number)])

    def quantiles(self, probabilities: Sequence[float] = tuple(QUANTILES.values())) -> Values:
        """[probability, cell]; NaN where fewer than three rates are there: two would still be somebody's rates."""
        found = [self._smoothed(probability) for probability in probabilities]
        return np.stack(found) if found else np.empty((0, len(self.counts)))

    def trimmed(self, number: int = 3) -> Trimmed:
        """The trimmed mean, NaN where fewer than three rates are there; with its `number` largest summands."""
        whole = self.counts // TRIMMED
        share = 1 - (self.counts % TRIMMED) / TRIMMED  # of the rates at the edges
        low, high = whole, self.counts - 1 - whole
        inner = self._by_count(lambda rates: _inner(rates).sum(axis=1))
        top = share * self._at_or_nought(high)
        kept = self.counts * (1 - 2 / TRIMMED)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(self.counts >= 3, (inner + share * self._at_or_nought(low) + top) / kept, np.nan)
        above = self._by_count(lambda rates: rates[:, rates.shape[1] - rates.shape[1] // TRIMMED :].sum(axis=1))
        tail = above + (1 - share) * self._at_or_nought(high)
        summands = np.stack([top, *(self._at_or_nought(high - place) for place in range(1, number + 1))])
        return Trimmed(mean, tail, np.sort(summands, axis=0)[::-1][:number])

    def _by_count(self, reduce: Callable[[Values], Values]) -> Values:
        """What `reduce` makes of the rates [cell, place] without NaN; cells with as many rates go together."""
        found = np.zeros(len(self.counts))
        for count in np.unique(self.counts).tolist():
            cells = np.flatnonzero(self.counts == count)
            together = self.ascending if len(cells) == len(self.counts) else self.ascending[cells]
            found[cells] = reduce(together[:, :count])
        return found

    def _smoothed(self, probability: float) -> Values:
        rank: Values = np.asarray((self.counts - 1) * probability, dtype=np.float64)
        middle: Values = np.mean([self._between(rank + step) for step in _STEPS], axis=0)
        return np.where(self.counts >= 3, middle, np.nan)

    def _between(self, rank: Values) -> Values:
        """The sorted rates at a fractional rank, kept within the ranks that are there."""
        highest = np.maximum(self.counts - 1, 0)
        rank = np.clip(rank, 0, highest)
        below = np.floor(rank).astype(np.int64)
        above = np.minimum(below + 1, highest)
        low = self._at(below)
        return low + (rank - below) * (self._at(above) - low)

    def _at(self, rank: NDArray[np.int64]) -> Values:
        if self.ascending.shape[1] == 0:
            return np.full(len(self.counts), np.nan)
        taken: Values = self.ascending[np.arange(len(rank)), rank]
        return taken

    def _at_or_nought(self, rank: NDArray[np.int64]) -> Values:
        there = (rank >= 0) & (rank < self.counts)
        return np.where(there, self._at(np.where(there, rank, 0)), 0.0)


def _inner(rates: Values) -> Values:
    """The rates that the trimmed mean holds whole."""
    edge = rates.shape[1] // TRIMMED + 1
    return rates[:, edge : max(rates.shape[1] - edge, edge)]
