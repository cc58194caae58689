"""Merging: categories too small to show are rolled up to the smallest ancestor that is safe; all totals stay exact.

The rows of merged categories stay in the cube and are withheld, so that its structure is the template's. Blocks around
all sensitive cells come first (`disclosure.merging`). Then the engine of suppression looks, at no cost for what is
withheld, for a proof that every sensitive cell keeps its width; a cell that it would withhold in addition is merged
too, and so on until the proofs need nothing more. A merged cell that is all of a published total is no secret, and is
published. The audit is the one of suppression and knows nothing of merging.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anonymize.cube import Cells
from anonymize.disclosure.merging import merge, without_derivable
from anonymize.disclosure.problem import Movement
from anonymize.disclosure.secondary import suppress
from anonymize.protection.measured import Measured, audited, measured_of, problem_of, reasons_of, worth_of
from anonymize.protection.outcome import Protected, cube_without, exact
from anonymize.template import Template


def by_merging(cells: Cells, template: Template, institution: str) -> Protected:
    """The cube whose small categories are withheld together, under ancestors that are published exactly."""
    measured = measured_of(cells, template)
    merged, proofs = _merged(measured, template)
    withheld, audits = audited(measured, merged, proofs)
    return Protected(
        cube=cube_without(cells, template, institution, withheld),
        reasons=reasons_of(measured, withheld),
        audits=audits,
        method="merge",
        errors=exact(template),
    )


def _merged(measured: list[Measured], template: Template) -> tuple[NDArray[np.bool_], dict[str, Sequence[Movement]]]:
    """Blocks around all sensitive cells and around what their proofs need, and the proofs."""
    lattice = measured[0].table.lattice
    there: NDArray[np.bool_] = np.any([~each.table.zero for each in measured], axis=0)
    worth = np.where(there, worth_of(template, measured[0].table), 0.0)
    wanted: NDArray[np.bool_] = np.any([each.primary.mask for each in measured], axis=0)
    withheld = np.zeros(template.shape, np.bool_)
    while True:
        withheld = merge(lattice, np.flatnonzero(wanted).tolist(), worth, withheld)
        patterns = {
            each.measure.id: suppress(problem_of(each, withheld & there, worth), effort=0.0) for each in measured
        }
        wanted = np.any([each.withheld for each in patterns.values()], axis=0) & ~withheld
        if not wanted.any():
            proofs = {name: each.movements for name, each in patterns.items()}
            return without_derivable(lattice, withheld & there), proofs
