"""Who contributes to each cell and how much at most: distinct contributors and their two largest amounts, all margins.

Sums add up along a hierarchy, distinct contributors do not: whoever has loans in two cells counts once in their total.
Almost everybody, though, has all loans in one cell, or in cells that differ in one or two dimensions. So contributors
are split by the dimensions in which they are spread. Along all others they are in exactly one cell, and their figures
roll up like sums; only along the spread ones are they counted anew for every ancestor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymize.loans import CellBits
from anonymize.tape import Tape, quoted
from anonymize.template import Template

Whole = NDArray[np.int64]


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
    found = _none(template, values)
    _create_people(tape, template, rows, key, values)
    spreads = [row[0] for row in tape.run("SELECT DISTINCT spread FROM people ORDER BY spread")]
    if spreads != [0]:
        _create_several(tape, rows, key, values)
        _create_ancestors(tape, template)
    for spread in spreads:
        axes = [axis for axis in range(len(template.shape)) if spread >> axis & 1]
        table = tape.arrow(_alone(values) if not axes else _spread(template, values, spread, axes))
        part = _scattered(table, template, values)
        for axis in set(range(len(template.shape))) - set(axes):
            _roll_up(part, template, axis)
        found = joined(found, part)
    return found


def joined(one: Contributions, other: Contributions) -> Contributions:
    """The contributions of two sets of contributors that have no member in common."""
    top = {}
    for name in one.top:
        a, b = one.top[name], other.top[name]
        top[name] = TopTwo(*_top_two(a.first, a.second, b.first, b.second))
    return Contributions(one.people + other.people, top)


def roll_up(sums: Whole, template: Template) -> None:
    """Adds every code to its ancestors, along every dimension, in place."""
    for axis in range(len(template.shape)):
        view = np.moveaxis(sums, axis, 0)
        for code, parent in _upwards(template, axis):
            view[parent] += view[code]


def _create_people(tape: Tape, template: Template, rows: str, key: str, values: Sequence[str]) -> None:
    """One row a contributor: its cell (what its cells have in common), its spread, its sums."""
    bits = CellBits.of(template)
    spread = " + ".join(f"((varied & {bits.mask(axis)}) <> 0)::INT * {1 << axis}" for axis in range(len(bits.widths)))
    inner = "".join(f", sum({quoted(name)})::BIGINT AS {quoted(name)}" for name in values)
    tape.run(
        f"CREATE OR REPLACE TEMP TABLE people AS SELECT * EXCLUDE (varied), ({spread}) AS spread FROM ("
        f"SELECT {quoted(key)} AS key, bit_and(cell) AS cell, xor(bit_or(cell), bit_and(cell)) AS varied{inner} "
        f"FROM {rows} GROUP BY {quoted(key)})"
    )


def _create_several(tape: Tape, rows: str, key: str, values: Sequence[str]) -> None:
    """The leaf cells of everybody who is in several, with a short number instead of the key."""
    sums = "".join(f", sum(leaf.{quoted(name)})::BIGINT AS {quoted(name)}" for name in values)
    tape.run(
        f"CREATE OR REPLACE TEMP TABLE several AS SELECT people.rowid AS person, spread, leaf.cell AS cell{sums} "
        f"FROM {rows} AS leaf JOIN people ON people.key = leaf.{quoted(key)} WHERE spread <> 0 GROUP BY ALL"
    )


def _create_ancestors(tape: Tape, template: Template) -> None:
    """For each dimension a table from a leaf's bits to those of each of its ancestors and itself."""
    bits = CellBits.of(template)
    for axis, dimension in enumerate(template.dimensions):
        codes = dimension.code_list
        index = {code: position for position, code in enumerate(codes.ids)}
        shift = bits.shift(axis)
        pairs = ", ".join(
            f"({index[leaf] << shift}::BIGINT, {index[ancestor] << shift}::BIGINT)"
            for leaf in codes.leaves
            for ancestor in codes.ancestors(leaf)
        )
        tape.run(f"CREATE OR REPLACE TEMP TABLE ancestors{axis} AS FROM (VALUES {pairs}) AS pairs(leaf, ancestor)")


def _alone(values: Sequence[str]) -> str:
    return _counted("SELECT * FROM people WHERE spread = 0", values)


def _spread(template: Template, values: Sequence[str], spread: int, axes: Sequence[int]) -> str:
    bits = CellBits.of(template)
    same = sum(bits.mask(axis) for axis in range(len(bits.widths)) if axis not in axes)
    cell = " | ".join([f"(several.cell & {same})", *(f"ancestors{axis}.ancestor" for axis in axes)])
    joins = " ".join(
        f"JOIN ancestors{axis} ON ancestors{axis}.leaf = (several.cell & {bits.mask(axis)})" for axis in axes
    )
    sums = "".join(f", sum({quoted(name)})::BIGINT AS {quoted(name)}" for name in values)
    return _counted(
        f"SELECT person, ({cell}) AS place{sums} FROM several {joins} WHERE spread = {spread} GROUP BY person, place",
        values,
        cell="place",
    )


def _counted(contributors: str, values: Sequence[str], cell: str = "cell") -> str:
    tops = "".join(f", max(abs({quoted(name)}), 2) AS {quoted('top_' + name)}" for name in values)
    split = "".join(
        f", {quoted('top_' + name)}[1] AS {quoted('first_' + name)}"
        f", coalesce({quoted('top_' + name)}[2], 0) AS {quoted('second_' + name)}"
        for name in values
    )
    return (
        f"SELECT cell, people{split} FROM "
        f"(SELECT {cell} AS cell, count(*) AS people{tops} FROM ({contributors}) GROUP BY {cell})"
    )


def _none(template: Template, values: Sequence[str]) -> Contributions:
    def zeros() -> Whole:
        return np.zeros(template.shape, np.int64)

    return Contributions(zeros(), {name: TopTwo(zeros(), zeros()) for name in values})


def _scattered(table: pa.Table, template: Template, values: Sequence[str]) -> Contributions:
    cells = table.column("cell").to_numpy()
    found = _none(template, values)
    places = CellBits.of(template).coordinates(cells)
    found.people[places] = table.column("people").to_numpy()
    for name, top in found.top.items():
        top.first[places] = table.column(f"first_{name}").to_numpy()
        top.second[places] = table.column(f"second_{name}").to_numpy()
    return found


def _roll_up(part: Contributions, template: Template, axis: int) -> None:
    people = np.moveaxis(part.people, axis, 0)
    tops = [(np.moveaxis(top.first, axis, 0), np.moveaxis(top.second, axis, 0)) for top in part.top.values()]
    for code, parent in _upwards(template, axis):
        people[parent] += people[code]
        for first, second in tops:
            first[parent], second[parent] = _top_two(first[parent], second[parent], first[code], second[code])


def _top_two(first: Whole, second: Whole, other_first: Whole, other_second: Whole) -> tuple[Whole, Whole]:
    """The two largest of two sets without common members, each given by its two largest."""
    runner_up = np.maximum(np.minimum(first, other_first), np.maximum(second, other_second))
    return np.maximum(first, other_first), runner_up


def _upwards(template: Template, axis: int) -> list[tuple[int, int]]:
    """Each code of a dimension with its parent, children first."""
    parents = template.dimensions[axis].code_list.parents
    return [(code, parents[code]) for code in range(len(parents) - 1, -1, -1) if parents[code] >= 0]
