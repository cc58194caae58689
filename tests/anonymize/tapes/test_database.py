"""A table or a query in PostgreSQL is a tape: only what is needed comes, nothing is written, no password is shown."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb
import psycopg
import pyarrow as pa
import pytest

from anonymize.errors import ConcordError, ConfigError, LoanTapeError, ServerError
from anonymize.periods import period_of
from anonymize.tape import open_tape
from anonymize.tapes.database import shown_place
from anonymize.tapes.pushdown import pushed_filter
from anonymize.tapes.reading import PeriodFilter, Reading, Wanted
from anonymize.tapes.sql import quoted

SERVER = os.environ.get("CONCORD_TEST_SERVER", "postgres://postgres@127.0.0.1:5432")
LOANS = """
    CREATE TABLE loans (
        report_date date, loan_no numeric(20), branch smallint, balance numeric(14, 2), rate numeric, name text,
        "Status" char(6), seen timestamptz, tags int[]
    );
    INSERT INTO loans SELECT date '2026-08-31' + (i % 3) * interval '1 month', 12345678901234567000 + i, 7, i / 100.0, i / 3.0,
        'Ada Secret', CASE WHEN i % 2 = 0 THEN 'open' ELSE 'sold' END, '2026-10-31 23:30+00', '{1}'
    FROM generate_series(1, 3000) AS i;
    INSERT INTO loans (loan_no) VALUES (1);
"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a database with a table `loans`."""
    try:
        server = psycopg.connect(f"{SERVER}/postgres", connect_timeout=3, autocommit=True)
    except psycopg.OperationalError:
        pytest.skip(f"no PostgreSQL server answers at {urlsplit(SERVER).hostname}")
    name = f"concord_tape_{secrets.token_hex(4)}"
    with server:
        server.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(f"{SERVER}/{name}") as database:
            database.execute(LOANS)
        yield f"{SERVER}/{name}"
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def wanted(*columns: str, period: str | None = None, where: str | None = None) -> Wanted:
    def choose(names: Any) -> list[str]:
        return [name for name in names if name in columns]

    return Wanted(choose, None if period is None else of(period), where)


def of(period: str, expression: str = '"report_date"') -> PeriodFilter:
    return PeriodFilter(expression, period, partial(period_of, frequency="M"))


def refused(source: str, **reading: Any) -> ConcordError:
    with pytest.raises(ConcordError) as caught, open_tape(source, reading=Reading(**reading)):
        pass
    assert "Secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.server
def test_only_the_needed_columns_come_in_types_that_keep_them_exact(address: str) -> None:
    chosen = wanted("report_date", "loan_no", "branch", "balance", "rate", "seen", "tags")
    with open_tape(address, reading=Reading(table="public.loans"), wanted=chosen) as tape:
        assert [(column.name, column.type) for column in tape.columns] == [
            ("report_date", "DATE"),
            ("loan_no", "VARCHAR"),
            ("branch", "SMALLINT"),
            ("balance", "DOUBLE"),
            ("rate", "VARCHAR"),
            ("seen", "TIMESTAMP"),
            ("tags", "VARCHAR"),
        ]
        assert tape.run("SELECT count(*), min(loan_no), round(sum(balance), 2) FROM tape") == [
            (3001, "1", 45015.0),
        ]
        assert tape.files == (shown_place(address),)


@pytest.mark.server
def test_the_period_and_the_filter_are_applied_where_the_data_is(address: str) -> None:
    needs = wanted("report_date", "Status", period="2026-10", where="(status <> 'sold'\n)")
    with open_tape(address, reading=Reading(table="loans"), wanted=needs) as tape:
        # Rows without a period or a status are for the mapping to refuse.
        assert tape.run('SELECT report_date::VARCHAR, trim("Status"), count(*) FROM tape GROUP BY ALL ORDER BY 1') == [
            ("2026-10-31", "open", 500),
            (None, None, 1),
        ]


@pytest.mark.server
def test_a_query_is_a_tape(address: str) -> None:
    query = "WITH recent AS (SELECT * FROM loans WHERE branch = 7) SELECT loan_no, ';' AS mark FROM recent -- all\n;"
    with open_tape(address, reading=Reading(query=query)) as tape:
        assert tape.run("SELECT count(*) FROM tape") == [(3000,)]


@pytest.mark.server
@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("DROP TABLE loans", "one SELECT statement"),
        ("SELECT 1; DROP TABLE loans", "one SELECT statement"),
        ("SELECT 1) AS tape; DROP TABLE loans; --", "one SELECT statement"),
        ("WITH gone AS (DELETE FROM loans RETURNING *) SELECT * FROM gone", "not valid SQL"),
        ("SELECT nextval('loans_seen')", "would write"),
        ("SELECT set_config('transaction_read_only', 'off', false), nextval('loans_seen')", "fails on a row"),
        ("SELECT 1 / (branch - 7) AS x FROM loans", "fails on a row"),
        ("SELECT name::int AS x FROM loans", "fails on a row"),
        ("SELECT nothing FROM loans", "a column that is not there"),
        ("SELECT * FROM nothing", "no such table"),
    ],
)
def test_a_query_that_writes_or_fails_is_refused_without_a_value(address: str, query: str, says: str) -> None:
    with psycopg.connect(address) as database:
        database.execute("CREATE SEQUENCE IF NOT EXISTS loans_seen")
    sentence = refused(address, query=query).sentence
    assert says in sentence
    with psycopg.connect(address) as database:
        assert database.execute("SELECT count(*) FROM loans").fetchone() == (3001,)
        assert database.execute("SELECT is_called FROM loans_seen").fetchone() == (False,)


@pytest.mark.server
def test_the_address_may_come_from_the_environment(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOANS_URL", address)
    with open_tape("postgresql://", reading=Reading(table="loans", url_env="LOANS_URL")) as tape:
        assert tape.files == ("postgresql://",)
    parts = urlsplit(address)
    monkeypatch.setenv("PGHOST", str(parts.hostname))
    monkeypatch.setenv("PGPORT", str(parts.port))
    monkeypatch.setenv("PGUSER", str(parts.username))
    monkeypatch.setenv("PGDATABASE", parts.path[1:])
    with open_tape("postgresql://", reading=Reading(table="loans")) as tape:
        assert tape.run("SELECT count(*) FROM tape") == [(3001,)]
    monkeypatch.delenv("LOANS_URL")
    assert isinstance(refused("postgresql://", table="loans", url_env="LOANS_URL"), ConfigError)


@pytest.mark.server
def test_a_wrong_account_or_database_is_refused_without_the_password(address: str) -> None:
    port = urlsplit(address).port
    error = refused(f"postgresql://nobody:Secret@127.0.0.1:{port}/x", table="loans")
    assert isinstance(error, ConfigError)
    assert "refuses this user or password" in error.sentence
    assert "no such database" in refused(f"{SERVER}/nothing", table="loans").sentence


@pytest.mark.server
def test_a_database_and_a_file_are_joined(address: str) -> None:
    from anonymize.tapes.join import Joined, Previous

    past = pa.table({"report_date": ["2026-09-30"], "loan_no": ["12345678901234567002"]})
    previous = Previous(past, Reading(), ("loan_no",), of("2026-09"), ('"report_date"',))
    query = "SELECT * FROM loans WHERE report_date IS NOT NULL"
    with open_tape(
        address, reading=Reading(query=query), wanted=Wanted(list, of("2026-10")), previous=previous
    ) as tape:
        assert tape.joined == Joined(1, 0, 999)


def test_a_database_that_is_down_may_be_tried_again() -> None:
    error = refused("postgresql://ada:Secret@127.0.0.1:9/loans", table="loans")
    assert isinstance(error, ServerError)
    assert error.retryable
    assert error.sentence.startswith("postgresql://127.0.0.1:9/loans cannot be reached.")


def test_an_address_is_shown_without_user_and_password() -> None:
    assert (
        shown_place("postgresql://ada:Secret@db.bank:5433/loans?password=Secret") == "postgresql://db.bank:5433/loans"
    )
    assert shown_place("postgresql://ada:Sec@ret@db/loans") == "postgresql://db/loans"
    assert shown_place("postgres://ada:Secret@[bad/loans") == "postgresql://..."
    assert shown_place("tape.csv") == "tape.csv"


def test_a_bad_address_shows_nothing_of_itself() -> None:
    assert "not valid" in refused("postgresql://ada:Se%cret@127.0.0.1:9/x", table="loans").sentence


def test_a_table_or_a_query_is_needed() -> None:
    assert "either table" in refused("postgresql://127.0.0.1:9/x").sentence
    assert "either table" in refused("postgresql://127.0.0.1:9/x", table="a", query="SELECT 1").sentence


@pytest.mark.parametrize(
    ("where", "pushed"),
    [
        ("status <> 'sold'", "\"Status\" <> 'sold'"),
        (
            "Status IN ('a', 'b''c') AND (dpd >= 30 OR dpd IS NULL)",
            "(\"Status\" IN ('a', 'b''c')) AND ((\"dpd\" >= 30) OR (\"dpd\" IS NULL))",
        ),
        ("dpd = -1", '"dpd" = -1'),
        ("status > 'a'", None),
        ("lower(status) = 'open'", None),
        ("dpd = (SELECT 1)", None),
        ("1 = 1; DROP TABLE loans", None),
        ("nothing = 1", None),
        ("not sql at all(", None),
    ],
)
def test_only_what_any_database_answers_alike_is_pushed_down(where: str, pushed: str | None) -> None:
    schema = pa.schema({"Status": pa.string(), "dpd": pa.int64()})
    filter_ = pushed_filter(schema, Wanted(list, None, where))
    assert filter_ == ("" if pushed is None else f" WHERE (({pushed}) IS NOT FALSE)")


@pytest.mark.server
@pytest.mark.parametrize("period", ["2026-10", "2026-01"])
def test_no_row_whose_period_is_wanted_or_unreadable_is_left_behind(address: str, period: str) -> None:
    texts = [None, "", "x", "2026-10-31", " 2026-10", "202610", "20261031", "2026/10/1", "2026.10", "2026年10月", "2026-1", "2026-1-3",
             "202601", "2026-09", "20260930", "2025-10", "202610123", "2026101234", "1026-10", "2026-13", "2026-1x"]  # fmt: skip
    condition = pushed_filter(pa.schema({"p": pa.string()}), Wanted(list, of(period, quoted("p"))))
    with psycopg.connect(address) as database:
        found = database.execute(
            f"SELECT p FROM unnest(%s::text[]) AS t(p) {condition.replace('%', '%%')}", [texts]
        ).fetchall()
    kept = {row[0] for row in found}
    for text in texts:
        stands_for = None if text is None else period_of(text, "M")
        assert text in kept or stands_for not in {None, period}, text
    assert not {"2026-09", "20260930", "2025-10"} & kept


def test_a_duckdb_file_is_a_tape(tmp_path: Path) -> None:
    path = tmp_path / "bank.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("CREATE SCHEMA core; CREATE TABLE core.loans AS SELECT 1 AS loan_no, 'Ada Secret' AS name")
    with open_tape(f"duckdb://{path}", reading=Reading(table="core.loans"), wanted=wanted("loan_no")) as tape:
        assert tape.run("FROM tape") == [(1,)]
    with open_tape(f"duckdb://{path}", reading=Reading(query="SELECT loan_no + 1 AS n FROM core.loans")) as tape:
        assert tape.run("FROM tape") == [(2,)]
    assert "does not work there" in refused(f"duckdb://{path}", table="nothing").sentence
    assert refused(f"duckdb://{tmp_path}/none", table="x").rule == "no-such-tape"
    (tmp_path / "x").write_text("no database")
    assert "is not a DuckDB file" in refused(f"duckdb://{tmp_path}/x", table="x").sentence
    assert isinstance(refused("mysql://host/x"), LoanTapeError)
