"""The pooled figures of one measure as a table over a lattice, every sum exact, for the disclosure engine.

Dimensions: one for each family of peer groups (root ALL), the dimensions of the cut, and the measure's parts (30+ days
contains 60+ days). Contributors differ from cell to cell, since a member may have withheld a part of what it
published in all: below every code there is one more, the *remainder* `_U`, which holds what the parts lack. Then a
parent is the sum of its children for every contributor, and so in every pool. Remainders, crossings of two families and
cuts finer than the release shows are never published, but an attacker can reckon with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.lattice import ROOT, Hierarchy, Lattice, Table
from anonymize.template import Part, Template
from sharing.benchmarks.peer_groups import ALL, NOWHERE, Peers
from sharing.benchmarks.pool import Layout, Mask, Panel, Values

REMAINDER = "_U"
BLOCK_BYTES = 64 * 1024 * 1024
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


def axis_of(codes: Sequence[str], parents: Sequence[int], complete: Sequence[int] = ()) -> Axis:
    """The axis of a hierarchy: the codes in order, then one remainder below each parent that is not `complete`."""
    above = sorted({parent for parent in parents if parent != ROOT} - set(complete))
    spread = np.zeros((len(codes) + len(above), len(codes)))
    spread[np.arange(len(codes)), np.arange(len(codes))] = 1
    for place, parent in enumerate(above, start=len(codes)):
        spread[place, parent] = 1
        spread[place, [child for child, of in enumerate(parents) if of == parent]] = -1
    names = [*codes, *(f"{REMAINDER}:{codes[parent]}" for parent in above)]
    return Axis(Hierarchy(tuple(names), (*parents, *above)), len(codes), spread)


def part_axis(template: Template, parts: Sequence[Part]) -> Axis:
    """The parts of one measure by containment below a root that nothing publishes."""
    parents = [ROOT]
    for part in parts:
        containing = [place for place, other in enumerate(parts) if other != part and _contains(template, other, part)]
        nearest = max(containing, key=lambda place: _depth(template, parts[place]), default=None)
        parents.append(0 if nearest is None else nearest + 1)
    return axis_of(("*", *(_name(part) for part in parts)), parents, complete=(0,))


def _name(part: Part) -> str:
    return "|".join(f"{dimension}={code}" for dimension, code in sorted(part.where.items())) or "_"


def _contains(template: Template, outer: Part, inner: Part) -> bool:
    return all(
        outer.where[each] in template.dimension(each).code_list.ancestors(inner.where[each]) for each in inner.where
    )


def _depth(template: Template, part: Part) -> int:
    return sum(len(template.dimension(each).code_list.ancestors(code)) for each, code in part.where.items())


@dataclass(frozen=True)
class Frame:
    """The lattice of one measure and which of its cells matter; masks have the lattice's shape."""

    measure: str
    families: tuple[Axis, ...]
    cut: tuple[Axis, ...]
    parts: Axis
    columns: tuple[int, ...]  # where the measure's parts stand in the panel
    max_cut: int

    @cached_property
    def lattice(self) -> Lattice:
        return Lattice(tuple(axis.hierarchy for axis in self._axes))

    @property
    def _axes(self) -> tuple[Axis, ...]:
        return (*self.families, *self.cut, self.parts)

    @cached_property
    def breakdowns(self) -> NDArray[np.int64]:
        """By how many dimensions each cell is broken down, a peer group being one."""
        return self._broken(range(len(self.families) + len(self.cut)))

    def _broken(self, positions: Iterable[int]) -> NDArray[np.int64]:
        broken = np.zeros(self.lattice.shape, dtype=np.int64)
        for position in positions:
            along = [-1 if place == position else 1 for place in range(len(self._axes))]
            broken = broken + self._axes[position].is_part.reshape(along)
        return broken

    @cached_property
    def within_reach(self) -> Mask:
        """Cells as coarse as those that are shown: not more than `max_cut` breakdowns, one family at a time."""
        reach: Mask = (self.breakdowns <= self.max_cut) & (self._broken(range(len(self.families))) <= 1)
        reach[..., 0] = False  # the parts' root
        return reach

    def headlines(self, breakdowns: int) -> Mask:
        """Cells of all members that are shown and broken down by at most so many dimensions."""
        mask: Mask = self.shown & (self._broken(range(len(self.families))) == 0) & (self.breakdowns <= breakdowns)
        return mask

    @cached_property
    def costs(self) -> Values:
        """What withholding each cell costs: headlines most, by far, and denominators more than numerators."""
        depth = np.array([len(self.parts.hierarchy.path(place)) for place in range(len(self.parts.hierarchy.codes))])
        costs: Values = HEADLINE_COST / BREAKDOWN_DISCOUNT**self.breakdowns * 2.0 ** -depth
        return costs

    @cached_property
    def shown(self) -> Mask:
        """Cells that may be published: within reach, and no remainder in any dimension."""
        shown = self.within_reach.copy()
        for position, axis in enumerate(self._axes):
            along = [-1 if place == position else 1 for place in range(len(self._axes))]
            shown &= ~axis.is_remainder.reshape(along)
        return shown

    def groups(self, peers: Peers) -> Iterator[tuple[tuple[int, ...], NDArray[np.int64]]]:
        """Every combination of one code a family, with the positions of the contributors in it."""
        everybody = np.arange(len(peers.contributors))
        for combination in product(*(range(len(axis.hierarchy.codes)) for axis in self.families)):
            inside = np.ones(len(everybody), dtype=np.bool_)
            for code, family in zip(combination, peers.families, strict=True):
                if code:
                    # After the groups comes the remainder, which is who is in none of them.
                    inside &= family.group_of == (code - 1 if code <= len(family.groups) else NOWHERE)
            yield combination, everybody[inside]

    def place(self, peer_group: str) -> tuple[int, ...]:
        """The indices along the family axes at which a published peer group stands."""
        return tuple(
            axis.hierarchy.codes.index(peer_group) if peer_group in axis.hierarchy.codes[1 : axis.originals] else 0
            for axis in self.families
        )


def frame_of(layout: Layout, measure: str, peers: Peers, max_cut: int) -> Frame:
    columns = tuple(place for place, part in enumerate(layout.parts) if part.measure == measure)
    return Frame(
        measure=measure,
        families=tuple(
            axis_of((ALL, *family.groups), (ROOT, *([0] * len(family.groups)))) for family in peers.families
        ),
        cut=tuple(axis_of(each.code_list.ids, each.code_list.parents) for each in layout.cut),
        parts=part_axis(layout.template, [layout.parts[place] for place in columns]),
        columns=columns,
        max_cut=max_cut,
    )


@dataclass(frozen=True)
class PooledTable:
    """The table, and the cells to which somebody contributes less than nothing."""

    table: Table
    signed: Mask


def tabulate(frame: Frame, panel: Panel, peers: Peers) -> PooledTable:
    """The pooled table of one measure, its two largest contributions and its contributors, block by block."""
    tally = _Tally(frame.lattice.shape)
    groups = list(frame.groups(peers))
    per_contributor = 8 * int(np.prod(frame.lattice.shape[len(frame.families) :]))
    step = max(1, BLOCK_BYTES // per_contributor)
    for start in range(0, len(panel.contributors), step):
        block = _spread(frame, panel, slice(start, start + step))
        for place, rows in groups:
            chosen = rows[(rows >= start) & (rows < start + step)] - start
            if len(chosen):
                tally.add(place, block if len(chosen) == len(block) else block[chosen])
    return tally.result(frame.lattice)


def _spread(frame: Frame, panel: Panel, rows: slice) -> Values:
    """Contributions [contributor, *cut, parts] with all remainders; rounding errors of sums are cleared."""
    block: Values = np.moveaxis(panel.values[rows][:, list(frame.columns)], 1, -1)
    roots = block[..., [place - 1 for place in _below_root(frame.parts)]].sum(axis=-1, keepdims=True)
    block = np.concatenate([roots, block], axis=-1)
    for position, axis in enumerate((*frame.cut, frame.parts), start=1):
        block = np.moveaxis(np.tensordot(axis.spread, block, axes=(1, position)), 0, position)
    block[np.abs(block) <= _tolerance(panel.layout.template, frame.measure)] = 0.0
    return block


def _below_root(parts: Axis) -> list[int]:
    return [place for place in range(parts.originals) if parts.hierarchy.parent[place] == 0]


def _tolerance(template: Template, measure: str) -> float:
    """What a sum of published parts may be off by, several sums deep."""
    allowed = [float(check.options.get("tolerance", 0)) for check in template.checks if check.kind == "sum"]
    widest = max((len(dimension.code_list.codes) for dimension in template.dimensions), default=1)
    return max([10.0 ** -template.measure(measure).decimals / 2, *allowed]) * widest


class _Tally:
    """Running sums and largest two contributions over blocks of contributors."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.value = np.zeros(shape)
        self.largest = np.zeros(shape)
        self.second = np.zeros(shape)
        self.contributors = np.zeros(shape, dtype=np.int64)
        self.signed = np.zeros(shape, dtype=np.bool_)

    def add(self, place: tuple[int, ...], block: Values) -> None:
        """Add contributions [contributor, *cut, parts] of one combination of peer groups."""
        sizes = np.abs(block)
        active = (sizes > 0).any(axis=-1, keepdims=True)  # who has anything in a cell contributes to all its parts
        self.value[place] += block.sum(axis=0)
        self.contributors[place] += active.sum(axis=0)
        self.signed[place] |= (block < 0).any(axis=0)
        known = np.stack([self.largest[place], self.second[place]])
        top = np.concatenate([known, sizes])
        top = np.partition(top, len(top) - 2, axis=0)[-2:]
        self.second[place], self.largest[place] = top[0], top[1]

    def result(self, lattice: Lattice) -> PooledTable:
        value = np.where(self.signed, self.value, np.maximum(self.value, 0.0))
        return PooledTable(Table(lattice, value, self.largest, self.second, self.contributors), self.signed)
