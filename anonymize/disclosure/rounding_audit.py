"""What an outsider can tell of a cell from a rounded table, judged from the table alone.

The outsider knows every rounded value, the base, that the rounded table adds up and that errors of finest cells are
below the base. For a sensitive cell c take the rounded table y itself and change one finest cell of c, up or down, by
the most that is below the base, B - 1 in whole units. The result is additive and differs in every cell from y by
nothing or by B - 1: it is a table from which y may have come. So the outsider cannot exclude any value of c from
`y - (B - 1)` to `y + (B - 1)`, or from its least possible value where that is more. For finest cells these are also
the only values possible.

What the rules ask of an interval is its length. The true value may lie anywhere in it, at an end too: where, was drawn
by lot, and the outsider cannot tell. This module knows the two tables and nothing of how one was made from the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anonymize.disclosure.audit import NARROW, PROVEN, PUBLISHED, Audit, Finding
from anonymize.disclosure.lattice import Floats, Indices, Mask, Table
from anonymize.disclosure.primary import Primary


@dataclass(frozen=True)
class Interval:
    """The lowest and highest value of each cell that cannot be excluded."""

    low: Floats
    high: Floats


def needed_length(primary: Primary) -> Floats:
    """How long the interval of each sensitive cell must be."""
    return primary.width_up + primary.width_down


def least_length(table: Table, base: float, unit: float, signed: Mask, near: Mask) -> Floats:
    """How long the interval of each cell is at least, however it is rounded.

    `near` marks the cells whose errors are surely below the base. The unluckiest multiple is the lower one; for other
    cells it may be zero.
    """
    lower = np.where(near, np.floor(table.value / base + 1e-9) * base, 0.0)
    interval = _interval(table, lower, base - unit, signed)
    return interval.high - interval.low


def audit_rounded(
    table: Table,
    primary: Primary,
    published: Floats,
    *,
    base: float,
    unit: float,
    signed: Mask,
) -> Audit:
    """One finding for every sensitive cell, as if its rounded value were published; all arrays have the table's shape.

    `unit` is the measure's last decimal. ValueError when the published table is no rounding of the table.
    """
    _check_is_rounding(table, published, base, unit)
    interval = _interval(table, published, base - unit, signed)
    needed = needed_length(primary)
    long_enough = interval.high - interval.low >= needed * (1 - 1e-9)
    findings = []
    for cell in np.flatnonzero(primary.mask):
        low, high, true = interval.low.flat[cell], interval.high.flat[cell], table.value.flat[cell]
        status = PUBLISHED if base <= unit else PROVEN if long_enough.flat[cell] else NARROW
        down, up = float(primary.width_down.flat[cell]), float(primary.width_up.flat[cell])
        findings.append(Finding(int(cell), status, float(true - low), float(high - true), down, up))
    return Audit(tuple(findings))


def _interval(table: Table, drawn: Floats, reach: float, signed: Mask) -> Interval:
    """What is possible around the drawn values; the outsider may know that somebody is in the cell."""
    least = np.where((table.contributors > 0) & table.integral, 1.0, 0.0)
    low = np.where(signed, drawn - reach, np.maximum(drawn - reach, least))
    return Interval(low, drawn + reach)


def _check_is_rounding(table: Table, published: Floats, base: float, unit: float) -> None:
    """Multiples that add up, near the truth in the finest cells, and zero where nobody is."""
    multiple = np.round(published / base)
    if np.any(np.abs(published - multiple * base) > unit / 2):
        raise ValueError("a published value is no multiple of the base")
    if np.any(published[table.zero] != 0):
        raise ValueError("an empty cell is published as if somebody were in it")
    finest = (table.lattice.height == 0).reshape(table.lattice.shape)
    if np.any(np.abs(published - table.value)[finest] > base - unit / 2):
        raise ValueError("a published value is further from the truth than the base")
    for axis, tree in enumerate(table.lattice.hierarchies):
        for code, children in enumerate(tree.children):
            parts: Indices = np.take(multiple, children, axis=axis).sum(axis=axis)
            if children and np.any(parts != np.take(multiple, code, axis=axis)):
                raise ValueError("the published values do not add up")
