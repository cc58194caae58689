"""An attacker that shares no code with the engine: plain linear programs over the full table, one for each question.

It knows what is published, which cells are empty and its own records; where it is alone it knows that too. Who sees the
rows knows that a count of somebody is at least one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import block_diag, coo_matrix, csr_matrix, vstack

from anonymize.disclosure.lattice import Lattice
from tests.anonymize.disclosure.tables import Tape

Bounds = list[tuple[float, float | None]]


def equations(lattice: Lattice) -> csr_matrix:
    """Parent minus children is zero, written out cell by cell."""
    rows, columns, values, count = [], [], [], 0
    for place in np.ndindex(*lattice.shape):
        for axis, tree in enumerate(lattice.hierarchies):
            children = [node for node, parent in enumerate(tree.parent) if parent == place[axis]]
            if not children:
                continue
            rows.append(count)
            columns.append(np.ravel_multi_index(place, lattice.shape))
            values.append(1.0)
            for child in children:
                below = (*place[:axis], child, *place[axis + 1 :])
                rows.append(count)
                columns.append(np.ravel_multi_index(below, lattice.shape))
                values.append(-1.0)
            count += 1
    return coo_matrix((values, (rows, columns)), shape=(count, int(np.prod(lattice.shape)))).tocsr()


def knowledge(tape: Tape, withheld: NDArray[np.bool_], who: int | None, *, sees_rows: bool = False) -> Bounds:
    """The bounds of every cell's change in the eyes of an outsider, or of one contributor."""
    table = tape.table
    bounds: Bounds = []
    for cell in np.ndindex(*table.lattice.shape):
        own = 0.0 if who is None else float(tape.parts[(who, *cell)])
        alone = who is not None and table.contributors[cell] == 1 and own > 0
        if not withheld[cell] or table.contributors[cell] == 0 or alone:
            bounds.append((0.0, 0.0))
        else:
            least = min(1.0, float(table.value[cell])) if table.integral and sees_rows else 0.0
            bounds.append((max(own, least) - float(table.value[cell]), None))
    return bounds


def interval(system: csr_matrix, bounds: Bounds, cell: int, *, whole: bool = False) -> tuple[float, float]:
    """How far the cell can fall and rise; a rise without end counts as infinite."""
    costs = np.zeros(system.shape[1])
    reach = []
    for sign in (1.0, -1.0):
        costs[cell] = sign
        result = linprog(
            costs,
            A_eq=system if system.shape[0] else None,
            b_eq=np.zeros(system.shape[0]) if system.shape[0] else None,
            bounds=bounds,
            integrality=np.ones(system.shape[1]) if whole else None,
        )
        reach.append(np.inf if result.status in (3, 4) else abs(float(result.fun)))
    return reach[0], reach[1]


def kept_cells(lattice: Lattice, orders: Sequence[Sequence[int]]) -> NDArray[np.bool_]:
    """The cells whose rounding errors are known to be below the base: some order splits them up to one dimension."""
    kept = np.zeros(lattice.shape, np.bool_)
    for place in np.ndindex(*lattice.shape):
        for order in orders:
            for last in range(len(order)):
                before = all(not lattice.hierarchies[axis].children[place[axis]] for axis in order[:last])
                after = all(lattice.hierarchies[axis].parent[place[axis]] == -1 for axis in order[last + 1 :])
                kept[place] |= before and after
    return kept


def interval_of_rounded(
    lattice: Lattice,
    published: NDArray[np.float64],
    kept: NDArray[np.bool_],
    reach: float,
    cell: int,
    *,
    signed: bool = False,
) -> tuple[float, float]:
    """The least and the largest value of a cell; NaN in `published` is withheld, and so is its rounded value.

    Unknown are the table and its rounding. Both add up, and in kept cells they differ by `reach` at most.
    """
    size, sums = lattice.size, equations(lattice)
    near = np.flatnonzero(kept)
    rows = np.arange(len(near))
    ones = np.ones(len(near))
    apart = coo_matrix((np.r_[ones, -ones], (np.r_[rows, rows], np.r_[near, near + size])), (len(near), 2 * size))
    least = None if signed else 0.0
    bounds = [(least, None)] * size + [(least, None) if np.isnan(each) else (each, each) for each in published.ravel()]
    goal = np.zeros(2 * size)
    found = []
    for sign in (1.0, -1.0):
        goal[cell] = sign
        result = linprog(
            goal,
            A_eq=block_diag((sums, sums)),
            b_eq=np.zeros(2 * sums.shape[0]),
            A_ub=vstack((apart, -apart)),
            b_ub=np.full(2 * len(near), reach),
            bounds=bounds,
        )
        found.append(sign * float(result.fun) if result.status == 0 else -sign * np.inf)
    return found[0], found[1]
