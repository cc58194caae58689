"""All equations of a problem as one sparse system: the lattice's, then the relations'."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from anonymize.disclosure.lattice import Equations, Floats, Indices, Mask
from anonymize.disclosure.problem import Problem


@dataclass(frozen=True)
class System:
    """Entries sorted by row; columns are flat cells, then the extra unknowns."""

    rows: Indices
    columns: Indices
    coefficients: Floats
    cell_count: int
    extra_count: int
    row_count: int

    @classmethod
    def of(cls, problem: Problem) -> System:
        lattice = problem.table.lattice
        equations: Equations = lattice.equations()
        rows, columns, coefficients = [equations.rows], [equations.cells], [equations.coefficients]
        for number, relation in enumerate(problem.relations):
            places = [*relation.cells, *(lattice.size + extra for extra in relation.extras)]
            rows.append(np.full(len(places), equations.count + number, dtype=np.int64))
            columns.append(np.array(places, dtype=np.int64))
            coefficients.append(np.array([*relation.coefficients, *relation.extra_coefficients], dtype=np.float64))
        return cls(
            np.concatenate(rows),
            np.concatenate(columns),
            np.concatenate(coefficients),
            lattice.size,
            problem.extra_count,
            equations.count + len(problem.relations),
        )

    def restricted(self, live: Mask) -> tuple[Indices, Indices, Floats]:
        """The entries of live columns, rows and columns renumbered without gaps."""
        kept = live[self.columns]
        renumbered = np.cumsum(live) - 1
        rows = np.unique(self.rows[kept], return_inverse=True)[1].astype(np.int64)
        return rows, renumbered[self.columns[kept]], self.coefficients[kept]

    def terms(self, columns: Indices, values: Floats) -> tuple[Indices, Indices, Floats]:
        """Every (position in `columns`, row, coefficient * value) in which these columns take part."""
        starts, order = self._by_column
        counts = starts[columns + 1] - starts[columns]
        owner = np.repeat(np.arange(len(columns)), counts)
        offsets = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        entries = order[starts[columns][owner] + offsets]
        return owner, self.rows[entries], self.coefficients[entries] * values[owner]

    def components(self, live: Mask) -> Indices:
        """A label for every column: columns that share equations with live columns only have the same one."""
        labels = np.arange(self.cell_count + self.extra_count)
        kept = live[self.columns]
        rows, columns = self.rows[kept], self.columns[kept]
        while True:
            lowest = np.full(self.row_count, len(labels))
            np.minimum.at(lowest, rows, labels[columns])
            spread = labels.copy()
            np.minimum.at(spread, columns, lowest[rows])
            spread = spread[spread]
            if np.array_equal(spread, labels):
                return labels
            labels = spread

    @cached_property
    def _by_column(self) -> tuple[Indices, Indices]:
        order = np.argsort(self.columns, kind="stable")
        starts = np.searchsorted(self.columns[order], np.arange(self.cell_count + self.extra_count + 1))
        return starts.astype(np.int64), order.astype(np.int64)
