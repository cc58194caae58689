"""Circuits: the cheapest product of moves by which a cell can change unseen.

A move in one dimension raises a code, every ancestor below a chosen turning point and one way down from it, and lowers
one way down from the turning point's other side; without a turning point it also raises the total. Moves keep the
dimension's equations, so their outer product keeps all equations of the lattice. Along such a circuit every cell changes by the
same amount, up or down: it protects a cell as far as each of its cells can carry the amount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal, TypeVar

import numpy as np

from anonymize.disclosure.attack import Attack
from anonymize.disclosure.lattice import Floats, Hierarchy, Indices, Mask, strides

T = TypeVar("T")
Path = tuple[int, ...]
Ways = Mapping[int, Sequence[Path]]
Direction = Literal["both", "up", "down"]

BARRED = 1e9  # more than any circuit can cost
SHORTER = 1e-3  # what a cell costs that is withheld already: of two free circuits the shorter one
MOVES_KEPT = {0: 1, 1: 200, 2: 32, 3: 14, 4: 7, 5: 4}
WAYS_LISTED = 60
MOVES_LISTED = 400
SLACK = 1 - 1e-9


@dataclass(frozen=True)
class Moves:
    """The moves that raise one code, one after the other: what each touches begins at its start; signs are +1 or -1."""

    codes: Indices
    signs: Floats
    starts: Indices

    def chosen(self, rows: Indices) -> Chosen:
        """These moves as matrices."""
        ends = np.append(self.starts[1:], len(self.codes))
        counts = ends[rows] - self.starts[rows]
        row = np.repeat(np.arange(len(rows)), counts)
        entries = np.arange(len(row)) + np.repeat(self.starts[rows] - np.cumsum(counts) + counts, counts)
        codes, columns = np.unique(self.codes[entries], return_inverse=True)
        sign = np.zeros((len(rows), len(codes)))
        sign[row, columns] = self.signs[entries]
        return Chosen(codes, np.abs(sign), sign)


@dataclass(frozen=True)
class Chosen:
    """Some moves, one a row; a column for each code; `touched` is 1 where one changes, `sign` +1, -1 or 0."""

    codes: Indices
    touched: Floats
    sign: Floats


@dataclass(frozen=True)
class Circuit:
    """Flat cells, the sign of each (+1 at the target), and what they cost when it was found."""

    target: int
    cells: Indices
    signs: Floats
    cost: float


def list_moves(hierarchy: Hierarchy, code: int, ways: Ways) -> Moves:
    """The moves that raise a code, short ones first; a selection of them where there are very many."""
    pairs = _spread(sorted(_pairs(hierarchy, code, ways), key=lambda pair: len(pair[0]) + len(pair[1])), MOVES_LISTED)
    touched = [each for raised, lowered in pairs for each in (*raised, *lowered)]
    signs = [each for raised, lowered in pairs for each in [1.0] * len(raised) + [-1.0] * len(lowered)]
    counts = [len(raised) + len(lowered) for raised, lowered in pairs]
    starts = np.cumsum([0, *counts[:-1]])
    return Moves(np.array(touched, dtype=np.int64), np.array(signs), starts.astype(np.int64))


def _spread(items: Sequence[T], most: int) -> Sequence[T]:
    """At most so many of the items, taken from everywhere among them."""
    if len(items) <= most:
        return items
    return [items[position * len(items) // most] for position in range(most)]


def _pairs(hierarchy: Hierarchy, code: int, ways: Ways) -> list[tuple[Path, Path]]:
    """The codes that each move raises and lowers."""
    path = hierarchy.path(code)
    pairs: list[tuple[Path, Path]] = [((*path[1:], *way), ()) for way in ways[code]]
    for step, turning in enumerate(path[1:], start=1):
        others = [other for other in _spread(hierarchy.children[turning], MOVES_LISTED) if other != path[step - 1]]
        lowered = _spread([way for other in others for way in ways[other]], MOVES_LISTED)
        pairs += [((*path[1:step], *way), low) for way in ways[code] for low in lowered]
    return pairs


def _ways_down(hierarchy: Hierarchy) -> Ways:
    """Of each code, paths down to codes without children, the code included."""
    ways: dict[int, Sequence[Path]] = {}
    for code in hierarchy.bottom_up:
        below = [(code, *way) for child in hierarchy.children[code] for way in ways[child]]
        ways[code] = _spread(below, WAYS_LISTED) if below else [(code,)]
    return ways


class CircuitSearch:
    """Finds cheapest circuits; `price` (flat) is what each cell costs now, BARRED where it cannot be withheld."""

    def __init__(self, attack: Attack, price: Floats) -> None:
        self.attack = attack
        self.price = price
        self.shape = attack.table.lattice.shape
        self._strides = strides(self.shape)
        self._offsets = [np.arange(extent) * step for extent, step in zip(self.shape, self._strides, strict=True)]
        self._hierarchies = attack.table.lattice.hierarchies
        self._moves = [cache(partial(list_moves, each, ways=_ways_down(each))) for each in self._hierarchies]
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
        chosen: list[Chosen] = []
        for axis, code in enumerate(self.place(target)):
            moves: Moves = self._moves[axis](code)
            line = self._offsets[axis][moves.codes] + (target - code * self._strides[axis])
            raised, lowered = self._prices(line, target, need, direction)
            prices = raised if raised is lowered else np.where(moves.signs > 0, raised, lowered)
            score = np.add.reduceat(prices, moves.starts)
            best = (score < BARRED / 2).nonzero()[0]
            if len(best) == 0:
                return None
            if len(best) > kept:
                best = best[np.argsort(score[best], kind="stable")[:kept]]
            chosen.append(moves.chosen(best))
        return self._cheapest(target, chosen, need, direction)

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

    def _cheapest(self, target: int, chosen: list[Chosen], need: float, direction: Direction) -> Circuit | None:
        cells = np.zeros(1, dtype=np.int64)
        for axis, moves in enumerate(chosen):
            cells = cells[..., None] + self._offsets[axis][moves.codes]
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
        for axis, (moves, row) in enumerate(zip(chosen, picked, strict=True)):
            sign = moves.sign[row]
            live = sign.nonzero()[0]
            flat = (flat[:, None] + self._offsets[axis][moves.codes[live]]).ravel()
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


def _contract(values: Floats, factors: list[Floats]) -> Floats:
    """The sum of the values over the codes of each move, for every combination of moves."""
    for factor in factors:
        values = (factor @ values.reshape(factor.shape[1], -1)).T
    return values.reshape([len(factor) for factor in factors])
