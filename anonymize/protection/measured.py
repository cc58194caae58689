"""Every additive measure of a bank's cells as a table to protect, and the audit of one pattern for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymize.cube import CONTRIBUTORS, Cells, dense, lattice
from anonymize.disclosure.audit import Audit, audit
from anonymize.disclosure.lattice import Kin, Lattice, Table
from anonymize.disclosure.primary import Primary, find_primary
from anonymize.disclosure.problem import Movement, Problem, height_costs
from anonymize.errors import ProtectionError
from anonymize.protection.outcome import DOMINANCE, PUBLISHED, SECONDARY, SMALL_COUNT
from anonymize.template import TOTAL, Measure, Template

AUDITS = 3

# What withholding costs: headlines, the totals by which nothing is cut, and what indicators show are kept longest.
# Measured on simulated tapes; the levels of the hierarchies alone gave up grand totals to save cells that few read.
WORTH_OF_A_TOTAL = 3.0
WORTH_OF_INDICATOR_CELLS = 2.0


@dataclass(frozen=True, eq=False)
class Measured:
    """One additive measure and its primary suppressions."""

    measure: Measure
    table: Table
    primary: Primary
    signed: NDArray[np.bool_]
    coalition: int  # how many contributors attack together

    @property
    def insiders(self) -> bool:
        return self.coalition > 0


def measured_of(cells: Cells, template: Template) -> list[Measured]:
    """Every additive measure, the one with most primaries first: what protects it mostly protects the others."""
    additive = [each for each in template.measures if each.additive]
    if not additive:
        raise ProtectionError(f"Template {template.id} has no additive measure to protect by. Nothing was written.")
    over = lattice(template)
    contributors = dense(cells.table, template, CONTRIBUTORS).astype(np.int64)
    measured = [_measure(cells, each, template, over, contributors) for each in additive]
    return sorted(measured, key=lambda each: (-each.primary.count, each.measure.type == "count"))


def _measure(
    cells: Cells, measure: Measure, template: Template, over: Lattice, contributors: NDArray[np.int64]
) -> Measured:
    value, largest, second = (
        dense(cells.table, template, f"{prefix}{measure.id}") for prefix in ("", "largest_", "second_")
    )
    # A borrower who has nothing of this measure in a cell does not hide the others.
    table = Table(over, value, largest, second, np.where(largest > 0, contributors, 0), measure.type == "count")
    # More than the total in two contributions: somebody's is negative.
    mixed = bool((value < 0).any() or (largest + second > np.abs(value) * (1 + 1e-9)).any())
    signed = np.full(template.shape, mixed)
    policy = template.protection.policy
    unit = 10.0**-measure.decimals
    primary = find_primary(table, policy, signed=signed, unit=unit, insiders=policy.coalition > 0)
    return Measured(measure, table, primary, signed, policy.coalition)


def problem_of(each: Measured, withheld: NDArray[np.bool_], worth: NDArray[np.float64] | None) -> Problem:
    return Problem(
        each.table,
        each.primary,
        withheld=withheld,
        cost=worth,
        signed=each.signed,
        insiders=each.insiders,
        coalition=max(each.coalition, 1),
    )


def audited(
    measured: list[Measured], withheld: NDArray[np.bool_], proofs: Mapping[str, Sequence[Movement]]
) -> tuple[NDArray[np.bool_], dict[str, Audit]]:
    """The final pattern, and the audit of every measure on it."""
    for _ in range(AUDITS):
        audits = {
            each.measure.id: audit(problem_of(each, withheld, None), withheld, proofs[each.measure.id])
            for each in measured
        }
        failed = [cell for found in audits.values() for cell in found.failed]
        if not failed:
            return withheld, audits
        withheld = _with_totals_above(measured, withheld, failed)
    raise ProtectionError(
        f"{len(set(failed))} cells could be estimated too closely, whatever else is withheld. "
        "Report fewer, larger groups. Nothing was written."
    )


def _with_totals_above(
    measured: list[Measured], withheld: NDArray[np.bool_], cells: Sequence[int]
) -> NDArray[np.bool_]:
    more = withheld.copy()
    kin = Kin(measured[0].table.lattice)
    for cell in cells:
        more.reshape(-1)[kin.ancestors(cell)] = True
    there: NDArray[np.bool_] = np.any([~each.table.zero for each in measured], axis=0)
    return more & there


def worth_of(template: Template, table: Table) -> NDArray[np.float64]:
    """What withholding each cell costs: more for totals, most for what indicators show."""
    weight = np.where(_shown(template), WORTH_OF_INDICATOR_CELLS, 1.0) * WORTH_OF_A_TOTAL ** _totals(template)
    worth: NDArray[np.float64] = height_costs(table) * weight
    return worth


def headlines_of(template: Template) -> NDArray[np.bool_]:
    """The cells of indicators that no dimension breaks down."""
    totals = _totals(template)
    headlines: NDArray[np.bool_] = _shown(template) & (totals == totals.max())
    return headlines


def _shown(template: Template) -> NDArray[np.bool_]:
    """The cells of which indicators are made."""
    shown = np.zeros(template.shape, np.bool_)
    for indicator in template.indicators:
        for part in (indicator.numerator, indicator.denominator):
            where = tuple(
                each.code_list.index[part.where[each.id]] if each.id in part.where else slice(None)
                for each in template.dimensions
            )
            shown[where] = True
    return shown


def _totals(template: Template) -> NDArray[np.int64]:
    """By how many of the dimensions that indicators are cut by a cell is a total."""
    totals = np.zeros(template.shape, np.int64)
    for dimension in {each.id: each for indicator in template.indicators for each in template.cut(indicator)}.values():
        axis = template.dimensions.index(dimension)
        np.moveaxis(totals, axis, 0)[dimension.code_list.index[TOTAL]] += 1
    return totals


def reasons_of(measured: list[Measured], withheld: NDArray[np.bool_]) -> NDArray[np.str_]:
    """A small count in any measure before dominance in any, before protection of others."""
    reasons = np.where(withheld, SECONDARY, PUBLISHED)
    for code in (DOMINANCE, SMALL_COUNT):
        for each in measured:
            reasons[withheld & each.primary.mask & (each.primary.reason == code)] = code
    return reasons
