"""Medians and quartiles that are never one institution's own rate.

The usual sample quantile (type 7 of Hyndman and Fan, 1996) interpolates between two neighbouring order statistics, and
falls on one of them whenever its rank is whole: the median of an odd number of rates is somebody's rate. Published
here is the mean of the type 7 quantiles half a rank below and half a rank above,

    Q(p) = (x[h - 1/2] + x[h + 1/2]) / 2,   h = (n - 1) p,   x[.] linear between the sorted rates x[0] ... x[n - 1],

a local average of two or three order statistics of which none weighs more than a half: (1, 2, 1) / 4 around the middle
one for the median of an odd number, the ordinary median for an even number. It is the simplest of the smoothed
L-estimators that Harrell and Davis (1982) began, and costs one sort. Where neighbours are equal, as among institutions
without any arrears, their common rate remains.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

QUARTILES = (0.25, 0.5, 0.75)


def smoothed_quantiles(rates: Values, probabilities: Sequence[float] = QUARTILES) -> Values:
    """One row a probability, over the cells of `rates` [contributor, *cells]; NaN rates are no contributors.

    NaN where fewer than three rates are there: two neighbours would still be somebody's rates.
    """
    ascending = np.sort(rates, axis=0)  # NaN goes last
    counts = np.sum(~np.isnan(rates), axis=0)
    found = [_smoothed(ascending, counts, probability) for probability in probabilities]
    return np.stack(found) if found else np.empty((0, *rates.shape[1:]))


def _smoothed(ascending: Values, counts: NDArray[np.int64], probability: float) -> Values:
    rank: Values = np.asarray((counts - 1) * probability, dtype=np.float64)
    middle: Values = (_between(ascending, counts, rank - 0.5) + _between(ascending, counts, rank + 0.5)) / 2
    return np.where(counts >= 3, middle, np.nan)


def _between(ascending: Values, counts: NDArray[np.int64], rank: Values) -> Values:
    """The sorted rates at a fractional rank, kept within the ranks that are there."""
    highest = np.maximum(counts - 1, 0)
    rank = np.clip(rank, 0, highest)
    below = np.floor(rank).astype(np.int64)
    above = np.minimum(below + 1, highest)
    low = _at(ascending, below)
    return low + (rank - below) * (_at(ascending, above) - low)


def _at(ascending: Values, rank: NDArray[np.int64]) -> Values:
    if ascending.shape[0] == 0:
        return np.full(ascending.shape[1:], np.nan)
    taken: Values = np.take_along_axis(ascending, rank[np.newaxis], axis=0)[0]
    return taken
