"""The mapping file: which columns of a loan tape become the template's dimensions and measures.

[tape]                                  # optional
encoding = "gb18030"                    # found by looking when absent
delimiter = ";"
where = "status <> 'sold'"              # the rows that count; all when absent

sheet = "October"                       # of a workbook: else the first that is shown; header_row = 3
table = "core.loans"                    # of a database: or query = "SELECT ..."; url_env = "LOANS_URL"

[previous]                              # optional: last period's tape, its columns are `previous_<name>`
on = "loan_no"                          # or a list; period = "column"; and what [tape] says of reading

[period]
column = "report_date"                  # or: sql = "...", fixed = "2026-10"

[dimensions.PRODUCT]
column = "product"
codes = { "住房按揭" = "MORTGAGE", "信用卡" = "CARD" }   # case, width and spaces around do not matter
default = "CONSUMER"                    # optional: where every other value goes
blank = "CARD"                          # optional: where empty values go, else with the others

[dimensions.DPD_BUCKET]
column = "days_past_due"
bins = [{ upto = 0, code = "CURRENT" }, { upto = 29, code = "D001_029" }, { code = "D030P" }]

[measures.BALANCE]
column = "balance"                      # or: sql = "principal + interest"
unit = "thousand"                       # optional: what the tape counts in; or scale = 1000
currency = { column = "currency", rates = { USD = 7.1 } }   # optional; or the template's own, "CNY"

[measures.ACCOUNTS]
distinct = "loan_id"                    # or nothing at all: one account a row

[borrower]
id = "customer_no"                      # or: sql = "..."
group = "group_no"                      # optional: affiliated borrowers count once; or: group_sql

An SQL expression works out one value from the columns of its own row, see `anonymize.mappings.expressions`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from anonymize.errors import MappingError, TemplateError
from anonymize.mappings.dimensions import DIMENSION_KEYS, read_dimension
from anonymize.mappings.lines import lines_of
from anonymize.mappings.measures import MEASURE_KEYS, read_measure
from anonymize.mappings.rules import Bin, Currency, DimensionRule, MeasureRule, PreviousRule, Source, TapeMapping
from anonymize.mappings.tables import Faults, Table, suggestion
from anonymize.tapes.reading import Reading
from anonymize.template import Template

__all__ = [
    "Bin",
    "Currency",
    "DimensionRule",
    "MeasureRule",
    "PreviousRule",
    "Source",
    "TapeMapping",
    "check_columns",
    "load_mapping",
    "parse_mapping",
    "suggestion",
]

READING_KEYS = ("encoding", "delimiter", "sheet", "header_row", "table", "query", "url_env")
TAPE_KEYS = (*READING_KEYS, "where")
PREVIOUS_KEYS = ("on", "period", *READING_KEYS)
PERIOD_KEYS = ("column", "sql", "fixed")
BORROWER_KEYS = ("id", "sql", "group", "group_sql")
KEYS: Mapping[str, Collection[str]] = {
    "tape": TAPE_KEYS,
    "period": PERIOD_KEYS,
    "dimensions": DIMENSION_KEYS,  # of each table below it
    "measures": MEASURE_KEYS,  # of each table below it
    "borrower": BORROWER_KEYS,
    "previous": PREVIOUS_KEYS,
}


def load_mapping(path: str | Path, template: Template) -> TapeMapping:
    """The mapping in a TOML file, checked against the template; what is wrong is told with its lines."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise MappingError(f"The mapping file {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise MappingError(f"The mapping file {path} is not UTF-8 text. Save it as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"The mapping file {path} is not valid TOML: {error}.") from error
    return _read(document, template, Faults(Path(path).name, lines_of(text)))


def parse_mapping(document: Mapping[str, Any], template: Template) -> TapeMapping:
    """A mapping from its document; MappingError names the tables and the keys that are wrong."""
    return _read(document, template, Faults())


def check_columns(mapping: TapeMapping, columns: Collection[str]) -> None:
    """MappingError when a mapped column is not on the tape; the nearest name is suggested."""
    known = {name.casefold() for name in columns}
    faults = Faults()
    for source in mapping.sources():
        if source.column is not None and source.column.casefold() not in known:
            with faults.kept():
                raise MappingError(
                    f"{source.where}: the tape has no column {source.column!r}.{suggestion(source.column, columns)}",
                    rule="missing-column",
                )
    faults.raise_found()


def _read(document: Mapping[str, Any], template: Template, faults: Faults) -> TapeMapping:
    whole = Table((), document, faults)
    _check_tables(whole)
    found: dict[str, Any] = {"template": template.id}
    with faults.kept():
        found |= _tape(whole)
    with faults.kept():
        found |= _previous(whole)
    with faults.kept():
        found |= _period(whole, template)
    with faults.kept():
        found |= _borrower(whole)
    with faults.kept():
        found["dimensions"] = _dimensions(whole, template)
    with faults.kept():
        found["measures"] = _measures(whole, template, found.get("borrower"))
    faults.raise_found()
    return TapeMapping(**found)


def _check_tables(whole: Table) -> None:
    for name in whole.values:
        if name not in KEYS:
            with whole.faults.kept():
                at = whole.faults.at((name,))
                raise MappingError(f"{at}the mapping file: {name!r} is not a known key.{suggestion(name, KEYS)}")


def _tape(whole: Table) -> dict[str, Any]:
    table = whole.table("tape", TAPE_KEYS)
    return {"reading": _reading(table), "where": table.expression("where")}


def _reading(table: Table) -> Reading:
    row = table.values.get("header_row")
    if row is not None and (isinstance(row, bool) or not isinstance(row, int) or row < 1):
        raise table.fault(": header_row is the number of the row with the column names, 1 for the first.", "header_row")
    return Reading(header_row=row, **{key: table.text(key) for key in READING_KEYS if key != "header_row"})


def _previous(whole: Table) -> dict[str, Any]:
    """The join to the tape of the period before; nothing where the mapping has none."""
    if "previous" not in whole.values:
        return {}
    table = whole.table("previous", PREVIOUS_KEYS)
    on = table.values.get("on")
    names = [on] if isinstance(on, str) else on
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise table.fault(': on names the key of a loan, on = "loan_no", or several columns in a list.', "on")
    return {"previous": PreviousRule(tuple(names), _reading(table), table.column("period"))}


def _period(whole: Table, template: Template) -> dict[str, Any]:
    table = whole.table("period", PERIOD_KEYS)
    if len(table.given("column", "sql", "fixed")) != 1:
        raise table.fault(': give one of column = "report_date", sql = "..." or fixed = "2026-10".')
    fixed = table.text("fixed")
    if fixed is not None:
        try:
            template.check_period(fixed)
        except TemplateError as error:
            raise table.fault(f": {error.sentence}", "fixed", rule=error.rule) from error
    return {"period": table.source(), "fixed_period": fixed}


def _borrower(whole: Table) -> dict[str, Any]:
    table = whole.table("borrower", BORROWER_KEYS, required=True)
    for one, other in (("id", "sql"), ("group", "group_sql")):
        if len(table.given(one, other)) == 2:
            raise table.fault(f": give {one} or {other}, not both.", other)
    borrower = table.column("id") or table.expression("sql")
    if borrower is None:
        raise table.fault(': id is missing. Name the column with the borrower\'s key, id = "customer_no".')
    # A place of its own: what is found in one expression must not be taken for the other's.
    group = table.column("group") or table.expression("group_sql", "[borrower] group_sql")
    return {"borrower": borrower, "group": group}


def _dimensions(whole: Table, template: Template) -> tuple[DimensionRule, ...]:
    tables = whole.table("dimensions")
    found: list[DimensionRule] = []
    _check_known(tables, template.dimension_ids, template)
    for dimension in template.dimensions:
        with whole.faults.kept():
            found.append(read_dimension(tables, dimension))
    return tuple(found)


def _measures(whole: Table, template: Template, borrower: Source | None) -> tuple[MeasureRule, ...]:
    tables = whole.table("measures")
    found: list[MeasureRule] = []
    _check_known(tables, template.measure_ids, template)
    for measure in template.measures:
        with whole.faults.kept():
            found.append(read_measure(tables, measure, borrower))
    return tuple(found)


def _check_known(tables: Table, known: Collection[str], template: Template) -> None:
    for name in tables.values:
        if name not in known:
            with tables.faults.kept():
                wrong = Table((*tables.path, name), {}, tables.faults)
                raise wrong.fault(f": template {template.id} has nothing of that name.{suggestion(name, known)}")
