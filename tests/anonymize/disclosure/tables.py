"""Random hierarchical tables from records of contributors, as both the engine and an attacker see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.lattice import Hierarchy, Lattice, Table


@dataclass(frozen=True)
class Tape:
    """Contributions: who, in which finest cell, how much. `parts[j]` is contributor j's own table (all margins)."""

    table: Table
    parts: NDArray[np.float64]


def hierarchy(rng: np.random.Generator, width: int, depth: int) -> Hierarchy:
    """A random tree with at most `width` parts a code and `depth` levels under the total."""
    parents = [-1]
    level = [0]
    for _ in range(depth):
        below = []
        for node in level:
            for _ in range(int(rng.integers(0 if node else 1, width + 1))):
                parents.append(node)
                below.append(len(parents) - 1)
        level = below
    return Hierarchy(tuple(f"c{number}" for number in range(len(parents))), tuple(parents))


def margins(lattice: Lattice, finest: NDArray[np.float64]) -> NDArray[np.float64]:
    """The full table of values given at the finest cells."""
    full = finest.copy()
    for axis, tree in enumerate(lattice.hierarchies):
        for node in tree.bottom_up:
            if tree.children[node]:
                index: list[slice | int] = [slice(None)] * full.ndim
                index[axis] = node
                full[tuple(index)] = np.take(full, tree.children[node], axis=axis).sum(axis=axis)
    return full


def tape(lattice: Lattice, parts: NDArray[np.float64], present: NDArray[np.bool_], *, integral: bool) -> Tape:
    """The table of contributors' own tables; `present` marks where each takes part, with an amount or without."""
    ordered = np.sort(parts, axis=0)[::-1]
    zero = np.zeros(lattice.shape)
    table = Table(
        lattice,
        parts.sum(axis=0),
        ordered[0] if len(parts) else zero,
        ordered[1] if len(parts) > 1 else zero,
        present.sum(axis=0).astype(np.int64),
        integral=integral,
    )
    return Tape(table, parts)


def random_tape(rng: np.random.Generator, lattice: Lattice, contributors: int, records: int, *, integral: bool) -> Tape:
    """Every contributor holds up to `records` records in random finest cells; amounts are unequal, some are nothing."""
    finest = np.stack(np.meshgrid(*[_finest(tree) for tree in lattice.hierarchies], indexing="ij"), -1)
    places = finest.reshape(-1, len(lattice.shape))
    parts = np.zeros((contributors, *lattice.shape))
    present = np.zeros((contributors, *lattice.shape))
    for who in range(contributors):
        for _ in range(int(rng.integers(1, records + 1))):
            place = tuple(places[int(rng.integers(len(places)) * rng.random())])
            amount = 1.0 if integral else float(np.round(rng.lognormal(3, 1.5))) * float(rng.random() > 0.05)
            parts[(who, *place)] += amount
            present[(who, *place)] += 1.0
    full = np.stack([margins(lattice, part) for part in parts]) if contributors else parts
    there = np.stack([margins(lattice, part) for part in present]) > 0 if contributors else present > 0
    return tape(lattice, full, there, integral=integral)


def _finest(tree: Hierarchy) -> list[int]:
    return [node for node in range(len(tree.codes)) if not tree.children[node]]
