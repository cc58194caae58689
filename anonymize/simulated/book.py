"""A simulated loan tape as arrays, and draws from tables of chances: what the tapes of care for borrowers are made of."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymize.simulated.market import GRADES, MARKET, PRODUCTS, TIER_OF_GRADE

Whole = NDArray[np.int64]
Real = NDArray[np.float64]

CURRENT, EARLY, MIDDLE, LATE = range(4)  # bands of days past due: none, 1-29, 30-89, 90 and more
_BAND_STARTS = (1, 30, 90)
# The 30+ rate of a calm book, and how far above it a wave takes it: see simulated_market.
_CALM_RATE, _WAVE_RISE = 0.02, 0.05


@dataclass(frozen=True, eq=False)
class Book:
    """One entry a loan. `pressure` is how hard a wave hits the whole book, from 0 to 1, as its arrears tell."""

    loans: pa.Table
    product: Whole
    tier: Whole
    band: Whole
    balance: Real
    past_due: Real
    pressure: float

    def take(self, places: Whole) -> Book:
        """The loans at these places, some perhaps several times, under the same pressure."""
        return Book(
            loans=self.loans.take(pa.array(places)),
            product=self.product[places],
            tier=self.tier[places],
            band=self.band[places],
            balance=self.balance[places],
            past_due=self.past_due[places],
            pressure=self.pressure,
        )


def book_of(loans: pa.Table) -> Book:
    """The loans of a tape that `simulate_tapes` made."""
    days = loans["days_past_due"].to_numpy()
    return Book(
        loans=loans,
        product=_index(loans["product"], [MARKET[each].label for each in PRODUCTS]),
        tier=np.array(TIER_OF_GRADE)[_index(loans["grade"], GRADES)],
        band=np.searchsorted(_BAND_STARTS, days, side="right"),
        balance=loans["balance"].to_numpy(),
        past_due=loans["past_due"].to_numpy(),
        pressure=float(np.clip(((days >= 30).mean() - _CALM_RATE) / _WAVE_RISE, 0, 1)),
    )


def generator(seed: int, *about: str) -> np.random.Generator:
    """A stream of its own for each subject and period."""
    return np.random.default_rng([seed, *(zlib.crc32(each.encode()) for each in about)])


def choose(rng: np.random.Generator, weights: Real) -> Whole:
    """One choice a row, with chances in proportion to the row's weights."""
    limits = np.cumsum(weights, axis=1)
    # Rounded, so that the last bits of a machine's exponential do not decide.
    limits = np.round(limits / limits[:, -1:], 12)
    chosen: Whole = (rng.random(len(weights))[:, None] >= limits[:, :-1]).sum(axis=1)
    return chosen


def happens(rng: np.random.Generator, chance: Real) -> NDArray[np.bool_]:
    """Whether it happens, a row."""
    flags: NDArray[np.bool_] = rng.random(len(chance)) < np.round(chance, 12)
    return flags


def logistic(value: Real) -> Real:
    chance: Real = 1 / (1 + np.exp(-value))
    return chance


def _index(column: pa.ChunkedArray, known: Sequence[str]) -> Whole:
    places: Whole = pc.index_in(column, value_set=pa.array(known)).to_numpy().astype(np.int64)
    return places
