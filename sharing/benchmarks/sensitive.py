"""Pooled cells that are sensitive in themselves, and how wide each must stay when it is withheld.

Fewer than the minimum of contributors, or one whose figure another could estimate too well (p%), with the remainders
that only a subtraction would show among them. So is a part whose difference to a part that it lies within is
sensitive: 30+ less 90+ days is 30-89 days. A numerator of zero, or one equal to its denominator, says the same of every
contributor and is sensitive too; so is what a revision would isolate (`revisions`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import DOMINANCE, SMALL_COUNT, Primary, find_primary
from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.pool import Mask, Panel, Values
from sharing.benchmarks.pooled_tables import Face, PooledTable, tabulate

AGAIN = 0.5  # what withholding a cell costs that was withheld in the period before: a series that flickers helps nobody
Ground = tuple[Mask, str, Values]  # sensitive cells, the reason, the width they need


@dataclass(frozen=True)
class Sensitivity:
    """What the sensitive cells of any part and face are found from.

    `isolated` gives, for peer groups, the cells of the cut that a revision would give away, `before` those withheld in the
    period before.
    """

    panel: Panel
    peers: Peers
    policy: DisclosurePolicy
    isolated: Mapping[str, Mask]
    before: Mapping[str, Mask]

    def find(self, face: Face, part: int, pooled: PooledTable) -> Primary:
        """The sensitive cells of a part's table, with reasons and widths."""
        table, there = pooled.table, ~pooled.empty
        found = find_primary(table, self.policy, signed=pooled.signed)
        ordinary = self._ordinary_width(face, part, pooled)
        share = self.policy.p_percent / 100
        width = np.where(table.largest > 0, share * table.largest, ordinary)
        mask, reason = found.mask & there, found.reason
        grounds: list[Ground] = [
            (self._same_for_all(face, part, pooled), DOMINANCE, ordinary),
            *self._differences(face, part),
            (_marked(face, self.isolated), SMALL_COUNT, np.zeros(face.lattice.shape)),
        ]
        for cells, why, needed in grounds:
            more = cells & there
            reason = np.where(more & ~mask, why, reason)
            width = np.where(more, np.maximum(width, needed), width)
            mask = mask | more
        rivals = table.top(1 + max(self.policy.coalition, 1)) - table.largest
        fall = np.where(pooled.signed, np.inf, np.maximum(table.value - rivals, 0.0))
        return Primary(
            mask, np.where(mask, reason, ""), np.where(mask, width, 0.0), np.where(mask, np.minimum(width, fall), 0.0)
        )

    def costs(self, face: Face) -> Values:
        """What withholding each cell of a face costs: less where it was withheld in the period before."""
        return np.where(_marked(face, self.before), AGAIN * face.costs, face.costs)

    def _differences(self, face: Face, part: int) -> list[Ground]:
        """For each part that this one lies within: where their difference is sensitive, and the width it asks for."""
        found = []
        for inner, outer in self.panel.layout.within:
            if inner != part:
                continue
            rest = tabulate(face, self.panel, self.peers, [(outer, 1), (inner, -1)])
            primary = find_primary(rest.table, self.policy, signed=rest.signed)
            # How many contribute is judged by the parts themselves: many of them have nothing in the difference.
            dominated = (primary.reason == DOMINANCE) & face.shown & (rest.table.largest > 0)
            found.append((dominated, DOMINANCE, self.policy.p_percent / 100 * rest.table.largest))
        return found

    def _same_for_all(self, face: Face, part: int, pooled: PooledTable) -> Mask:
        """Cells of a numerator that is zero, or all of its denominator: the rate of everybody in it.

        Only of a share: hours may be more than the requests they were spent on, and defaults more than expected.
        """
        same = np.zeros(face.lattice.shape, dtype=np.bool_)
        for whole, is_share in self._denominators(face, part):
            value = whole.table.value
            same |= (value > 0) & (pooled.table.value <= 0)
            if is_share:
                same |= (value > 0) & (pooled.table.value >= value)
        return same & face.shown

    def _ordinary_width(self, face: Face, part: int, pooled: PooledTable) -> Values:
        """For cells in which nobody has anything: p% of what the largest contributor would have at the overall rate,
        at least one unit of the measure.
        """
        width = np.ones(face.lattice.shape)
        top = (0,) * len(face.axes)
        for whole, is_share in self._denominators(face, part):
            if whole.table.value[top] > 0:
                rate = pooled.table.value[top] / whole.table.value[top]
                expected = (min(rate, 1 - rate) if is_share else rate) * whole.table.largest
                width = np.maximum(width, self.policy.p_percent / 100 * expected)
        return width

    def _denominators(self, face: Face, part: int) -> list[tuple[PooledTable, bool]]:
        """What the part is divided by, and whether it is a share of that."""
        layout = self.panel.layout
        places = dict.fromkeys(
            (layout.part(indicator.denominator), indicator.format == "percent")
            for indicator in layout.template.indicators
            if layout.part(indicator.numerator) == part
        )
        return [(tabulate(face, self.panel, self.peers, [(place, 1)]), is_share) for place, is_share in places]


def _marked(face: Face, by_group: Mapping[str, Mask]) -> Mask:
    """Over the lattice: the cells that are marked for their peer group."""
    marked = np.zeros(face.lattice.shape, dtype=np.bool_)
    for peer_group, cells in by_group.items():
        if face.holds(peer_group):
            marked[face.of_group(peer_group)] = cells[face.within_cut]
    return marked
