"""The dimensions of a mapping: where each row's code comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from anonymize.mappings.rules import Bin, DimensionRule
from anonymize.mappings.tables import Table, suggestion
from anonymize.template import Dimension

DIMENSION_KEYS = ("column", "sql", "codes", "bins", "default", "blank", "fixed")
BIN_KEYS = ("upto", "code")
SHOWN_VALUES = 5


def read_dimension(tables: Table, dimension: Dimension) -> DimensionRule:
    """The rule of one dimension, from the table of its name."""
    if dimension.id not in tables.values:
        missing = Table((*tables.path, dimension.id), {}, tables.faults)
        raise missing.missing(": the template needs every dimension. Add the table with the column it comes from")
    table = tables.table(dimension.id, DIMENSION_KEYS)
    given = table.given("column", "sql", "fixed")
    if len(given) != 1:
        raise table.fault(": give exactly one of column, sql or fixed.")
    if "codes" in table.values and "bins" in table.values:
        raise table.fault(": codes and bins exclude each other.", "bins")
    for key in ("default", "blank", "fixed"):
        _check_leaf(table, key, table.text(key), dimension, key)
    if given == ["fixed"]:
        return DimensionRule(dimension.id, None, {}, (), table.values["fixed"])
    codes, bins = _codes(table, dimension), _bins(table, dimension)
    return DimensionRule(
        dimension.id, table.source(), codes, bins, table.values.get("default"), table.values.get("blank")
    )


def _codes(table: Table, dimension: Dimension) -> Mapping[str, str]:
    if "bins" in table.values:
        return {}
    if "codes" not in table.values:
        return {code: code for code in dimension.code_list.leaves}
    codes = table.values["codes"]
    if not isinstance(codes, dict) or not codes:
        raise table.fault(': codes is a table of tape value = template code, { "按揭" = "MORTGAGE" }.', "codes")
    _check_chosen(table, codes)
    for value, code in codes.items():
        with table.faults.kept():
            _check_leaf(table, "codes", code or None, dimension, "codes", value)
    return {value.strip(): code for value, code in codes.items()}


def _check_chosen(table: Table, codes: Mapping[str, Any]) -> None:
    """One fault for all codes that `concord map` left open."""
    open_ones = [value for value, code in codes.items() if code == ""]
    if open_ones:
        more = f" and {len(open_ones) - SHOWN_VALUES} more" if len(open_ones) > SHOWN_VALUES else ""
        with table.faults.kept():
            shown = ", ".join(map(repr, open_ones[:SHOWN_VALUES]))
            raise table.fault(f": choose a code for {shown}{more}.", "codes", open_ones[0], rule="unknown-code")


def _bins(table: Table, dimension: Dimension) -> tuple[Bin, ...]:
    entries = table.values.get("bins", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise table.fault(': bins is a list of { upto = 29, code = "..." }.', "bins")
    found: list[Bin] = []
    for place, entry in enumerate(entries):
        with table.faults.kept():
            found.append(_bin(table, place, entry, dimension, found))
    return tuple(found)


def _bin(table: Table, place: int, entry: Mapping[str, Any], dimension: Dimension, before: list[Bin]) -> Bin:
    number, path = place + 1, ("bins", str(place))
    for key in entry:
        if key not in BIN_KEYS:
            raise table.fault(f": bin {number}: {key!r} is not a known key.{suggestion(key, BIN_KEYS)}", *path, key)
    _check_leaf(table, f"bin {number}", entry.get("code", ""), dimension, *path, "code")
    upto = entry.get("upto", math.inf)
    if isinstance(upto, bool) or not isinstance(upto, int | float) or math.isnan(upto):
        raise table.fault(f": upto of bin {number} is a number.", *path, "upto")
    if before and upto <= before[-1].upto:
        raise table.fault(f": bin {number} must reach further than the one before it.", *path)
    return Bin(float(upto), entry["code"])


def _check_leaf(table: Table, what: str, code: Any, dimension: Dimension, *path: str) -> None:
    if code is None:
        return
    leaves = dimension.code_list.leaves
    if not isinstance(code, str) or code not in dimension.code_list.by_id:
        raise table.fault(
            f": {what} names {code!r}, which is no code of {dimension.id}.{suggestion(str(code), leaves)}",
            *path,
            rule="unknown-code",
        )
    if code not in leaves:
        raise table.fault(
            f": {what} names {code!r}, which is a total; loans go to the codes below it.", *path, rule="unknown-code"
        )
