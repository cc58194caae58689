"""What rounding costs at every place: standard errors and bounds that follow from the template alone, so all may know."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonymize.cube import lattice
from anonymize.disclosure.rounding import Orders, choose_orders, kept_parts
from anonymize.template import Measure, Template
from anonymize.template_protection import counted_with

Whole = NDArray[np.int64]


def orders_of(template: Template) -> Orders:
    """The orders of the dimensions that the template's rounding uses; those that indicators fix count for more."""
    fixed = {name for each in template.indicators for name in each.numerator.where}
    return choose_orders(lattice(template), [template.dimension_ids.index(name) for name in fixed])


def rounding_errors(template: Template, present: NDArray[np.bool_] | None = None) -> dict[str, NDArray[np.float64]]:
    """The standard error that rounding costs at every place, in the measure's unit.

    A kept cell is drawn between two multiples: at most half the base. Another cell is a sum of kept ones, whose errors
    are taken as uncorrelated; measured errors are smaller. `present` marks the places that are not empty.
    """
    parts = kept_parts(lattice(template), orders_of(template), present)
    return {each.id: _error(template, each, parts) for each in template.measures}


def _error(template: Template, measure: Measure, parts: Whole) -> NDArray[np.float64]:
    """A distinct count has the error of the count that it is drawn from, and that of its own draw."""
    counted = measure if measure.additive else counted_with(template, measure)
    draws = parts if measure.additive else parts + (parts > 0)
    error: NDArray[np.float64] = template.protection.base[counted.id] / 2 * np.sqrt(draws)
    return error


def rounding_bounds(template: Template) -> dict[str, NDArray[np.float64]]:
    """What the error of every place of each additive measure stays below, whatever the cells."""
    parts: NDArray[np.float64] = kept_parts(lattice(template), orders_of(template)).astype(np.float64)
    return {each.id: parts * template.protection.base[each.id] for each in template.measures if each.additive}
