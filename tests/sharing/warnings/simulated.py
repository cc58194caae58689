"""Published-like series of simulated institutions: what the engine is tuned on, without packages or protection.

A cell is published where at least `FEWEST` institutions lend, with the pooled rate and the median of their rates.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anonymize.simulate import ORIGIN, SCENARIOS, InstitutionProfile, Scenario, demo_institutions
from anonymize.simulated.loans import Portfolio, months
from anonymize.simulated.market import PRODUCTS, PROVINCES
from anonymize.simulated.tapes import amounts
from sharing.benchmarks.periods import earlier
from sharing.warnings.series import Reference, Series

FEWEST = 5
INDICATORS = {"DPD30_RATE": 2, "DPD90_RATE": 4}  # from how many months behind a loan counts
PLACES = tuple(PROVINCES)
Sums = NDArray[np.float64]  # institution, month, indicator (the last is the balance), product, province


def institutions(share: float) -> list[InstitutionProfile]:
    """The demonstration's institutions with a share of their loans each, the smallest ones whole."""
    return [replace(each, loans=max(1000, int(each.loans * share))) for each in demo_institutions()]


def sums(scenario: Scenario, seed: int, length: int, share: float) -> Sums:
    """Balances in arrears and in total of every institution and month."""
    profiles = institutions(share)
    found = np.zeros((len(profiles), length, len(INDICATORS) + 1, len(PRODUCTS), len(PLACES)))
    for row, profile in enumerate(profiles):
        for month, portfolio, _closed in months(profile, scenario, seed):
            found[row, month] = _of_month(portfolio, profile, month)
            if month == length - 1:
                break
    return found


def published(scenario: str, seed: int, length: int, share: float) -> list[Series]:
    """The series of a delinquency collection that watch its totals, products, regions and both together."""
    panel = sums(SCENARIOS[scenario], seed, length, share)
    periods = [earlier(ORIGIN, "M", -month) for month in range(length)]
    return [series for number in range(len(INDICATORS)) for series in _of_indicator(panel, number, periods)]


def _of_month(portfolio: Portfolio, profile: InstitutionProfile, month: int) -> NDArray[np.float64]:
    balance, _past_due = amounts(portfolio, month)
    province = np.array([PLACES.index(each) for each in profile.provinces])[portfolio.province]
    cell = portfolio.product * len(PLACES) + province
    size = len(PRODUCTS) * len(PLACES)
    weights = [np.where(portfolio.behind >= least, balance, 0.0) for least in INDICATORS.values()]
    parts = [np.bincount(cell, weights=each, minlength=size) for each in (*weights, balance)]
    return np.stack(parts).reshape(len(parts), len(PRODUCTS), len(PLACES))


def _of_indicator(panel: Sums, number: int, periods: Sequence[str]) -> Iterator[Series]:
    indicator = list(INDICATORS)[number]
    for product in (None, *range(len(PRODUCTS))):
        for place in (None, *range(len(PLACES))):
            late, whole = _cut(panel[:, :, number], product, place), _cut(panel[:, :, -1], product, place)
            lends = whole[:, -1] > 0
            if lends.sum() < FEWEST:
                continue
            key = f"{'_T' if product is None else PRODUCTS[product]}.{'_T' if place is None else PLACES[place]}._T"
            pooled = late[lends].sum(axis=0) / whole[lends].sum(axis=0)
            median = np.median(late[lends] / np.maximum(whole[lends], 1.0), axis=0)
            for figure, values in (("pooled", pooled), ("median", median)):
                reference = Reference("delinquency", indicator, "ALL", key, figure)
                yield Series(reference, tuple(periods), tuple(values.tolist()))


def _cut(part: NDArray[np.float64], product: int | None, place: int | None) -> NDArray[np.float64]:
    part = part.sum(axis=2, keepdims=True) if product is None else part[:, :, product : product + 1]
    part = part.sum(axis=3) if place is None else part[:, :, :, place]
    return part[:, :, 0]
