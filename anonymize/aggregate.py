"""From a loan tape to the cells of its template: every leaf and every margin, with what a protection rule needs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymize.counting.bounded import with_bounded
from anonymize.counting.contributions import Contributions, count_contributions, joined
from anonymize.counting.loans import SPARE_DIGITS, create_loans, key_column
from anonymize.counting.paths import CellPaths, Whole
from anonymize.counting.tally import roll_up
from anonymize.cube import CONTRIBUTORS, Cells
from anonymize.errors import MappingError
from anonymize.mapping import TapeMapping, check_columns
from anonymize.tape import Tape, quoted
from anonymize.template import Measure, Template


def aggregate(tape: Tape, mapping: TapeMapping, template: Template, period: str) -> Cells:
    """The cells of one period; a cell without loans has no row.

    Amounts are rounded to the template's decimals in the leaf cells, and totals are the sums of those, so that
    everything adds up exactly.
    """
    template.check_period(period)
    if mapping.template != template.id:
        raise MappingError(f"The mapping is for collection {mapping.template}, not for {template.id}.")
    check_columns(mapping, tape.column_names)
    create_loans(tape, mapping, template, period)
    loans, sums = _sums(tape, template)
    contributions, borrowers = _contributions(tape, mapping, template)
    distinct = {
        each.id: _distinct(tape, mapping, each, template, borrowers) for each in template.measures if not each.additive
    }
    table = _table(template, loans, {**sums, **distinct}, contributions)
    if template.protection.method == "noise":
        table = with_bounded(table, tape, mapping, template)
    return Cells(table, template.id, template.version, period, rows=int(loans[(0,) * loans.ndim]))


def _sums(tape: Tape, template: Template) -> tuple[Whole, dict[str, Whole]]:
    """Rows and additive measures over the whole lattice, in whole units of each measure's last decimal."""
    columns = [
        f"{_rounded(f'sum({quoted(_column(each))})', _unit(each))} AS {quoted(each.id)}" for each in _added(template)
    ]
    table = tape.arrow(f"SELECT {', '.join(['cell', 'count(*) AS loans', *columns])} FROM loans GROUP BY cell")
    places = CellPaths.of(template).coordinates(table.column("cell").to_numpy())
    found: dict[str, Whole] = {}
    for name in ["loans", *(each.id for each in _added(template))]:
        found[name] = np.zeros(template.shape, np.int64)
        found[name][places] = table.column(name).to_numpy()
        roll_up(found[name], template)
    return found.pop("loans"), found


def _contributions(tape: Tape, mapping: TapeMapping, template: Template) -> tuple[Contributions, Whole]:
    """Contributions with affiliates counted once, and the number of borrowers, each counted."""
    values = [_column(each) for each in _added(template)]
    if mapping.group is None:
        found = count_contributions(tape, template, "borrower", values)
        return found, found.people
    alone = count_contributions(tape, template, "borrower", values, rows="alone")
    groups = count_contributions(tape, template, "contributor", values, rows="affiliated")
    members = count_contributions(tape, template, "borrower", rows="affiliated")
    return joined(alone, groups), alone.people + members.people


def _distinct(tape: Tape, mapping: TapeMapping, measure: Measure, template: Template, borrowers: Whole) -> Whole:
    key = key_column(mapping, measure.id)
    return borrowers if key == "borrower" else count_contributions(tape, template, key).people


def _table(template: Template, loans: Whole, measures: Mapping[str, Whole], contributions: Contributions) -> pa.Table:
    places = np.nonzero(loans)
    columns: dict[str, pa.Array] = {
        dimension.id: pa.array(dimension.code_list.ids).take(pa.array(index))
        for dimension, index in zip(template.dimensions, places, strict=True)
    }
    for measure in template.measures:
        columns[measure.id] = pa.array(_shown(measures[measure.id][places], measure))
    columns[CONTRIBUTORS] = pa.array(contributions.people[places])
    for measure in _added(template):
        top = contributions.top[_column(measure)]
        for name, values in (("largest", top.first), ("second", top.second)):
            unit = _unit(measure)
            columns[f"{name}_{measure.id}"] = pa.array(_shown((values[places] + unit // 2) // unit, measure))
    return pa.table(columns)


def _added(template: Template) -> list[Measure]:
    return [measure for measure in template.measures if measure.additive]


def _column(measure: Measure) -> str:
    return f"value_{measure.id}"


def _unit(measure: Measure) -> int:
    """How many units of the table `loans` make one of the measure's last decimal."""
    return 1 if measure.type == "count" else 10**SPARE_DIGITS


def _rounded(expression: str, unit: int) -> str:
    """The SQL of a whole number divided by `unit` and rounded half away from zero."""
    if unit == 1:
        return f"({expression})::BIGINT"
    return f"(sign({expression}) * ((abs({expression}) + {unit // 2}) // {unit}))::BIGINT"


def _shown(values: Whole, measure: Measure) -> Whole | NDArray[np.float64]:
    """Counts as they are, amounts in the template's unit."""
    return values if measure.type == "count" else values / float(10**measure.decimals)
