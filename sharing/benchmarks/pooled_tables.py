"""The pooled figures of one part as a table over a lattice, every sum exact, for the disclosure engine.

Dimensions: some of the families of peer groups (root ALL) and some of the dimensions of the cut, the others at their
totals. Contributors differ from cell to cell, since a member may have withheld a part of what it published in all:
below every code there is one more, the *remainder* `_U`, which holds what the parts lack. Then a parent is the sum
of its children for every contributor, and so in every pool. Remainders are never published, but an attacker can reckon
with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.lattice import ROOT, Hierarchy, Lattice, Table
from anonymize.template import Template
from sharing.benchmarks.peer_groups import ALL, NOWHERE, Peers
from sharing.benchmarks.pool import Layout, Mask, Panel, Values

Place = tuple[int | slice, ...]  # an index into an array

REMAINDER = "_U"
BLOCK_BYTES = 64 * 1024 * 1024
TOTAL_PLACE = 0  # parents come before their children, so the total is the first code
HEADLINE_COST = 10_000.0
BREAKDOWN_DISCOUNT = 20.0


@dataclass(frozen=True)
class Axis:
    """A hierarchy with its remainders; `spread` [codes, original codes] gives every code from the original ones."""

    hierarchy: Hierarchy
    originals: int
    spread: Values

    @property
    def is_remainder(self) -> Mask:
        return np.arange(len(self.hierarchy.codes)) >= self.originals

    @property
    def is_part(self) -> Mask:
        """Codes that are not the root: the cell is broken down along this axis."""
        return np.array([parent != ROOT for parent in self.hierarchy.parent])

    def near(self, code: np.intp) -> list[int]:
        """The code itself; for a remainder also all other children of its parent."""
        if code < self.originals:
            return [int(code)]
        return list(self.hierarchy.children[self.hierarchy.parent[code]])


def axis_of(codes: Sequence[str], parents: Sequence[int]) -> Axis:
    """The axis of a hierarchy: the codes in order, then one remainder below each parent."""
    above = sorted({parent for parent in parents if parent != ROOT})
    spread = np.zeros((len(codes) + len(above), len(codes)))
    spread[np.arange(len(codes)), np.arange(len(codes))] = 1
    for place, parent in enumerate(above, start=len(codes)):
        spread[place, parent] = 1
        spread[place, [child for child, of in enumerate(parents) if of == parent]] = -1
    names = [*codes, *(f"{REMAINDER}:{codes[parent]}" for parent in above)]
    return Axis(Hierarchy(tuple(names), (*parents, *above)), len(codes), spread)


@dataclass(frozen=True)
class Face:
    """The lattice of some families and dimensions, and which of its cells matter; masks have the lattice's shape."""

    layout: Layout
    names: tuple[str, ...]
    families: tuple[Axis, ...]
    cut: tuple[Axis, ...]
    family_places: tuple[int, ...]  # which of the families and of the cut's dimensions the face has
    cut_places: tuple[int, ...]

    @cached_property
    def lattice(self) -> Lattice:
        return Lattice(tuple(axis.hierarchy for axis in self.axes))

    @property
    def axes(self) -> tuple[Axis, ...]:
        return (*self.families, *self.cut)

    @cached_property
    def breakdowns(self) -> NDArray[np.int64]:
        """By how many dimensions each cell is broken down, a peer group being one."""
        return self._broken(range(len(self.axes)))

    def _broken(self, positions: Iterable[int]) -> NDArray[np.int64]:
        broken = np.zeros(self.lattice.shape, dtype=np.int64)
        for position in positions:
            broken = broken + self._along(position, self.axes[position].is_part)
        return broken

    def _along(self, position: int, mask: Mask) -> Mask:
        return mask.reshape([-1 if place == position else 1 for place in range(len(self.axes))])

    @cached_property
    def remainders(self) -> Mask:
        """Cells that are a remainder in some dimension."""
        found = np.zeros(self.lattice.shape, dtype=np.bool_)
        for position, axis in enumerate(self.axes):
            found |= self._along(position, axis.is_remainder)
        return found

    @cached_property
    def shown(self) -> Mask:
        """Cells that may be published: no remainder in any dimension, one family at a time."""
        shown: Mask = (self._broken(range(len(self.families))) <= 1) & ~self.remainders
        return shown

    def headlines(self, breakdowns: int) -> Mask:
        """Cells of all members that are shown and broken down by at most so many dimensions."""
        mask: Mask = self.shown & (self._broken(range(len(self.families))) == 0) & (self.breakdowns <= breakdowns)
        return mask

    @cached_property
    def costs(self) -> Values:
        """What withholding each cell costs: headlines most, by far."""
        costs: Values = np.asarray(HEADLINE_COST / BREAKDOWN_DISCOUNT**self.breakdowns, dtype=np.float64)
        return costs

    def groups(self, peers: Peers) -> Iterator[tuple[tuple[int, ...], NDArray[np.int64]]]:
        """Every combination of one code a family, with the positions of the contributors in it."""
        everybody = np.arange(len(peers.contributors))
        families = [peers.families[place] for place in self.family_places]
        for combination in product(*(range(len(axis.hierarchy.codes)) for axis in self.families)):
            inside = np.ones(len(everybody), dtype=np.bool_)
            for code, family in zip(combination, families, strict=True):
                if code:
                    # After the groups comes the remainder, which is who is in none of them.
                    inside &= family.group_of == (code - 1 if code <= len(family.groups) else NOWHERE)
            yield combination, everybody[inside]

    def holds(self, peer_group: str) -> bool:
        """Whether the face has cells of this peer group."""
        return peer_group == ALL or any(
            peer_group in axis.hierarchy.codes[1 : axis.originals] for axis in self.families
        )

    def place(self, peer_group: str) -> tuple[int, ...]:
        """The indices along the family axes at which a published peer group stands."""
        return tuple(
            axis.hierarchy.codes.index(peer_group) if peer_group in axis.hierarchy.codes[1 : axis.originals] else 0
            for axis in self.families
        )

    @property
    def within_cut(self) -> Place:
        """Where the face lies in an array over the whole cut."""
        whole = range(len(self.layout.cut))
        return tuple(slice(None) if place in self.cut_places else TOTAL_PLACE for place in whole)

    def of_group(self, peer_group: str) -> Place:
        """Where the template's own codes of one peer group stand in the lattice."""
        return (*self.place(peer_group), *(slice(axis.originals) for axis in self.cut))

    def place_of(self, coarser: Face) -> Place | None:
        """Where a face with fewer dimensions lies in this one; None when it is no part of it."""
        if not set(coarser.names) < set(self.names):
            return None
        return tuple(slice(None) if name in coarser.names else TOTAL_PLACE for name in self.names)

    def below(self, cells: Mask) -> Mask:
        """The cells and all that break them down further."""
        found = cells.copy()
        for position, axis in enumerate(self.axes):
            above = axis.hierarchy.above.astype(np.int64)  # above[a, b]: b is a or contains it
            spread = np.tensordot(above, found.astype(np.int64), axes=(1, position))
            found = np.moveaxis(spread > 0, 0, position)
        return found

    def around(self, cells: Iterable[int], widely: bool) -> Mask:
        """Cells near any of these (flat indices): in the same codes, or widely, in one of the same codes.

        A remainder is near what it is the remainder of: all children of its parent.
        """
        found = np.zeros(self.lattice.shape, dtype=np.bool_)
        for cell in cells:
            near = [axis.near(code) for axis, code in zip(self.axes, np.unravel_index(cell, found.shape), strict=True)]
            if not widely:
                found[np.ix_(*near)] = True
                continue
            for position, codes in enumerate(near):
                np.moveaxis(found, position, 0)[[code for code in codes if code != TOTAL_PLACE]] = True
        return found


def face_of(layout: Layout, peers: Peers, families: Iterable[int], cut: Iterable[int]) -> Face:
    """The face of some of the families and some of the cut's dimensions, by their places."""
    families, cut = tuple(families), tuple(cut)
    chosen = [peers.families[place] for place in families]
    dimensions = [layout.cut[place] for place in cut]
    return Face(
        layout=layout,
        names=(*(family.code for family in chosen), *(dimension.id for dimension in dimensions)),
        families=tuple(axis_of((ALL, *family.groups), (ROOT, *([0] * len(family.groups)))) for family in chosen),
        cut=tuple(axis_of(each.code_list.ids, each.code_list.parents) for each in dimensions),
        family_places=families,
        cut_places=cut,
    )


@dataclass(frozen=True)
class PooledTable:
    """The table; the cells to which somebody contributes less than nothing; those to which nobody contributes."""

    table: Table
    signed: Mask
    empty: Mask


def tabulate(face: Face, panel: Panel, peers: Peers, parts: Sequence[tuple[int, int]]) -> PooledTable:
    """The pooled sum of parts (place in the panel, sign), its largest contributions, its contributors, block by block."""
    tally = _Tally(face)
    groups = list(face.groups(peers))
    per_contributor = 8 * int(np.prod(face.lattice.shape[len(face.families) :]))
    step = max(1, BLOCK_BYTES // per_contributor)
    for start in range(0, len(panel.contributors), step):
        block = _Block.of(face, panel, slice(start, start + step), parts)
        for place, rows in groups:
            chosen = rows[(rows >= start) & (rows < start + step)] - start
            if len(chosen):
                tally.add(place, block.taken(chosen))
    return tally.result()


@dataclass(frozen=True)
class _Block:
    """Contributions [contributor, *cut] with all remainders, and who is a contributor of each cell."""

    values: Values
    counted: Mask

    @classmethod
    def of(cls, face: Face, panel: Panel, rows: slice, parts: Sequence[tuple[int, int]]) -> _Block:
        inside = (slice(None), *face.within_cut)
        own = [sign * panel.values[rows, place][inside] for place, sign in parts]
        values = _spread(face, np.sum(own, axis=0))
        # Sums of what members have rounded are off by a little.
        measure = panel.layout.parts[parts[0][0]].measure
        values[np.abs(values) <= _tolerance(panel.layout.template, measure)] = 0.0
        counted = values != 0
        # Whoever has any business in a cell contributes to it, with a zero if need be, unless it withholds.
        busy = (panel.values[rows] != 0).any(axis=1)[inside]
        present = panel.present[rows, parts[0][0]][inside]
        counted[(slice(None), *(slice(axis.originals) for axis in face.cut))] |= busy & present
        return cls(values, counted)

    def taken(self, rows: NDArray[np.int64]) -> _Block:
        return self if len(rows) == len(self.values) else _Block(self.values[rows], self.counted[rows])


def _spread(face: Face, block: Values) -> Values:
    """Contributions with all remainders."""
    for position, axis in enumerate(face.cut, start=1):
        block = np.moveaxis(np.tensordot(axis.spread, block, axes=(1, position)), 0, position)
    return np.array(block)


def _tolerance(template: Template, measure: str) -> float:
    """What a sum of published parts may be off by, several sums deep."""
    allowed = [float(check.options.get("tolerance", 0)) for check in template.checks if check.kind == "sum"]
    widest = max((len(dimension.code_list.codes) for dimension in template.dimensions), default=1)
    return max([10.0 ** -template.measure(measure).decimals / 2, *allowed]) * widest


class _Tally:
    """Running sums and largest three contributions over blocks of contributors."""

    def __init__(self, face: Face) -> None:
        self.lattice = face.lattice
        shape = self.lattice.shape
        self.value = np.zeros(shape)
        self.largest = np.zeros(shape)
        self.second = np.zeros(shape)
        self.third = np.zeros(shape)
        self.contributors = np.zeros(shape, dtype=np.int64)
        self.signed = np.zeros(shape, dtype=np.bool_)

    def add(self, place: tuple[int, ...], block: _Block) -> None:
        """Add the contributions of one combination of peer groups."""
        self.value[place] += block.values.sum(axis=0)
        self.contributors[place] += block.counted.sum(axis=0)
        self.signed[place] |= (block.values < 0).any(axis=0)
        known = np.stack([self.third[place], self.second[place], self.largest[place]])
        top = np.concatenate([known, np.abs(block.values)])
        top = np.partition(top, [len(top) - 3, len(top) - 2, len(top) - 1], axis=0)[-3:]
        self.third[place], self.second[place], self.largest[place] = top

    def result(self) -> PooledTable:
        value = np.where(self.signed, self.value, np.maximum(self.value, 0.0))
        empty = self.contributors == 0
        contributors = self._reaching_up()
        table = Table(self.lattice, value, self.largest, self.second, contributors, third=self.third)
        return PooledTable(table, self.signed, empty)

    def _reaching_up(self) -> NDArray[np.int64]:
        """A total that all its parts' contributors withhold has nobody, but is no known zero: its parts are not."""
        counts = self.contributors.copy()
        for position, hierarchy in enumerate(self.lattice.hierarchies):
            along = np.moveaxis(counts, position, 0)
            for node in hierarchy.bottom_up:
                for child in hierarchy.children[node]:
                    along[node] = np.where(along[node] == 0, along[child], along[node])
        return counts
