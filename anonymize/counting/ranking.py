"""The two largest contributions to every cell, merged and rolled up so that nobody counts twice.

A ranking knows who makes its two contributions. Whoever appears again, in the same cell or in one below, counts with
the larger amount only; therefore including something twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from anonymize.counting.paths import Whole
from anonymize.template import Template

NOBODY = -1

Place = tuple[slice | int | Whole, ...]


@dataclass(frozen=True, eq=False)
class Ranking:
    """Arrays of the same shape: the two largest amounts, zero where there is none, and who contributes them."""

    first: Whole
    second: Whole
    leader: Whole
    runner_up: Whole

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Ranking:
        return cls(*(np.full(shape, start, np.int64) for start in (0, 0, NOBODY, NOBODY)))

    def arrays(self) -> tuple[Whole, Whole, Whole, Whole]:
        return self.first, self.second, self.leader, self.runner_up

    def at(self, place: Place) -> Ranking:
        """The part of the lattice that an index picks."""
        return Ranking(*(each[place] for each in self.arrays()))

    def include(self, place: Place, part: Ranking) -> None:
        """Takes in what is contributed to some cells."""
        found = merged(self.at(place), part)
        for mine, theirs in zip(self.arrays(), found.arrays(), strict=True):
            mine[place] = theirs

    def roll_up(self, template: Template, axes: Iterable[int]) -> None:
        """Takes every code's contributions into its ancestors, along some dimensions."""
        for axis in axes:
            before = (slice(None),) * axis
            for code, parent in upwards(template, axis):
                self.include((*before, parent), self.at((*before, code)))


def merged(one: Ranking, other: Ranking) -> Ranking:
    """The two largest contributors of both, each with the larger of what it has in either."""
    ahead = other.first > one.first
    winner = [np.where(ahead, theirs, mine) for mine, theirs in zip(one.arrays(), other.arrays(), strict=True)]
    loser = [np.where(ahead, mine, theirs) for mine, theirs in zip(one.arrays(), other.arrays(), strict=True)]
    first, second, leader, runner_up = winner
    for amount, who in ((loser[0], loser[2]), (loser[1], loser[3])):
        better = (amount > second) & (who != leader)
        second, runner_up = np.where(better, amount, second), np.where(better, who, runner_up)
    return Ranking(first, second, leader, runner_up)


def upwards(template: Template, axis: int) -> list[tuple[int, int]]:
    """Each code of a dimension with its parent, children first."""
    parents = template.dimensions[axis].code_list.parents
    return [(code, parents[code]) for code in range(len(parents) - 1, -1, -1) if parents[code] >= 0]
