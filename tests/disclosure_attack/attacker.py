"""An attacker who shares no code with the engine: plain linear programs over everything that nobody published.

The attacker is given the true sums of what a release publishes (the release itself shows only their ratios), knows that
nothing is negative, who contributes to which cell at all, and its own figures. It asks how low and how high each withheld
total can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.optimize import linprog

ROOT = 0  # every list of codes begins with its total


@dataclass(frozen=True)
class World:
    """The truth of one part: `leaves` [institution, *leaf codes], the children of each code along every axis.

    `groups` holds one list of codes an axis with their leaves: [[0, 1, 2], [0], [1], [2]] is a total and three parts.
    """

    leaves: np.ndarray
    groups: Sequence[Sequence[Sequence[int]]]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(codes) for codes in self.groups)

    def cells(self):
        return product(*(range(extent) for extent in self.shape))

    def members(self, cell: tuple[int, ...]) -> np.ndarray:
        """Which leaves a cell is the sum of, flat."""
        inside = np.zeros(self.leaves.shape[1:], dtype=bool)
        inside[np.ix_(*[self.groups[axis][code] for axis, code in enumerate(cell)])] = True
        return inside.ravel()

    def contributions(self, cell: tuple[int, ...]) -> np.ndarray:
        """What each institution has in the cell."""
        return self.leaves.reshape(len(self.leaves), -1)[:, self.members(cell)].sum(axis=1)


def ranges(world: World, published: Sequence[tuple[int, ...]], targets: Sequence[tuple[int, ...]], insider: int | None):
    """For each target the least and the greatest total that agrees with all published cells."""
    flat = world.leaves.reshape(len(world.leaves), -1)
    truth = flat.sum(axis=0)
    own = np.zeros_like(truth) if insider is None else flat[insider]
    others = np.delete(flat, insider, axis=0) if insider is not None else flat
    # Where nobody else has anything, the insider knows all there is.
    limits = [(have, None if rest.any() else have) for have, rest in zip(own, others.T, strict=True)]
    scale = max(truth.max(), 1.0)
    equations = np.array([world.members(cell) for cell in published], dtype=float).reshape(-1, truth.size)
    sums = np.array([truth[world.members(cell)].sum() for cell in published]) / scale
    bounds = [(low / scale, None if high is None else high / scale) for low, high in limits]
    found = []
    for target in targets:
        aim = world.members(target).astype(float)
        ends = []
        for sign in (1.0, -1.0):
            solved = linprog(sign * aim, A_eq=equations, b_eq=sums, bounds=bounds, method="highs")
            assert solved.status in (0, 3), solved.message
            ends.append(sign * solved.fun * scale if solved.status == 0 else np.inf)
        found.append((ends[0], ends[1]))
    return found


def too_near(world: World, cell: tuple[int, ...], low: float, high: float, insider: int | None, percent: float) -> bool:
    """Whether the attacker can put somebody else's figure within the percentage of the truth, from both sides.

    The estimate of another's figure is the cell's total less the attacker's own; whoever remains adds to the doubt.
    """
    figures = world.contributions(cell)
    own = 0.0 if insider is None else figures[insider]
    victims = np.delete(figures, insider) if insider is not None else figures
    largest = victims.max(initial=0.0)
    if largest <= 0:
        return False
    slack = percent / 100 * largest * (1 - 1e-6)
    from_above = high - own < largest + slack
    from_below = low - own - (victims.sum() - largest) > largest - slack
    return bool(from_above and from_below)
