"""Sums to which no borrower contributes more than a bound: what noise is added to.

A contributor is a borrower, or a group of affiliates with all its members. Its rows in one finest cell are summed first;
then its cells count fully, the largest first, until their absolute sums reach the measure's bound, and the rest is cut off.
What is kept of a contributor depends on its own rows alone, so adding or removing one changes a table by the bound at most.

A distinct count here counts every key of a contributor once, in the one cell where it has most rows, so that it adds up; a
key that two contributors share counts for each of them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from anonymize.counting.loans import SPARE_DIGITS, key_column
from anonymize.counting.paths import CellPaths, Whole
from anonymize.counting.tally import roll_up
from anonymize.cube import BOUNDED, places_of
from anonymize.mapping import TapeMapping
from anonymize.tape import Tape, quoted
from anonymize.template import Measure, Template
from anonymize.template_protection import bound_units


def with_bounded(table: pa.Table, tape: Tape, mapping: TapeMapping, template: Template) -> pa.Table:
    """The table of cells with a column `bounded_M` for each measure M, in units of its last decimal."""
    rows = [("loans", "borrower")] if mapping.group is None else [("alone", "borrower"), ("affiliated", "contributor")]
    places = np.unravel_index(places_of(table, template), template.shape)
    for measure in template.measures:
        sums = np.zeros(template.shape, np.int64)
        for source, contributor in rows:
            key = None if measure.additive else key_column(mapping, measure.id)
            _add(sums, tape, template, _cut(measure, template, source, contributor, key))
        roll_up(sums, template)
        table = table.append_column(BOUNDED + measure.id, pa.array(sums[places]))
    return table


def _add(sums: Whole, tape: Tape, template: Template, query: str) -> None:
    table = tape.arrow(query)
    places = CellPaths.of(template).coordinates(table.column("cell").to_numpy().astype(np.int64))
    sums[places] += table.column("total").to_numpy()


def _cut(measure: Measure, template: Template, source: str, contributor: str, key: str | None) -> str:
    """The SQL of the bounded sum of every finest cell that has one."""
    parts = _added(measure, source, contributor) if key is None else _counted(key, source, contributor)
    bound = bound_units(template, measure)
    return (
        "SELECT cell, sum(sign(part) * least(abs(part), greatest(0, "
        f"{bound} - coalesce(before, 0))))::BIGINT AS total FROM ("
        "SELECT cell, part, sum(abs(part)) OVER (PARTITION BY who ORDER BY abs(part) DESC, cell "
        f"ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM ({parts})) GROUP BY cell"
    )


def _added(measure: Measure, source: str, contributor: str) -> str:
    unit = 1 if measure.type == "count" else 10**SPARE_DIGITS
    total = f"sum({quoted('value_' + measure.id)})::HUGEINT"
    rounded = f"sign({total}) * ((abs({total}) + {unit // 2}) // {unit})"
    return f"SELECT {quoted(contributor)} AS who, cell, {rounded} AS part FROM {source} GROUP BY who, cell"


def _counted(key: str, source: str, contributor: str) -> str:
    return (
        "SELECT who, cell, count(*)::HUGEINT AS part FROM ("
        f"SELECT {quoted(contributor)} AS who, {quoted(key)} AS counted, cell FROM {source} GROUP BY who, counted, cell "
        "QUALIFY row_number() OVER (PARTITION BY who, counted ORDER BY count(*) DESC, cell) = 1"
        ") GROUP BY who, cell"
    )
