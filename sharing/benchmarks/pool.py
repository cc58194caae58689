"""Pooled figures of every indicator, cell and peer group, before disclosure control.

A *panel* holds the contributors' figures as one matrix: for each contributor and each *part* (a measure at fixed codes,
one side of an indicator) the cells of the cut. An institution contributes to an indicator's cell when it has
published both parts there and the denominator is above zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from anonymize.cube import Cube
from anonymize.template import Dimension, Indicator, Part, Template
from consortium.errors import Refused
from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.quantiles import smoothed_quantiles

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Layout:
    """Which cells of a cube a release needs: the parts of all indicators over their common cut."""

    template: Template
    cut: tuple[Dimension, ...]
    parts: tuple[Part, ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Cells of the cut."""
        return tuple(len(dimension.code_list.codes) for dimension in self.cut)

    @cached_property
    def places(self) -> tuple[NDArray[np.int64], ...]:
        """For each part: the flat cell of the cut for each flat cell of the template's lattice, or -1."""
        return tuple(self._places_of(part) for part in self.parts)

    def part(self, part: Part) -> int:
        return self.parts.index(part)

    @cached_property
    def within(self) -> tuple[tuple[int, int], ...]:
        """Pairs of parts, the first within the second: 30+ days within all loans; wide ones before narrow ones."""
        pairs = [
            (inner, outer)
            for inner, part in enumerate(self.parts)
            for outer, other in enumerate(self.parts)
            if inner != outer and self._contains(other, part)
        ]
        return tuple(sorted(pairs, key=lambda pair: self._depth(self.parts[pair[0]])))

    @cached_property
    def wide_first(self) -> tuple[int, ...]:
        """The parts, each after those it lies within."""
        return tuple(sorted(range(len(self.parts)), key=lambda place: self._depth(self.parts[place])))

    def _contains(self, outer: Part, inner: Part) -> bool:
        return outer.measure == inner.measure and all(
            outer.where[each] in self.template.dimension(each).code_list.ancestors(inner.where[each])
            for each in inner.where
        )

    def _depth(self, part: Part) -> int:
        ancestors = (self.template.dimension(each).code_list.ancestors(code) for each, code in part.where.items())
        return sum(map(len, ancestors))

    def _places_of(self, part: Part) -> NDArray[np.int64]:
        shape = self.template.shape
        places = np.full(shape, -1, dtype=np.int64)
        where = tuple(
            dimension.code_list.index[part.where[dimension.id]] if dimension.id in part.where else slice(None)
            for dimension in self.template.dimensions
        )
        places[where] = np.arange(int(np.prod(self.shape)), dtype=np.int64).reshape(self.shape)
        return places.ravel()


def layout_of(template: Template) -> Layout:
    """The layout of a template's indicators; refused when they cannot be protected as one set of tables."""
    cuts = {tuple(each.id for each in template.cut(indicator)) for indicator in template.indicators}
    if len(cuts) != 1:
        raise Refused(
            _("The indicators of this template are broken down by different dimensions. Use one template for each."),
            rule="one-cut",
        )
    parts: list[Part] = []
    for indicator in template.indicators:
        parts += [part for part in (indicator.numerator, indicator.denominator) if part not in parts]
    return Layout(template, template.cut(template.indicators[0]), tuple(parts))


@dataclass(frozen=True)
class Returns:
    """What the institutions returned: `values` [institution, part, *cut], NaN where withheld, 0 where there is nothing."""

    layout: Layout
    institutions: tuple[str, ...]
    values: Values

    def rates(self, indicator: Indicator) -> Values:
        """[institution, *cut]: each institution's own rate, NaN where it has none."""
        numerator = self.values[:, self.layout.part(indicator.numerator)]
        denominator = self.values[:, self.layout.part(indicator.denominator)]
        rates: Values = np.full(numerator.shape, np.nan)
        np.divide(numerator, denominator, out=rates, where=denominator > 0)
        return rates


@dataclass(frozen=True)
class Panel:
    """`values` and `present` are [contributor, part, *cut]; a value is 0 where the contributor is not present.

    A contributor that has no business in a cell is present with zeros. It is not present in a part that it withholds,
    nor in what lies within that part: 90+ days counts nobody whom 30+ days leaves out.
    """

    layout: Layout
    contributors: tuple[str, ...]
    values: Values
    present: Mask
    reported: Mask  # [contributor, *cut]: it has figures there, published or withheld

    def part(self, part: Part) -> Values:
        """[contributor, *cut]"""
        return self.values[:, self.layout.part(part)]

    def contributes(self, indicator: Indicator) -> Mask:
        """[contributor, *cut]: both parts are published and the denominator is above zero."""
        numerator, denominator = (self.layout.part(part) for part in (indicator.numerator, indicator.denominator))
        both: Mask = self.present[:, numerator] & self.present[:, denominator]
        return both & (self.values[:, denominator] > 0)

    def rates(self, indicator: Indicator) -> Values:
        """[contributor, *cut], NaN for whoever does not contribute."""
        denominator = self.part(indicator.denominator)
        rates: Values = np.full(denominator.shape, np.nan)
        np.divide(self.part(indicator.numerator), denominator, out=rates, where=self.contributes(indicator))
        return rates


def gather(layout: Layout, institutions: Sequence[str], cubes: Iterable[Cube]) -> Returns:
    """The returns of these institutions, whose cubes are taken one at a time."""
    rows = {institution: row for row, institution in enumerate(institutions)}
    values = np.zeros((len(rows), len(layout.parts), int(np.prod(layout.shape))))
    for cube in cubes:
        _fill(values[rows[cube.institution]], layout, cube)
    return Returns(layout, tuple(institutions), values.reshape(*values.shape[:2], *layout.shape))


def _fill(row: Values, layout: Layout, cube: Cube) -> None:
    columns = {name: _column(cube, name) for name in {part.measure for part in layout.parts}}
    for position, (part, places) in enumerate(zip(layout.parts, layout.places, strict=True)):
        target = places[cube.places]
        wanted = target >= 0
        row[position, target[wanted]] = columns[part.measure][wanted]


def _column(cube: Cube, measure: str) -> Values:
    """One measure, a row a cell; NaN where it is withheld."""
    column: Values = cube.table.column(measure).cast(pa.float64()).to_numpy()
    return column


def panel_of(returns: Returns, contributor_of: Mapping[str, str]) -> Panel:
    """The panel of these returns; affiliates are added up before anything is counted.

    `contributor_of` gives the contributor of each institution's code. A sum of which one part is withheld is withheld.
    """
    contributors = tuple(sorted({contributor_of[code] for code in returns.institutions}))
    row_of = {contributor: row for row, contributor in enumerate(contributors)}
    values = np.zeros((len(contributors), *returns.values.shape[1:]))
    np.add.at(values, [row_of[contributor_of[code]] for code in returns.institutions], returns.values)
    present = ~np.isnan(values)
    reported = (~present | (values != 0)).any(axis=1)
    for inner, outer in returns.layout.within:
        present[:, inner] &= present[:, outer]
    np.copyto(values, 0.0, where=~present)
    return Panel(returns.layout, contributors, values, present, reported)


@dataclass(frozen=True)
class Pool:
    """One indicator in one peer group; every array has the shape of the cut. NaN where there is no contributor."""

    numerator: Values
    denominator: Values
    contributors: NDArray[np.int64]
    mean: Values
    p25: Values
    median: Values
    p75: Values

    @property
    def pooled(self) -> Values:
        """The rate of the pool, every contributor weighing by its size."""
        rates: Values = np.full(self.denominator.shape, np.nan)
        np.divide(self.numerator, self.denominator, out=rates, where=self.denominator > 0)
        return rates


def pooled_before_disclosure(panel: Panel, peers: Peers) -> dict[tuple[str, str], Pool]:
    """Every indicator (by id) in every peer group (by code), as if nothing were secret."""
    if peers.contributors != panel.contributors:
        raise ValueError("peer groups and panel are of different contributors")
    pools = {}
    for indicator in panel.layout.template.indicators:
        numerator, denominator = panel.part(indicator.numerator), panel.part(indicator.denominator)
        rates = panel.rates(indicator)
        for group in peers.codes:
            rows = peers.rows(group)
            pools[indicator.id, group] = _pool(numerator[rows], denominator[rows], rates[rows])
    return pools


def _pool(numerator: Values, denominator: Values, rates: Values) -> Pool:
    counted = ~np.isnan(rates)
    contributors = counted.sum(axis=0)
    total = np.sum(rates, axis=0, where=counted)
    p25, median, p75 = smoothed_quantiles(rates)
    return Pool(
        numerator=numerator.sum(axis=0, where=counted),
        denominator=denominator.sum(axis=0, where=counted),
        contributors=contributors,
        mean=np.divide(total, contributors, out=np.full(total.shape, np.nan), where=contributors > 0),
        p25=p25,
        median=median,
        p75=p75,
    )


def cell_keys(layout: Layout) -> list[str]:
    """The series key of every cell of the cut, in C order."""
    keys = [""]
    for position, dimension in enumerate(layout.cut):
        dot = "." if position else ""
        keys = [f"{key}{dot}{code}" for key in keys for code in dimension.code_list.ids]
    return keys
