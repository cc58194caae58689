"""What two cubes of an institution have in common, as counts and shares of cells; no figure leaves this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from anonymize.cube import arrays

if TYPE_CHECKING:
    from anonymize.cube import Cube
    from anonymize.template import Template


def completeness(cube: Cube, previous: Cube) -> float:
    """Which share of the combinations of codes of the period before is there again, from 0 to 1."""
    if not previous.places.size:
        return 1.0
    return float(np.isin(previous.places, cube.places).mean())


def cells_changed(cube: Cube, replaced: Cube, template: Template) -> int:
    """How many cells differ in any measure, or in being withheld."""
    ours, theirs = arrays(cube, template), arrays(replaced, template)
    differ = np.zeros(template.shape, np.bool_)
    for measure in template.measure_ids:
        here, there = ours[measure], theirs[measure]
        differ |= (here != there) & ~(np.isnan(here) & np.isnan(there))
    return int(differ.sum())
