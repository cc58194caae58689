"""Tables over a product of hierarchies, and the equations that tie their cells.

A cell is one code of every dimension; a code with children is their sum, in every dimension at once. All arrays are
dense and have the lattice's shape; a cell without contributors is a known zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

Number = TypeVar("Number", np.int64, np.float64)

ROOT = -1


@dataclass(frozen=True)
class Hierarchy:
    """One dimension: codes in any order, the parent's index of each; the one root has the parent -1."""

    codes: tuple[str, ...]
    parent: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.codes) != len(self.parent) or self.parent.count(ROOT) != 1:
            raise ValueError("a hierarchy has one parent for each code and one root")
        if not all(ROOT <= parent < len(self.codes) for parent in self.parent):
            raise ValueError("a parent is the index of a code")
        if any(len(self.path(node)) == 0 for node in range(len(self.codes))):
            raise ValueError("a hierarchy has no cycle")

    @classmethod
    def flat(cls, codes: Sequence[str], total: str = "_T") -> Hierarchy:
        """The hierarchy of a total, which comes first, and its parts."""
        return cls((total, *codes), (ROOT, *([0] * len(codes))))

    def path(self, node: int) -> tuple[int, ...]:
        """The code and its ancestors up to the root; nothing when they never reach it."""
        walked = [node]
        while (above := self.parent[walked[-1]]) != ROOT:
            if len(walked) > len(self.codes):
                return ()
            walked.append(above)
        return tuple(walked)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        below: list[list[int]] = [[] for _ in self.codes]
        for node, parent in enumerate(self.parent):
            if parent != ROOT:
                below[parent].append(node)
        return tuple(tuple(nodes) for nodes in below)

    @cached_property
    def root(self) -> int:
        return self.parent.index(ROOT)

    @cached_property
    def above(self) -> Mask:
        """above[a, b]: b is a or an ancestor of a."""
        relation = np.zeros((len(self.codes), len(self.codes)), dtype=np.bool_)
        for node in range(len(self.codes)):
            relation[node, list(self.path(node))] = True
        return relation

    @cached_property
    def height(self) -> tuple[int, ...]:
        """The longest way down from each code to a code without children."""
        heights = [0] * len(self.codes)
        for node in range(len(self.codes)):
            for step, ancestor in enumerate(self.path(node)):
                heights[ancestor] = max(heights[ancestor], step)
        return tuple(heights)

    @cached_property
    def bottom_up(self) -> tuple[int, ...]:
        """The codes, every child before its parent."""
        return tuple(sorted(range(len(self.codes)), key=lambda node: self.height[node]))


@dataclass(frozen=True)
class Equations:
    """Rows `sum(coefficient * cell) = 0` in compressed sparse row form; a cell is its flat index."""

    starts: Indices
    cells: Indices
    coefficients: Floats

    @property
    def count(self) -> int:
        return len(self.starts) - 1

    @cached_property
    def rows(self) -> Indices:
        """The row of every entry."""
        return np.repeat(np.arange(self.count, dtype=np.int64), np.diff(self.starts))


@dataclass(frozen=True)
class Lattice:
    """The product of one hierarchy a dimension; flat indices count in C order."""

    hierarchies: tuple[Hierarchy, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(hierarchy.codes) for hierarchy in self.hierarchies)

    @cached_property
    def size(self) -> int:
        return math.prod(self.shape)

    @cached_property
    def depth(self) -> Indices:
        """How far below the totals each cell (flat) stands, summed over the dimensions."""
        return self._summed(
            [[len(tree.path(code)) - 1 for code in range(len(tree.codes))] for tree in self.hierarchies]
        )

    @cached_property
    def height(self) -> Indices:
        """How far above the finest codes each cell (flat) stands, summed over the dimensions."""
        return self._summed([tree.height for tree in self.hierarchies])

    def _summed(self, levels: Sequence[Sequence[int]]) -> Indices:
        total = np.zeros(1, dtype=np.int64)
        for along in levels:
            total = (total[:, None] + np.array(along, dtype=np.int64)).ravel()
        return total

    def cell(self, codes: Sequence[str]) -> int:
        """The flat index of the cell with these codes; ValueError for an unknown one."""
        place = [hierarchy.codes.index(code) for hierarchy, code in zip(self.hierarchies, codes, strict=True)]
        return int(np.ravel_multi_index(place, self.shape)) if place else 0

    def equations(self) -> Equations:
        """Parent minus the sum of its children is zero, along every dimension."""
        blocks = [
            _equations_of(self.shape, axis, node, children)
            for axis, hierarchy in enumerate(self.hierarchies)
            for node, children in enumerate(hierarchy.children)
            if children
        ]
        if not blocks:
            return Equations(np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
        lengths = np.concatenate([np.full(len(block), block.shape[1], dtype=np.int64) for block in blocks])
        cells = np.concatenate([block.ravel() for block in blocks])
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
        coefficients = np.full(len(cells), -1.0)
        coefficients[starts[:-1]] = 1.0
        return Equations(starts, cells, coefficients)


def _equations_of(shape: tuple[int, ...], axis: int, node: int, children: tuple[int, ...]) -> Indices:
    """One row for every cell of the parent's slice: the parent's index, then the children's."""
    flat = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    return np.take(flat, [node, *children], axis=axis).swapaxes(axis, -1).reshape(-1, 1 + len(children))


@dataclass(frozen=True)
class Table:
    """One additive measure over a lattice, with what the rules need to know of its contributions.

    `largest`, `second` and `third` are the largest contributions (affiliates merged, absolute), `contributors` the number of
    distinct contributors. Where `third` is not given it is taken to be as large as it can be. `integral`
    says that the attacker knows the values to be whole numbers (a count).
    ValueError when shapes differ, or a cell without contributors has a value.
    """

    lattice: Lattice
    value: Floats
    largest: Floats
    second: Floats
    contributors: Indices
    integral: bool = False
    third: Floats | None = None

    def __post_init__(self) -> None:
        for name, array in (
            ("value", self.value),
            ("largest", self.largest),
            ("second", self.second),
            ("third", self.second if self.third is None else self.third),
            ("contributors", self.contributors),
        ):
            if array.shape != self.lattice.shape:
                raise ValueError(f"{name} has the shape {array.shape}, the lattice {self.lattice.shape}")
            if not np.all(np.isfinite(array)):
                raise ValueError(f"{name} holds a value that is not a number")
        if np.any((self.contributors == 0) & (self.value != 0)):
            raise ValueError("a cell without contributors has a value")
        if self.integral and np.any(self.value != np.round(self.value)):
            raise ValueError("a table of whole numbers holds a fraction")

    def top(self, count: int) -> Floats:
        """What the so many (at most three) largest contributions of each cell are together."""
        third = self._third_at_most if self.third is None else self.third
        found: Floats = np.sum([self.largest, self.second, third][:count], axis=0) + np.zeros(self.lattice.shape)
        return found

    @property
    def _third_at_most(self) -> Floats:
        rest = np.maximum(np.abs(self.value) - self.largest - self.second, 0.0)
        return np.where(self.contributors > 2, np.minimum(self.second, rest), 0.0)

    @cached_property
    def zero(self) -> Mask:
        """Cells that everybody knows to be zero: nobody contributes."""
        empty: Mask = self.contributors == 0
        return empty

    @cached_property
    def least(self) -> Floats:
        """What everybody knows each cell to be at least: of a count, one for each finest cell in it that somebody is in."""
        if not self.integral:
            return np.zeros(self.lattice.shape)
        there = (self.contributors > 0) & (self.lattice.height == 0).reshape(self.lattice.shape)
        return add_up(self.lattice, np.where(there, np.clip(self.value, 0.0, 1.0), 0.0))


@dataclass(frozen=True)
class Kin:
    """Which cells lie above and below a cell: products of the hierarchies' own relations."""

    lattice: Lattice
    _above: tuple[Mask, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_above", tuple(hierarchy.above for hierarchy in self.lattice.hierarchies))

    def ancestors(self, cell: int) -> Indices:
        """Flat indices of the cell and of all cells that contain it."""
        place = self._place(cell)
        return _product([np.flatnonzero(up[at]) for up, at in zip(self._above, place, strict=True)], self.lattice.shape)

    def descendants(self, cell: int) -> Indices:
        """Flat indices of the cell and of all cells that it contains."""
        place = self._place(cell)
        return _product(
            [np.flatnonzero(up[:, at]) for up, at in zip(self._above, place, strict=True)], self.lattice.shape
        )

    def contains(self, cell: int, part: int) -> bool:
        """Whether every code of the part is the cell's or below it."""
        places = zip(self._above, self._place(part), self._place(cell), strict=True)
        return all(bool(up[below, above]) for up, below, above in places)

    def apart(self, one: int, other: int) -> bool:
        """Whether the two cells have no part in common."""
        places = zip(self._above, self._place(one), self._place(other), strict=True)
        return any(not up[here, there] and not up[there, here] for up, here, there in places)

    def _place(self, cell: int) -> tuple[np.intp, ...]:
        return np.unravel_index(cell, self.lattice.shape) if self.lattice.shape else ()

    def holds(self, cells: Indices, parts: Indices) -> Mask:
        """For each pair whether the part lies in the cell."""
        held = np.ones(len(cells), dtype=np.bool_)
        if self.lattice.shape:
            above = np.unravel_index(cells, self.lattice.shape)
            below = np.unravel_index(parts, self.lattice.shape)
            for up, high, low in zip(self._above, above, below, strict=True):
                held &= up[low, high]
        return held


def _product(coordinates: Sequence[Indices], shape: tuple[int, ...]) -> Indices:
    flat = np.zeros(1, dtype=np.int64)
    for along, extent in zip(coordinates, shape, strict=True):
        flat = (flat[:, None] * extent + along[None, :]).ravel()
    return flat


def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The step of the flat index along each dimension."""
    steps = [1]
    for extent in reversed(shape[1:]):
        steps.append(steps[-1] * extent)
    return tuple(reversed(steps)) if shape else ()


def add_up(lattice: Lattice, finest: NDArray[Number]) -> NDArray[Number]:
    """The full table of a table that is zero but for its finest cells."""
    table = finest.copy()
    for axis, tree in enumerate(lattice.hierarchies):
        along = np.moveaxis(table, axis, 0)
        for code in tree.bottom_up:
            if tree.parent[code] != ROOT:
                along[tree.parent[code]] += along[code]
    return table


def at_least(table: Table, least: Floats) -> Floats:
    """What every cell is at least, given bounds of some: all of its parts together, or the total of which it is all."""
    found = least.copy()
    for axis, tree in enumerate(table.lattice.hierarchies):
        along, there = np.moveaxis(found, axis, 0), np.moveaxis(~table.zero, axis, 0)
        for code in tree.bottom_up:
            if tree.children[code]:
                along[code] = np.maximum(along[code], along[list(tree.children[code])].sum(axis=0))
        for code in reversed(tree.bottom_up):
            children = list(tree.children[code])
            only = there[children] & (there[children].sum(axis=0) == 1)
            along[children] = np.where(only, np.maximum(along[children], along[code]), along[children])
    return found
