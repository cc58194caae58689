"""Indicators as pairs of arrays, numerator and denominator; one implementation for bank, server and statement.

They are carried apart and divided only to be shown, so that a pool weighs every institution by its size.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anonymize.template import Indicator, Part, Template

Values = NDArray[np.float64]


def indicator_arrays(
    cube_arrays: Mapping[str, Values], template: Template, indicator: Indicator
) -> tuple[Values, Values]:
    """Numerator and denominator over the lattice of the indicator's cut; NaN where the cell is withheld.

    `cube_arrays` holds an array for each measure, as `cube.arrays` gives it. Axes before the template's dimensions,
    one institution a row for example, stay in front.
    """
    return (
        _part(cube_arrays, template, indicator.numerator),
        _part(cube_arrays, template, indicator.denominator),
    )


def rate(numerator: Values, denominator: Values) -> Values:
    """The ratio for showing; NaN where a part is withheld or the denominator is zero."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    ratio: Values = np.divide(numerator, denominator, out=out, where=denominator != 0)
    return ratio


def cut_shape(template: Template, indicator: Indicator) -> tuple[int, ...]:
    """The shape of the lattice of the indicator's cut."""
    return tuple(len(dimension.code_list.codes) for dimension in template.cut(indicator))


def _part(cube_arrays: Mapping[str, Values], template: Template, part: Part) -> Values:
    where = tuple(
        dimension.code_list.index[part.where[dimension.id]] if dimension.id in part.where else slice(None)
        for dimension in template.dimensions
    )
    chosen: Values = cube_arrays[part.measure][(..., *where)]
    return chosen
