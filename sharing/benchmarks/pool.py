"""Pooled figures of every indicator, cell and peer group, before disclosure control.

A *panel* holds the contributors' figures as one matrix: for each contributor and each *part* (a measure at fixed codes,
one side of an indicator) the cells of the cut. An institution contributes to an indicator's cell when it has
published both parts there and the denominator is above zero.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
from django.utils.translation import gettext_lazy as _
from numpy.typing import NDArray

from anonymize.cube import Cube
from anonymize.template import Dimension, Indicator, Part, Template
from consortium.errors import Refused
from sharing.benchmarks.peer_groups import ALL, Peers
from sharing.benchmarks.quantiles import QUANTILES, Ordered

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLOCK_VALUES: Final = 256 * 1024  # of one array of a block: 2 MiB, which stay near the core that sorts them
PARALLEL_FROM: Final = 4 * 1024 * 1024  # values, below which threads cost more than they save
TOP: Final = 3  # the largest contribution and as many rivals as may pool what they know
_ROWS: Final = (
    "numerator",
    "denominator",
    "contributors",
    "mean",
    "trimmed_mean",
    "tail",
    *(f"largest {place}" for place in range(TOP)),
    *(f"kept {place}" for place in range(TOP)),
    *QUANTILES,
)


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
    """One indicator in one peer group; every array has the shape of the cut. NaN where there is no contributor.

    `quantiles` are by name ("p10" ... "p90", "median"). `largest` [3, *cut] are the highest rates, `tail` the sum of those
    that the trimmed mean cuts off above, `largest_kept` [3, *cut] what weighs most in it: what the rules for sums ask for.
    """

    numerator: Values
    denominator: Values
    contributors: NDArray[np.int64]
    mean: Values
    trimmed_mean: Values
    quantiles: Mapping[str, Values]
    largest: Values
    tail: Values
    largest_kept: Values

    @property
    def pooled(self) -> Values:
        """The rate of the pool, every contributor weighing by its size."""
        rates: Values = np.full(self.denominator.shape, np.nan)
        np.divide(self.numerator, self.denominator, out=rates, where=self.denominator > 0)
        return rates


def pooled_before_disclosure(panel: Panel, peers: Peers, threads: int | None = None) -> dict[tuple[str, str], Pool]:
    """Every indicator (by id) in every peer group (by code), as if nothing were secret.

    Blocks of cells are shared out among so many threads, by default one for each core where there is enough to do. A cell
    is reckoned within one block and in one order, so the figures are the same bits however many threads there are.
    """
    if peers.contributors != panel.contributors:
        raise ValueError("peer groups and panel are of different contributors")
    indicators = panel.layout.template.indicators
    cells = int(np.prod(panel.layout.shape))
    filled = {
        (indicator.id, group): np.full((len(_ROWS), cells), np.nan) for indicator in indicators for group in peers.codes
    }
    rows = {group: None if group == ALL else peers.rows(group) for group in peers.codes}

    def fill(work: tuple[Indicator, slice]) -> None:
        indicator, block = work
        numerator, denominator, rates = _block(panel, indicator, block)
        for group, chosen in rows.items():
            mine = [part if chosen is None else part[:, chosen] for part in (numerator, denominator, rates)]
            filled[indicator.id, group][:, block] = _statistics(*map(np.ascontiguousarray, mine))

    step = max(1, BLOCK_VALUES // max(len(panel.contributors), 1))
    work = [
        (indicator, slice(start, min(start + step, cells)))
        for indicator in indicators
        for start in range(0, cells, step)
    ]
    if threads is None:
        enough = len(indicators) * cells * len(panel.contributors) >= PARALLEL_FROM
        threads = len(os.sched_getaffinity(0)) if enough else 1
    with ThreadPoolExecutor(threads, thread_name_prefix="pool") as pool:
        list(pool.map(fill, work))  # the list raises what a thread raised
    return {key: _pool(found.reshape(len(_ROWS), *panel.layout.shape)) for key, found in filled.items()}


def _block(panel: Panel, indicator: Indicator, block: slice) -> tuple[Values, Values, Values]:
    """Numerator, denominator and rate [cell, contributor] of some cells; 0, 0 and NaN for whoever does not contribute."""
    parts = [panel.layout.part(part) for part in (indicator.numerator, indicator.denominator)]
    values = panel.values.reshape(*panel.values.shape[:2], -1)
    present = panel.present.reshape(values.shape)
    numerator, denominator = (np.ascontiguousarray(values[:, part, block].T) for part in parts)
    counted = denominator > 0
    for part in parts:
        counted &= present[:, part, block].T
    if not counted.all():
        np.copyto(numerator, 0.0, where=~counted)
        np.copyto(denominator, 0.0, where=~counted)
    rates: Values = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=rates, where=counted)
    return numerator, denominator, rates


def _statistics(numerator: Values, denominator: Values, rates: Values) -> Values:
    """A row for each of `_ROWS`, over the cells of a block."""
    ordered = Ordered.of(rates)
    counts = ordered.counts
    total = ordered.total()
    trimmed = ordered.trimmed()
    return np.vstack(
        [
            numerator.sum(axis=1),
            denominator.sum(axis=1),
            counts,
            np.divide(total, counts, out=np.full(total.shape, np.nan), where=counts > 0),
            trimmed.mean,
            trimmed.tail,
            ordered.largest(TOP),
            trimmed.largest,
            ordered.quantiles(tuple(QUANTILES.values())),
        ]
    )


def _pool(found: Values) -> Pool:
    row = {name: found[place] for place, name in enumerate(_ROWS)}
    return Pool(
        numerator=row["numerator"],
        denominator=row["denominator"],
        contributors=row["contributors"].astype(np.int64),
        mean=row["mean"],
        trimmed_mean=row["trimmed_mean"],
        quantiles={name: row[name] for name in QUANTILES},
        tail=row["tail"],
        largest=found[_ROWS.index("largest 0") :][:TOP],
        largest_kept=found[_ROWS.index("kept 0") :][:TOP],
    )


def cell_keys(layout: Layout) -> list[str]:
    """The series key of every cell of the cut, in C order."""
    keys = [""]
    for position, dimension in enumerate(layout.cut):
        dot = "." if position else ""
        keys = [f"{key}{dot}{code}" for key in keys for code in dimension.code_list.ids]
    return keys
