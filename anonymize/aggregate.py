"""From a loan tape to the cells of its template: every leaf and every margin, with what a protection rule needs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymize.contributions import Contributions, Whole, count_contributions, roll_up, whole
from anonymize.cube import CONTRIBUTORS, Cells
from anonymize.errors import MappingError
from anonymize.loans import SPARE_DIGITS, CellBits, create_loans
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
    key = "borrower" if mapping.group is None else "contributor"
    contributions = count_contributions(tape, template, key, {_column(each): _unit(each) for each in _added(template)})
    distinct = _distinct(tape, mapping, template, contributions)
    return Cells(_table(template, loans, {**sums, **distinct}, contributions), template.id, template.version, period)


def _sums(tape: Tape, template: Template) -> tuple[Whole, dict[str, Whole]]:
    """Rows and additive measures over the whole lattice, in whole units of each measure's last decimal."""
    columns = [
        f"{whole(f'sum({quoted(_column(each))})', _unit(each))} AS {quoted(each.id)}" for each in _added(template)
    ]
    table = tape.arrow(f"SELECT {', '.join(['cell', 'count(*) AS loans', *columns])} FROM loans GROUP BY cell")
    places = CellBits.of(template).coordinates(table.column("cell").to_numpy())
    found: dict[str, Whole] = {}
    for name in ["loans", *(each.id for each in _added(template))]:
        found[name] = np.zeros(template.shape, np.int64)
        found[name][places] = table.column(name).to_numpy()
        roll_up(found[name], template)
    return found.pop("loans"), found


def _distinct(tape: Tape, mapping: TapeMapping, template: Template, contributions: Contributions) -> dict[str, Whole]:
    found = {}
    for rule in mapping.measures:
        if template.measure(rule.measure).additive or rule.source is None:
            continue
        same = rule.source.expression == mapping.borrower.expression and mapping.group is None
        found[rule.measure] = (
            contributions.people if same else count_contributions(tape, template, f"key_{rule.measure}").people
        )
    return found


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
        columns[f"largest_{measure.id}"] = pa.array(_shown(top.first[places], measure))
        columns[f"second_{measure.id}"] = pa.array(_shown(top.second[places], measure))
    return pa.table(columns)


def _added(template: Template) -> list[Measure]:
    return [measure for measure in template.measures if measure.additive]


def _column(measure: Measure) -> str:
    return f"value_{measure.id}"


def _unit(measure: Measure) -> int:
    return 1 if measure.type == "count" else 10**SPARE_DIGITS


def _shown(values: Whole, measure: Measure) -> Whole | NDArray[np.float64]:
    """Counts as they are, amounts in the template's unit."""
    return values if measure.type == "count" else values / float(10**measure.decimals)
