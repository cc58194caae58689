"""Merging: which blocks of small categories to roll up into their common parent, so that no sensitive cell is told.

A block is one choice in every dimension: either all codes below some parent, which is then published in their place, or
the whole dimension. Blocks are closed: withheld are all their cells at once, however fine. What is published around a
block are only its sums over whole groups of siblings, so one category of it does not follow by subtraction from its
siblings: they are withheld too. Of the blocks around a sensitive cell the one is taken that withholds least of what
others would read, the coarsest sensitive cells first.

A block protects only as far as its categories are filled. `merge` therefore says which blocks; that they suffice is
for `secondary` and `audit` to judge.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from anonymize.disclosure.lattice import Floats, Hierarchy, Indices, Lattice, Mask

Block = tuple[Indices, ...]  # the codes of each dimension


def merge(lattice: Lattice, cells: Iterable[int], worth: Floats, withheld: Mask) -> Mask:
    """The withheld cells and blocks around all these cells; `worth` is what withholding each cell costs."""
    merged = withheld.copy()
    costs = np.where(merged, 0.0, worth)
    # Coarse cells first: their blocks contain much of what finer ones need.
    for cell in sorted(cells, key=lambda each: (int(lattice.depth[each]), each)):
        if not any(bool(merged[np.ix_(*block)].all()) for block in _blocks(lattice, cell)):
            block = min(_blocks(lattice, cell), key=lambda each: float(costs[np.ix_(*each)].sum()))
            merged[np.ix_(*block)] = True
            costs[np.ix_(*block)] = 0.0
    return merged


def _blocks(lattice: Lattice, cell: int) -> Iterator[Block]:
    """Every block around the cell, the smallest first; the last one is the whole table."""
    places = np.unravel_index(cell, lattice.shape)
    choices = [_groups(tree, int(code)) for tree, code in zip(lattice.hierarchies, places, strict=True)]
    yield from itertools.product(*choices)


def _groups(tree: Hierarchy, code: int) -> list[Indices]:
    """The codes below each ancestor of a code, then all codes."""
    below = [np.flatnonzero(tree.above[:, above]) for above in tree.path(code)[1:]]
    groups = [group[group != above] for group, above in zip(below, tree.path(code)[1:], strict=True)]
    return [*groups, np.arange(len(tree.parent))]


def without_derivable(lattice: Lattice, withheld: Mask) -> Mask:
    """The withheld cells less those that anybody could fill in, because they are the only one withheld in a sum."""
    left = withheld.copy()
    while (alone := _alone(lattice, left)).any():
        left &= ~alone
    return left


def _alone(lattice: Lattice, withheld: Mask) -> Mask:
    alone = np.zeros(withheld.shape, np.bool_)
    for axis, tree in enumerate(lattice.hierarchies):
        hidden, found = np.moveaxis(withheld, axis, 0), np.moveaxis(alone, axis, 0)
        for code, children in enumerate(tree.children):
            family = [code, *children]
            if children:
                found[family] |= hidden[family] & (hidden[family].sum(axis=0) == 1)
    return alone
