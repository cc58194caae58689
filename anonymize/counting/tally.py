"""Contributors counted where they are, before and after their cells are rolled up to totals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from anonymize.counting.paths import CellPaths, Whole
from anonymize.counting.ranking import Ranking, upwards
from anonymize.tape import Tape, quoted
from anonymize.template import Template


@dataclass(frozen=True, eq=False)
class Tally:
    """`people` counts contributors, `rankings` has the largest of each value column; arrays of the lattice's shape."""

    people: Whole
    rankings: dict[str, Ranking]

    def roll_up(self, template: Template, axes: Iterable[int]) -> None:
        """Takes every code into its ancestors along some dimensions, in place."""
        for axis in axes:
            _add_up(self.people, template, axis)
            for ranking in self.rankings.values():
                ranking.roll_up(template, (axis,))


def roll_up(sums: Whole, template: Template) -> None:
    """Adds every code to its ancestors, along every dimension, in place."""
    for axis in range(len(template.shape)):
        _add_up(sums, template, axis)


def _add_up(sums: Whole, template: Template, axis: int) -> None:
    view = np.moveaxis(sums, axis, 0)
    for code, parent in upwards(template, axis):
        view[parent] += view[code]


def count(tape: Tape, paths: CellPaths, contributors: str, values: Sequence[str]) -> Tally:
    """The tally of a query with a row a contributor and cell: `cell` and the value columns."""
    tops = "".join(f", max(abs({quoted(name)}), 2) AS {quoted('top_' + name)}" for name in values)
    split = "".join(
        f", {quoted('top_' + name)}[1] AS {quoted('first_' + name)}"
        f", coalesce({quoted('top_' + name)}[2], 0) AS {quoted('second_' + name)}"
        for name in values
    )
    table = tape.arrow(
        f"SELECT cell, people{split} FROM (SELECT cell, count(*) AS people{tops} FROM ({contributors}) GROUP BY cell)"
    )
    cells = table.column("cell").to_numpy().astype(np.int64)
    places = paths.coordinates(cells)
    tally = Tally(np.zeros(paths.shape, np.int64), {name: Ranking.empty(paths.shape) for name in values})
    tally.people[places] = table.column("people").to_numpy()
    for name, ranking in tally.rankings.items():
        # Nobody here is anywhere else: names that no person has, two a cell.
        ranking.leader[places], ranking.runner_up[places] = -2 - 2 * cells, -3 - 2 * cells
        ranking.first[places] = table.column(f"first_{name}").to_numpy()
        ranking.second[places] = table.column(f"second_{name}").to_numpy()
    return tally
