"""An attacker who shares nothing with the engine: what follows from all versions of a month, by linear programs.

The attacker knows who sits where and who has business in which cell, and is given every sum behind a published rate or
weight, every mean times its count as a sum of rates, and the figures of whom it has bribed. A sum is *near* for a coalition
when it can rise and fall by less than p% of the largest figure in it that is not the coalition's own, what the others have in
it being added to the doubt above. The engine's promise is about every coalition of at most two; one movement of the figures
that keeps all that is published stands for every coalition it does not touch, so a handful of programs answer for all pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from tests.disclosure_attack.two_years import CELLS, INDICATORS, PARTS, PRODUCTS, Line, Version

Near = tuple[str, tuple[str, ...]]  # what is near, and who can tell
NEARLY = 1e-6
FEW = 5  # of fewer owners a difference of two sums is attacked as a sum of its own


@dataclass
class System:
    """Unknown figures with their truth and owner, the sums that are known, and pairs (small, large) that are ordered."""

    values: list[float] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    cells: list[int] = field(default_factory=list)
    sums: set[tuple[int, ...]] = field(default_factory=set)
    ordered: set[tuple[int, int]] = field(default_factory=set)
    targets: dict[tuple[int, ...], str] = field(default_factory=dict)

    def unknown(self, value: float, owner: str, cell: int) -> int:
        self.values.append(value)
        self.owners.append(owner)
        self.cells.append(cell)
        return len(self.values) - 1

    def know(self, columns: Iterable[int]) -> None:
        if found := tuple(sorted(columns)):
            self.sums.add(found)

    def aim(self, columns: Iterable[int], word: str) -> None:
        if found := tuple(sorted(columns)):
            self.targets.setdefault(found, word)


def leaves_of(cell: int) -> Iterable[int]:
    return range(1, PRODUCTS + 1) if cell == 0 else (cell,)


def of_sums(versions: Sequence[Version]) -> System:
    """Unknown: what each owner has of each part in every finest cell, once for all versions in which it is the same."""
    system = System()
    column = _columns(system, versions)

    def columns(number: int, owners: Iterable[str], part: int, cell: int) -> set[int]:
        leaves = leaves_of(cell)
        return {column[key] for owner in owners for leaf in leaves if (key := (number, owner, part, leaf)) in column}

    for number, version in enumerate(versions):
        for line in version.lines:
            of_weight = () if np.isnan(line.weight) else (0,)
            for part in (*INDICATORS[line.indicator], *of_weight):
                system.know(columns(number, version.groups[line.group], part, line.cell))
    for cell, (part, name) in product(CELLS, enumerate(PARTS)):
        for number, version in enumerate(versions):
            for owner in version.owners:
                system.aim(columns(number, [owner], part, cell), f"{owner}'s {name} in {cell}")
        sums = [
            (group, columns(number, members, part, cell))
            for number, version in enumerate(versions)
            for group, members in version.groups.items()
        ]
        _aim_at(system, f"{name} in {cell}", sums)
    return system


def _columns(system: System, versions: Sequence[Version]) -> dict[tuple[int, str, int, int], int]:
    """The unknown of each version, owner, part and product; none where an owner has no business."""
    column: dict[tuple[int, str, int, int], int] = {}
    by_value: dict[tuple[str, int, int, float], int] = {}
    for number, version in enumerate(versions):
        for (row, owner), leaf in product(enumerate(version.owners), leaves_of(0)):
            figures = version.leaves[row, :, leaf - 1].tolist()
            if figures[0] == 0:
                continue
            for part, value in enumerate(figures):
                if (owner, part, leaf, value) not in by_value:
                    by_value[owner, part, leaf, value] = system.unknown(value, owner, leaf)
                column[number, owner, part, leaf] = by_value[owner, part, leaf, value]
            late90, late30, whole = (column[number, owner, part, leaf] for part in (2, 1, 0))
            system.ordered |= {(late30, whole), (late90, late30)}
    return column


def _aim_at(system: System, word: str, sums: Sequence[tuple[str, set[int]]]) -> None:
    """Every group's sum, and what few have in the difference or the intersection of two."""
    for group, columns in sums:
        system.aim(columns, f"{group}'s {word}")
    for (_one, here), (_other, there) in combinations(sums, 2):
        for piece in (here - there, there - here, here & there):
            if 0 < len({system.owners[each] for each in piece}) < FEW:
                system.aim(piece, f"{word} of a difference or intersection")


def of_rates(versions: Sequence[Version]) -> System:
    """Unknown: the rate of each owner in every cell; known: published means times published counts."""
    system = System()
    for indicator, cell in product(INDICATORS, CELLS):
        column: dict[tuple[str, float], int] = {}
        means: list[set[int]] = []
        sums: list[tuple[str, set[int]]] = []
        for version in versions:
            rates = _rates(version, *INDICATORS[indicator], cell)
            for place in rates.items():
                if place not in column:
                    column[place] = system.unknown(place[1], place[0], cell)
            mine = {
                group: {column[owner, rates[owner]] for owner in members & rates.keys()}
                for group, members in version.groups.items()
            }
            sums += mine.items()
            means += [
                mine[line.group]
                for line in version.lines
                if (line.indicator, line.cell) == (indicator, cell) and "mean" in line.statistics
            ]
        for mean in means:
            system.know(mean)
        if means:
            for (owner, _rate), at in column.items():
                system.aim([at], f"{owner}'s {indicator} in {cell}")
            _aim_at(system, f"{indicator} in {cell}", sums)
            _aim_at_rests(system, f"{indicator} in {cell}", means)
    return system


def _aim_at_rests(system: System, word: str, means: Sequence[set[int]]) -> None:
    """A mean less another one, and less all that it holds of the others as far as they do not overlap."""
    for whole in means:
        rest = set(whole)
        for part in sorted((each for each in means if each < whole), key=len):
            system.aim(whole - part, f"a difference of means of {word}")
            if part <= rest:
                rest -= part
        system.aim(rest, f"the rest of a mean of {word}")


def _rates(version: Version, numerator: int, denominator: int, cell: int) -> dict[str, float]:
    whole, late = version.held(denominator, cell), version.held(numerator, cell)
    return {owner: float(late[row] / whole[row]) for row, owner in enumerate(version.owners) if whole[row] > 0}


@dataclass(frozen=True)
class Movement:
    """Another truth that would have been published alike: who has other figures in it, and by how much the target moved."""

    owners: frozenset[str]
    moved: float


class Deduction:
    """What coalitions of at most `most` owners can tell of each target of a system."""

    def __init__(self, system: System, most: int, percent: float = 10.0) -> None:
        self.system, self.most, self.share = system, most, percent / 100
        self.values = np.array(system.values)
        self.owner = np.array(system.owners)
        self.present = sorted(set(system.owners))
        count = len(self.values)
        self.equations = _rows([(each, 1.0) for each in system.sums], count)
        small_large = sorted(system.ordered)
        order = _rows([((small, large), 1.0) for small, large in small_large], count)
        order.data = np.tile([1.0, -1.0], len(small_large)) if len(small_large) else order.data
        self.order = order
        self.room = np.maximum(-(order @ self.values), 0.0)
        self.rise, self.fall = np.full(count, np.inf), self.values.copy()
        for (small, large), room in zip(small_large, self.room.tolist(), strict=True):
            self.rise[small], self.fall[large] = min(self.rise[small], room), min(self.fall[large], room)
        by_column = self.equations.tocsc()
        pattern = [
            tuple(by_column.indices[start:end].tolist())
            for start, end in zip(by_column.indptr[:-1], by_column.indptr[1:], strict=True)
        ]
        self.alike: dict[int, list[int]] = {}
        together: dict[tuple[object, ...], list[int]] = {}
        for place, rows in enumerate(pattern):
            together.setdefault((system.cells[place], *sorted(rows)), []).append(place)
            self.alike[place] = together[system.cells[place], *sorted(rows)]

    def near(self) -> Iterator[Near]:
        """Every target that some coalition comes too near to; the first such coalition of each."""
        for columns, word in self.system.targets.items():
            if (attackers := self._who_can_tell(np.array(columns))) is not None:
                yield word, attackers

    def _who_can_tell(self, target: np.ndarray) -> tuple[str, ...] | None:
        held = {
            owner: float(self.values[target[self.owner[target] == owner]].sum()) for owner in set(self.owner[target])
        }
        descending = sorted(held.values(), reverse=True)
        if sum(descending[1 + self.most :]) >= self.share * descending[0]:
            return None  # what the others have hides the largest, whoever attacks
        known = self._exchanges(target)
        if len(held) == 1:
            enough = [each for each in known if _suffices(each, self.share * descending[0], 0.0)]
            partners = [each.owners for each in enough]
            if len(set(partners)) > self.most:
                return None  # the attackers are not the owner, so they miss at least one of the partners
        for size in range(self.most + 1):
            for attackers in combinations(self.present, size):
                others = [value for owner, value in held.items() if owner not in attackers]
                largest = max(others, default=0.0)
                width = self.share * largest
                hidden = sum(others) - largest
                if largest <= 0 or hidden >= width:
                    continue
                if any(_suffices(each, width, hidden) and not each.owners & set(attackers) for each in known):
                    continue
                movement = self._movement(target, attackers, width, hidden, known)
                if movement is None:
                    return attackers
                known.append(movement)
        return None

    def _exchanges(self, target: np.ndarray) -> list[Movement]:
        """What one owner of the target can give to or take from one outside it that sits in the same sums."""
        inside = set(target.tolist())
        found: dict[tuple[str, str], list[float]] = {}
        for mine in inside:
            for other in self.alike[mine]:
                if other not in inside and self.owner[other] != self.owner[mine]:
                    limits = found.setdefault((self.owner[mine], self.owner[other]), [0.0, 0.0])
                    limits[0] += min(self.rise[mine], self.fall[other])
                    limits[1] += min(self.fall[mine], self.rise[other])
        return [
            Movement(frozenset(owners), moved) for owners, (up, down) in found.items() for moved in (up, -down) if moved
        ]

    def _movement(
        self, target: np.ndarray, attackers: tuple[str, ...], width: float, hidden: float, known: Sequence[Movement]
    ) -> Movement | None:
        cells = {self.system.cells[column] for column in target}
        within = [np.array([cell in cells for cell in self.system.cells])] if len(cells) == 1 else []
        busy = [owner for each in known for owner in each.owners]
        for columns in (*within, np.ones(len(self.values), dtype=bool)):
            for sign, needed in ((1.0, width - hidden), (-1.0, width)):
                found = self._solve(target, attackers, sign, needed, columns, busy)
                if found is not None:
                    return found
        return None

    def _solve(
        self,
        target: np.ndarray,
        attackers: tuple[str, ...],
        sign: float,
        needed: float,
        columns: np.ndarray,
        busy: Sequence[str],
    ) -> Movement | None:
        """The change of least size, of those who changed least often before, that moves the target as far as needed."""
        free = np.flatnonzero(columns & ~np.isin(self.owner, list(attackers)))
        count = len(free)
        equations = self.equations[:, free]
        equations = equations[np.diff(equations.indptr) > 0]
        order = self.order[:, free]
        bounding = np.diff(order.indptr) > 0
        order, room = order[bounding], self.room[bounding] / needed
        aim = sparse.csr_array(np.isin(free, target).astype(float).reshape(1, -1) * -sign)
        cost = 1.0 + 20.0 * np.array([busy.count(owner) for owner in self.owner[free]])
        solved = linprog(
            np.concatenate([cost, cost]),
            A_ub=sparse.vstack([sparse.hstack([each, -each]) for each in (order, aim)]),
            b_ub=np.concatenate([room, [-1.0]]),
            A_eq=sparse.hstack([equations, -equations]) if equations.shape[0] else None,
            b_eq=np.zeros(equations.shape[0]) if equations.shape[0] else None,
            bounds=np.column_stack(
                [np.zeros(2 * count), np.concatenate([np.full(count, np.inf), self.values[free] / needed])]
            ),
            method="highs",
        )
        if solved.status == 2:
            return None
        assert solved.status == 0, solved.message
        change = solved.x[:count] - solved.x[count:]
        touched = frozenset(self.owner[free[np.abs(change) > NEARLY]])
        return Movement(touched, sign * needed)


def _suffices(movement: Movement, width: float, hidden: float) -> bool:
    """Whether it takes the target far enough for whoever asks for this width."""
    if movement.moved > 0:
        return movement.moved >= (width - hidden) * (1 - NEARLY)
    return -movement.moved >= width * (1 - NEARLY)


def _rows(rows: Iterable[tuple[Sequence[int], float]], count: int) -> sparse.csr_array:
    columns, starts = [], [0]
    for places, _value in rows:
        columns += list(places)
        starts.append(len(columns))
    return sparse.csr_array(
        (np.ones(len(columns)), np.array(columns, dtype=int), starts), shape=(len(starts) - 1, count)
    )


def told(versions: Sequence[Version], least: int, percent: float, quantiles: dict[str, int]) -> Iterator[Near]:
    """What a reader sees of single rows and pairs of versions without solving anything."""
    share = percent / 100
    for version in versions:
        for line in version.lines:
            for word in _of_row(version, line, least, share, quantiles):
                yield f"{word} in {line.group} {line.cell} {line.indicator}", ()
        yield from _parts_between(version, share)
    for place, version in enumerate(versions):
        for former in versions[:place]:
            yield from _changed(former, version, least, share)


def _of_row(version: Version, line: Line, least: int, share: float, quantiles: dict[str, int]) -> Iterator[str]:
    of_all = _rates(version, *INDICATORS[line.indicator], line.cell)
    rates = np.sort([rate for owner, rate in of_all.items() if owner in version.groups[line.group]])
    if len(rates) < least:
        yield "few"
    if line.pooled in (0.0, 1.0):
        yield "the same rate for all"
    for name in line.statistics.keys() & quantiles.keys():
        if len(rates) < quantiles[name]:
            yield f"{name} of few"
        if np.sum(np.isclose(rates, line.statistics[name], rtol=1e-9, atol=0)) == 1:
            yield f"{name} is somebody's"
    if {"mean", "trimmed_mean"} <= line.statistics.keys():
        tail = rates[len(rates) - len(rates) // 10 :]
        if len(tail) < least or tail[:-3].sum() < share * tail[-1]:
            yield "what the trimmed mean cuts off"


def _parts_between(version: Version, share: float) -> Iterator[Near]:
    """30 to 89 days late, where 30 and 90 days are published: a sum like any other."""
    by_cell: dict[tuple[str, int], set[int]] = {}
    for line in version.lines:
        by_cell.setdefault((line.group, line.cell), set()).update(INDICATORS[line.indicator])
    for (group, cell), parts in by_cell.items():
        for inner, outer in combinations(sorted(parts, reverse=True), 2):
            members = version.members(group)
            rest = np.sort((version.held(outer, cell) - version.held(inner, cell))[members])
            if rest[-1] > 0 and rest[:-3].sum() < share * rest[-1] * (1 - NEARLY):
                yield f"{PARTS[outer]} without {PARTS[inner]} of {group} in {cell}", ()


def _changed(former: Version, version: Version, least: int, share: float) -> Iterator[Near]:
    """Rows of which few contributors changed: the difference of both versions is about them alone."""
    was = {(line.indicator, line.group, line.cell): line for line in former.lines}
    for line in version.lines:
        earlier = was.get((line.indicator, line.group, line.cell))
        if earlier is None:
            continue
        changed = 0
        for part in INDICATORS[line.indicator]:
            then = _by_owner(former, line, part)
            now = _by_owner(version, line, part)
            other = {owner for owner in then.keys() | now.keys() if then.get(owner, 0.0) != now.get(owner, 0.0)}
            changed = max(changed, len(other))
            if len(other) == 1:
                (owner,) = other
                before, after = then.get(owner, 0.0), now.get(owner, 0.0)
                if abs(abs(after - before) - max(before, after)) < share * max(before, after):
                    yield f"{owner} by what it changed in {line.group} {line.cell}", ()
        if 0 < changed < least and line.statistics.keys() & earlier.statistics.keys():
            yield f"figures that few moved in {line.group} {line.cell}", ()


def _by_owner(version: Version, line: Line, part: int) -> dict[str, float]:
    held = version.held(part, line.cell)
    return {owner: float(held[row]) for row, owner in enumerate(version.owners) if owner in version.groups[line.group]}
