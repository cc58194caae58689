"""Proofs by movements near a target: programs of some hundred columns instead of a whole component's thousands.

A movement is a proof whatever columns it leaves at rest, so any choice of columns is sound: only what moves can hide a
figure. Chosen are the target's own columns and those that share an equation with them, the largest of each equation, then
theirs, until there are enough. Where that does not suffice four times as many are tried, and so on up to the last size:
what nothing in reach proves counts as near. A movement found for one target is tried on all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from scipy import sparse

from sharing.benchmarks.pool import Mask, Values
from sharing.benchmarks.release_audit.programs import FARTHEST, NEARLY, Coalition, Prover, aims_columns, reach, solve
from sharing.benchmarks.release_audit.system import Indices

SIZES: Final = (150, 600, 2400, 9600)  # columns of one program
AN_EQUATION: Final = 12  # columns of one equation that are looked at, the largest first

Bounds = Callable[[Indices], tuple[Values, Values]]


class Neighbourhoods:
    """Searches movements around targets, in parts of the system that grow."""

    def __init__(self, prover: Prover) -> None:
        self.prover = prover
        self.equations = prover.matrix
        self.of_column = sparse.csc_array(prover.matrix)
        # A sum has no figure of its own and nothing bounds it.
        self.size = np.where(prover.room.finest, np.abs(prover.room.value), np.inf)

    def prove(self, targets: Indices, proven: Mask, widths: Values, but: int | None = None) -> None:
        """Marks in `proven` [2, target] what moves by `widths` [target] for every attacker, or all without one owner.

        A target is left alone once one side is proved.
        """

        def bounds(columns: Indices) -> tuple[Values, Values]:
            return self.prover.room.for_all(columns, but)

        for size in SIZES:
            for place in targets.tolist():
                if not proven[:, place].any():
                    self._prove(place, size, targets, proven, widths, bounds)

    def farthest(
        self, place: int, width: float, attackers: Sequence[Coalition], enough: float
    ) -> tuple[float, float, str]:
        """How far a target surely rises and falls in the eyes of all these attackers, and the solver's words."""
        ends, words = [0.0, 0.0], set()
        aims = sparse.csr_array(self.prover.aims[[place]])
        for size in SIZES:
            columns = self._around(place, size)
            equations = self._equations(columns)
            lower, upper = self.prover.room.for_these(columns, attackers)
            low, high = np.maximum(lower / width, -FARTHEST), np.minimum(upper / width, FARTHEST)
            cost = aims[:, columns].toarray().ravel()
            for direction, sign in enumerate((1.0, -1.0)):
                solution = reach(equations, low, high, sign * cost)
                words.add(solution.status)
                self.prover.solved[solution.status] += 1
                if len(solution.movement):
                    moved = np.clip(solution.movement, low, high)
                    missed = float(np.abs(equations @ moved).sum())
                    ends[direction] = max(ends[direction], (float(sign * cost @ moved) - missed) * width)
                if ends[direction] >= enough * (1 - NEARLY):
                    return ends[0], ends[1], ", ".join(sorted(words))
            if len(columns) < size:
                break  # that was the whole component
        return ends[0], ends[1], ", ".join(sorted(words))

    def _prove(self, place: int, size: int, targets: Indices, proven: Mask, widths: Values, bounds: Bounds) -> None:
        columns = self._around(place, size)
        if not len(columns):
            return
        width = float(widths[place])
        aims = sparse.csr_array(self.prover.aims[[place]])
        equations = self._equations(columns)
        lower, upper = bounds(columns)
        low, high = np.maximum(lower / width, -FARTHEST), np.minimum(upper / width, FARTHEST)
        for sign in (1.0, -1.0):
            solution = solve(equations, low, high, sparse.csr_array(aims[:, columns] * sign))
            self.prover.solved[solution.status] += 1
            if not len(solution.movement):
                continue
            moved = np.clip(solution.movement, low, high) * width
            missed = float(np.abs(equations @ moved).sum())
            sound = targets[missed <= NEARLY * widths[targets] * 10]
            reached = self.prover.aims[sound][:, columns] @ moved
            enough = widths[sound] * (1 - NEARLY)
            both_ways = bool(((-moved >= lower) & (-moved <= upper)).all())
            proven[0, sound] |= (reached >= enough) | (both_ways & (-reached >= enough))
            proven[1, sound] |= (-reached >= enough) | (both_ways & (reached >= enough))
            if proven[:, place].any():
                return

    def _equations(self, columns: Indices) -> sparse.csr_array:
        """All equations that any of the columns is in."""
        rows = np.unique(self.of_column[:, columns].indices)
        return sparse.csr_array(self.equations[rows][:, columns])

    def _around(self, place: int, size: int) -> Indices:
        """The target's columns and those near it, at most about so many."""
        found: dict[int, None] = dict.fromkeys(aims_columns(sparse.csr_array(self.prover.aims[[place]])).tolist())
        frontier: Sequence[int] = list(found)
        seen: set[int] = set()
        while frontier and len(found) < size:
            following: list[int] = []
            for column in frontier:
                for row in self._equations_of(column):
                    if row in seen:
                        continue
                    seen.add(row)
                    for near in self._largest(row):
                        if near not in found:
                            found[near] = None
                            following.append(near)
                if len(found) >= size:
                    break
            frontier = following
        return np.array(sorted(found), dtype=np.int64)

    def _equations_of(self, column: int) -> list[int]:
        start, end = self.of_column.indptr[column : column + 2]
        rows: list[int] = self.of_column.indices[start:end].tolist()
        return rows

    def _largest(self, row: int) -> list[int]:
        start, end = self.equations.indptr[row : row + 2]
        columns = self.equations.indices[start:end]
        if len(columns) > AN_EQUATION:
            columns = columns[np.argsort(-self.size[columns], kind="stable")[:AN_EQUATION]]
        near: list[int] = columns.tolist()
        return near
