"""Quantiles are local averages: near the usual ones, and nobody's own rate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from sharing.benchmarks.quantiles import QUANTILES, Ordered

QUARTILES = (0.25, 0.5, 0.75)

RATES = st.lists(st.integers(0, 10_000), min_size=3, max_size=40, unique=True)


def column(values):
    return np.array(values, dtype=float).reshape(1, -1)


def smoothed_quantiles(rates, probabilities=QUARTILES):
    return Ordered.of(rates).quantiles(probabilities)


def trimmed(values):
    return Ordered.of(column(values)).trimmed()


@given(RATES)
def test_no_quantile_of_distinct_rates_is_a_rate_that_follows_from_one(rates):
    """A figure may coincide with a rate by chance of arithmetic; moving that rate alone then moves it by little."""
    places = np.argsort(rates)
    for place in places:
        moved = list(rates)
        moved[place] += 1e-3
        change = smoothed_quantiles(column(moved)) - smoothed_quantiles(column(rates))
        assert np.all(np.abs(change) <= (0.25e-3 if len(rates) >= 8 else 0.625e-3) + 1e-9)


@given(RATES)
def test_quantiles_ascend_and_stay_among_the_rates(rates):
    p25, median, p75 = smoothed_quantiles(column(rates))[:, 0]
    assert min(rates) <= p25 <= median <= p75 <= max(rates)


def test_the_median_of_an_odd_number_is_no_member_s_rate():
    mixed = (1 + 2 * 2 + 2 * 10 + 2 * 20 + 30) / 8
    assert smoothed_quantiles(column([1, 2, 10, 20, 30]), (0.5,))[0, 0] == pytest.approx(mixed)


def test_neither_of_the_two_in_the_middle_solves_for_the_other():
    rates = [1, 2, 10, 20, 24, 30]
    assert smoothed_quantiles(column(rates), (0.5,))[0, 0] == pytest.approx((2 + 10 + 20 + 24) / 4)


def test_equal_rates_keep_their_common_value():
    assert smoothed_quantiles(column([0, 0, 0, 0, 1, 1]), (0.25,))[0, 0] == 0


def test_those_without_a_rate_are_not_counted():
    with_gaps = column([5, np.nan, 1, 3, np.nan, 7])
    assert smoothed_quantiles(with_gaps)[:, 0] == pytest.approx(smoothed_quantiles(column([1, 3, 5, 7]))[:, 0])


def test_two_rates_have_no_quantile():
    assert np.isnan(smoothed_quantiles(column([1, 2]))).all()
    assert np.isnan(smoothed_quantiles(np.empty((3, 0)))).all()


def test_many_rates_come_close_to_the_usual_quantiles():
    rates = np.random.default_rng(1).beta(1, 40, (5, 4000))
    usual = np.quantile(rates, QUARTILES, axis=1)
    assert smoothed_quantiles(rates) == pytest.approx(usual, abs=2e-4)


@given(RATES)
def test_all_quantiles_of_a_release_ascend(rates):
    found = smoothed_quantiles(column(rates), tuple(QUANTILES.values()))[:, 0]
    assert np.all(np.diff(found) >= -1e-9)


def test_the_trimmed_mean_leaves_out_a_tenth_at_each_end():
    rates = [1000.0, *range(1, 19), -1000.0]
    assert trimmed(rates).mean[0] == pytest.approx(np.mean(np.sort(rates)[2:-2]))


def test_rates_at_the_edge_count_by_the_fraction_that_lies_within():
    rates = np.arange(25.0) ** 2
    fine = np.sort(np.repeat(rates, 10))  # 250 rates: a tenth is 25, a whole number
    assert trimmed(rates).mean[0] == pytest.approx(fine[25:-25].mean())


@given(st.lists(st.floats(0, 1), min_size=3, max_size=60))
def test_what_is_cut_off_above_and_below_and_what_is_kept_are_all_there_is(rates):
    above, below = trimmed(rates), trimmed([-rate for rate in rates])
    kept = above.mean[0] * 0.8 * len(rates)
    assert kept + above.tail[0] - below.tail[0] == pytest.approx(sum(rates))


def test_the_largest_summands_of_the_trimmed_mean_are_weighed_ones():
    rates = np.arange(25.0)  # of the rate 22 a half is kept
    assert trimmed(rates).largest[:, 0].tolist() == [21.0, 20.0, 19.0]
    steep = [0.0] * 22 + [40.0, 50.0, 60.0]
    assert trimmed(steep).largest[:, 0].tolist() == [20.0, 0.0, 0.0]
