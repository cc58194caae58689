"""Suppression: sensitive cells are withheld, and as many others as it takes that none can be derived.

1. Each additive measure is a table over the template's lattice, whose contributors are borrowers, affiliates once.
2. Its primary suppressions are found: too few borrowers, or one that others could estimate too well.
3. One pattern serves all measures: each measure in turn adds what its own primaries need, and what an earlier one
   withheld costs it nothing. A cell is withheld in every measure or in none. Headlines, the cells of indicators that
   nothing breaks down, are given up only where withholding anything else is not enough: a bank is compared by them, and
   a search by cost alone gave them up to save a dozen cells that few read.
4. Each measure is audited on the final pattern by code that shares nothing with the search. Where the audit comes too
   near a cell, all totals above that cell are withheld too and the audit is made again; if that fails, nothing leaves.
5. Withheld cells lose their values and carry one mark, whatever the reason. All published cells are exact.

Distinct counts (not additive) follow the same pattern. Their parts add up to at least the total, so a subtraction gives
a lower bound only; it is sharp where every borrower has one account, and there the count equals the additive count of
accounts, which is audited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from anonymize.cube import Cells
from anonymize.disclosure.audit import Audit
from anonymize.disclosure.lattice import Mask
from anonymize.disclosure.problem import Movement
from anonymize.disclosure.secondary import suppress
from anonymize.protection.measured import (
    Measured,
    audited,
    headlines_of,
    measured_of,
    problem_of,
    reasons_of,
    worth_of,
)
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
    sensitive: Mask = np.any([each.primary.mask for each in measured], axis=0)
    kept = headlines_of(template) & ~sensitive
    search = partial(_pattern, measured, worth_of(template, measured[0].table), sensitive, effort)
    withheld, proofs = search(kept) or search(None) or (sensitive, {})
    return audited(measured, withheld, proofs)


def _pattern(
    measured: list[Measured], worth: NDArray[np.float64], sensitive: Mask, effort: float, kept: Mask | None
) -> tuple[Mask, dict[str, Sequence[Movement]]] | None:
    """The cells to withhold and each measure's proofs, with these kept public; None where that leaves one unprotected."""
    withheld = sensitive.copy()
    proofs: dict[str, Sequence[Movement]] = {}
    for each in measured:
        problem = replace(problem_of(each, withheld, worth), open=kept)
        pattern = suppress(problem, effort=effort)
        if kept is not None and pattern.unprotected:
            return None
        withheld |= pattern.withheld
        proofs[each.measure.id] = pattern.movements
    return withheld, proofs
