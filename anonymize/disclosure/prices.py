"""What each cell costs to withhold while a pattern grows: nothing more once a movement needs it."""

from __future__ import annotations

import numpy as np

from anonymize.disclosure.circuits import BARRED, SHORTER
from anonymize.disclosure.lattice import Floats, Indices, Mask
from anonymize.disclosure.problem import Problem


class Prices:
    """Prices by flat cell, and how many movements need each. `noise` multiplies the costs that the search sees."""

    def __init__(self, problem: Problem, noise: Floats) -> None:
        self.barred: Mask = problem.mask("open") | problem.table.zero.ravel()
        self.free: Mask = (problem.primary.mask.ravel() | problem.mask("never")) & ~self.barred
        self.true_costs: Floats = problem.cell_costs()
        self.costs: Floats = np.maximum(self.true_costs * noise, SHORTER)
        self.uses: Indices = np.zeros(len(self.costs), dtype=np.int64)
        self._tied: Mask = np.zeros(len(self.costs), dtype=np.bool_)
        for relation in problem.relations:
            self._tied[list(relation.cells)] = True
        self.now: Floats = np.where(self.barred, BARRED, np.where(self.free, SHORTER, self.costs))
        # Cells of relations move together with cells elsewhere: only the linear program knows how.
        self.for_circuits: Floats = np.where(self._tied, BARRED, self.now)

    @property
    def withheld(self) -> Mask:
        chosen: Mask = self.free | (self.uses > 0)
        return chosen

    @property
    def loss(self) -> float:
        """What the secondary suppressions cost at true prices."""
        return float(self.true_costs[self.withheld & ~self.free].sum())

    def use(self, cells: Indices, change: int) -> None:
        """Counts one movement more or less that needs these cells."""
        self.uses[cells] += change
        price = np.where(self.free[cells] | (self.uses[cells] > 0), SHORTER, self.costs[cells])
        self.now[cells] = price
        self.for_circuits[cells] = np.where(self._tied[cells], BARRED, price)

    def bar(self, cell: int) -> None:
        """Keeps a cell out of circuits until it is used again."""
        self.for_circuits[cell] = BARRED

    def unbar(self, cell: int) -> None:
        """Lets circuits have the cell again at its price."""
        self.use(np.array([cell], dtype=np.int64), 0)

    def bought(self, cells: Indices) -> Indices:
        """Those cells that no movement needs yet and that are not withheld anyway."""
        return np.asarray(cells[~self.free[cells] & (self.uses[cells] == 0)])
