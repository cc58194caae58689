"""All that is published as one set of linear equations over movements from the truth.

A column is what one atom has in one finest cell of one part, or a sum that is not published but stands between such
figures and a published sum; a published sum does not move. Every sum is defined once, by whichever of its breakdowns
has the fewest unpublished parts, so that what is published cuts the system into small components. The difference of a
part and one within it (30-89 days) has columns too, because nobody's is below zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from sharing.benchmarks.pool import Mask, Values
from sharing.benchmarks.release_audit.unknowns import Atoms, Unknowns

Node = tuple[int, Atoms, int]  # part, atoms, cell (flat, with remainders)
Indices = NDArray[np.int64]
COUNTED_ZERO = 1e-300


@dataclass
class System:
    """Columns, equations, and who holds how much in each finest column; sums have no holdings and no bounds."""

    unknowns: Unknowns
    columns: dict[Node, int] = field(default_factory=dict)
    finest: list[bool] = field(default_factory=list)
    entries: list[tuple[int, int, float]] = field(default_factory=list)  # row, column, coefficient
    row_count: int = 0
    holdings: list[sparse.csc_array] = field(default_factory=list)  # [contributor, column], one a batch of columns

    @classmethod
    def of(cls, unknowns: Unknowns) -> System:
        system = cls(unknowns)
        for part in range(len(unknowns.layout.parts)):
            _PartBuilder(system, part).build()
        _link_parts_within_parts(system)
        return system

    def column(self, node: Node, *, finest: bool) -> int:
        """The node's column, made when it is asked for first."""
        place = self.columns.get(node)
        if place is None:
            place = self.columns[node] = len(self.finest)
            self.finest.append(finest)
        return place

    def equation(self, terms: Iterable[tuple[int, float]]) -> None:
        """The sum of these movements is zero."""
        self.entries += [(self.row_count, column, coefficient) for column, coefficient in terms]
        self.row_count += 1

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """[equation, column]"""
        rows, columns, coefficients = zip(*self.entries, strict=True) if self.entries else ((), (), ())
        return sparse.csr_array(
            (np.array(coefficients, dtype=np.float64), (np.array(rows, dtype=np.int64), np.array(columns, np.int64))),
            shape=(self.row_count, len(self.finest)),
        )

    @cached_property
    def held(self) -> sparse.csc_array:
        """[contributor, column]: everybody's true figures; empty columns for sums."""
        return sparse.csc_array(sparse.hstack(self.holdings, format="csc"))

    @cached_property
    def labels(self) -> Indices:
        """The connected component of each column."""
        count = len(self.finest)
        joined = sparse.bmat([[None, self.matrix], [self.matrix.T, None]]) if self.row_count else None
        if joined is None:
            return np.arange(count)
        return np.asarray(connected_components(joined, directed=False)[1][self.row_count :], dtype=np.int64)


class _PartBuilder:
    """The columns and equations of one part."""

    def __init__(self, system: System, part: int) -> None:
        self.system, self.part = system, part
        self.unknowns = system.unknowns
        self.values, self.counted = self.unknowns.figures(part)
        self.published = self.unknowns.published(part)
        self.partitions = self.unknowns.partitions()
        self._movable: dict[Atoms, Mask] = {}
        self._defined: set[tuple[Atoms, int]] = set()

    def build(self) -> None:
        """A column for every finest figure, then an equation for every published sum and what it needs."""
        start = len(self.system.finest)
        order: list[tuple[Indices, int]] = []
        for atoms in self.unknowns.atoms:
            moving = self._moves(atoms) & self.unknowns.finest
            members = self.unknowns.members(atoms)
            for cell in np.flatnonzero(moving).tolist():
                self.system.column((self.part, atoms, cell), finest=True)
                order.append((members, cell))
        pending = [(atoms, cell) for atoms, mask in self.published.items() for cell in np.flatnonzero(mask).tolist()]
        while pending:
            pending += self._define(*pending.pop())
        self.system.holdings.append(_holdings(self.values, self.counted, order, len(self.system.finest) - start))

    def _moves(self, atoms: Atoms) -> Mask:
        """Cells that somebody has business in and that are not published for exactly these atoms."""
        if atoms not in self._movable:
            moves: Mask = np.any(self.counted[self.unknowns.members(atoms)], axis=0)
            known = self.published.get(atoms)
            self._movable[atoms] = moves if known is None else moves & ~known
        return self._movable[atoms]

    def _define(self, atoms: Atoms, cell: int) -> list[tuple[Atoms, int]]:
        """The equation of one sum; returns the sums in it that have to be defined in turn."""
        if (atoms, cell) in self._defined or (len(atoms) == 1 and self.unknowns.finest[cell]):
            return []
        self._defined.add((atoms, cell))
        own = self._moves(atoms)[cell]
        best = min((self._live(option) for option in self._breakdowns(atoms, cell)), key=len)
        if not own and not best:
            return []
        terms = [(self._column(*node), -1.0) for node in best]
        self.system.equation([*terms, *([(self._column(atoms, cell), 1.0)] if own else [])])
        return best

    def _column(self, atoms: Atoms, cell: int) -> int:
        return self.system.column((self.part, atoms, cell), finest=len(atoms) == 1 and bool(self.unknowns.finest[cell]))

    def _live(self, option: list[tuple[Atoms, int]]) -> list[tuple[Atoms, int]]:
        return [(atoms, cell) for atoms, cell in option if self._moves(atoms)[cell]]

    def _breakdowns(self, atoms: Atoms, cell: int) -> Iterable[list[tuple[Atoms, int]]]:
        shape = self.unknowns.shape
        codes = np.unravel_index(cell, shape) if shape else ()
        for position, axis in enumerate(self.unknowns.axes):
            children = axis.children[int(codes[position])]
            if children:
                step = int(np.prod(shape[position + 1 :]))
                yield [(atoms, cell + (child - int(codes[position])) * step) for child in children]
        if len(atoms) > 1:
            for parts in self.partitions.get(atoms, []):
                if len(parts) > 1 or parts[0] != atoms:
                    yield [(part, cell) for part in parts]
            yield [(frozenset([atom]), cell) for atom in sorted(atoms)]


def _link_parts_within_parts(system: System) -> None:
    """Columns for what an outer part has beyond an inner one, wherever everybody's is at least nothing."""
    unknowns, within = system.unknowns, system.unknowns.layout.within
    for inner, outer in within:
        if _has_between(within, inner, outer):
            continue
        whole, counted = unknowns.figures(outer)
        rest = whole - unknowns.figures(inner)[0]
        start, order = len(system.finest), []
        for atoms in unknowns.atoms:
            members = unknowns.members(atoms)
            sound = unknowns.finest & counted[members].any(axis=0) & (rest[members] >= 0).all(axis=0)
            for cell in np.flatnonzero(sound).tolist():
                ends = system.columns.get((outer, atoms, cell)), system.columns.get((inner, atoms, cell))
                if ends != (None, None):
                    beyond = system.column((-1 - inner, atoms, cell), finest=True)
                    signed = zip(ends, (1.0, -1.0), strict=True)
                    system.equation([(beyond, -1.0), *((end, sign) for end, sign in signed if end is not None)])
                    order.append((members, cell))
        system.holdings.append(_holdings(rest, counted, order, len(system.finest) - start))


def _holdings(values: Values, counted: Mask, order: Sequence[tuple[Indices, int]], width: int) -> sparse.csc_array:
    """[contributor, column]: who of the members of each column holds how much there; further columns are empty."""
    sizes = [len(members) for members, _cell in order]
    rows = np.concatenate([np.zeros(0, np.int64), *(members for members, _cell in order)])
    columns = np.repeat(np.arange(len(order)), sizes)
    cells = np.repeat(np.array([cell for _members, cell in order], dtype=np.int64), sizes)
    there = counted[rows, cells]
    rows, columns, cells = rows[there], columns[there], cells[there]
    figures = values[rows, cells]
    # A zero that is counted is told from one that is not by being next to nothing.
    figures = np.where(figures == 0, COUNTED_ZERO, figures)
    return sparse.csc_array((figures, (rows, columns)), shape=(len(values), width))


def _has_between(within: tuple[tuple[int, int], ...], inner: int, outer: int) -> bool:
    return any((inner, middle) in within and (middle, outer) in within for middle in {pair[0] for pair in within})
