"""An SQL expression of a mapping reads its row and nothing else, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from anonymize.errors import MappingError
from anonymize.mapping import parse_mapping
from anonymize.mappings.expressions import refusal
from anonymize.tape import open_tape
from tests.anonymize.mappings.test_mapped_values import MAPPING, TEMPLATE

HONEST = [
    "a + 1",
    '"贷款余额" * 1.5 -- in thousands',
    "coalesce(a, 0)",
    "datediff('month', origination_date, report_date)",
    "case when a in ('x', 'y') then 1 else 2 end",
    "request || coalesce('/' || decision, '')",
    "try_cast(strptime(d, '%Y%m%d') as date) + interval 3 month",
    "row_number() over (partition by customer order by d)",
    "nullif(if(a > 0, a, b), 0)",
    '"user"',
]
ATTACKS = [
    "1) FROM tape --",
    "1) + (2",
    "1] + [2",
    "1, 2",
    "1; COPY tape TO '/tmp/stolen.csv'",
    "1) FROM tape; ATTACH '/tmp/x.db'; SELECT (1",
    "(SELECT max(content) FROM read_text('/etc/passwd'))",
    "exists(SELECT 1 FROM read_csv('/etc/passwd'))",
    "a IN (FROM other)",
    "'/etc/passwd'.read_text()",
    "getenv('HOME')",
    "current_setting('temp_directory')",
    "write_log('seen')",
    "error(name)",
    "random()",
    "current_date",
    "now()",
    "sum(a)",
    "unnest([1, 2])",
    "columns(*)",
    "*",
    "?",
    "",
    "'",
]


@pytest.mark.parametrize("sql", HONEST)
def test_an_honest_expression_is_allowed(sql: str) -> None:
    assert refusal(sql) == ""


@pytest.mark.parametrize("sql", ATTACKS)
def test_an_expression_that_reaches_beyond_its_row_is_refused(sql: str) -> None:
    assert refusal(sql) != ""


@pytest.mark.parametrize("key", ["where", "period", "dimension", "measure", "currency", "borrower", "group"])
def test_every_expression_of_a_mapping_is_looked_at(key: str) -> None:
    sql = "(SELECT 1)"
    changed = {
        "where": {"tape": {"where": sql}},
        "period": {"period": {"sql": sql}},
        "dimension": {"dimensions": {**MAPPING["dimensions"], "PRODUCT": {"sql": sql}}},
        "measure": {"measures": {"BALANCE": {"sql": sql}}},
        "currency": {"measures": {"BALANCE": {"column": "a", "currency": {"sql": sql, "rates": {}}}}},
        "borrower": {"borrower": {"sql": sql}},
        "group": {"borrower": {"id": "a", "group_sql": sql}},
    }[key]
    with pytest.raises(MappingError) as refused:
        parse_mapping({**MAPPING, **changed}, TEMPLATE)
    assert "asks a query of its own" in refused.value.sentence
    assert refused.value.rule == "expression"


@pytest.mark.parametrize(
    "statement",
    [
        "FROM read_text('{other}')",
        "COPY (SELECT 1) TO '{other}.csv'",
        "ATTACH '{other}.db'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "FROM glob('/etc/*')",
        "FROM secret_table_of_python",
    ],
)
def test_an_open_tape_lets_nothing_else_in_or_out(tmp_path: Path, statement: str) -> None:
    secret_table_of_python = pa.table({"a": [1]})
    other = tmp_path / "other.txt"
    other.write_text("not the tape's", encoding="utf-8")
    tape_file = tmp_path / "tape.csv"
    tape_file.write_text("a,b\n1,2\n", encoding="utf-8")
    with open_tape(tape_file) as tape:
        assert tape.run("SELECT a FROM tape") == [("1",)]
        with pytest.raises(duckdb.Error):
            tape.connection.execute(statement.format(other=other)).fetchall()
    assert secret_table_of_python.num_rows == 1
