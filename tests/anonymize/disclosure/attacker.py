"""An attacker that shares no code with the engine: plain linear programs over the full table, one for each question.

It knows what is published, which cells are empty and its own records; where it is alone it knows that too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, csr_matrix

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


def knowledge(tape: Tape, withheld: NDArray[np.bool_], who: int | None) -> Bounds:
    """The bounds of every cell's change in the eyes of an outsider, or of one contributor."""
    table = tape.table
    bounds: Bounds = []
    for cell in np.ndindex(*table.lattice.shape):
        own = 0.0 if who is None else float(tape.parts[(who, *cell)])
        alone = who is not None and table.contributors[cell] == 1 and own > 0
        if not withheld[cell] or table.contributors[cell] == 0 or alone:
            bounds.append((0.0, 0.0))
        else:
            bounds.append((own - float(table.value[cell]), None))
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
