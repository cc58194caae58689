"""Deciles of twenty or more are nobody's rate, and all that is published of a cell solves for no rate.

A published quantile is a weighted mean of neighbouring order statistics: at least four of them, none by more than a quarter. All of
them and the mean together are fewer equations than unknown rates, and none of these is a combination of them, also for two
members who know which of the neighbours they are.
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
def test_every_decile_mixes_four_neighbours_of_which_none_weighs_more_than_a_quarter(count):
    mixed = weights(count)
    assert ((mixed > 0.01).sum(axis=1) >= 4).all()
    assert mixed.max() <= 0.25 + 1e-6
    assert np.allclose(mixed.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("count", range(DisclosurePolicy().deciles_minimum, 61))
def test_all_quantiles_and_the_mean_together_solve_for_nobodys_rate(count):
    published = np.vstack([weights(count), np.full((1, count), 1 / count)])
    for rate in np.eye(count):
        solved, *_rest = np.linalg.lstsq(published.T, rate, rcond=None)
        assert np.abs(published.T @ solved - rate).max() > 0.1


@pytest.mark.parametrize("count", range(DisclosurePolicy().deciles_minimum, 61, 4))
def test_two_members_who_know_their_places_solve_for_nobody_elses_rate(count):
    published = np.vstack([weights(count), np.full((1, count), 1 / count)])
    for first in range(count - 1):
        others = np.delete(np.arange(count), [first, first + 1])
        known = published[:, others]
        for place, rate in enumerate(np.eye(len(others))):
            if abs(others[place] - first) > 4:
                continue
            solved, *_rest = np.linalg.lstsq(known.T, rate, rcond=None)
            assert np.abs(known.T @ solved - rate).max() > 0.05
