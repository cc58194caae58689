"""Indicators are pairs of arrays until somebody looks."""

from __future__ import annotations

import numpy as np

from anonymize.cube import arrays
from anonymize.indicators import cut_shape, indicator_arrays, rate
from tests.anonymize.loans import cells_of, open_cube, random_loans, small_template

TEMPLATE = small_template()
INDICATOR = TEMPLATE.indicator("DPD30_RATE")


def test_an_indicator_is_cut_by_the_dimensions_that_it_does_not_fix() -> None:
    cube = open_cube(cells_of(random_loans(TEMPLATE, 500), TEMPLATE), TEMPLATE)
    values = arrays(cube, TEMPLATE)
    numerator, denominator = indicator_arrays(values, TEMPLATE, INDICATOR)
    assert numerator.shape == denominator.shape == cut_shape(TEMPLATE, INDICATOR) == (3, 5)
    assert numerator[1, 2] == values["BALANCE"][1, 2, 2]
    assert denominator[1, 2] == values["BALANCE"][1, 2, 0]


def test_axes_in_front_stay_in_front() -> None:
    stacked = {"BALANCE": np.arange(4 * 45, dtype=np.float64).reshape(4, 3, 5, 3)}
    numerator, denominator = indicator_arrays(stacked, TEMPLATE, INDICATOR)
    assert numerator.shape == (4, 3, 5)
    assert np.array_equal(numerator - denominator, np.full((4, 3, 5), 2.0))


def test_a_rate_is_nowhere_a_number_that_nobody_may_know() -> None:
    shown = rate(np.array([1.0, np.nan, 2.0, 0.0]), np.array([4.0, 4.0, np.nan, 0.0]))
    assert shown[0] == 0.25
    assert np.isnan(shown[1:]).all()
