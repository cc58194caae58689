"""Rounding: every value is a multiple of the template's base, drawn so that its expectation is the truth.

1. Each additive measure is rounded by `disclosure.rounding`: unbiased, additive, errors of finest cells below the base.
2. What that leaves open around a sensitive cell is compared with what the rules demand (`disclosure.rounding_audit`).
   A cell with fewer borrowers than the minimum is mostly safe: the base of counts is at least that minimum, and nobody
   can tell one borrower from none. An amount of one large borrower is safe only if the base is wide. Where borrowers
   themselves are attackers (`coalition` is 1), rounding is not counted upon at all.
3. Cells that need more are withheld, with as many others as it takes. The pattern is chosen and audited as if all
   other values were published exactly. It is no less safe when they are rounded: let m be a change of withheld cells
   that breaks no equation of the exact table, x the truth and y its rounding. Then x + m and y + m agree with all
   published values, add up, and are as near to each other as x and y. So whoever sees y cannot exclude x + m, and what
   was wide enough for exact values is wide enough here.
4. A row whose published values are all zero is left out: else the row would tell that somebody is in the cell.

Distinct counts are no sums. A count b of borrowers with a accounts, rounded to A, becomes A * b / a, drawn to a
multiple of the base. Its expectation is b, it never exceeds A, and where every borrower has one account it is A.

**The same cells are rounded the same way again**, with the institution's secret: whoever saw many independent roundings
of one cell could average them. The dice are keyed by secret, collection, institution and measure; neither by the cells,
so that a correction of a few loans moves few roundings, nor by the period, so that a cell which stays the same from
month to month is less often drawn anew. Without a secret a fresh key is drawn for each call.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymize.cube import Cells, dense, places_of
from anonymize.disclosure.audit import Audit
from anonymize.disclosure.lattice import Indices, add_up
from anonymize.disclosure.primary import Primary
from anonymize.disclosure.rounding import Dice, Orders, finest_cells, kept_parts, rounded
from anonymize.disclosure.rounding_audit import audit_rounded, least_length, needed_length
from anonymize.errors import ProtectionError
from anonymize.protection.measured import Measured, measured_of, reasons_of
from anonymize.protection.outcome import Protected, cube_without
from anonymize.protection.rounding_error import orders_of, rounding_errors
from anonymize.protection.suppression import withheld_for
from anonymize.template import Measure, Template
from anonymize.template_protection import base_units, counted_with

SECRET_LENGTH = 16  # bytes at least


def by_rounding(
    cells: Cells, template: Template, institution: str, *, effort: float, secret: bytes | None = None
) -> Protected:
    """The cube of rounded values, without those cells that rounding alone does not protect."""
    measured = measured_of(cells, template)
    wanting = [replace(each, primary=_without(each.primary, _safe(each, template))) for each in measured]
    withheld, audits = withheld_for(wanting, template, effort=effort)
    orders = orders_of(template)
    keys = _Keys(secret, cells, institution)
    values = {each.measure.id: _rounded(each, template, orders, keys) for each in measured}
    for each, left in zip(measured, wanting, strict=True):
        rest = replace(each, primary=_without(each.primary, left.primary.mask))
        found = _audited(rest, template, values[each.measure.id])
        audits[each.measure.id] = Audit((*audits[each.measure.id].findings, *found.findings))
    for measure in template.measures:
        if not measure.additive:
            values[measure.id] = _distinct(cells, template, measure, values, keys)
    return Protected(
        cube=cube_without(cells, template, institution, withheld, table=_table(cells, template, values, withheld)),
        reasons=reasons_of(measured, withheld),
        audits=audits,
        method="round",
        errors=rounding_errors(template, np.any([~each.table.zero for each in measured], axis=0)),
        repeatable=secret is not None,
    )


def _safe(each: Measured, template: Template) -> NDArray[np.bool_]:
    """The cells whose interval is long enough however they are rounded; it does not depend on how they are."""
    if each.insiders:
        return np.zeros(template.shape, np.bool_)
    unit, base = 10.0**-each.measure.decimals, template.protection.base[each.measure.id]
    kept = kept_parts(each.table.lattice, orders_of(template)) == 1
    safe: NDArray[np.bool_] = least_length(each.table, base, unit, each.signed, kept) >= needed_length(each.primary)
    return safe


def _without(primary: Primary, others: NDArray[np.bool_]) -> Primary:
    mask = primary.mask & ~others
    return Primary(
        mask,
        np.where(mask, primary.reason, ""),
        np.where(mask, primary.width_up, 0.0),
        np.where(mask, primary.width_down, 0.0),
    )


class _Keys:
    """One key a measure, all from the institution's secret or, without one, from a fresh draw."""

    def __init__(self, secret: bytes | None, cells: Cells, institution: str) -> None:
        if secret is not None and len(secret) < SECRET_LENGTH:
            raise ProtectionError(f"The protection key is shorter than {SECRET_LENGTH} bytes. Nothing was written.")
        self._secret = secrets.token_bytes(32) if secret is None else secret
        self._about = ("concord rounding 1", cells.collection, institution)

    def of(self, measure: Measure) -> Dice:
        about = "\n".join((*self._about, measure.id))
        return Dice(hmac.digest(self._secret, about.encode(), hashlib.sha256))


def _rounded(each: Measured, template: Template, orders: Orders, keys: _Keys) -> Indices:
    """The measure over the lattice, rounded, in units of its last decimal."""
    over = each.table.lattice
    units = np.rint(each.table.value * 10**each.measure.decimals).astype(np.int64)
    # Beyond 2**53 units totals are inexact as doubles; the walk needs sums that hold to the unit.
    value = add_up(over, np.where(finest_cells(over), units, 0))
    return rounded(over, value, base_units(template, each.measure), keys.of(each.measure), orders)


def _audited(each: Measured, template: Template, value: Indices) -> Audit:
    """What the rounded values tell of the sensitive cells; ProtectionError when that is too much."""
    found = audit_rounded(
        each.table,
        each.primary,
        value / 10.0**each.measure.decimals,
        base=template.protection.base[each.measure.id],
        unit=10.0**-each.measure.decimals,
        signed=each.signed,
    )
    if not found.ok:
        raise ProtectionError(
            f"{len(found.failed)} cells of {each.measure.id} could be estimated too closely after rounding. "
            "Nothing was written."
        )
    return found


def _distinct(
    cells: Cells, template: Template, measure: Measure, values: Mapping[str, Indices], keys: _Keys
) -> Indices:
    """A distinct count as a share of the count it goes with, drawn to a multiple of that count's base."""
    whole = counted_with(template, measure)
    base, dice = base_units(template, whole), keys.of(measure)
    part, all_ = (dense(cells.table, template, each.id).astype(np.int64).reshape(-1) for each in (measure, whole))
    drawn = np.zeros(part.size, np.int64)
    multiples = values[whole.id].reshape(-1) // base
    for cell in np.flatnonzero(multiples).tolist():
        # Exact whole numbers: a double would bias large counts.
        least, rest = divmod(int(multiples[cell]) * int(part[cell]), int(all_[cell]))
        drawn[cell] = least + (dice.below(int(all_[cell]), cell) < rest)
    return (drawn * base).reshape(template.shape)


def _table(cells: Cells, template: Template, values: Mapping[str, Indices], withheld: NDArray[np.bool_]) -> pa.Table:
    """The rows of the cells with rounded values, without those that would say zero only."""
    places = places_of(cells.table, template)
    told = withheld.reshape(-1)[places]
    for value in values.values():
        told |= value.reshape(-1)[places] != 0
    # A cube has at least one row.
    told |= (places == places.min()) & ~told.any()
    columns = {each: cells.table.column(each) for each in template.dimension_ids}
    for measure in template.measures:
        value = values[measure.id].reshape(-1)[places]
        columns[measure.id] = pa.array(value if measure.type == "count" else value / 10.0**measure.decimals)
    return pa.table(columns).filter(pa.array(told))
