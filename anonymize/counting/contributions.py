"""Who contributes to each cell and how much at most: distinct contributors and their two largest amounts, all margins.

Sums add up along a hierarchy, distinct contributors do not: whoever has loans in two cells counts once in their total.
Almost everybody, though, has all loans in one cell, and their figures roll up like sums. Of the others

- those in a few cells count in each of them, once less in the smallest total of two of them, once more in that of three
  and so on: inclusion and exclusion, whose terms roll up like sums as well (`several.add_few`);
- the rest is counted anew in every ancestor of its cells, along the dimensions in which it is spread
  (`several.count_many`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anonymize.counting.paths import CellPaths, Whole
from anonymize.counting.several import add_few, count_many, create_several
from anonymize.counting.tally import Tally, count, roll_up
from anonymize.tape import Tape, quoted
from anonymize.template import Template


@dataclass(frozen=True)
class TopTwo:
    """The two largest absolute contributions to each cell; arrays of the lattice's shape."""

    first: Whole
    second: Whole


@dataclass(frozen=True)
class Contributions:
    """`people` counts distinct contributors of every cell; `top` has an entry for each value column."""

    people: Whole
    top: Mapping[str, TopTwo]


def count_contributions(
    tape: Tape, template: Template, key: str, values: Sequence[str] = (), *, rows: str = "loans"
) -> Contributions:
    """The contributions to every cell and margin by the column `key` of the table `rows`.

    `values` names the columns whose two largest contributions are wanted, in the units of that table.
    """
    paths = CellPaths.of(template)
    _create_people(tape, key, values, rows)
    tally = count(tape, paths, "SELECT * FROM people WHERE varied = 0", values)
    for ranking in tally.rankings.values():
        ranking.roll_up(template, range(len(template.shape)))
    spread = create_several(tape, template, paths, key, values, rows)
    if spread:
        add_few(tape, template, paths, values, tally)
    roll_up(tally.people, template)
    found = _contributions(tally)
    for part in count_many(tape, template, paths, values) if spread else ():
        found = joined(found, _contributions(part))
    return found


def joined(one: Contributions, other: Contributions) -> Contributions:
    """The contributions of two sets of contributors that have no member in common."""
    top = {}
    for name in one.top:
        a, b = one.top[name], other.top[name]
        runner_up = np.maximum(np.minimum(a.first, b.first), np.maximum(a.second, b.second))
        top[name] = TopTwo(np.maximum(a.first, b.first), runner_up)
    return Contributions(one.people + other.people, top)


def _create_people(tape: Tape, key: str, values: Sequence[str], rows: str) -> None:
    """One row a contributor: what its cells have in common, the bits in which they differ, its sums."""
    sums = "".join(f", sum({quoted(name)})::BIGINT AS {quoted(name)}" for name in values)
    tape.run(
        f"CREATE OR REPLACE TEMP TABLE people AS SELECT {quoted(key)} AS key, bit_and(cell) AS cell, "
        f"xor(bit_or(cell), bit_and(cell)) AS varied{sums} FROM {rows} GROUP BY {quoted(key)}"
    )


def _contributions(tally: Tally) -> Contributions:
    return Contributions(tally.people, {name: TopTwo(each.first, each.second) for name, each in tally.rankings.items()})
