"""The exact least cost of complementary suppression, for tables small enough for a mixed-integer program.

For outsiders only, where the definition is a single system for every sensitive cell (Fischetti and Salazar, 2001): one
binary for each cell, and for every sensitive cell one table that is high enough and one that is low enough.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_diag, bmat, coo_matrix, csr_matrix, diags, vstack

from anonymize.disclosure.problem import Problem


def least_cost(problem: Problem, seconds: float = 20.0) -> float | None:
    """The cost of the cheapest secondary suppressions, or None when time runs out."""
    table = problem.table
    live = np.flatnonzero(~table.zero.ravel())
    equations = equations_of(problem, live)
    value = table.value.ravel()[live]
    most = 10 * value.max(initial=1.0)  # a cell may rise beyond the total as long as others fall
    wanted = [
        (place, sign, float(widths.ravel()[cell]))
        for place, cell in enumerate(live)
        for sign, widths in ((1.0, problem.primary.width_up), (-1.0, problem.primary.width_down))
        if widths.ravel()[cell] > 0
    ]
    if not wanted:
        return 0.0
    cost = problem.cell_costs()[live]
    count, tables = len(live), len(wanted)
    changes = block_diag([equations] * tables)
    stand_for = vstack([csr_matrix(np.eye(count))] * tables)
    rise, fall = stand_for @ diags(np.full(count, most)), stand_for @ diags(value)
    one = csr_matrix(np.eye(count * tables))
    rows = bmat([[one, -rise], [-one, -fall]])
    low = np.full(count * tables, -np.inf)
    high = np.full(count * tables, np.inf)
    for number, (place, sign, width) in enumerate(wanted):
        at = number * count + place
        low[at], high[at] = (width, np.inf) if sign > 0 else (-np.inf, -width)
    result = milp(
        np.concatenate([np.zeros(count * tables), cost]),
        integrality=np.concatenate([np.zeros(count * tables), np.ones(count)]),
        bounds=Bounds(np.concatenate([low, np.zeros(count)]), np.concatenate([high, np.ones(count)])),
        constraints=[
            LinearConstraint(bmat([[changes, csr_matrix((changes.shape[0], count))]]), 0, 0),
            LinearConstraint(rows, -np.inf, 0),
        ],
        options={"time_limit": seconds},
    )
    return float(result.fun) if result.status == 0 else None


def equations_of(problem: Problem, live: NDArray[np.int64]) -> csr_matrix:
    """The table's equations over its live cells, one row each."""
    equations = problem.table.lattice.equations()
    size = problem.table.lattice.size
    entries = (equations.coefficients, (equations.rows, equations.cells))
    return coo_matrix(entries, shape=(equations.count, size)).tocsr()[:, live]
