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
from anonymize.disclosure.lattice import Floats, Hierarchy, Indices, Mask, strides

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
    """Flat cells, the sign of each (+1 at the target), and what they cost when it was found."""

    target: int
    cells: Indices
    signs: Floats
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
        self._offsets = [np.arange(extent) * step for extent, step in zip(self.shape, self._strides, strict=True)]
        self._hierarchies = attack.table.lattice.hierarchies
        self._moves = [cache(lambda code, hierarchy=each: list_moves(hierarchy, code)) for each in self._hierarchies]
        self._both = np.minimum(attack.down, attack.up)
        self._kin: dict[int, Indices] = {}
        self._is_kin = np.zeros(len(price), dtype=np.bool_)
        self._paths = [[np.array(each.path(code)) for code in range(len(each.codes))] for each in self._hierarchies]

    def find(self, target: int, width: float, direction: Direction = "both", wide: int = 1) -> Circuit | None:
        """The cheapest circuit that moves the target by the width, or None; `wide` multiplies the moves tried."""
        if self.price[target] >= BARRED or (direction != "up" and self.attack.fall[target] < width * SLACK):
            return None
        kin = self.kin(target)
        self._is_kin[kin] = True
        try:
            return self._find(target, width * SLACK, direction, MOVES_KEPT.get(len(self.shape), 3) * wide)
        finally:
            self._is_kin[kin] = False

    def place(self, cell: int) -> tuple[int, ...]:
        """The coordinates of a flat index."""
        return tuple((cell // step) % extent for step, extent in zip(self._strides, self.shape, strict=True))

    def kin(self, target: int) -> Indices:
        """The cells whose bounds the scenario of the target relaxes."""
        known = self._kin.get(target)
        if known is None:
            known = self._kin[target] = self._find_kin(target)
        return known

    def _find_kin(self, target: int) -> Indices:
        if self.attack.table.lattice.height[target] > 0 or self.attack.signed[target]:
            return self.attack.kin_of(target)
        flat = np.zeros(1, dtype=np.int64)
        for paths, code, step in zip(self._paths, self.place(target), self._strides, strict=True):
            flat = (flat[:, None] + paths[code] * step).ravel()
        return flat

    def _find(self, target: int, need: float, direction: Direction, kept: int) -> Circuit | None:
        """Chooses the best moves of each dimension by what they cost on the target's own line, then their best product."""
        chosen: list[Moves] = []
        used: list[Indices] = []
        for axis, code in enumerate(self.place(target)):
            moves: Moves = self._moves[axis](code)
            line = self._offsets[axis] + (target - code * self._strides[axis])
            score = _score(moves, *self._prices(line, target, need, direction))
            best = (score < BARRED / 2).nonzero()[0]
            if len(best) == 0:
                return None
            if len(best) > kept:
                best = best[np.argsort(score[best], kind="stable")[:kept]]
            touched = moves.touched[best]
            codes = np.flatnonzero(touched.sum(axis=0))
            chosen.append(Moves(touched[:, codes], moves.sign[best][:, codes]))
            used.append(codes)
        return self._cheapest(target, chosen, used, need, direction)

    def _prices(self, cells: Indices, target: int, need: float, direction: Direction) -> tuple[Floats, Floats]:
        """The price of raising and of lowering each cell by the need; the same array when both are asked for."""
        price = self.price[cells]
        if direction == "both":
            short = self._both[cells] < need
            if short.any():
                price[short & ~self._is_relieved(cells, target, need)] = BARRED
            return price, price
        may_rise = (self.attack.up[cells] >= need) | self._is_kin[cells]
        may_fall = (self.attack.down[cells] >= need) | self._is_relieved(cells, target, need)
        rising, falling = np.where(may_rise, price, BARRED), np.where(may_fall, price, BARRED)
        return (rising, falling) if direction == "up" else (falling, rising)

    def _is_relieved(self, cells: Indices, target: int, need: float) -> Mask:
        """Whether each cell can fall by the need because it is kin of the target."""
        relieved: Mask = self._is_kin[cells] & (self.attack.relief(target, cells) >= need)
        return np.asarray(relieved | (cells == target))

    def _cheapest(
        self, target: int, chosen: list[Moves], used: list[Indices], need: float, direction: Direction
    ) -> Circuit | None:
        cells = np.zeros(1, dtype=np.int64)
        for axis, codes in enumerate(used):
            cells = cells[..., None] + self._offsets[axis][codes]
        raised, lowered = self._prices(cells, target, need, direction)
        if raised is lowered:
            total = _contract(raised, [moves.touched for moves in chosen])
        else:
            total = _contract(0.5 * (raised + lowered), [moves.touched for moves in chosen])
            total = total + _contract(0.5 * (raised - lowered), [moves.sign for moves in chosen])
        best = int(total.argmin())
        cost = float(total.flat[best])
        if cost >= BARRED / 2:
            return None
        picked = np.unravel_index(best, total.shape) if total.ndim else ()
        signs = np.ones(1)
        flat = np.zeros(1, dtype=np.int64)
        for axis, (moves, codes, row) in enumerate(zip(chosen, used, picked, strict=True)):
            sign = moves.sign[row]
            live = sign.nonzero()[0]
            flat = (flat[:, None] + self._offsets[axis][codes[live]]).ravel()
            signs = (signs[:, None] * sign[live]).ravel()
        return Circuit(target, flat, signs, cost)

    def serves(self, circuit: Circuit, other: int, width: float) -> bool:
        """Whether the circuit carries the width in the scenario of another of its cells."""
        need = width * SLACK
        if self.attack.fall[other] < need:
            return False
        cells = circuit.cells
        short = cells[(self._both[cells] < need) & (cells != other)]
        if len(short) == 0:
            return True
        return set(short.tolist()) <= set(self.kin(other).tolist()) and bool(
            (self.attack.relief(other, short) >= need).all()
        )


def _score(moves: Moves, raised: Floats, lowered: Floats) -> Floats:
    """What each move costs on a line; raised codes and lowered ones may have different prices."""
    if raised is lowered:
        return np.asarray(moves.touched @ raised)
    return np.asarray(moves.touched @ (0.5 * (raised + lowered)) + moves.sign @ (0.5 * (raised - lowered)))


def _contract(values: Floats, factors: list[Floats]) -> Floats:
    """The sum of the values over the codes of each move, for every combination of moves."""
    for factor in factors:
        values = (factor @ values.reshape(factor.shape[1], -1)).T
    return values.reshape([len(factor) for factor in factors])
