"""What an attacker does not know: the figures behind all published versions of a round, by atom and finest cell.

An *atom* is a set of contributors that sit in the same published groups of every version, so nothing that is published
tells them apart. A contributor that corrected itself between two versions counts as two, one a version, with one owner
who knows both. Codes have one *remainder* more below every parent, which holds what a member withheld at home; a cell
is *finest* when no axis breaks it down any further.

Shares nothing with the tables from which the pattern was chosen (`pooled_tables`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from sharing.benchmarks.crossing import Former
from sharing.benchmarks.peer_groups import ALL, NOWHERE, Family, Peers
from sharing.benchmarks.pool import Layout, Mask, Panel, Values
from sharing.benchmarks.published import Figures

Atoms = frozenset[int]
FIGURES_KEPT = 3  # parts whose figures with remainders are kept, because they take as much room as the panel's


@dataclass(frozen=True)
class Version:
    """What one release of a round was computed from, and the cells it has and shows, by (indicator, peer group)."""

    panel: Panel
    peers: Peers
    rows: Mapping[tuple[str, str], Mask]
    shown: Mapping[tuple[str, str], Mask]


def version_of(panel: Panel, peers: Peers, figures: Sequence[Figures]) -> Version:
    """The version that these figures are."""
    keyed = {(each.indicator, each.peer_group): each for each in figures}
    return Version(
        panel,
        peers,
        {name: each.row for name, each in keyed.items()},
        {name: each.row & ~each.withheld for name, each in keyed.items()},
    )


def version_of_former(former: Former, panel: Panel) -> Version:
    """The version that a former release of the round was; who did not change since has the figures of the panel."""
    names = tuple(sorted(former.groups[ALL]))
    then = {name: (former.changed, row) for row, name in enumerate(former.changed.contributors)}
    now = {name: (panel, row) for row, name in enumerate(panel.contributors)}
    taken = [then.get(name) or now[name] for name in names]
    was = Panel(
        panel.layout,
        names,
        np.stack([source.values[row] for source, row in taken]),
        np.stack([source.present[row] for source, row in taken]),
        np.stack([source.reported[row] for source, row in taken]),
    )
    families = tuple(
        Family(group, (group,), np.array([0 if name in members else NOWHERE for name in names], dtype=np.int64))
        for group, members in sorted(former.groups.items())
        if group != ALL
    )
    return Version(was, Peers(names, families), former.by_indicator, former.by_indicator)


@dataclass(frozen=True)
class Axis:
    """The codes of a dimension and their remainders; `spread` [codes, original codes] gives each from the originals."""

    originals: int
    parents: tuple[int, ...]
    spread: Values

    @classmethod
    def of(cls, parents: Sequence[int]) -> Axis:
        inner = sorted({parent for parent in parents if parent >= 0})
        spread = np.zeros((len(parents) + len(inner), len(parents)))
        spread[: len(parents)] = np.eye(len(parents))
        for place, parent in enumerate(inner, start=len(parents)):
            spread[place, parent] = 1
            spread[place, [code for code, above in enumerate(parents) if above == parent]] -= 1
        return cls(len(parents), (*parents, *inner), spread)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        return tuple(
            tuple(code for code, above in enumerate(self.parents) if above == parent)
            for parent in range(len(self.parents))
        )

    @cached_property
    def finest_of(self) -> tuple[tuple[int, ...], ...]:
        """For each code the codes without children that it is the sum of."""

        def below(code: int) -> Iterator[int]:
            if not self.children[code]:
                yield code
            for child in self.children[code]:
                yield from below(child)

        return tuple(tuple(below(code)) for code in range(len(self.parents)))


@dataclass(frozen=True)
class Unknowns:
    """All versions as one set of contributors; arrays are [contributor, part, *cut], a contributor a version if it changed."""

    layout: Layout
    versions: tuple[Version, ...]
    owner: NDArray[np.int64]  # who knows the figures of each contributor
    names: tuple[str, ...]  # of the owners
    values: Values
    present: Mask
    seats: tuple[frozenset[tuple[int, str]], ...]  # of each contributor: (version, peer group)
    _figures: dict[int, tuple[Values, Mask]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, versions: Sequence[Version]) -> Unknowns:
        """The first version is the one that is audited."""
        names = tuple(dict.fromkeys(name for version in versions for name in version.panel.contributors))
        taken: list[tuple[int, int, set[tuple[int, str]]]] = []  # (version, row in it, seats) of each contributor
        of_owner: dict[str, list[int]] = {}
        for number, version in enumerate(versions):
            for row, name in enumerate(version.panel.contributors):
                seats = {(number, group) for group in version.peers.of(name)}
                same = next(
                    (place for place in of_owner.get(name, []) if _alike(versions, taken[place], number, row)), None
                )
                if same is None:
                    of_owner.setdefault(name, []).append(len(taken))
                    taken.append((number, row, seats))
                else:
                    taken[same][2].update(seats)
        index = {name: place for place, name in enumerate(names)}
        owner = np.array([index[versions[number].panel.contributors[row]] for number, row, _seats in taken])
        if len(versions) == 1:
            values, present = versions[0].panel.values, versions[0].panel.present
        else:
            values = np.stack([versions[number].panel.values[row] for number, row, _seats in taken])
            present = np.stack([versions[number].panel.present[row] for number, row, _seats in taken])
        seats_of = tuple(frozenset(seats) for _number, _row, seats in taken)
        return cls(versions[0].panel.layout, tuple(versions), owner, names, values, present, seats_of)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        return tuple(Axis.of(dimension.code_list.parents) for dimension in self.layout.cut)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Cells with remainders."""
        return tuple(len(axis.parents) for axis in self.axes)

    @cached_property
    def originals(self) -> tuple[slice, ...]:
        """Where the template's own codes stand among cells with remainders."""
        return tuple(slice(axis.originals) for axis in self.axes)

    @cached_property
    def is_original(self) -> Mask:
        mask = np.zeros(self.shape, dtype=np.bool_)
        mask[self.originals] = True
        return mask

    @cached_property
    def finest(self) -> Mask:
        """Flat: cells that nothing breaks down further."""
        mask = np.ones(self.shape, dtype=np.bool_)
        for position, axis in enumerate(self.axes):
            leaf = np.array([not children for children in axis.children])
            mask &= leaf.reshape([-1 if place == position else 1 for place in range(len(self.axes))])
        return mask.ravel()

    def finest_in(self, cell: int) -> NDArray[np.int64]:
        """The finest cells (flat) that a cell is the sum of."""
        codes = np.unravel_index(cell, self.shape)
        below = [axis.finest_of[int(code)] for axis, code in zip(self.axes, codes, strict=True)]
        return np.ravel_multi_index(np.meshgrid(*below, indexing="ij"), self.shape).ravel()

    @cached_property
    def atom_of(self) -> NDArray[np.int64]:
        """The atom of each contributor."""
        kinds = {seats: place for place, seats in enumerate(dict.fromkeys(self.seats))}
        return np.array([kinds[seats] for seats in self.seats], dtype=np.int64)

    @cached_property
    def groups(self) -> dict[tuple[int, str], Atoms]:
        """The atoms of every peer group of every version; a group without contributors is left out."""
        found: dict[tuple[int, str], set[int]] = {}
        for atom, seats in zip(self.atom_of.tolist(), self.seats, strict=True):
            for seat in seats:
                found.setdefault(seat, set()).add(atom)
        return {seat: frozenset(atoms) for seat, atoms in found.items()}

    @cached_property
    def atoms(self) -> tuple[Atoms, ...]:
        return tuple(frozenset([atom]) for atom in range(int(self.atom_of.max()) + 1))

    def crossings(self) -> dict[Atoms, list[tuple[Atoms, Atoms]]]:
        """Intersections and differences of two groups that are no group: each with the pairs it follows from."""
        groups = list(dict.fromkeys(self.groups.values()))
        found: dict[Atoms, list[tuple[Atoms, Atoms]]] = {}
        for one, other in combinations(groups, 2):
            for crossing in (one & other, one - other, other - one):
                if crossing and crossing not in groups:
                    found.setdefault(crossing, []).append((one, other))
        return found

    def partitions(self) -> dict[Atoms, list[list[Atoms]]]:
        """For all members of a version: each family's groups and whoever sits in none of them."""
        found: dict[Atoms, list[list[Atoms]]] = {}
        for number, version in enumerate(self.versions):
            everybody = self.groups[number, ALL]
            for family in version.peers.families:
                parts = [self.groups[number, group] for group in family.groups if (number, group) in self.groups]
                loose = everybody.difference(*parts)
                found.setdefault(everybody, []).append([*parts, *(frozenset([atom]) for atom in sorted(loose))])
        return found

    def members(self, atoms: Atoms) -> NDArray[np.int64]:
        """The contributors of a set of atoms."""
        return np.flatnonzero(np.isin(self.atom_of, list(atoms)))

    def figures(self, part: int) -> tuple[Values, Mask]:
        """[contributor, cell] with remainders: what each has in a part, and whether it has business there at all."""
        if part not in self._figures:
            if len(self._figures) >= FIGURES_KEPT:
                self._figures.pop(next(iter(self._figures)))
            self._figures[part] = self._figures_of(part)
        return self._figures[part]

    def held(self, part: int, beyond: int | None, atoms: Atoms, cell: int) -> Values:
        """What each owner has in a sum of a part, or of what the part `beyond` has more."""
        members = self.members(atoms)
        column = self.figures(part)[0][members, cell]
        if beyond is not None:
            column = self.figures(beyond)[0][members, cell] - column
        held: Values = np.bincount(self.owner[members], weights=column, minlength=len(self.names)).astype(np.float64)
        return held

    def _figures_of(self, part: int) -> tuple[Values, Mask]:
        values = self._spread(self.values[:, part])
        # Sums of what members have rounded are off by a little.
        values[np.abs(values) <= self._tolerance(part)] = 0.0
        counted = values != 0
        busy = (self.values != 0).any(axis=1) & self.present[:, part]
        counted[(slice(None), *self.originals)] |= busy
        return values.reshape(len(values), -1), counted.reshape(len(values), -1)

    def _spread(self, block: Values) -> Values:
        for position, axis in enumerate(self.axes, start=1):
            block = np.moveaxis(np.tensordot(axis.spread, block, axes=(1, position)), 0, position)
        return np.array(block)

    def _tolerance(self, part: int) -> float:
        template = self.layout.template
        allowed = [float(check.options.get("tolerance", 0)) for check in template.checks if check.kind == "sum"]
        widest = max(self.shape, default=1)
        return max([10.0 ** -template.measure(self.layout.parts[part].measure).decimals / 2, *allowed]) * widest

    def published(self, part: int) -> dict[Atoms, Mask]:
        """For each set of atoms the cells (flat) whose sum of this part is taken to be known from some version."""
        return self._laid_out(part, [version.shown for version in self.versions])

    def rows(self, part: int) -> dict[Atoms, Mask]:
        """For each set of atoms the cells (flat) that some version has a row for."""
        return self._laid_out(part, [version.rows for version in self.versions])

    def _laid_out(self, part: int, masks: Sequence[Mapping[tuple[str, str], Mask]]) -> dict[Atoms, Mask]:
        found: dict[Atoms, Mask] = {}
        uses = {
            indicator.id
            for indicator in self.layout.template.indicators
            if part in (self.layout.part(indicator.numerator), self.layout.part(indicator.denominator))
        }
        for number, of_version in enumerate(masks):
            for (indicator, group), mask in of_version.items():
                if indicator in uses and (number, group) in self.groups:
                    whole = np.zeros(self.shape, dtype=np.bool_)
                    whole[self.originals] = mask
                    atoms = self.groups[number, group]
                    found[atoms] = found[atoms] | whole.ravel() if atoms in found else whole.ravel()
        return found


def _alike(versions: Sequence[Version], taken: tuple[int, int, set[tuple[int, str]]], number: int, row: int) -> bool:
    one, other = versions[taken[0]].panel, versions[number].panel
    return bool(
        np.array_equal(one.values[taken[1]], other.values[row])
        and np.array_equal(one.present[taken[1]], other.present[row])
    )
