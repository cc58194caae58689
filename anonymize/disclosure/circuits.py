"""Circuits: the cheapest product of moves by which a cell can change unseen.

A move in one dimension raises a code, every ancestor below a chosen turning point and one way down from it, and lowers
one way down from the turning point's other side; without a turning point it also raises the total. Moves keep the
dimension's equations, so their outer product keeps all equations of the lattice. Along such a circuit every cell changes by the
same amount, up or down: it protects a cell as far as each of its cells can carry the amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from anonymize.disclosure.attack import Attack
from anonymize.disclosure.lattice import Floats, Hierarchy, Indices, strides

Direction = Literal["both", "up", "down"]

BARRED = 1e9  # more than any circuit can cost
SHORTER = 1e-3  # what a cell costs that is withheld already: of two free circuits the shorter one
MOVES_KEPT = {0: 1, 1: 200, 2: 32, 3: 14, 4: 7, 5: 4}
MOVES_LISTED = 400
SLACK = 1 - 1e-9


@dataclass(frozen=True)
class Moves:
    """The moves that raise one code, one a row; `touched` is 1 where a code changes, `sign` +1, -1 or 0."""

    touched: Floats
    sign: Floats


@dataclass(frozen=True)
class Circuit:
    """Flat cells and the sign of each (+1 at the target); `room` is the amount that all of them can carry."""

    target: int
    cells: Indices
    signs: Floats
    room: float
    cost: float


def list_moves(hierarchy: Hierarchy, code: int) -> Moves:
    """The moves that raise a code, short ones first."""
    pairs = sorted(_pairs(hierarchy, code), key=lambda pair: len(pair[0]) + len(pair[1]))
    if len(pairs) > MOVES_LISTED:
        step = len(pairs) / MOVES_LISTED
        pairs = [pairs[int(position * step)] for position in range(MOVES_LISTED)]
    sign = np.zeros((len(pairs), len(hierarchy.codes)))
    for row, (raised, lowered) in enumerate(pairs):
        sign[row, raised] = 1.0
        sign[row, lowered] = -1.0
    return Moves(np.abs(sign), sign)


def _pairs(hierarchy: Hierarchy, code: int) -> list[tuple[list[int], list[int]]]:
    """The codes that each move raises and lowers."""
    path = hierarchy.path(code)
    ways = _ways_down(hierarchy, code)
    pairs: list[tuple[list[int], list[int]]] = [([*path[1:], *way], []) for way in ways]
    for step, turning in enumerate(path[1:], start=1):
        lowered = [
            way
            for other in hierarchy.children[turning]
            if other != path[step - 1]
            for way in _ways_down(hierarchy, other)
        ]
        pairs += [([*path[1:step], *way], list(low)) for way in ways for low in lowered]
    return pairs


def _ways_down(hierarchy: Hierarchy, code: int) -> list[list[int]]:
    """Every path from the code to one without children, the code included."""
    if not hierarchy.children[code]:
        return [[code]]
    return [[code, *way] for child in hierarchy.children[code] for way in _ways_down(hierarchy, child)]


class CircuitSearch:
    """Finds cheapest circuits; `price` (flat) is what each cell costs now, BARRED where it cannot be withheld."""

    def __init__(self, attack: Attack, price: Floats) -> None:
        self.attack = attack
        self.price = price
        self.shape = attack.table.lattice.shape
        self._strides = strides(self.shape)
        self._hierarchies = attack.table.lattice.hierarchies
        self._moves = [cache(lambda code, hierarchy=each: list_moves(hierarchy, code)) for each in self._hierarchies]
        self._both = np.minimum(attack.down, attack.up)
        self._is_kin = np.zeros(len(price), dtype=np.bool_)
        self._paths = [[np.array(each.path(code)) for code in range(len(each.codes))] for each in self._hierarchies]
        self._above = [each.above for each in self._hierarchies]

    def find(self, target: int, width: float, direction: Direction = "both", wide: int = 1) -> Circuit | None:
        """The cheapest circuit that moves the target by the width, or None; `wide` multiplies the moves tried."""
        if self.price[target] >= BARRED or (direction != "up" and self.attack.fall[target] < width * SLACK):
            return None
        place = self.place(target)
        kin = self.kin(target, place)
        self._is_kin[kin] = True
        try:
            return self._find(target, place, width, direction, wide)
        finally:
            self._is_kin[kin] = False

    def place(self, cell: int) -> tuple[int, ...]:
        """The coordinates of a flat index."""
        return tuple((cell // step) % extent for step, extent in zip(self._strides, self.shape, strict=True))

    def kin(self, target: int, place: tuple[int, ...]) -> Indices:
        """The cells whose bounds the scenario of the target relaxes."""
        if any(hierarchy.children[code] for hierarchy, code in zip(self._hierarchies, place, strict=True)):
            return self.attack.kin_of(target)
        if self.attack.signed[target]:
            return np.array([target], dtype=np.int64)
        flat = np.zeros(1, dtype=np.int64)
        for paths, code, step in zip(self._paths, place, self._strides, strict=True):
            flat = (flat[:, None] + paths[code] * step).ravel()
        return flat

    def _find(
        self, target: int, place: tuple[int, ...], width: float, direction: Direction, wide: int
    ) -> Circuit | None:
        kept = MOVES_KEPT.get(len(place), 3) * wide
        chosen: list[Moves] = []
        used: list[Indices] = []
        for axis, code in enumerate(place):
            moves = self._moves[axis](code)
            line = target + (np.arange(self.shape[axis]) - code) * self._strides[axis]
            score = self._score(moves, *self._prices(line, target, width, direction))
            best = np.argsort(score, kind="stable")[:kept]
            best = best[score[best] < BARRED / 2]
            if len(best) == 0:
                return None
            codes = np.flatnonzero(moves.touched[best].any(axis=0))
            chosen.append(Moves(moves.touched[np.ix_(best, codes)], moves.sign[np.ix_(best, codes)]))
            used.append(codes)
        return self._cheapest(target, chosen, used, width, direction)

    @staticmethod
    def _score(moves: Moves, raised: Floats, lowered: Floats) -> Floats:
        score: Floats = moves.touched @ (0.5 * (raised + lowered))
        return score if raised is lowered else score + moves.sign @ (0.5 * (raised - lowered))

    def _prices(self, cells: Indices, target: int, width: float, direction: Direction) -> tuple[Floats, Floats]:
        """The price of raising and of lowering each cell by the width; the same array when both are needed."""
        price = self.price[cells]
        need = width * SLACK
        own = self._is_kin[cells] & bool(self.attack.own[target] >= need)
        if direction == "both":
            short = (self._both[cells] < need) & ~own
            both = np.where(short | (price >= BARRED), BARRED, price)
            both = np.where((cells == target) & (price < BARRED), price, both)
            return both, both
        may_rise = (self.attack.up[cells] >= need) | self._is_kin[cells]
        may_fall = (self.attack.down[cells] >= need) | own | (cells == target)
        rising = np.where(may_rise & (price < BARRED), price, BARRED)
        falling = np.where(may_fall & (price < BARRED), price, BARRED)
        return (rising, falling) if direction == "up" else (falling, rising)

    def _cheapest(
        self, target: int, chosen: list[Moves], used: list[Indices], width: float, direction: Direction
    ) -> Circuit | None:
        cells = np.zeros((1,) * len(used), dtype=np.int64)
        for axis, codes in enumerate(used):
            along = [1] * len(used)
            along[axis] = -1
            cells = cells + (codes * self._strides[axis]).reshape(along)
        raised, lowered = self._prices(cells, target, width, direction)
        total = _contract(0.5 * (raised + lowered), [moves.touched for moves in chosen])
        if raised is not lowered:
            total = total + _contract(0.5 * (raised - lowered), [moves.sign for moves in chosen])
        best = int(np.argmin(total))
        if total.flat[best] >= BARRED / 2:
            return None
        picked = np.unravel_index(best, total.shape) if total.ndim else ()
        signs = np.ones(1)
        flat = np.zeros(1, dtype=np.int64)
        for axis, (moves, codes, row) in enumerate(zip(chosen, used, picked, strict=True)):
            live = np.flatnonzero(moves.touched[row])
            flat = (flat[:, None] + codes[live] * self._strides[axis]).ravel()
            signs = (signs[:, None] * moves.sign[row, live]).ravel()
        room = self.room(target, flat) if direction == "both" else width
        return Circuit(target, flat, signs, room, float(total.flat[best]))

    def room(self, target: int, cells: Indices) -> float:
        """The amount by which all these cells can change both ways in the scenario of the target (set as kin)."""
        room = self._both[cells]
        own = np.maximum(self.attack.down[cells], self.attack.own[target])
        room = np.where(self._is_kin[cells], own, room)
        room = np.where(cells == target, self.attack.fall[target], room)
        return float(room.min())

    def serves(self, circuit: Circuit, other: int, width: float) -> float:
        """The amount the circuit carries in the scenario of another of its cells, 0.0 if that is less than the width."""
        fall = self.attack.fall[other]
        if fall < width * SLACK:
            return 0.0
        short = circuit.cells[(self._both[circuit.cells] < width * SLACK) & (circuit.cells != other)]
        if len(short):
            if self.attack.signed[other] or self.attack.own[other] < width * SLACK:
                return 0.0
            place = self.place(other)
            places = np.unravel_index(short, self.shape)
            for above, code, codes in zip(self._above, place, places, strict=True):
                if not above[code, codes].all():
                    return 0.0
        return width


def _contract(values: Floats, factors: list[Floats]) -> Floats:
    """The sum of the values over the codes of each move, for every combination of moves."""
    for factor in factors:
        values = (factor @ values.reshape(factor.shape[1], -1)).T
    return values.reshape([len(factor) for factor in factors])
