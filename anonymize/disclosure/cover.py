"""Which cells to withhold at least cost so that every cut holds at least one whole cell: a covering program for HiGHS."""

from __future__ import annotations

import highspy
import numpy as np

from anonymize.disclosure.lattice import Floats
from anonymize.disclosure.linear import Quiet

CUT_LEFT_OUT = 1e-9


class Cover:
    """Minimise `costs @ x` with x between 0 and 1 and `cut @ x >= 1` for every cut added so far."""

    def __init__(self, costs: Floats) -> None:
        count = len(costs)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = count, 0
        model.col_cost_ = costs
        model.col_lower_, model.col_upper_ = np.zeros(count), np.ones(count)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.zeros(1, dtype=np.int32)
        self._count = count
        self._solver = Quiet()
        self._solver.passModel(model)

    def add(self, cut: Floats) -> None:
        """One more cut, which every later solution keeps."""
        columns = np.flatnonzero(cut > CUT_LEFT_OUT).astype(np.int32)
        self._solver.addRow(1.0, highspy.kHighsInf, len(columns), columns, cut[columns])

    def decide(self, nodes: int) -> None:
        """From now on a cell is withheld or not; a search ends after so many nodes of its tree."""
        columns = np.arange(self._count, dtype=np.int32)
        self._solver.changeColsIntegrality(self._count, columns, np.full(self._count, highspy.HighsVarType.kInteger))
        self._solver.setOptionValue("mip_max_nodes", nodes)
        self._solver.setOptionValue("mip_heuristic_effort", 0.0)  # their time is not bounded by nodes

    def solve(self) -> tuple[Floats, float] | None:
        """The cheapest cover and its cost; None when none is found within the nodes."""
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        values = np.clip(np.array(self._solver.getSolution().col_value), 0.0, 1.0)
        return values, float(self._solver.getInfo().objective_function_value)
