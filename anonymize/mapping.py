"""The mapping file: which columns of a loan tape become the template's dimensions and measures.

[tape]                                  # optional; found by looking when absent
encoding = "gb18030"
delimiter = ";"

[period]
column = "report_date"                  # or: fixed = "2026-10"

[dimensions.PRODUCT]
column = "product"
codes = { "住房按揭" = "MORTGAGE", "信用卡" = "CARD" }
default = "CONSUMER"                    # optional: where every other value goes

[dimensions.DPD_BUCKET]
column = "days_past_due"
bins = [{ upto = 0, code = "CURRENT" }, { upto = 29, code = "D001_029" }, { code = "D030P" }]

[measures.BALANCE]
column = "balance"                      # or: sql = "principal + interest"
scale = 1000                            # optional: the tape is in thousands

[measures.ACCOUNTS]
distinct = "loan_id"                    # or nothing at all: one account a row

[borrower]
id = "customer_no"
group = "group_no"                      # optional: affiliated borrowers count once
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonymize.errors import MappingError, TemplateError
from anonymize.tape import quoted
from anonymize.template import Dimension, Measure, Template

_TABLES = ("tape", "period", "dimensions", "measures", "borrower")
_TAPE_KEYS = ("encoding", "delimiter")
_PERIOD_KEYS = ("column", "sql", "fixed")
_DIMENSION_KEYS = ("column", "sql", "codes", "bins", "default", "fixed")
_MEASURE_KEYS = ("column", "sql", "distinct", "scale")
_BORROWER_KEYS = ("id", "group")
_BIN_KEYS = ("upto", "code")


@dataclass(frozen=True)
class Source:
    """Where a value comes from: a column of the tape, or an SQL expression over its columns."""

    place: str  # "[measures.BALANCE]", for messages
    column: str | None = None
    sql: str | None = None

    @property
    def expression(self) -> str:
        return quoted(self.column) if self.column is not None else f"({self.sql})"

    @property
    def label(self) -> str:
        return f"column {self.column!r}" if self.column is not None else "the SQL expression"


@dataclass(frozen=True)
class Bin:
    """Values up to and including `upto` that no earlier bin took; the last may be open (infinite)."""

    upto: float
    code: str


@dataclass(frozen=True)
class DimensionRule:
    """A leaf code for every row: by a code map, by bins, by the value itself, or one fixed code."""

    dimension: str
    source: Source | None  # None when the code is fixed
    codes: Mapping[str, str]  # value on the tape -> leaf code; empty with bins
    bins: tuple[Bin, ...]
    default: str | None


@dataclass(frozen=True)
class MeasureRule:
    """What a row adds to a measure. Without a source every row counts as one."""

    measure: str
    source: Source | None
    distinct: bool = False
    scale: float = 1.0


@dataclass(frozen=True)
class TapeMapping:
    """A mapping file that fits its template."""

    template: str
    encoding: str | None
    delimiter: str | None
    period: Source | None  # None when every row is of the fixed period
    fixed_period: str | None
    dimensions: tuple[DimensionRule, ...]  # in the template's order
    measures: tuple[MeasureRule, ...]
    borrower: Source
    group: Source | None

    def sources(self) -> tuple[Source, ...]:
        """Every source that is read, in the file's order."""
        found = [self.period, *(rule.source for rule in self.dimensions), *(rule.source for rule in self.measures)]
        return tuple(source for source in [*found, self.borrower, self.group] if source is not None)


def load_mapping(path: str | Path, template: Template) -> TapeMapping:
    """The mapping in a TOML file, checked against the template."""
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise MappingError(f"The mapping file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise MappingError(f"The mapping file {path} is not UTF-8 text. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"The mapping file {path} is not valid TOML: {error}.") from error
    return parse_mapping(document, template)


def parse_mapping(document: Mapping[str, Any], template: Template) -> TapeMapping:
    """A mapping from its document; MappingError names the table and the key that are wrong."""
    _check_keys("the mapping file", document, _TABLES)
    tape = _table(document, "tape", _TAPE_KEYS, required=False)
    period = _table(document, "period", _PERIOD_KEYS, required=False)
    borrower = _table(document, "borrower", _BORROWER_KEYS)
    fixed_period = _text(period, "[period]", "fixed")
    if fixed_period is not None:
        _check_period(fixed_period, template)
    dimensions, measures = _tables(document, "dimensions"), _tables(document, "measures")
    _check_known("[dimensions.{}]", dimensions, template.dimension_ids, template)
    _check_known("[measures.{}]", measures, template.measure_ids, template)
    borrower_id = _column(borrower, "[borrower]", "id")
    if borrower_id is None:
        raise MappingError('[borrower]: id is missing. Name the column with the borrower\'s key, id = "customer_no".')
    return TapeMapping(
        template=template.id,
        encoding=_text(tape, "[tape]", "encoding"),
        delimiter=_text(tape, "[tape]", "delimiter"),
        period=_period_source(period, fixed_period),
        fixed_period=fixed_period,
        dimensions=tuple(_dimension(dimensions, each) for each in template.dimensions),
        measures=tuple(_measure(measures, each, borrower_id) for each in template.measures),
        borrower=borrower_id,
        group=_column(borrower, "[borrower]", "group"),
    )


def check_columns(mapping: TapeMapping, columns: Collection[str]) -> None:
    """MappingError when a mapped column is not on the tape; the nearest name is suggested."""
    known = {name.casefold() for name in columns}
    for source in mapping.sources():
        if source.column is not None and source.column.casefold() not in known:
            raise MappingError(
                f"{source.place}: the tape has no column {source.column!r}.{suggestion(source.column, columns)}",
                rule="missing-column",
            )


def suggestion(wrong: str, known: Collection[str]) -> str:
    """A sentence with the nearest known word, or the known words when there are few, or nothing."""
    near = difflib.get_close_matches(wrong.casefold(), [name.casefold() for name in known], n=1, cutoff=0.6)
    if near:
        name = next(name for name in known if name.casefold() == near[0])
        return f" Did you mean {name!r}?"
    return f" There are: {', '.join(known)}." if 0 < len(known) <= 20 else ""


def _period_source(table: Mapping[str, Any], fixed: str | None) -> Source | None:
    column, sql = _text(table, "[period]", "column"), _text(table, "[period]", "sql")
    if [column, sql, fixed].count(None) != 2:
        raise MappingError('[period]: give one of column = "report_date", sql = "..." or fixed = "2026-10".')
    return None if fixed is not None else Source("[period]", column, sql)


def _dimension(tables: Mapping[str, Any], dimension: Dimension) -> DimensionRule:
    place = f"[dimensions.{dimension.id}]"
    if dimension.id not in tables:
        raise MappingError(
            f"{place} is missing: the template needs every dimension. Add the table with the column it comes from.",
            rule="unmapped-column",
        )
    table = tables[dimension.id]
    _check_keys(place, table, _DIMENSION_KEYS)
    given = [key for key in ("column", "sql", "fixed") if key in table]
    if len(given) != 1:
        raise MappingError(f"{place}: give exactly one of column, sql or fixed.")
    if "codes" in table and "bins" in table:
        raise MappingError(f"{place}: codes and bins exclude each other.")
    for key in ("default", "fixed"):
        _check_leaf(place, key, _text(table, place, key), dimension)
    if given == ["fixed"]:
        return DimensionRule(dimension.id, None, {}, (), table["fixed"])
    codes = _codes(place, table, dimension)
    source = Source(place, _text(table, place, "column"), _text(table, place, "sql"))
    return DimensionRule(dimension.id, source, codes, _bins(place, table, dimension), table.get("default"))


def _codes(place: str, table: Mapping[str, Any], dimension: Dimension) -> Mapping[str, str]:
    if "bins" in table:
        return {}
    if "codes" not in table:
        return {code: code for code in dimension.code_list.leaves}
    codes = table["codes"]
    if not isinstance(codes, dict) or not codes:
        raise MappingError(f'{place}: codes is a table of tape value = template code, {{ "按揭" = "MORTGAGE" }}.')
    for code in codes.values():
        _check_leaf(place, "codes", code, dimension)
    return {value.strip(): code for value, code in codes.items()}


def _bins(place: str, table: Mapping[str, Any], dimension: Dimension) -> tuple[Bin, ...]:
    entries = table.get("bins", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise MappingError(f'{place}: bins is a list of {{ upto = 29, code = "..." }}.')
    found: list[Bin] = []
    for number, entry in enumerate(entries, start=1):
        _check_keys(f"{place}: bin {number}", entry, _BIN_KEYS)
        _check_leaf(place, f"bin {number}", entry.get("code", ""), dimension)
        upto = entry.get("upto", math.inf)
        if isinstance(upto, bool) or not isinstance(upto, int | float):
            raise MappingError(f"{place}: upto of bin {number} is a number.")
        if found and upto <= found[-1].upto:
            raise MappingError(f"{place}: bin {number} must reach further than the one before it.")
        found.append(Bin(float(upto), entry["code"]))
    return tuple(found)


def _measure(tables: Mapping[str, Any], measure: Measure, borrower: Source) -> MeasureRule:
    place = f"[measures.{measure.id}]"
    if measure.id not in tables:
        return _implied(measure, place, borrower)
    table = tables[measure.id]
    _check_keys(place, table, _MEASURE_KEYS)
    given = [key for key in ("column", "sql", "distinct") if key in table]
    if len(given) > 1:
        raise MappingError(f"{place}: give one of column, sql or distinct, not {' and '.join(given)}.")
    if not given and measure.type == "amount":
        raise MappingError(f'{place}: name the column, column = "balance", or an expression, sql = "...".')
    if not given:
        return _implied(measure, place, borrower)
    if given == ["distinct"] and measure.type == "amount":
        raise MappingError(f"{place}: an amount is added up, not counted; use column or sql instead of distinct.")
    if given != ["distinct"] and not measure.additive:
        raise MappingError(f'{place}: a distinct count cannot be added up from a column; use distinct = "column".')
    if given == ["distinct"]:
        return MeasureRule(measure.id, Source(place, column=_text(table, place, "distinct")), distinct=True)
    source = Source(place, _text(table, place, "column"), _text(table, place, "sql"))
    return MeasureRule(measure.id, source, scale=_scale(table, place, measure))


def _implied(measure: Measure, place: str, borrower: Source) -> MeasureRule:
    """A count needs no table: one a row, or one a borrower where parts may overlap."""
    if measure.type == "amount":
        raise MappingError(
            f"{place} is missing: the template needs every amount. Add the table with the column it comes from.",
            rule="unmapped-column",
        )
    if measure.additive:
        return MeasureRule(measure.id, None)
    return MeasureRule(measure.id, borrower, distinct=True)


def _scale(table: Mapping[str, Any], place: str, measure: Measure) -> float:
    scale = table.get("scale", 1)
    if isinstance(scale, bool) or not isinstance(scale, int | float) or not scale > 0 or math.isinf(scale):
        raise MappingError(f"{place}: scale is a number above zero, 1000 where the tape is in thousands.")
    if measure.type == "count" and scale != 1:
        raise MappingError(f"{place}: a count has no scale.")
    return float(scale)


def _check_leaf(place: str, key: str, code: Any, dimension: Dimension) -> None:
    if code is None:
        return
    leaves = dimension.code_list.leaves
    if not isinstance(code, str) or code not in dimension.code_list.by_id:
        raise MappingError(
            f"{place}: {key} names {code!r}, which is no code of {dimension.id}.{suggestion(str(code), leaves)}",
            rule="unknown-code",
        )
    if code not in leaves:
        raise MappingError(
            f"{place}: {key} names {code!r}, which is a total; loans go to the codes below it.", rule="unknown-code"
        )


def _check_known(pattern: str, tables: Mapping[str, Any], known: Collection[str], template: Template) -> None:
    for name in tables:
        if name not in known:
            raise MappingError(
                f"{pattern.format(name)}: template {template.id} has nothing of that name.{suggestion(name, known)}"
            )


def _check_period(period: str, template: Template) -> None:
    try:
        template.check_period(period)
    except TemplateError as error:
        raise MappingError(f"[period]: {error.sentence}", rule=error.rule) from error


def _check_keys(place: str, table: Any, known: Collection[str]) -> None:
    if not isinstance(table, dict):
        raise MappingError(f"{place} must be a table.")
    for key in table:
        if key not in known:
            raise MappingError(f"{place}: {key!r} is not a known key.{suggestion(key, known)}")


def _table(document: Mapping[str, Any], name: str, known: Collection[str], *, required: bool = True) -> dict[str, Any]:
    if name not in document and required:
        raise MappingError(f"[{name}] is missing.", rule="unmapped-column")
    table: dict[str, Any] = document.get(name, {})
    _check_keys(f"[{name}]", table, known)
    return table


def _tables(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    tables = document.get(name, {})
    if not isinstance(tables, dict):
        raise MappingError(f"[{name}] must be a table.")
    return tables


def _column(table: Mapping[str, Any], place: str, key: str) -> Source | None:
    column = _text(table, place, key)
    return None if column is None else Source(place, column=column)


def _text(table: Mapping[str, Any], place: str, key: str) -> str | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise MappingError(f"{place}: {key} is a text in quotes.")
    return value
