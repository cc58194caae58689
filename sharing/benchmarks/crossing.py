"""What published groups tell together: those of other families, and those of former releases of the round.

Each family of peer groups is protected beside all members (`disclosure`), not beside other families. But two groups that differ
by one bank give it away by subtraction, and so does a group beside what it was in a former release. At one cell of the cut
the unknowns are the *atoms*: the figures of contributors who sit in the same published groups, now and then. A
contributor that corrected itself has a figure for each version. Every published group is the sum of its atoms.

A choice of groups is safe at a cell when

- no two of them differ by at least one and fewer than the minimum of contributors, corrections apart;
- every atom, difference and intersection that is sensitive in itself (too few, or one of them too large) can still rise and
  fall by the protected width while every published group stays as it is: for outsiders and for every coalition of members
  who know their own figures.

Such a change stays within one cell and moves no published sum of it, so it stands whatever else is published at other cells.
Groups are taken one after another, earlier families and larger groups first; one that would make the choice unsafe is withheld
there, and the tables then keep it as wide as any sensitive cell. A group that is sensitive in itself is withheld anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.attack import TOLERANCE
from anonymize.disclosure.linear import LinearProgram
from anonymize.disclosure.policy import DisclosurePolicy
from sharing.benchmarks.peer_groups import ALL, NOWHERE, Peers
from sharing.benchmarks.pool import Layout, Mask, Panel, Values
from sharing.benchmarks.pooled_tables import Place

FARTHEST = 1e4  # in widths: far enough
SECONDS = 10.0


@dataclass(frozen=True)
class Former:
    """A published release of the round: who sat in its groups then, what each showed, the figures that changed since.

    `changed` holds the contributors that came, went or corrected themselves, as they were then.
    """

    groups: Mapping[str, frozenset[str]]
    shown: Mapping[str, Mask]
    changed: Panel
    by_indicator: Mapping[tuple[str, str], Mask] = field(default_factory=dict)  # shown, by (indicator, group)


def crossed(
    panel: Panel, peers: Peers, policy: DisclosurePolicy, max_cut: int, formers: Sequence[Former] = ()
) -> dict[str, Mask]:
    """For peer groups the cells of the cut that must be withheld beside the other groups and former releases."""
    found = {code: np.zeros(panel.layout.shape, dtype=np.bool_) for code in peers.codes}
    if len(peers.families) < 2 and not formers:
        return {}
    for cell in _cells(panel.layout, max_cut):
        broken = sum(code != 0 for code in cell)
        candidates = [ALL] if broken == max_cut else _in_order(peers)
        if broken == max_cut and not formers:
            continue
        for group in _refused(_at(cell, panel, peers, formers), candidates, policy):
            found[group][cell] = True
    return {code: mask for code, mask in found.items() if mask.any()}


def either(one: Mapping[str, Mask], other: Mapping[str, Mask]) -> dict[str, Mask]:
    """For peer groups the cells that one or the other marks."""
    found = dict(one)
    for code, mask in other.items():
        found[code] = found[code] | mask if code in found else mask
    return found


def _cells(layout: Layout, max_cut: int) -> Iterable[tuple[int, ...]]:
    """The cells that a release may show: broken down by at most so many dimensions."""
    for cell in product(*(range(extent) for extent in layout.shape)):
        if sum(code != 0 for code in cell) <= max_cut:
            yield cell


def _in_order(peers: Peers) -> list[str]:
    """All members first, then family by family, the larger groups first."""
    found = [ALL]
    for family in peers.families:
        sizes = np.bincount(family.group_of[family.group_of != NOWHERE], minlength=len(family.groups))
        found += [family.groups[place] for place in np.argsort(-sizes, kind="stable")]
    return found


@dataclass(frozen=True)
class Unknowns:
    """One cell: figures [part, unknown], whose they are, the groups of this release, and what former ones published.

    A figure is NaN where the contributor withheld it: then it is in no sum.
    """

    figures: Values
    owner: NDArray[np.int64]
    groups: Mapping[str, Mask]
    known: Sequence[Mask]


def _at(cell: tuple[int, ...], panel: Panel, peers: Peers, formers: Sequence[Former]) -> Unknowns:
    """The unknowns of whoever has any business in the cell, now or then."""
    here: Place = (slice(None), slice(None), *cell)
    now = np.where(panel.present[here], panel.values[here], np.nan)
    active = np.flatnonzero((panel.values[here] != 0).any(axis=1))
    place = {contributor: number for number, contributor in enumerate(panel.contributors)}
    rows: dict[tuple[str, bytes], int] = {}
    figures: list[Values] = []
    owners: list[str] = []

    def unknown(contributor: str, values: Values) -> int:
        key = (contributor, values.tobytes())
        if key not in rows:
            rows[key] = len(figures)
            figures.append(values)
            owners.append(contributor)
        return rows[key]

    column = {panel.contributors[row]: unknown(panel.contributors[row], now[row]) for row in active}
    known: list[list[int]] = []
    for former in formers:
        then = np.where(former.changed.present[here], former.changed.values[here], np.nan)
        was = {each: then[row] for row, each in enumerate(former.changed.contributors)}
        for group, members in former.groups.items():
            if group in former.shown and former.shown[group][cell]:
                values = {each: was.get(each, now[place[each]] if each in place else None) for each in members}
                known.append(
                    [
                        unknown(each, value)
                        for each, value in sorted(values.items())
                        if value is not None and np.nansum(np.abs(value))
                    ]
                )
    names = {name: number for number, name in enumerate(dict.fromkeys(owners))}
    count = len(figures)
    groups = {}
    for code in peers.codes:
        here_now = (panel.contributors[row] for row in peers.rows(code))
        groups[code] = _mask([column[each] for each in here_now if each in column], count)
    distinct = {tuple(sorted(each)) for each in known if each}
    return Unknowns(
        np.array(figures).reshape(count, now.shape[1]).T,
        np.array([names[each] for each in owners], dtype=np.int64),
        groups,
        [_mask(each, count) for each in sorted(distinct)],
    )


def _mask(places: Sequence[int], count: int) -> Mask:
    mask = np.zeros(count, dtype=np.bool_)
    mask[list(places)] = True
    return mask


def _refused(unknowns: Unknowns, candidates: Sequence[str], policy: DisclosurePolicy) -> list[str]:
    """The candidates that would make the choice unsafe, each judged beside those accepted before it."""
    parts = [_Part(row, unknowns.owner, policy) for row in unknowns.figures if np.nansum(np.abs(row)) > 0]
    groups = unknowns.groups
    possible = [
        group
        for group in candidates
        if groups[group].any() and not any(part.sensitive_sum(groups[group]) for part in parts)
    ]
    if _are_safe([*unknowns.known, *(groups[group] for group in possible)], parts):
        return []
    accepted, refused = list(unknowns.known), []
    for group in possible:
        choice = [*accepted, groups[group]]
        if len(choice) == 1 or _are_safe(choice, parts, newest=True):
            accepted = choice
        else:
            refused.append(group)
    return refused


def _are_safe(sets: Sequence[Mask], parts: Sequence[_Part], *, newest: bool = False) -> bool:
    """Whether these sums can be published together; with `newest` the others already are, and only the last is new."""
    return not sets or all(part.is_safe(sets, newest=newest) for part in parts)


def _isolates(one: Mask, other: Mask, owner: NDArray[np.int64], minimum: int) -> bool:
    """Whether at least one and fewer than so many contributors are in one of two sums alone."""
    here, there = np.unique(owner[one]), np.unique(owner[other])
    if not len(np.intersect1d(here, there, assume_unique=True)):
        return False  # sums of others altogether: each is large enough by itself
    return 0 < len(np.setxor1d(here, there, assume_unique=True)) < minimum


def _atoms(sets: Sequence[Mask]) -> list[NDArray[np.int64]]:
    """The unknowns that are in the same sums; those that are in none are left out."""
    table = np.array(sets)
    _, label = np.unique(table, axis=1, return_inverse=True)
    label = np.asarray(label).ravel()
    inside = table.any(axis=0)
    return [np.flatnonzero((label == each) & inside) for each in np.unique(label[inside])]


class _Part:
    """One part at one cell: what each contributor has of it, and how wide a sum must stay."""

    def __init__(self, figures: Values, owner: NDArray[np.int64], policy: DisclosurePolicy) -> None:
        self.there: Mask = ~np.isnan(figures)
        self.size = np.abs(figures[self.there])
        self.owner = owner[self.there]
        self.policy = policy
        self.signed = bool((figures < 0).any())
        # Of whoever has nothing it stays open whether it has p% of what others have on average.
        self.ordinary = float(self.size.mean())

    def is_safe(self, sets: Sequence[Mask], *, newest: bool) -> bool:
        """Whether nobody is isolated, and all that is sensitive stays wide."""
        sums = [each[self.there] for each in sets]
        pairs = [
            (one, other)
            for place, one in enumerate(sums)
            for other in sums[:place]
            if not newest or place == len(sums) - 1
        ]
        if any(_isolates(one, other, self.owner, self.policy.min_contributors) for one, other in pairs):
            return False
        return self._keeps_wide(sums, pairs)

    def sensitive_sum(self, group: Mask) -> bool:
        """Whether a group's sum is sensitive in itself."""
        return self.is_sensitive(np.flatnonzero(group[self.there]))

    def held(self, places: NDArray[np.int64]) -> Values:
        """What each contributor holds in a sum."""
        held: Values = np.bincount(self.owner[places], weights=self.size[places]).astype(np.float64)
        return held

    def is_sensitive(self, places: NDArray[np.int64]) -> bool:
        """Too few contributors, or one whose figure the others could estimate too well."""
        contributors = len(np.unique(self.owner[places]))
        if contributors < self.policy.min_contributors:
            return contributors > 0
        top = np.sort(self.held(places))[::-1]
        rest = top[1 + self.policy.coalition :].sum()
        return bool(rest < self.policy.amount_width(float(top[0])) * (1 - 1e-12))

    def _keeps_wide(self, sums: Sequence[Mask], pairs: Sequence[tuple[Mask, Mask]]) -> bool:
        """Whether every sensitive atom, difference and intersection stays wide in the eyes of everybody."""
        atoms = _atoms(sums)
        targets = {tuple(atom.tolist()) for atom in atoms if self.is_sensitive(atom)}
        for one, other in pairs:
            for piece in (one & ~other, other & ~one, one & other):
                places = np.flatnonzero(piece)
                if self.is_sensitive(places):
                    targets.add(tuple(places.tolist()))
        if not targets:
            return True
        system = _System(sums, atoms, self)
        return all(system.is_wide(np.array(target)) for target in sorted(targets))


class _System:
    """Changes of the atoms that leave every published sum as it is, within what an attacker knows."""

    def __init__(self, sets: Sequence[Mask], atoms: Sequence[NDArray[np.int64]], part: _Part) -> None:
        self.part = part
        self.atoms = atoms
        self.value = np.array([part.size[atom].sum() for atom in atoms])
        member = np.array([[bool(each[atom[0]]) for atom in atoms] for each in sets])
        rows, columns = np.nonzero(member)
        unbounded = np.full(len(atoms), np.inf)
        self.program = LinearProgram(
            rows.astype(np.int64), columns.astype(np.int64), np.ones(len(rows)), -unbounded, unbounded, SECONDS
        )

    def is_wide(self, target: NDArray[np.int64]) -> bool:
        """Whether the target's sum can move by its width, both ways, for every coalition outside it."""
        return self._both(target, frozenset())

    def _both(self, target: NDArray[np.int64], attackers: frozenset[int]) -> bool:
        others = target[~np.isin(self.part.owner[target], list(attackers))]
        if not len(others) or self._may_be_known(others, attackers):
            return True
        largest = float(self.part.held(others).max())
        width = self.part.policy.amount_width(largest or self.part.ordinary)
        fall = np.inf if self.part.signed else float(self.part.size[others].sum())
        for sign, needed in ((1.0, width), (-1.0, min(width, fall))):
            if needed <= 0:
                continue
            change = self._move(target, attackers, sign, width)
            if change is None or sign * float(change @ self._weights(target)) < needed * (1 - TOLERANCE):
                return False
            if len(attackers) < self.part.policy.coalition and not all(
                self._both(target, attackers | {each}) for each in self._stopped(change, attackers)
            ):
                return False
        return True

    def _may_be_known(self, others: NDArray[np.int64], attackers: frozenset[int]) -> bool:
        """Whether these and the attackers are a sum that could be published: members know what a group has beside them."""
        held = self.part.held(others)
        largest = float(held.max())
        enough = np.count_nonzero(np.bincount(self.part.owner[others])) + len(attackers)
        apart = float(held.sum()) - largest >= self.part.policy.amount_width(largest) * (1 - 1e-12)
        return bool(attackers and enough >= self.part.policy.min_contributors and apart)

    def _weights(self, target: NDArray[np.int64]) -> Values:
        return np.array([float(np.isin(atom, target).all()) for atom in self.atoms])

    def _move(self, target: NDArray[np.int64], attackers: frozenset[int], sign: float, width: float) -> Values | None:
        """How each atom changes when the target moves by the width as nearly as it can."""
        fall = np.full(len(self.atoms), FARTHEST) if self.part.signed else np.minimum(self.value / width, FARTHEST)
        rise = np.full(len(self.atoms), FARTHEST)
        for place, atom in enumerate(self.atoms):
            mine = np.isin(self.part.owner[atom], list(attackers))
            if mine.all():
                fall[place] = rise[place] = 0.0
            elif mine.any() and not self.part.signed:
                fall[place] = min(self.part.size[atom][~mine].sum() / width, FARTHEST)
        aim = sign * self._weights(target)
        # Farther than the width nothing needs to move, and what moves less stops fewer attackers.
        rise, fall = np.where(aim > 0, np.minimum(rise, 1.0), rise), np.where(aim < 0, np.minimum(fall, 1.0), fall)
        every = np.arange(len(self.atoms))
        self.program.bound(every, -fall, rise)
        self.program.aim(every, aim)
        solution = self.program.solve()
        return solution.values * width if solution.found else None

    def _stopped(self, change: Values, attackers: frozenset[int]) -> set[int]:
        """Members who know by their own figures that this change cannot be."""
        found: set[int] = set()
        for atom, value, moved in zip(self.atoms, self.value, change, strict=True):
            if abs(moved) <= TOLERANCE * self.part.ordinary:
                continue
            owners = set(self.part.owner[atom].tolist()) - attackers
            if len(owners) == 1:
                found |= owners
            elif moved < 0 and not self.part.signed:
                held = self.part.held(atom)
                left = value + moved
                found |= {each for each in owners if held[each] > left * (1 + TOLERANCE)}
        return found
