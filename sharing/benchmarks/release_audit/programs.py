"""How far every target can move in the eyes of its attackers, by linear programs over all that is published.

Attackers are the outsider and every coalition of so many members; each knows all published sums and its own figures.
Three steps, each exact in what it claims, and each in growing neighbourhoods of the target (`neighbourhoods`):

1. *Everybody at once.* No figure falls below what any one coalition holds in it, and does not move where one holds all of
   it. Whatever moves under these bounds moves for every attacker.
2. *Everybody but the one protected.* The same, bounded by all coalitions without the target's largest contributor; and,
   for coalitions with it, step 1 with the width that the next one asks for.
3. *One by one.* Two programs for a target and a set of attackers together; where that is too near the set is halved,
   down to a single attacker, whose bounds are exact.

A solution counts after its equations and bounds were checked outside the solver.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import highspy
import numpy as np
from scipy import sparse

from sharing.benchmarks.pool import Mask, Values
from sharing.benchmarks.release_audit.system import COUNTED_ZERO, Indices, System

FARTHEST = 1e4  # in widths: nothing moves farther, which only understates an interval
NEARLY = 1e-6  # of a width
ITERATIONS = 100_000  # of one program: counted, so that every machine comes to the same end

Coalition = tuple[int, ...]


@dataclass(frozen=True)
class Solved:
    """The solver's word and a movement, empty without one."""

    status: str
    movement: Values


def solve(equations: sparse.csr_array, lower: Values, upper: Values, aims: sparse.csr_array) -> Solved:
    """The movement t that maximises `sum s`, s <= aims @ t, 0 <= s <= 1; with one aim and no limit see `reach`."""
    count, extra = len(lower), aims.shape[0]
    link = sparse.hstack([aims, -sparse.eye_array(extra)], format="csr")
    padded = sparse.hstack([equations, sparse.csr_array((equations.shape[0], extra))], format="csr")
    matrix = sparse.csr_array(sparse.vstack([padded, link], format="csr"))
    zero = np.zeros(equations.shape[0])
    return _run(
        matrix,
        np.concatenate([lower, np.zeros(extra)]),
        np.concatenate([upper, np.ones(extra)]),
        np.concatenate([np.zeros(count), np.ones(extra)]),
        np.concatenate([zero, np.zeros(extra)]),
        np.concatenate([zero, np.full(extra, highspy.kHighsInf)]),
        count,
    )


def reach(equations: sparse.csr_array, lower: Values, upper: Values, aim: Values) -> Solved:
    """The movement that takes `aim @ t` farthest."""
    zero = np.zeros(equations.shape[0])
    return _run(equations, lower, upper, aim, zero, zero, len(lower))


def _run(
    matrix: sparse.csr_array,
    lower: Values,
    upper: Values,
    costs: Values,
    row_lower: Values,
    row_upper: Values,
    wanted: int,
) -> Solved:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = matrix.shape[1], matrix.shape[0]
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_, model.col_lower_, model.col_upper_ = costs, lower, upper
    model.row_lower_, model.row_upper_ = row_lower, row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = matrix.indptr.astype(np.int32)
    model.a_matrix_.index_ = matrix.indices.astype(np.int32)
    model.a_matrix_.value_ = matrix.data.astype(np.float64)
    solver = _Quiet()
    solver.setOptionValue("simplex_iteration_limit", ITERATIONS)
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    if status != highspy.HighsModelStatus.kOptimal:
        return Solved(solver.modelStatusToString(status), np.zeros(0))
    return Solved("Optimal", np.array(solver.getSolution().col_value)[:wanted])


class _Quiet(highspy.Highs):
    """The solver without callbacks into Python, whose set-up prints a banner."""

    def __init__(self) -> None:
        super(highspy.Highs, self).__init__()
        self.setOptionValue("output_flag", False)  # noqa: FBT003 the solver's own signature
        self.setOptionValue("threads", 1)


@dataclass
class Room:
    """How far each column may fall and rise in the eyes of a set of attackers; `held` [owner, column]."""

    system: System
    coalition: int
    held: sparse.csc_array = field(init=False)

    def __post_init__(self) -> None:
        unknowns = self.system.unknowns
        owners = sparse.csr_array(
            (np.ones(len(unknowns.owner)), (unknowns.owner, np.arange(len(unknowns.owner)))),
            shape=(len(unknowns.names), len(unknowns.owner)),
        )
        self.held = sparse.csc_array(owners @ self.system.held)
        self.finest = np.array(self.system.finest, dtype=np.bool_)
        self.count = np.diff(self.held.indptr)
        totals = np.asarray(self.held.sum(axis=0)).ravel()
        self.value = np.where(np.abs(totals) < COUNTED_ZERO * 1e9, 0.0, totals)
        self.signed = np.asarray((self.held < 0).sum(axis=0)).ravel() > 0
        self.remainder = np.zeros(len(self.finest), dtype=np.bool_)
        for (_part, _atoms, cell), place in self.system.columns.items():
            self.remainder[place] = not self.system.unknowns.is_original.flat[cell]

    def for_all(self, columns: Indices, but: int | None = None) -> tuple[Values, Values]:
        """The bounds of all coalitions at once, or of all that one owner is not in."""
        own = np.abs(self.held[:, columns].toarray())
        alone = (own > 0).sum(axis=0) <= self.coalition
        if but is not None:
            alone &= own[but] == 0
            own = np.delete(own, but, axis=0)
        top = min(self.coalition, len(own))
        known = np.sort(own, axis=0)[len(own) - top :].sum(axis=0) if top else np.zeros(len(columns))
        return self._bounds(columns, known, alone & (self.coalition > 0))

    def for_these(self, columns: Indices, attackers: Sequence[Coalition]) -> tuple[Values, Values]:
        """The bounds of these coalitions at once; exact for a single one."""
        return self.bounds_of(self.held[:, columns].toarray(), columns, attackers)

    def bounds_of(self, own: Values, columns: Indices, attackers: Sequence[Coalition]) -> tuple[Values, Values]:
        """The same, from what every owner has in these columns."""
        known, alone = np.zeros(len(columns)), np.zeros(len(columns), dtype=np.bool_)
        count = (own != 0).sum(axis=0)
        for attacker in attackers:
            mine = own[list(attacker)]
            known = np.maximum(known, np.abs(mine).sum(axis=0))
            alone |= ((mine != 0).sum(axis=0) == count) & (len(attacker) > 0)
        return self._bounds(columns, known, alone)

    def _bounds(self, columns: Indices, known: Values, alone: Mask) -> tuple[Values, Values]:
        """Nobody can tell that it alone withheld what a remainder holds; sums are bounded by what they are sums of."""
        finest, signed = self.finest[columns], self.signed[columns]
        still = alone & finest & ~self.remainder[columns]
        fall = np.where(finest & ~signed, np.maximum(self.value[columns] - known, 0.0), np.inf)
        fall = np.where(still, 0.0, fall)
        return -fall, np.where(still, 0.0, np.inf)


@dataclass
class Prover:
    """What programs are made of: the equations, everybody's bounds, the targets and their widths."""

    system: System
    room: Room
    aims: sparse.csr_array
    widths: Values
    solved: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        labels = self.system.labels
        self.labels = labels
        order = np.argsort(labels, kind="stable")
        self.columns_of = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(order) else []
        self.matrix = self.system.matrix

    def present(self, target: int) -> Indices:
        """The owners with figures in the target's components: whoever has none there knows no more than the outsider."""
        aim = sparse.csr_array(self.aims[[target]])
        columns = np.concatenate(
            [np.zeros(0, np.int64), *(self.columns_of[label] for label in np.unique(self.labels[aims_columns(aim)]))]
        )
        return np.unique(self.room.held[:, columns].indices)


def aims_columns(aim: sparse.csr_array) -> Indices:
    """The columns that an aim has."""
    return np.asarray(aim.indices, dtype=np.int64)


def coalitions(owners: Sequence[int], size: int) -> list[Coalition]:
    """The outsider, and every set of at most so many owners."""
    return [attackers for count in range(size + 1) for attackers in combinations(owners, count)]
