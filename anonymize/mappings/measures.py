"""The measures of a mapping: what each row adds, in which unit and currency."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from anonymize.mappings.rules import Currency, MeasureRule, Source
from anonymize.mappings.tables import Table, suggestion
from anonymize.template import Measure

MEASURE_KEYS = ("column", "sql", "distinct", "scale", "unit", "currency")
CURRENCY_KEYS = ("column", "sql", "rates")
# How many of the measure's own unit one of these is.
UNITS: Mapping[str, float] = MappingProxyType(
    {
        "one": 1, "thousand": 1e3, "ten thousand": 1e4, "million": 1e6, "hundred million": 1e8, "billion": 1e9,
        "元": 1, "角": 0.1, "分": 0.01, "千元": 1e3, "万元": 1e4, "百万元": 1e6, "千万元": 1e7, "亿元": 1e8, "cent": 0.01,
    }
)  # fmt: skip


def read_measure(tables: Table, measure: Measure, borrower: Source | None) -> MeasureRule:
    """The rule of one measure, from the table of its name or without one."""
    table = tables.table(measure.id, MEASURE_KEYS)
    if measure.id not in tables.values and measure.type == "amount":
        raise table.missing(": the template needs every amount. Add the table with the column it comes from")
    given = table.given("column", "sql", "distinct")
    _check_given(table, given, measure)
    if not given:
        return _implied(measure, borrower)
    if given == ["distinct"]:
        return MeasureRule(measure.id, table.column("distinct"), distinct=True)
    scale, currency = _scale(table, measure), _currency(table, measure)
    return MeasureRule(measure.id, table.source(), scale=scale, currency=currency)


def _check_given(table: Table, given: list[str], measure: Measure) -> None:
    if len(given) > 1:
        raise table.fault(f": give one of column, sql or distinct, not {' and '.join(given)}.", given[-1])
    if not given and measure.type == "amount":
        raise table.fault(': name the column, column = "balance", or an expression, sql = "...".')
    if given == ["distinct"] and measure.type == "amount":
        raise table.fault(": an amount is added up, not counted; use column or sql instead of distinct.", "distinct")
    if given and given != ["distinct"] and not measure.additive:
        raise table.fault(': a distinct count cannot be added up from a column; use distinct = "column".', given[0])


def _implied(measure: Measure, borrower: Source | None) -> MeasureRule:
    """A count needs no table: one a row, or one a borrower where parts may overlap."""
    if measure.additive:
        return MeasureRule(measure.id, None)
    return MeasureRule(measure.id, borrower, distinct=True)


def _scale(table: Table, measure: Measure) -> float:
    given = table.given("scale", "unit")
    if given and measure.type == "count":
        if table.values[given[0]] == 1:
            return 1.0
        raise table.fault(f": a count has no {given[0]}.", given[0])
    if len(given) == 2:
        raise table.fault(": give scale or unit, not both.", "unit")
    if given == ["unit"]:
        return _unit(table)
    scale = table.values.get("scale", 1)
    if not _is_positive(scale):
        raise table.fault(": scale is a number above zero, 1000 where the tape is in thousands.", "scale")
    return float(scale)


def _unit(table: Table) -> float:
    unit = table.text("unit") or ""
    if unit.casefold() not in UNITS:
        near = suggestion(unit, UNITS) or f" There are: {', '.join(UNITS)}."
        raise table.fault(f": unit {unit!r} is not known.{near}", "unit")
    return UNITS[unit.casefold()]


def _currency(table: Table, measure: Measure) -> Currency | None:
    currency = table.values.get("currency")
    if currency is None:
        return None
    if measure.type == "count" or len(measure.unit) != 3 or not measure.unit.isupper():
        raise table.fault(f": {measure.id} is counted in {measure.unit}, which is no currency.", "currency")
    if isinstance(currency, dict):
        return _converted(table.table("currency", CURRENCY_KEYS), measure)
    if table.text("currency") != measure.unit:
        raise table.fault(
            f": the template asks for {measure.unit}. Give rates, "
            f'currency = {{ column = "currency", rates = {{ {currency} = 1.5 }} }}.',
            "currency",
        )
    return None


def _converted(table: Table, measure: Measure) -> Currency:
    if len(table.given("column", "sql")) != 1:
        raise table.fault(": give the column, or the sql expression, with each row's currency.")
    rates = table.values.get("rates")
    if not isinstance(rates, dict):
        raise table.fault(f": rates says what one unit of each is worth in {measure.unit}, {{ USD = 7.1 }}.")
    for code, rate in rates.items():
        if not _is_positive(rate):
            raise table.fault(f": the rate of {code} is a number above zero.", "rates", code)
        if code.upper() == measure.unit and rate != 1:
            raise table.fault(f": {measure.unit} is worth 1 {measure.unit}.", "rates", code)
    source = table.source()
    if source is None:
        raise table.fault(": give the column with each row's currency.")
    return Currency(source, {measure.unit: 1.0, **{code.strip().upper(): float(rate) for code, rate in rates.items()}})


def _is_positive(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and 0 < value < math.inf
