"""A smaller problem with the same answer: empty codes dropped, codes that equal their parent merged with it.

Bank cubes are sparse: most codes of a fine dimension are empty in a given cut. A code whose every cell is a known zero
neither protects nor needs protection; a code with one such child left is that child. Merged cells are withheld together or
not at all, as each gives the other away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anonymize.disclosure.attack import EVERYBODY
from anonymize.disclosure.lattice import ROOT, Floats, Hierarchy, Indices, Lattice, Mask, Table
from anonymize.disclosure.primary import Primary
from anonymize.disclosure.problem import Movement, Problem, Relation

DROPPED = -1


@dataclass(frozen=True)
class Reduced:
    """The smaller problem; `group` is the reduced cell of every original one, or DROPPED for a known zero."""

    problem: Problem
    group: Indices
    _starts: Indices
    _members: Indices
    _depth: Indices

    def members(self, cells: Indices) -> tuple[Indices, Indices]:
        """The original cells of these reduced ones, and for each the position in `cells` it stems from."""
        counts = self._starts[cells + 1] - self._starts[cells]
        origin = np.repeat(np.arange(len(cells)), counts)
        offsets = np.arange(len(origin)) - np.repeat(np.cumsum(counts) - counts, counts)
        return self._members[self._starts[cells][origin] + offsets], origin

    def finest(self, cell: int) -> int:
        """The finest original cell of a reduced one: it lies in all the others."""
        members = self._members[self._starts[cell] : self._starts[cell + 1]]
        return int(members[np.argmax(self._depth[members])])

    def expand(self, movement: Movement, target: int) -> Movement:
        """The movement in terms of original cells, standing for this one of its target's members."""
        cells, origin = self.members(movement.cells)
        scenario = movement.scenario
        if scenario == movement.target:
            scenario = target
        elif scenario != EVERYBODY:
            scenario = self.finest(scenario)
        return replace(movement, target=target, scenario=scenario, cells=cells, deltas=movement.deltas[origin])


def reduce_problem(problem: Problem) -> Reduced:
    """The problem without empty and repeated codes."""
    lattice = problem.table.lattice
    nonzero = ~problem.table.zero
    parts = [_reduce(hierarchy, _used(nonzero, axis)) for axis, hierarchy in enumerate(lattice.hierarchies)]
    small = Lattice(tuple(hierarchy for hierarchy, _, _ in parts))
    group = _groups(nonzero, [code_map for _, code_map, _ in parts], small)
    kept = np.flatnonzero(group >= 0)
    members = kept[np.argsort(group[kept], kind="stable")]
    starts = np.searchsorted(group[members], np.arange(small.size + 1))
    picked = np.ix_(*[chosen for _, _, chosen in parts])
    reduced = _reduced_problem(problem, small, picked, group)
    return Reduced(reduced, group, starts.astype(np.int64), members.astype(np.int64), lattice.depth)


def _used(nonzero: Mask, axis: int) -> Mask:
    others = tuple(other for other in range(nonzero.ndim) if other != axis)
    return np.asarray(nonzero.any(axis=others))


def _reduce(hierarchy: Hierarchy, used: Mask) -> tuple[Hierarchy, Indices, Indices]:
    """The smaller hierarchy, the new index of every old code (or DROPPED), the old index of every new code."""
    stands_for = list(range(len(hierarchy.codes)))
    for node in reversed(hierarchy.bottom_up):
        live = [child for child in hierarchy.children[node] if used[child]]
        if len(live) == 1:
            stands_for[live[0]] = stands_for[node]
    chosen = [
        node
        for node in range(len(hierarchy.codes))
        if stands_for[node] == node and (used[node] or node == hierarchy.root)
    ]
    place = {node: position for position, node in enumerate(chosen)}
    parents = []
    for node in chosen:
        above = hierarchy.parent[node]
        parents.append(ROOT if above == ROOT else place[stands_for[above]])
    code_map = [
        place[stands_for[node]] if used[node] or node == hierarchy.root else DROPPED
        for node in range(len(hierarchy.codes))
    ]
    small = Hierarchy(tuple(hierarchy.codes[node] for node in chosen), tuple(parents))
    return small, np.array(code_map, dtype=np.int64), np.array(chosen, dtype=np.int64)


def _groups(nonzero: Mask, code_maps: Sequence[Indices], small: Lattice) -> Indices:
    flat = np.zeros((1,) * nonzero.ndim, dtype=np.int64)
    for axis, (code_map, extent) in enumerate(zip(code_maps, small.shape, strict=True)):
        along = [1] * nonzero.ndim
        along[axis] = -1
        flat = flat * extent + np.maximum(code_map, 0).reshape(along)
    return np.where(nonzero, flat, DROPPED).ravel().astype(np.int64)


def _reduced_problem(problem: Problem, small: Lattice, picked: tuple[Indices, ...], group: Indices) -> Problem:
    live = group >= 0
    places = group[live]

    def widest(values: Floats) -> Floats:
        result = np.zeros(small.size)
        np.maximum.at(result, places, values.ravel()[live])
        return result.reshape(small.shape)

    def any_of(mask: Mask) -> Mask:
        return (np.bincount(places, weights=mask[live], minlength=small.size) > 0).reshape(small.shape)

    def all_of(mask: Mask) -> Mask:
        return ~any_of(~mask)

    primary = problem.primary
    costs = np.bincount(places, weights=problem.cell_costs()[live], minlength=small.size).astype(np.float64)
    return Problem(
        table=_reduced_table(problem.table, small, picked),
        primary=Primary(
            any_of(primary.mask.ravel()),
            np.where(any_of(primary.mask.ravel()), "A", ""),
            widest(primary.width_up),
            widest(primary.width_down),
        ),
        open=any_of(problem.mask("open")),
        never=all_of(problem.mask("never")),
        withheld=all_of(problem.mask("withheld")),
        cost=costs.reshape(small.shape),
        relations=tuple(filter(None, (_reduced_relation(relation, group) for relation in problem.relations))),
        signed=all_of(problem.mask("signed")),
        insiders=problem.insiders,
        extra_room=problem.extra_room,
        coalition=problem.coalition,
    )


def _reduced_table(table: Table, small: Lattice, picked: tuple[Indices, ...]) -> Table:
    return Table(
        small,
        table.value[picked],
        table.largest[picked],
        table.second[picked],
        table.contributors[picked],
        table.integral,
        table.top(3)[picked] - table.top(2)[picked],
    )


def _reduced_relation(relation: Relation, group: Indices) -> Relation | None:
    """The relation among reduced cells; None when nothing is left of it."""
    factors: dict[int, float] = defaultdict(float)
    for cell, factor in zip(relation.cells, relation.coefficients, strict=True):
        if group[cell] != DROPPED:
            factors[int(group[cell])] += factor
    factors = {cell: factor for cell, factor in factors.items() if factor != 0}
    if not factors and not relation.extras:
        return None
    return replace(relation, cells=tuple(factors), coefficients=tuple(factors.values()))
