"""Unbiased controlled rounding: every cell of a table becomes a multiple of the base, all sums still add up.

**What is promised.** Of a table of whole numbers over a lattice, in units of the measure's last decimal:

1. The expectation of every rounded cell is its true value.
2. The rounded table is additive, exactly and everywhere. A finest cell that is a multiple already, such as a zero,
   stays as it is.
3. Every finest cell and every *kept* cell is rounded to one of its two neighbouring multiples: its error is below the
   base. In two dimensions without subtotals, or with subtotals in one of them, all cells are kept.
4. Any other cell is the sum of a few kept cells, and its error below the base times their number (`kept_parts`).

**How.** In two dimensions this is Cox (1987), "A constructive procedure for unbiased controlled rounding", JASA 82:
the fractions of a table are a circulation in a network; a cycle of fractional cells is pushed one way or the other,
with the chances that leave all expectations as they are, until one of its cells is whole. For more dimensions no such
network holds all equations, and an unbiased rounding that keeps all margins need not exist. So two orders of the
dimensions are chosen. Each makes a tree of cells, the first dimension split first, then the next within it; the two
trees, joined at the finest cells, are one network, and its cells are the kept ones.

As in the cube method (Deville & Tillé 2004, "Efficient balanced sampling", Biometrika 91) most of the walk leaves
constraints untouched: first come cycles through the finest cells alone, which change no cell of either tree; then the
trees are given free level by level from the finest up, and grand totals move last. Each push makes a cell whole, so
the work grows with the number of cells times the length of a cycle.
"""

from __future__ import annotations

import hmac
import itertools
import math
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from anonymize.disclosure.lattice import Hierarchy, Indices, Lattice, Mask, add_up

Order = tuple[int, ...]  # the dimensions, first split first
Orders = tuple[Order, Order]

MOST_PERMUTED = 6  # dimensions; of more only rotations are tried as orders
HEADLINE = 3.0  # how much more a cell counts that is cut by a dimension of headlines


@dataclass(frozen=True)
class Dice:
    """Numbers that only the holder of the key can foretell; the same question has the same answer.

    With another limit the answer stands at the same share of it.
    """

    key: bytes

    def below(self, limit: int, *question: int) -> int:
        """A whole number from 0 to limit - 1, each equally likely to one part in 2**64 for limits below 2**64."""
        asked = struct.pack(f"<{len(question)}q", *question)
        return int.from_bytes(hmac.digest(self.key, asked, "sha256")[:16], "little") * limit >> 128


def rounded(lattice: Lattice, value: Indices, base: int, dice: Dice, orders: Orders) -> Indices:
    """The table rounded to multiples of the base; `value` is additive and of the lattice's shape."""
    finest = np.flatnonzero(finest_cells(lattice).ravel() & (value.ravel() % base != 0))
    network = _Network(lattice, value.ravel() % base, base, finest, orders)
    for level in range(int(lattice.depth.max()), -2, -1):
        network.push_cycles(level, dice)
    result = np.where(finest_cells(lattice), value - value % base, 0)
    result.reshape(-1)[finest] += network.residuals(len(finest))
    return add_up(lattice, result)


def finest_cells(lattice: Lattice) -> Mask:
    """The cells whose codes have no children in any dimension."""
    mask: Mask = (lattice.height == 0).reshape(lattice.shape)
    return mask


def kept_parts(lattice: Lattice, orders: Orders, present: Mask | None = None) -> Indices:
    """For every cell the fewest kept cells that make it up; 1 for a kept cell.

    `present` marks the cells that are not empty, and only those count. Without it the number holds for any table.
    """
    there = np.ones(lattice.shape, np.bool_) if present is None else present
    each = [_parts_in(lattice, order, there) for order in orders]
    return np.asarray(np.minimum(*each))


def _parts_in(lattice: Lattice, order: Order, present: Mask) -> Indices:
    """The cells of one tree that make up each cell: it is split along all dimensions before its last one."""
    trees = [lattice.hierarchies[axis] for axis in order]
    there = present.transpose(order).astype(np.int64)
    parts = np.zeros_like(there)
    for last, tree in enumerate(trees):
        later: tuple[int, ...] = tuple(each.root for each in trees[last + 1 :])
        split = there[(slice(None),) * (last + 1) + later]
        for axis, earlier in enumerate(trees[:last]):
            split = _split_along(split, axis, earlier)
        not_total = [code for code in range(len(tree.codes)) if code != tree.root or last == 0]
        parts[(slice(None),) * last + (not_total, *later)] = split[..., not_total]
    return parts.transpose(np.argsort(order))


def _split_along(counts: Indices, axis: int, tree: Hierarchy) -> Indices:
    """For each code of one dimension the sum over the finest codes in it."""
    finest = [code for code in range(len(tree.codes)) if not tree.children[code]]
    summed = np.tensordot(tree.above[finest].astype(np.int64), counts.take(finest, axis=axis), axes=(0, axis))
    return np.moveaxis(summed, 0, axis)


def choose_orders(lattice: Lattice, headlines: Collection[int] = ()) -> Orders:
    """The two orders that keep most of the cells cut by one or two dimensions; those of headlines count for more."""
    finest = tuple(sum(not children for children in tree.children) for tree in lattice.hierarchies)
    return _orders(finest, frozenset(headlines))


@cache
def _orders(finest: tuple[int, ...], headlines: frozenset[int]) -> Orders:
    axes = tuple(range(len(finest)))
    cuts = [frozenset(cut) for size in (1, 2) for cut in itertools.combinations(axes, size)]
    weights = [HEADLINE if cut & headlines else 1.0 for cut in cuts]
    tried = {order: [_spread(cut, order, finest) for cut in cuts] for order in _candidates(axes)}
    none = [math.inf] * len(cuts)

    def loss(order: Order, beside: Sequence[float]) -> float:
        return sum(w * min(one, two) for w, one, two in zip(weights, tried[order], beside, strict=True))

    first = min(tried, key=lambda order: loss(order, none))
    second = min(tried, key=lambda order: loss(order, tried[first]))
    return first, second


def _candidates(axes: Order) -> list[Order]:
    if len(axes) <= MOST_PERMUTED:
        return list(itertools.permutations(axes))
    return [axes[at:] + axes[:at] for at in range(len(axes))]


def _spread(cut: frozenset[int], order: Order, finest: Sequence[int]) -> float:
    """The logarithm of the number of kept cells that make up a cell cut by these dimensions."""
    last = max(order.index(axis) for axis in cut)
    return sum(math.log(finest[axis]) for axis in order[:last] if axis not in cut)


class _Network:
    """Fractional cells as edges: down the first tree, across at the finest cells, up the second, back at the total.

    `left` is what an edge has above its lower multiple; it is whole at 0 and at the base. Edges: the finest cells in
    their order, then the tree cells.
    """

    def __init__(self, lattice: Lattice, remainder: Indices, base: int, finest: Indices, orders: Orders) -> None:
        self.base = base
        size = lattice.size
        tails, heads, cells = (
            [_above(lattice, finest, orders[0])],
            [size + _above(lattice, finest, orders[1])],
            [finest],
        )
        for tree, order in enumerate(orders):
            nodes = _nodes(lattice, finest, order)
            nodes = nodes[remainder[nodes] != 0]
            parents = _above(lattice, nodes, order)
            tails.append(parents if tree == 0 else size + nodes)
            heads.append(nodes if tree == 0 else size + parents)
            cells.append(nodes)
        total = np.full(int(remainder[_total(lattice)] != 0), _total(lattice))
        tails, heads, cells = [*tails, size + total], [*heads, total], [*cells, total]
        self.tail: list[int] = np.concatenate(tails).tolist()
        self.head: list[int] = np.concatenate(heads).tolist()
        self.left: list[int] = remainder[np.concatenate(cells)].tolist()
        # A finest cell may always change; a tree cell from its level on.
        self.level = np.concatenate(
            [np.full(len(finest), np.iinfo(np.int64).max), *(lattice.depth[c] for c in cells[1:])]
        )
        # An edge is known by its place in the full table, not in this one: the same cells ask the same dice.
        self.name: list[tuple[int, int]] = [
            (kind, int(cell)) for kind, each in enumerate(cells) for cell in each.tolist()
        ]
        self._asked: dict[int, int] = {}

    def residuals(self, count: int) -> Indices:
        """What the first `count` edges have above their lower multiples."""
        return np.array(self.left[:count], dtype=np.int64)

    def push_cycles(self, level: int, dice: Dice) -> None:
        """Pushes cycles of edges below the level until there are none."""
        around = self._around(level)
        for start in list(around):
            self._walk(start, around, dice)

    def _around(self, level: int) -> dict[int, list[int]]:
        """The fractional edges at every node that are free at this level."""
        left = np.array(self.left)
        free = np.flatnonzero((self.level > level) & (left > 0) & (left < self.base))
        around: dict[int, list[int]] = {}
        for edge in free[::-1].tolist():
            around.setdefault(self.tail[edge], []).append(edge)
            around.setdefault(self.head[edge], []).append(edge)
        return around

    def _walk(self, start: int, around: dict[int, list[int]], dice: Dice) -> None:
        """Walks on until all is a dead end, and pushes every cycle it comes upon."""
        nodes, place = [start], {start: 0}
        edges: list[int] = []
        spent: set[int] = set()
        while True:
            node = nodes[-1]
            edge = self._next(around[node], edges[-1] if edges else -1, spent)
            if edge < 0:
                if not edges:
                    return
                spent.add(edges.pop())
                del place[nodes.pop()]
                continue
            other = self.head[edge] if self.tail[edge] == node else self.tail[edge]
            if other not in place:
                place[other] = len(nodes)
                nodes.append(other)
                edges.append(edge)
                continue
            begin = place[other]
            self._push([*edges[begin:], edge], nodes[begin:], dice)
            whole = next((at for at in range(begin, len(edges)) if self._is_whole(edges[at])), len(edges))
            for gone in nodes[whole + 1 :]:
                del place[gone]
            del nodes[whole + 1 :], edges[whole:]

    def _next(self, around: list[int], last: int, spent: set[int]) -> int:
        """A usable edge that is not the one just walked, -1 for none; what can never be used again is dropped."""
        while around:
            edge = around[-1]
            if edge in spent or self._is_whole(edge):
                around.pop()
            elif edge != last:
                return edge
            else:
                return self._beside(around, spent)
        return -1

    def _beside(self, around: list[int], spent: set[int]) -> int:
        """A usable edge below the topmost one, which stays."""
        last = around.pop()
        while around and (around[-1] in spent or self._is_whole(around[-1])):
            around.pop()
        found = around[-1] if around else -1
        around.append(last)
        if found >= 0:
            around[-1], around[-2] = around[-2], around[-1]
        return found

    def _is_whole(self, edge: int) -> bool:
        return self.left[edge] in (0, self.base)

    def _push(self, cycle: Sequence[int], nodes: Sequence[int], dice: Dice) -> None:
        """Moves the cycle as far as it goes one way or the other, so that no expectation changes."""
        along = [self.tail[edge] == node for edge, node in zip(cycle, nodes, strict=True)]
        # One finest cell asks the dice: whether it rises. Asked again about nearly the same, it answers the same.
        asking = min(range(len(cycle)), key=cycle.__getitem__)
        if not along[asking]:
            along = [not forth for forth in along]
        ups = [
            self.base - self.left[edge] if forth else self.left[edge] for edge, forth in zip(cycle, along, strict=True)
        ]
        up, down = min(ups), self.base - max(ups)
        step = up if self._drawn(cycle[asking], up + down, dice) < down else -down
        for edge, forth in zip(cycle, along, strict=True):
            self.left[edge] += step if forth else -step

    def _drawn(self, edge: int, limit: int, dice: Dice) -> int:
        times = self._asked.get(edge, 0)
        self._asked[edge] = times + 1
        return dice.below(limit, *self.name[edge], times)


def _total(lattice: Lattice) -> int:
    return int(np.ravel_multi_index([tree.root for tree in lattice.hierarchies], lattice.shape))


def _above(lattice: Lattice, cells: Indices, order: Order) -> Indices:
    """The cell above each in the tree of this order: one step up in its last dimension that is not the total."""
    codes = [np.array(code) for code in np.unravel_index(cells, lattice.shape)]
    open_ = np.ones(len(cells), np.bool_)
    for axis in reversed(order):
        tree = lattice.hierarchies[axis]
        here = open_ & (codes[axis] != tree.root)
        codes[axis][here] = np.array(tree.parent)[codes[axis][here]]
        open_ &= ~here
    return np.asarray(np.ravel_multi_index(codes, lattice.shape), dtype=np.int64)


def _nodes(lattice: Lattice, finest: Indices, order: Order) -> Indices:
    """All cells of the tree above these finest ones, without the grand total, which both trees share."""
    total = _total(lattice)
    found: list[Indices] = []
    here = np.unique(_above(lattice, finest, order))
    while len(here := here[here != total]):
        found.append(here)
        here = np.unique(_above(lattice, here, order))
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
