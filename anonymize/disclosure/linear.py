"""Linear programs over changes of cells, solved by HiGHS."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.lattice import Floats, Indices, Mask

INFINITE = highspy.kHighsInf
NEARLY_WHOLE = 1e-6


@dataclass(frozen=True)
class Solution:
    """The solver's word, the objective, and a value and a reduced cost a column; both empty without a feasible point."""

    status: str
    objective: float
    values: Floats
    reduced_costs: Floats

    @property
    def found(self) -> bool:
        return len(self.values) > 0


class Quiet(highspy.Highs):
    """The solver without Python callbacks: enabling them prints a banner, which would spoil `--json` output."""

    def __init__(self) -> None:
        super(highspy.Highs, self).__init__()
        self.setOptionValue("output_flag", False)  # noqa: FBT003 the solver's own signature
        self.setOptionValue("threads", 1)


class LinearProgram:
    """Maximise `costs @ x` over `rows @ x = 0` within bounds; kept in the solver, so that a next solve starts warm."""

    def __init__(
        self, rows: Indices, columns: Indices, coefficients: Floats, lower: Floats, upper: Floats, seconds: float = 60.0
    ) -> None:
        """The entries come sorted by row; rows are numbered from 0 without gaps."""
        count = int(rows[-1]) + 1 if len(rows) else 0
        model = highspy.HighsLp()
        model.num_col_ = len(lower)
        model.num_row_ = count
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_ = np.zeros(len(lower))
        model.col_lower_ = lower
        model.col_upper_ = upper
        model.row_lower_ = np.zeros(count)
        model.row_upper_ = np.zeros(count)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.searchsorted(rows, np.arange(count + 1)).astype(np.int32)
        model.a_matrix_.index_ = columns.astype(np.int32)
        model.a_matrix_.value_ = coefficients
        self._solver = Quiet()
        self._seconds = seconds
        self._solver.passModel(model)

    def bound(self, columns: Indices, lower: Floats, upper: Floats) -> None:
        """New bounds for some columns."""
        self._solver.changeColsBounds(len(columns), columns.astype(np.int32), lower, upper)

    def aim(self, columns: Indices, costs: Floats) -> None:
        """New objective coefficients for some columns."""
        self._solver.changeColsCost(len(columns), columns.astype(np.int32), costs)

    def solve(self, whole: Mask | None = None) -> Solution:
        """The best point found; no values when there is none, none in time, or the best is unbounded.

        Columns marked `whole` take whole numbers only. Most programs here have such an optimum anyway.
        """
        solution = self._run()
        if whole is None or not solution.found or _are_whole(solution.values[whole]):
            return solution
        places = np.flatnonzero(whole).astype(np.int32)
        self._kind(places, highspy.HighsVarType.kInteger)
        solution = self._run()
        self._kind(places, highspy.HighsVarType.kContinuous)
        return solution

    def _kind(self, columns: NDArray[np.int32], kind: highspy.HighsVarType) -> None:
        self._solver.changeColsIntegrality(len(columns), columns, np.full(len(columns), kind))

    def _run(self) -> Solution:
        self._solver.setOptionValue("time_limit", self._solver.getRunTime() + self._seconds)
        self._solver.run()
        status = self._solver.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            return Solution(self._solver.modelStatusToString(status), 0.0, np.zeros(0), np.zeros(0))
        found = self._solver.getSolution()
        objective = float(self._solver.getInfo().objective_function_value)
        return Solution("optimal", objective, np.array(found.col_value), np.array(found.col_dual))


def _are_whole(values: Floats) -> bool:
    return bool(np.all(np.abs(values - np.round(values)) < NEARLY_WHOLE))
