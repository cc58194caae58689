"""Deciles of twenty or more are nobody's rate, and all that is published of a cell solves for no rate.

A published quantile is a weighted mean of neighbouring order statistics: at least two of them, none by more than half. All of
them and the mean together are fewer equations than unknown rates, and none of these is a combination of them. A member
that knew that its own rate is the other neighbour of a quantile would know this one; which ranks rates have is not published.
Here the weights are read off the function itself, for every number of contributors from 20 to 60.
"""

from __future__ import annotations

import numpy as np
import pytest

from anonymize.disclosure.policy import DisclosurePolicy
from sharing.benchmarks.quantiles import QUANTILES, Ordered

SHARES = tuple(QUANTILES.values())


def weights(count):
    """[quantile, order statistic]: how much each quantile moves with each of so many ascending rates."""
    rates = np.linspace(0.0, 1.0, count)
    before = Ordered.of(rates.reshape(1, -1)).quantiles(SHARES).ravel()
    found = []
    for place in range(count):
        moved = rates.copy()
        moved[place] += 1e-6
        found.append((Ordered.of(moved.reshape(1, -1)).quantiles(SHARES).ravel() - before) / 1e-6)
    return np.array(found).T


@pytest.mark.parametrize("count", range(DisclosurePolicy().deciles_minimum, 61))
def test_every_decile_mixes_neighbours_of_which_none_weighs_more_than_half(count):
    mixed = weights(count)
    assert ((mixed > 0.01).sum(axis=1) >= 2).all()
    assert mixed.max() <= 0.5 + 1e-6
    assert np.allclose(mixed.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("count", range(DisclosurePolicy().deciles_minimum, 61))
def test_all_quantiles_and_the_mean_together_solve_for_nobodys_rate(count):
    published = np.vstack([weights(count), np.full((1, count), 1 / count)])
    for rate in np.eye(count):
        solved, *_rest = np.linalg.lstsq(published.T, rate, rcond=None)
        assert np.abs(published.T @ solved - rate).max() > 0.1
