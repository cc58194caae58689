"""A quick proof for most figures in overlapping groups: four atoms that exchange amounts within single cells.

Where atoms `a`, `b` and `c`, `d` sit together in every published group equally often, each finest cell may give any amount to `a`
and `b` and take it from `c` and `d`: no published sum notices. A target moves by the sum of what its cells can exchange. An
attacker sits in one atom of a version, so its own figures narrow the room of those atoms alone; attackers are taken
atom by atom, and all of one atom at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np

from sharing.benchmarks.pool import Mask, Values
from sharing.benchmarks.release_audit.programs import NEARLY, Prover
from sharing.benchmarks.release_audit.targets import Target

Exchange = tuple[int, int, int, int]  # atoms that gain, gain, lose, lose
MOST = 12  # exchanges tried for a target


class Exchanges:
    """What can be exchanged in every finest cell, by part and atom."""

    def __init__(self, prover: Prover) -> None:
        self.prover = prover
        self.unknowns = prover.system.unknowns
        system, room = prover.system, prover.room
        shape = len(self.unknowns.atoms), int(np.prod(self.unknowns.shape))
        parts = range(len(self.unknowns.layout.parts))
        self.gain = {part: np.zeros(shape) for part in parts}
        self.lose = {part: np.zeros(shape) for part in parts}
        self.known = {part: np.zeros(shape) for part in parts}  # what one coalition may hold of an atom's figure
        self.alone = {part: np.zeros(shape, dtype=np.bool_) for part in parts}  # a coalition may hold all of it
        columns = np.flatnonzero(room.finest)
        lower, upper = room.for_these(columns, [()])
        worst, _upper = room.for_all(columns)
        position = {int(column): place for place, column in enumerate(columns)}
        beyond: list[tuple[int, int, int, float, float]] = []
        self.own = {
            part: np.zeros(shape) for part in parts
        }  # how far the inner part may gain for attackers of the atom
        self.left = {part: np.full(shape, np.inf) for part in parts}  # how far the outer part may lose for them
        for (part, atoms, cell), column in system.columns.items():
            if not room.finest[column]:
                continue
            (atom,), at = atoms, position[column]
            if part < 0:
                beyond.append((-1 - part, atom, cell, float(-lower[at]), float(-worst[at])))
                continue
            self.lose[part][atom, cell] = -lower[at]
            self.gain[part][atom, cell] = upper[at]
            self.known[part][atom, cell] = worst[at] - lower[at] if np.isfinite(lower[at]) else 0.0
            self.alone[part][atom, cell] = worst[at] == 0 and 0 < room.count[column] <= room.coalition
        within = self.unknowns.layout.within
        for part in parts:
            self.own[part] = self.gain[part].copy()
        for inner, atom, cell, rest, beside in beyond:  # the inner part may not pass the outer one, for anybody
            self.gain[inner][atom, cell] = min(self.gain[inner][atom, cell], rest)
            self.own[inner][atom, cell] = min(self.own[inner][atom, cell], beside)
            for outer in (outer for each, outer in within if each == inner):
                self.lose[outer][atom, cell] = min(self.lose[outer][atom, cell], rest)
                self.left[outer][atom, cell] = min(self.left[outer][atom, cell], beside)
        self.exchanges = self._exchanges()

    def _exchanges(self) -> dict[int, list[Exchange]]:
        """By the atom that gains first."""
        groups = list(dict.fromkeys(self.unknowns.groups.values()))
        seat = np.array([[len(atoms & group) for group in groups] for atoms in self.unknowns.atoms])
        by_seats: dict[bytes, list[tuple[int, int]]] = defaultdict(list)
        for one, other in combinations(range(len(seat)), 2):
            by_seats[(seat[one] + seat[other]).tobytes()].append((one, other))
        found: dict[int, list[Exchange]] = defaultdict(list)
        for pairs in by_seats.values():
            for gaining, losing in combinations(pairs, 2):
                for up, down in ((gaining, losing), (losing, gaining)):
                    found[up[0]].append((*up, *down))
                    found[up[1]].append((up[1], up[0], *down))
        return found

    def prove(self, target: Target) -> tuple[bool, bool]:
        """Whether exchanges alone move the target by its width up, and down, for every attacker."""
        if target.beyond is not None or self.prover.room.coalition > 1 or len(self.unknowns.versions) > 1:
            return False, False  # coalitions and owners of several figures may sit in several atoms
        cells = self.unknowns.finest_in(target.cell)
        open_: list[set[int | None]] = [self._attackers(), self._attackers()]
        for exchange in self._through(target):
            for direction, (first, second, third, fourth) in enumerate((exchange, (*exchange[2:], *exchange[:2]))):
                for attacker in tuple(open_[direction]):
                    amount = self._amount(target.part, cells, (first, second, third, fourth), attacker)
                    if amount >= target.width * (1 - NEARLY):
                        open_[direction].discard(attacker)
            if not open_[0] and not open_[1]:
                break
        return not open_[0], not open_[1]

    def _attackers(self) -> set[int | None]:
        """The atom in which the attackers sit; None is the outsider."""
        atoms: set[int | None] = {None}
        return atoms | set(range(len(self.unknowns.atoms))) if self.prover.room.coalition else atoms

    def _through(self, target: Target) -> Iterator[Exchange]:
        """Exchanges by which the target gains on balance, the ones with most to lose outside it first."""
        inside = target.atoms
        found = [
            exchange
            for atom in sorted(inside)
            for exchange in self.exchanges.get(atom, [])
            if sum(each in inside for each in exchange[:2]) > sum(each in inside for each in exchange[2:])
        ]
        loses = self.lose[target.part][:, self.unknowns.finest_in(target.cell)]
        finite = np.where(np.isfinite(loses), loses, 0.0)
        found.sort(key=lambda each: -float(np.minimum(finite[each[2]], finite[each[3]]).sum()))
        yield from found[:MOST]

    def _amount(self, part: int, cells: np.ndarray, exchange: Exchange, attacker: int | None) -> float:
        gains = [self._gain(part, atom, cells, attacker) for atom in exchange[:2]]
        loses = [self._lose(part, atom, cells, attacker) for atom in exchange[2:]]
        return float(np.min([*gains, *loses], axis=0).clip(max=1e300).sum())

    def _gain(self, part: int, atom: int, cells: np.ndarray, attacker: int | None) -> Values:
        room = (self.own if atom == attacker else self.gain)[part][atom, cells]
        return np.where(self._fixed(part, atom, cells, attacker), 0.0, room)

    def _lose(self, part: int, atom: int, cells: np.ndarray, attacker: int | None) -> Values:
        room = self.lose[part][atom, cells]
        if atom == attacker:
            room = np.maximum(room - self.known[part][atom, cells], 0.0)
            room = np.minimum(room, self.left[part][atom, cells])
        return np.where(self._fixed(part, atom, cells, attacker), 0.0, room)

    def _fixed(self, part: int, atom: int, cells: np.ndarray, attacker: int | None) -> Mask:
        fixed: Mask = self.alone[part][atom, cells] & (atom == attacker)
        return fixed
