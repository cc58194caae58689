"""Cells that are sensitive in themselves, and how wide each must stay when it is withheld.

Rules: fewer than `min_contributors` (reason A); p%-rule and (n, k)-dominance (reason G), on absolute contributions
with affiliates merged. Sources: Hundepool et al., Statistical Disclosure Control (2012), chapter 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.lattice import Floats, Mask, Table
from anonymize.disclosure.policy import DisclosurePolicy

SMALL_COUNT = "A"
DOMINANCE = "G"


@dataclass(frozen=True)
class Primary:
    """Sensitive cells, the reason of each ("" elsewhere), and the distances an attacker may not come within."""

    mask: Mask
    reason: NDArray[np.str_]
    width_up: Floats
    width_down: Floats

    @property
    def count(self) -> int:
        return int(self.mask.sum())


def find_primary(
    table: Table, policy: DisclosurePolicy, *, signed: Mask | None = None, unit: float = 1.0, insiders: bool = True
) -> Primary:
    """The primary suppressions of a table.

    `signed` marks cells that may be negative; `unit` is the width of a cell whose contributors all hold nothing;
    `insiders` says, as in `Problem`, that contributors attack too.
    """
    few = (table.contributors > 0) & (table.contributors < policy.min_contributors)
    dominated = ~table.zero & _dominated(table, policy)
    mask = few | dominated
    reason = np.where(few, SMALL_COUNT, np.where(dominated, DOMINANCE, ""))
    width = _count_widths(table, policy) if table.integral else _amount_widths(table, policy, unit)
    possible = _possible_fall(table, max(policy.coalition, 1), insiders=insiders)
    if signed is not None:
        possible = np.where(signed, np.inf, possible)
    return Primary(mask, reason, np.where(mask, width, 0.0), np.where(mask, np.minimum(width, possible), 0.0))


def _dominated(table: Table, policy: DisclosurePolicy) -> Mask:
    """Others who pool what they hold come too near the largest one, or the largest hold too much.

    The second is left out of the rest even where no contributor sees the table, and the third where two may pool theirs.
    """
    if table.integral:
        return np.zeros(table.lattice.shape, dtype=np.bool_)
    total = np.maximum(np.abs(table.value), table.largest + table.second)
    rest = np.maximum(total - table.top(1 + max(policy.coalition, 1)), 0.0)
    dominated: Mask = rest < policy.p_percent / 100 * table.largest * (1 - 1e-12)
    if policy.dominance is not None:
        count, percent = policy.dominance
        top = table.largest + (table.second if count == 2 else 0.0)
        dominated = dominated | (top > percent / 100 * total)
    return dominated


def _amount_widths(table: Table, policy: DisclosurePolicy, unit: float) -> Floats:
    widths: Floats = np.where(table.largest > 0, policy.p_percent / 100 * table.largest, unit)
    return widths


def _count_widths(table: Table, policy: DisclosurePolicy) -> Floats:
    widths: Floats = np.maximum(1.0, np.ceil(policy.threshold_range * np.abs(table.value) - 1e-9))
    return widths


def _possible_fall(table: Table, coalition: int, *, insiders: bool) -> Floats:
    """How far a cell can fall at all: the insiders' own parts stay in it, and a count stays above what its rows tell."""
    if table.integral and not insiders:
        return table.value - table.least
    rivals = table.top(1 + coalition) - table.largest
    known = np.where((table.second > 0) & table.integral, table.top(coalition), rivals)
    room: Floats = np.maximum(table.value - known, 0.0)
    return room
