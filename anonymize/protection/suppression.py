"""Suppression: sensitive cells are withheld, and as many others as it takes that none can be derived.

1. Each additive measure is a table over the template's lattice, whose contributors are borrowers, affiliates once.
2. Its primary suppressions are found: too few borrowers, or one that others could estimate too well.
3. One pattern serves all measures: each measure in turn adds what its own primaries need, and what an earlier one
   withheld costs it nothing. A cell is withheld in every measure or in none.
4. Each measure is audited on the final pattern by code that shares nothing with the search. Where the audit comes too
   near a cell, all totals above that cell are withheld too and the audit is made again; if that fails, nothing leaves.
5. Withheld cells lose their values and carry one mark, whatever the reason. All published cells are exact.

Distinct counts (not additive) follow the same pattern. Their parts add up to at least the total, so a subtraction gives
a lower bound only; it is sharp where every borrower has one account, and there the count equals the additive count of
accounts, which is audited.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anonymize.cube import Cells
from anonymize.disclosure.audit import Audit
from anonymize.disclosure.problem import Movement
from anonymize.disclosure.secondary import suppress
from anonymize.protection.measured import Measured, audited, measured_of, problem_of, reasons_of, worth_of
from anonymize.protection.outcome import Protected, cube_without, exact
from anonymize.template import Template


def by_suppression(cells: Cells, template: Template, institution: str, *, effort: float) -> Protected:
    """The cube whose published cells are exact and whose withheld cells nobody can derive."""
    measured = measured_of(cells, template)
    withheld, audits = withheld_for(measured, template, effort=effort)
    return Protected(
        cube=cube_without(cells, template, institution, withheld),
        reasons=reasons_of(measured, withheld),
        audits=audits,
        method="suppress",
        errors=exact(template),
    )


def withheld_for(
    measured: list[Measured], template: Template, *, effort: float
) -> tuple[NDArray[np.bool_], dict[str, Audit]]:
    """One audited pattern for the primary suppressions of all measures."""
    worth = worth_of(template, measured[0].table)
    withheld = np.zeros(template.shape, np.bool_)
    for each in measured:
        withheld |= each.primary.mask
    proofs: dict[str, Sequence[Movement]] = {}
    for each in measured:
        pattern = suppress(problem_of(each, withheld, worth), effort=effort)
        withheld |= pattern.withheld
        proofs[each.measure.id] = pattern.movements
    return audited(measured, withheld, proofs)
