"""What an SQL expression of a mapping file may do: work out one value from the columns of its own row.

A mapping may come from another bank. It reads no file, asks no database and the same row always gives the same value:
no second statement, no query within the expression, and only functions whose result depends on their arguments alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb

# Macros that come with DuckDB are SQL themselves; these are known to be harmless.
_MACROS = frozenset(["date_add", "days_in_month", "fdiv", "fmod", "if", "nullif", "split_part"])
_CLOCKS = frozenset(["current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"])
_REFUSED = {
    "SUBQUERY": "asks a query of its own; an expression reads only the columns of its row",
    "PARAMETER": "has a parameter (? or $) that nobody fills in",
    "STAR": "names all columns at once (*); name each column",
}


def refusal(sql: str) -> str:
    """Why an expression is not allowed, as the rest of a sentence; nothing when it is."""
    # In brackets and in parentheses, each on a line of its own: what closes one of them early cannot close the other.
    listed, tree = _tree(f"SELECT [{sql}\n] FROM tape"), _tree(f"SELECT ({sql}\n) FROM tape")
    if listed is None or tree is None or len(listed.get("arguments", ())) != 1:
        return "is not one SQL expression; look for a missing quote or parenthesis"
    for node in _nodes(tree):
        if node.get("class") in _REFUSED:
            return _REFUSED[node["class"]]
        name = node.get("function_name") or _clock(node)
        if name and not _allowed(str(name).lower(), windowed=node.get("class") == "WINDOW"):
            return f"uses {name}, which a mapping may not"
    return ""


def _tree(query: str) -> Any:
    """The syntax tree of a query with one expression over the tape, or None when it is anything else."""
    try:
        found = json.loads(_parser().cursor().execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0][0])
    except duckdb.Error:
        return None
    if found["error"] or len(found["statements"]) != 1:
        return None
    select = found["statements"][0]["node"]
    if select["type"] != "SELECT_NODE" or len(select["select_list"]) != 1 or not _only_tape(select):
        return None
    return select["select_list"][0]


def _only_tape(select: dict[str, Any]) -> bool:
    clauses = ("where_clause", "having", "qualify", "sample")
    plain = all(not select.get(each) for each in (*clauses, "group_expressions", "modifiers"))
    return plain and not select["cte_map"].get("map") and select["from_table"].get("table_name") == "tape"


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for child in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(child)


def _clock(node: dict[str, Any]) -> str:
    """The name of a column that is the day or the hour where the tape has no such column."""
    names: list[str] = node.get("column_names", [])
    return names[0] if len(names) == 1 and names[0].lower() in _CLOCKS else ""


def _allowed(name: str, *, windowed: bool) -> bool:
    known = _functions()
    return name in known["scalar"] or name in _MACROS or (windowed and name in known["windowed"])


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "enable_external_access": "false",
            "lock_configuration": "true",
            "threads": "1",
        }
    )


@cache
def _functions() -> dict[str, frozenset[str]]:
    """Functions whose result depends on their arguments alone, and those that go over a window of rows."""
    rows = (
        _parser().cursor().execute("SELECT function_name, function_type, stability FROM duckdb_functions()").fetchall()
    )
    unsteady = {name for name, _, stability in rows if stability in {"VOLATILE", "CONSISTENT_WITHIN_QUERY"}}
    scalar = {name for name, kind, stability in rows if kind == "scalar" and stability == "CONSISTENT"}
    windowed = {name for name, kind, _ in rows if kind in {"aggregate", "window"}}
    return {"scalar": frozenset(scalar - unsteady), "windowed": frozenset(windowed)}
