"""The part of a mapping's filters that a database may apply itself, because its answer is certain to be the same.

What is not pushed down is filtered here afterwards, so a filter that is left out costs time and nothing else. A row whose
period cannot be read is never filtered out: it has to be refused.
"""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pyarrow as pa

from anonymize.periods import bounds
from anonymize.tapes.reading import PeriodFilter, Wanted
from anonymize.tapes.sql import literal, quoted

_COMPARED = {"COMPARE_EQUAL": "=", "COMPARE_NOTEQUAL": "<>"}
_ORDERED = {
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_LESSTHANOREQUALTO": "<=",
}
_NUMBERS = ("INTEGER", "BIGINT", "DECIMAL", "DOUBLE", "NUMBER")


def pushed_filter(schema: pa.Schema, wanted: Wanted) -> str:
    """` WHERE ...` for PostgreSQL, or nothing."""
    names = {name.casefold(): name for name in schema.names}
    conditions = []
    if wanted.period is not None:
        conditions.append(_of_period(schema, wanted.period))
    if wanted.where is not None:
        condition = _translated(wanted.where, names)
        # A row for which the filter cannot tell has to be refused, so it has to come.
        conditions.append(condition and f"({condition}) IS NOT FALSE")
    certain = [f"({condition})" for condition in conditions if condition is not None]
    return f" WHERE {' AND '.join(certain)}" if certain else ""


def _of_period(schema: pa.Schema, period: PeriodFilter) -> str | None:
    name = next((name for name in schema.names if quoted(name).casefold() == period.expression.casefold()), None)
    if name is None:
        return None
    column, type_ = quoted(name), schema.field(name).type
    if pa.types.is_date(type_) or pa.types.is_timestamp(type_):
        first, after = bounds(period.period)
        return f"{column} IS NULL OR ({column} >= DATE '{first}' AND {column} < DATE '{after}')"
    if len(period.period) != len("2026-10"):
        return None
    year, month = period.period.split("-")
    text, other = f"{column}::text", "^(19|20)[0-9]{2}[-/.]?(0[1-9]|1[0-2])(?![0-9]{3})"
    return f"{column} IS NULL OR {text} !~ '{other}' OR {text} ~ '^{year}[-/.]?{month}'"


def _translated(where: str, names: dict[str, str]) -> str | None:
    """The filter where it only compares columns with constants; None where dialects could differ."""
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        row = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT 1 WHERE {where}"]).fetchone()
    tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if tree["error"] or len(tree["statements"]) != 1:
        return None
    try:
        return _condition(tree["statements"][0]["node"]["where_clause"], names)
    except (KeyError, _NotCertainError):
        return None


class _NotCertainError(Exception):
    """A part of a filter that only DuckDB itself should judge."""


def _condition(node: dict[str, Any], names: dict[str, str]) -> str:
    kind = node["type"]
    if kind in {"CONJUNCTION_AND", "CONJUNCTION_OR"}:
        parts = [f"({_condition(child, names)})" for child in node["children"]]
        return f" {kind.removeprefix('CONJUNCTION_')} ".join(parts)
    if kind in {"OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL"}:
        return f"{_column(node['children'][0], names)} {kind.removeprefix('OPERATOR_').replace('_', ' ')}"
    if kind in {"COMPARE_IN", "COMPARE_NOT_IN"}:
        column, *values = node["children"]
        word = kind.removeprefix("COMPARE_").replace("_", " ")
        return f"{_column(column, names)} {word} ({', '.join(_constant(value) for value in values)})"
    if kind in _COMPARED:
        return f"{_column(node['left'], names)} {_COMPARED[kind]} {_constant(node['right'])}"
    if kind in _ORDERED and node["right"]["literal"]["kind"] in _NUMBERS:
        return f"{_column(node['left'], names)} {_ORDERED[kind]} {_constant(node['right'])}"
    raise _NotCertainError


def _column(node: dict[str, Any], names: dict[str, str]) -> str:
    if node["type"] != "COLUMN_REF" or len(node["column_names"]) != 1:
        raise _NotCertainError
    return quoted(names[node["column_names"][0].casefold()])


def _constant(node: dict[str, Any]) -> str:
    if node["type"] != "VALUE_CONSTANT":
        raise _NotCertainError
    kind, text = node["literal"]["kind"], str(node["literal"]["text"])
    if kind == "STRING" and "\\" not in text and "\0" not in text:
        return literal(text)
    if kind in _NUMBERS:
        return str(float(text)) if "." in text else str(int(text))
    raise _NotCertainError
