"""A cost that no pattern against outsiders stays below: the linear relaxation of the covering program, as far as it is known.

Every row of the relaxation holds for every safe pattern, so its optimum is a bound whatever rows are left out.
First: in an equation with one sensitive cell, and no other cell that is withheld anyway, another one must be. Then,
for tables in which that is affordable, rows from the dual solutions of attackers' programs (Fischetti and Salazar, 2001).
This shares no code with the engine's own search for cheapest patterns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, vstack

from anonymize.disclosure.problem import Problem
from tests.bench.optimum import equations_of

ROUNDS = 60
PROGRAMS = 400_000  # cells times sensitive cells: beyond that only the equations' own rows are used


def lower_bound(problem: Problem) -> float:
    """The bound in units of cost."""
    live = np.flatnonzero(~problem.table.zero.ravel())
    system = equations_of(problem, live)
    cost = problem.cell_costs()[live]
    free = problem.primary.mask.ravel()[live]
    rows = _lonely(system, free)
    rounds = ROUNDS if len(live) * problem.primary.count <= PROGRAMS else 0
    attack = _Attack(problem, live, system, free)
    for _ in range(rounds):
        choice, _bound = _cover(cost, rows, free)
        more = attack.rows(choice)
        if not len(more):
            break
        rows = vstack([rows, csr_matrix(np.array(more))]).tocsr()
    return _cover(cost, rows, free)[1]


def _lonely(system: csr_matrix, free: NDArray[np.bool_]) -> csr_matrix:
    """One row for each equation that holds a single cell withheld anyway: the other cells in it."""
    present = abs(system)
    lonely = np.flatnonzero(present @ free.astype(float) == 1)
    rows = present[lonely].tolil()
    rows[:, np.flatnonzero(free)] = 0
    return rows.tocsr()


def _cover(cost: NDArray[np.float64], rows: csr_matrix, free: NDArray[np.bool_]) -> tuple[NDArray[np.float64], float]:
    """The cheapest fractions of cells to withhold, and their cost."""
    if rows.shape[0] == 0:
        return free.astype(float), 0.0
    found = linprog(cost, A_ub=-rows, b_ub=-np.ones(rows.shape[0]), bounds=(0, 1), method="highs")
    return np.where(free, 1.0, found.x), float(found.fun)


class _Attack:
    """The program of an outsider for one sensitive cell and direction at a time."""

    def __init__(self, problem: Problem, live: NDArray[np.int64], system: csr_matrix, free: NDArray[np.bool_]) -> None:
        self._system, self._free = system, free
        self._value = problem.table.value.ravel()[live]
        widths = (problem.primary.width_up.ravel()[live], problem.primary.width_down.ravel()[live])
        self._wanted = [(cell, sign, widths[sign][cell]) for sign in (0, 1) for cell in np.flatnonzero(widths[sign])]

    def rows(self, choice: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """What every safe pattern has and this choice has not."""
        found = [self._row(choice, int(cell), sign, float(width)) for cell, sign, width in self._wanted]
        return [row for row in found if row is not None]

    def _row(self, choice: NDArray[np.float64], cell: int, sign: int, width: float) -> NDArray[np.float64] | None:
        fall, rise = self._value / width, np.full(len(choice), 1e3)
        low, high = (fall, rise) if sign == 0 else (rise, fall)
        low, high = -low, high.copy()
        high[cell] = 1.0
        aim = np.zeros(len(choice))
        aim[cell] = -1.0
        within = np.column_stack([np.maximum(low, -1) * choice, np.minimum(high, 1) * choice])
        answer = linprog(aim, A_eq=self._system, b_eq=np.zeros(self._system.shape[0]), bounds=within, method="highs")
        if answer.status != 0 or -answer.fun >= 1 - 1e-6:
            return None
        dual = -(aim - self._system.T @ answer.eqlin.marginals)
        adds = np.maximum(dual, 0) * high + np.minimum(dual, 0) * low
        lacks = 1 - adds[self._free].sum()
        row = np.where(self._free, 0.0, np.minimum(adds / lacks, 1.0)) if lacks > 1e-6 else None
        return None if row is None or row @ choice > 1 - 1e-6 else np.where(row > 1e-9, row, 0.0)
