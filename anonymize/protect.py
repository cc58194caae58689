"""Cells in, protected cube out: the whole path of a bank's protection.

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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymize.cube import (
    CONF_STATUS,
    CONFIDENTIAL,
    CONTRIBUTORS,
    FREE,
    NORMAL,
    OBS_STATUS,
    SUPPRESSED,
    TIME_PERIOD,
    Cells,
    Cube,
    cube_of,
    dense,
    lattice,
    places_of,
)
from anonymize.disclosure.audit import Audit, audit
from anonymize.disclosure.lattice import Kin, Lattice, Table
from anonymize.disclosure.primary import Primary, find_primary
from anonymize.disclosure.problem import Movement, Problem, height_costs
from anonymize.disclosure.secondary import suppress
from anonymize.errors import ProtectionError
from anonymize.template import TOTAL, Measure, Template

PUBLISHED = ""
SMALL_COUNT, DOMINANCE, SECONDARY = "A", "G", "D"  # why a cell is withheld; this never leaves the bank

AUDITS = 3

# What withholding costs: headlines, the totals by which nothing is cut, and what indicators show are kept longest.
# Measured on simulated tapes; the levels of the hierarchies alone gave up grand totals to save cells that few read.
WORTH_OF_A_TOTAL = 3.0
WORTH_OF_INDICATOR_CELLS = 2.0


@dataclass(frozen=True, eq=False)
class Protected:
    """`reasons` says for every place of the lattice why it is withheld ("" when it is not); it stays at the bank."""

    cube: Cube
    reasons: NDArray[np.str_]
    audits: Mapping[str, Audit]

    def count(self, reason: str) -> int:
        return int((self.reasons == reason).sum())


@dataclass(frozen=True, eq=False)
class _Measured:
    """One additive measure and its primary suppressions."""

    measure: Measure
    table: Table
    primary: Primary
    signed: NDArray[np.bool_]
    insiders: bool


def protect(cells: Cells, template: Template, institution: str, *, effort: float = 1.0) -> Protected:
    """The cube that may leave, with the reasons and proofs that may not.

    `effort` is how long to look for a pattern that withholds less; every pattern is as safe as any other.
    ProtectionError when a measure cannot be protected as the template demands; then there is no cube.
    """
    if template.protection.method == "none":
        return Protected(_cube(cells, template, institution, None), np.full(template.shape, PUBLISHED), {})
    measured = _measured(cells, template)
    worth = _worth(template, measured[0].table)
    withheld = np.zeros(template.shape, np.bool_)
    for each in measured:
        withheld |= each.primary.mask
    proofs: dict[str, Sequence[Movement]] = {}
    for each in measured:
        pattern = suppress(_problem(each, withheld, worth), effort=effort)
        withheld |= pattern.withheld
        proofs[each.measure.id] = pattern.movements
    withheld, audits = _audited(measured, withheld, proofs)
    return Protected(_cube(cells, template, institution, withheld), _reasons(measured, withheld), audits)


def _measured(cells: Cells, template: Template) -> list[_Measured]:
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
) -> _Measured:
    value, largest, second = (
        dense(cells.table, template, f"{prefix}{measure.id}") for prefix in ("", "largest_", "second_")
    )
    # A borrower who has nothing of this measure in a cell does not hide the others.
    table = Table(over, value, largest, second, np.where(largest > 0, contributors, 0), measure.type == "count")
    # More than the total in two contributions: somebody's is negative.
    mixed = bool((value < 0).any() or (largest + second > np.abs(value) * (1 + 1e-9)).any())
    signed = np.full(template.shape, mixed)
    primary = find_primary(table, template.protection.policy, signed=signed, unit=10.0**-measure.decimals)
    return _Measured(measure, table, primary, signed, template.protection.policy.coalition > 0)


def _problem(each: _Measured, withheld: NDArray[np.bool_], worth: NDArray[np.float64] | None) -> Problem:
    return Problem(each.table, each.primary, withheld=withheld, cost=worth, signed=each.signed, insiders=each.insiders)


def _audited(
    measured: list[_Measured], withheld: NDArray[np.bool_], proofs: Mapping[str, Sequence[Movement]]
) -> tuple[NDArray[np.bool_], dict[str, Audit]]:
    """The final pattern, and the audit of every measure on it."""
    for _ in range(AUDITS):
        audits = {
            each.measure.id: audit(_problem(each, withheld, None), withheld, proofs[each.measure.id])
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
    measured: list[_Measured], withheld: NDArray[np.bool_], cells: Sequence[int]
) -> NDArray[np.bool_]:
    more = withheld.copy()
    kin = Kin(measured[0].table.lattice)
    for cell in cells:
        more.reshape(-1)[kin.ancestors(cell)] = True
    there: NDArray[np.bool_] = np.any([~each.table.zero for each in measured], axis=0)
    return more & there


def _worth(template: Template, table: Table) -> NDArray[np.float64]:
    """What withholding each cell costs: more for totals, most for the headlines of indicators."""
    shown = np.zeros(template.shape, np.bool_)
    for indicator in template.indicators:
        for part in (indicator.numerator, indicator.denominator):
            where = tuple(
                each.code_list.index[part.where[each.id]] if each.id in part.where else slice(None)
                for each in template.dimensions
            )
            shown[where] = True
    totals = np.zeros(template.shape, np.int64)
    for dimension in {each.id: each for indicator in template.indicators for each in template.cut(indicator)}.values():
        axis = template.dimensions.index(dimension)
        np.moveaxis(totals, axis, 0)[dimension.code_list.index[TOTAL]] += 1
    return height_costs(table) * WORTH_OF_A_TOTAL**totals * np.where(shown, WORTH_OF_INDICATOR_CELLS, 1.0)


def _reasons(measured: list[_Measured], withheld: NDArray[np.bool_]) -> NDArray[np.str_]:
    """A small count in any measure before dominance in any, before protection of others."""
    reasons = np.where(withheld, SECONDARY, PUBLISHED)
    for code in (DOMINANCE, SMALL_COUNT):
        for each in measured:
            reasons[each.primary.mask & (each.primary.reason == code)] = code
    return reasons


def _cube(cells: Cells, template: Template, institution: str, withheld: NDArray[np.bool_] | None) -> Cube:
    rows = cells.table.num_rows
    hidden = np.zeros(rows, np.bool_) if withheld is None else withheld.reshape(-1)[places_of(cells.table, template)]
    columns = {each: cells.table.column(each) for each in template.dimension_ids}
    columns[TIME_PERIOD] = pa.array([cells.period] * rows, pa.string())
    for measure in template.measure_ids:
        columns[measure] = pa.array(cells.table.column(measure).to_numpy(), mask=hidden)
    columns[OBS_STATUS] = pa.array(np.where(hidden, SUPPRESSED, NORMAL))
    columns[CONF_STATUS] = pa.array(np.where(hidden, CONFIDENTIAL, FREE))
    return cube_of(pa.table(columns), template, institution=institution, period=cells.period)
