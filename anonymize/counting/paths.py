"""A cell as one integer: for each dimension the path from the total down to the cell's code, a bit field a level.

What two cells have in common is then found by comparing bits: their smallest common total keeps the fields in which
they agree from the top, and is zero below the first in which they differ. Zero stands for "all of them", so that the
grand total is 0 and a leaf's number begins with those of its parents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from anonymize.errors import MappingError
from anonymize.template import Template

Whole = NDArray[np.int64]

MOST_BITS = 62


@dataclass(frozen=True, eq=False)
class CellPaths:
    """`numbers` has each dimension's codes as bits of the cell; `levels` each dimension's fields, from the top."""

    numbers: tuple[Whole, ...]
    levels: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, template: Template) -> CellPaths:
        numbers, levels, shift = [], [], 0
        for dimension in template.dimensions:
            depths, ordinals = _places(dimension.code_list.parents)
            widths = [int(ordinals[depths == level].max()).bit_length() for level in range(1, depths.max() + 1)]
            shifts = list(accumulate(widths, initial=shift))
            numbers.append(_numbers(dimension.code_list.parents, depths, ordinals, shifts))
            levels.append(tuple(((1 << width) - 1) << start for width, start in zip(widths, shifts, strict=False)))
            shift = shifts[-1]
            if shift > MOST_BITS:
                raise MappingError(f"Template {template.id} has too many cells to be aggregated.")
        return cls(tuple(numbers), tuple(levels))

    @property
    def type(self) -> str:
        """The SQL type that holds a cell; half the width is half the memory of a large tape."""
        return "INTEGER" if self.full < 1 << 31 else "BIGINT"

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(numbers) for numbers in self.numbers)

    @property
    def full(self) -> int:
        return sum(self.mask(axis) for axis in range(len(self.levels)))

    def mask(self, axis: int) -> int:
        return sum(self.levels[axis])

    def number(self, axis: int, code: int) -> int:
        """The bits of a dimension's code, given by its index."""
        return int(self.numbers[axis][code])

    def coordinates(self, cells: NDArray[np.integer]) -> tuple[Whole, ...]:
        """The index of each dimension's code, an array a dimension."""
        found = []
        for axis, numbers in enumerate(self.numbers):
            order = np.argsort(numbers)
            found.append(order[np.searchsorted(numbers, cells.astype(np.int64) & self.mask(axis), sorter=order)])
        return tuple(found)

    def every_cell(self) -> Whole:
        """The number of each cell of the lattice, leaves and totals, in its shape."""
        cells = np.zeros(self.shape, np.int64)
        for axis, numbers in enumerate(self.numbers):
            cells |= numbers.reshape([-1 if each == axis else 1 for each in range(len(self.numbers))])
        return cells

    def common(self, one: str, other: str) -> str:
        """The SQL of the smallest total that holds both of two cells."""
        differing = " + ".join(self._differing(f"xor({one}, {other})", levels) for levels in self.levels if levels)
        return f"({one} & ({self.full} - ({differing or 0})))"

    def _differing(self, differences: str, levels: Sequence[int]) -> str:
        """The SQL of a dimension's fields from the first on that holds a difference."""
        below = list(accumulate(reversed(levels)))[::-1]
        cases = " ".join(
            f"WHEN {differences} & {level} <> 0 THEN {rest}" for level, rest in zip(levels, below, strict=True)
        )
        return f"CASE {cases} ELSE 0 END"


def _places(parents: Sequence[int]) -> tuple[Whole, Whole]:
    """How far below the total each code is, and the how manieth child of its parent, from 1."""
    depths, ordinals, children = np.zeros((3, len(parents)), np.int64)
    for code, parent in enumerate(parents):
        if parent >= 0:
            children[parent] += 1
            depths[code], ordinals[code] = depths[parent] + 1, children[parent]
    return depths, ordinals


def _numbers(parents: Sequence[int], depths: Whole, ordinals: Whole, shifts: Sequence[int]) -> Whole:
    numbers = np.zeros(len(parents), np.int64)
    for code, parent in enumerate(parents):
        if parent >= 0:
            numbers[code] = numbers[parent] | int(ordinals[code]) << shifts[int(depths[code]) - 1]
    return numbers
