"""Which cells of several cubes are one and the same figure, and the equations of all cubes together.

A cell is named by the dimensions it is cut by, and their codes: what is _T in all other dimensions has the same name in
every cube that has these dimensions. Cells of one name are one figure where a measure counts the same loans in both cubes,
which its grand totals tell. A dimension of the same id with fewer codes shares the codes that it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from anonymize.cube import Cells, dense
from anonymize.disclosure.lattice import Floats, Indices, Mask
from anonymize.disclosure.problem import Relation
from anonymize.errors import ProtectionError
from anonymize.protection.measured import Measured
from anonymize.template import TOTAL, Template

SAME = 1e-6  # of a value: each cube rounds its own finest cells


@dataclass(frozen=True, eq=False)
class Linked:
    """One measure in the cubes that share it: `columns[c]` numbers the figures that the cells of cube c are."""

    measure: str
    cubes: tuple[int, ...]
    columns: dict[int, Indices]

    @cached_property
    def count(self) -> int:
        return 1 + max(int(each.max()) for each in self.columns.values())

    def spread(self, cube: int, flags: Mask) -> dict[int, Mask]:
        """Flags of one cube's cells on the same figures in each of the others; all flat."""
        there = np.zeros(self.count, np.bool_)
        there[self.columns[cube][flags]] = True
        return {other: there[self.columns[other]] for other in self.cubes if other != cube}

    def carried(self, cube: int, amounts: Floats) -> dict[int, Floats]:
        """Amounts of one cube's cells on the same figures in each of the others, 0 elsewhere; all flat."""
        there = np.zeros(self.count)
        there[self.columns[cube]] = amounts
        return {other: there[self.columns[other]] for other in self.cubes if other != cube}

    def place_of(self, cube: int) -> Indices:
        """For every figure its flat place in the cube, -1 where it has none."""
        places = np.full(self.count, -1, np.int64)
        places[self.columns[cube]] = np.arange(len(self.columns[cube]))
        return places


def links(cubes: Sequence[tuple[Cells, Template]]) -> list[Linked]:
    """Every measure that counts the same in several cubes; ProtectionError when it does so only in places."""
    found = []
    names = _names([template for _, template in cubes])
    for measure in dict.fromkeys(id for _, template in cubes for id in template.measure_ids):
        having = [number for number, (_, template) in enumerate(cubes) if measure in template.measure_ids]
        values = {each: dense(cubes[each][0].table, cubes[each][1], measure).ravel() for each in having}
        units = {each: 10.0 ** -cubes[each][1].measure(measure).decimals for each in having}
        for group in _same_total(values, units):
            linked = Linked(measure, tuple(group), {each: names[each] for each in group})
            _check_same(linked, values, units, [template.id for _, template in cubes])
            found.append(linked)
    return found


def relations_of(linked: Linked, cube: int, measured: dict[int, Measured], live: dict[int, Mask]) -> Others:
    """What the other cubes tell about one cube's cells: their equations, with their own withheld cells as unknowns."""
    unknowns = _Unknowns(linked.place_of(cube), {}, [])
    found: list[Relation] = []
    for other in linked.cubes:
        if other == cube:
            continue
        room, columns = _room(measured[other]), linked.columns[other]
        shared = unknowns.place[columns] >= 0
        moving = live[other] & (shared | ~_known_to_one(measured[other]))
        equations = measured[other].table.lattice.equations()
        kept = moving[equations.cells]
        cells, coefficients = equations.cells[kept], equations.coefficients[kept]
        ends = np.cumsum(np.bincount(equations.rows[kept], minlength=equations.count))
        for places in np.split(np.arange(len(cells)), ends[:-1]):
            if len(places):
                here = cells[places]
                found.append(unknowns.relation(columns[here], coefficients[places], room[here]))
    return Others(tuple(found), tuple(unknowns.room))


@dataclass(frozen=True, eq=False)
class _Unknowns:
    """The figures of other cubes that the cube itself does not have, numbered as they turn up; `place` finds its own."""

    place: Indices
    numbers: dict[int, int]
    room: list[float]

    def relation(self, columns: Indices, coefficients: Floats, room: Floats) -> Relation:
        """One equation over figures."""
        own = self.place[columns] >= 0
        extras = [self._number(*each) for each in zip(columns[~own].tolist(), room[~own].tolist(), strict=True)]
        return Relation(
            tuple(self.place[columns[own]].tolist()),
            tuple(coefficients[own].tolist()),
            extras=tuple(extras),
            extra_coefficients=tuple(coefficients[~own].tolist()),
        )

    def _number(self, column: int, room: float) -> int:
        if column not in self.numbers:
            self.numbers[column] = len(self.room)
            self.room.append(room)
        return self.numbers[column]


@dataclass(frozen=True)
class Others:
    """Relations of the other cubes, and how far each of their unknowns can fall."""

    relations: tuple[Relation, ...]
    room: tuple[float, ...]


def _room(measured: Measured) -> Floats:
    """How far each cell can fall in the eyes of whoever knows most of it."""
    known = measured.table.top(measured.coalition) if measured.insiders else measured.table.least
    room = np.where(measured.signed, np.inf, np.maximum(measured.table.value - known, 0.0))
    return np.asarray(room.ravel())


def _known_to_one(measured: Measured) -> Mask:
    """Cells that do not move for those who are alone in them, if contributors attack."""
    there = measured.table.contributors.ravel()
    alone: Mask = (there > 0) & (there <= measured.coalition)
    return alone


def _names(templates: Sequence[Template]) -> list[Indices]:
    """For each cube a number for every cell; cells of one name have the same number in all cubes."""
    dimensions = list(dict.fromkeys(id for template in templates for id in template.dimension_ids))
    codes: dict[str, dict[str, int]] = {id: {TOTAL: 0} for id in dimensions}
    blocks = []
    for template in templates:
        block = np.zeros((int(np.prod(template.shape)), len(dimensions)), np.int64)
        places = np.unravel_index(np.arange(len(block)), template.shape)
        for dimension, along in zip(template.dimensions, places, strict=True):
            known = codes[dimension.id]
            numbers = np.array([known.setdefault(code, len(known)) for code in dimension.code_list.ids], np.int64)
            block[:, dimensions.index(dimension.id)] = numbers[along]
        blocks.append(block)
    number = np.unique(np.concatenate(blocks), axis=0, return_inverse=True)[1].ravel().astype(np.int64)
    return np.split(number, np.cumsum([len(block) for block in blocks])[:-1])


def _same_total(values: dict[int, Floats], units: dict[int, float]) -> list[list[int]]:
    """The cubes in groups of the same grand total; those that stand alone are left out."""
    groups: list[list[int]] = []
    for cube, array in values.items():
        for group in groups:
            if _are_same(values[group[0]][:1], array[:1], units[cube]).all():
                group.append(cube)
                break
        else:
            groups.append([cube])
    return [group for group in groups if len(group) > 1]


def _check_same(linked: Linked, values: dict[int, Floats], units: dict[int, float], names: Sequence[str]) -> None:
    first, *others = linked.cubes
    place = linked.place_of(first)
    for other in others:
        here = place[linked.columns[other]]
        shared = here >= 0
        same = _are_same(values[first][here[shared]], values[other][shared], units[other])
        if not same.all():
            raise ProtectionError(
                f"{linked.measure} is the same in total in {names[first]} and {names[other]}, but not in {(~same).sum()} "
                "of the cells that both have. Let both mappings code the tape alike. Nothing was written.",
                rule="linked-cubes",
            )


def _are_same(one: Floats, other: Floats, unit: float) -> Mask:
    return np.isclose(one, other, rtol=SAME, atol=10 * unit)
