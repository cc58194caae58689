"""simulate, inspect, aggregate and check, as a data engineer types them."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from click.testing import Result

from anonymize.cube import read_cube
from anonymize.template import load
from tests.anonymize.cli.conftest import Bank

PERIOD = "2026-10"


@pytest.fixture
def prepared(machine: Bank) -> Bank:
    """A machine with `loans.csv` and `map.toml`, nothing configured."""
    small = ["--institution", "HUIZHOU-U", "--period", PERIOD, "-o", "loans.csv", "--map", "map.toml", "--quiet"]
    assert machine.run("simulate", *small).exit_code == 0
    return machine


def aggregated(bank: Bank, tape: str = "loans.csv", *more: str, period: str = PERIOD) -> Result:
    always = ["--map", "map.toml", "--period", period, "--institution", "CN-001", "-o", "cube.parquet", "--effort", "0"]
    return bank.run("aggregate", tape, *always, "--report", "report.html", *more)


def refused(bank: Bank, result: Result, code: int = 1) -> str:
    """The sentence of a refusal, after which no file may be there that was not before."""
    assert result.exit_code == code, result.output
    there = {path.name for path in bank.directory.iterdir() if path.is_file()}
    assert there <= {"loans.csv", "map.toml", "bad.csv"}
    return result.stderr


def rewritten(bank: Bank, column: str, values: pa.Array) -> None:
    """`bad.csv`: the loans with one column replaced."""
    table = pyarrow.csv.read_csv(bank.directory / "loans.csv")
    place = table.column_names.index(column)
    pyarrow.csv.write_csv(table.set_column(place, column, values), bank.directory / "bad.csv")


def test_a_tape_becomes_a_cube_and_a_report(prepared: Bank) -> None:
    result = aggregated(prepared)
    assert result.exit_code == 0, result.output
    assert "Cube written to cube.parquet." in result.stdout
    cube = read_cube(prepared.directory / "cube.parquet", load("delinquency"), period=PERIOD, institution="CN-001")
    assert cube.withheld.any()
    assert not cube.withheld.all()
    assert "<html" in (prepared.directory / "report.html").read_text(encoding="utf-8")


def test_the_report_is_written_for_machines_where_its_name_says_so(prepared: Bank) -> None:
    assert aggregated(prepared, "loans.csv", "--report", "report.json").exit_code == 0
    facts = json.loads((prepared.directory / "report.json").read_text(encoding="utf-8"))
    assert facts["may_leave"] is True
    assert facts["published"] + facts["withheld"] == facts["cells"]


def test_a_dry_run_says_what_would_leave_and_writes_nothing(prepared: Bank) -> None:
    result = aggregated(prepared, "loans.csv", "--dry-run")
    assert "withheld" in result.stdout
    assert "written" not in result.stdout
    assert {path.name for path in prepared.directory.iterdir() if path.is_file()} == {"loans.csv", "map.toml"}


def test_the_same_tape_gives_the_same_cube_from_csv_and_from_parquet(prepared: Bank) -> None:
    assert aggregated(prepared, "loans.csv").exit_code == 0
    first = (prepared.directory / "cube.parquet").read_bytes()
    prepared.run("simulate", "--institution", "HUIZHOU-U", "--period", PERIOD, "-o", "loans.parquet")
    assert aggregated(prepared, "loans.parquet").exit_code == 0
    assert (prepared.directory / "cube.parquet").read_bytes() == first


def test_machines_get_one_document_and_nothing_else(prepared: Bank) -> None:
    document = prepared.json(
        *(
            "aggregate",
            "loans.csv",
            "--map",
            "map.toml",
            "--period",
            PERIOD,
            "--institution",
            "CN-001",
            "-o",
            "cube.parquet",
        )
    )
    assert document["report"] is None
    assert document["summary"]["cells"] == document["summary"]["published"] + document["summary"]["withheld"]
    assert document["summary"]["may_leave"] is True


def test_quiet_says_nothing(prepared: Bank) -> None:
    result = aggregated(prepared, "loans.csv", "--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_a_checked_cube_is_ready_to_be_sealed(prepared: Bank) -> None:
    aggregated(prepared)
    result = prepared.run("check", "cube.parquet", "--period", PERIOD)
    assert result.exit_code == 0
    assert result.stdout.endswith("cube.parquet, delinquency 2026-10: Ready to be sealed.\n")
    assert prepared.json("check", "cube.parquet")["accepted"] is True


def test_a_cube_that_contradicts_itself_is_not_ready(prepared: Bank) -> None:
    aggregated(prepared)
    path = prepared.directory / "cube.parquet"
    table = pq.read_table(path)
    largest = pc.max(table["ACCOUNTS"]).as_py()
    fewer = pc.if_else(pc.equal(table["ACCOUNTS"], largest), pa.scalar(11, pa.int64()), table["ACCOUNTS"])
    pq.write_table(table.set_column(table.column_names.index("ACCOUNTS"), "ACCOUNTS", fewer), path)
    result = prepared.run("check", "cube.parquet")
    assert result.exit_code == 1
    assert "Error (borrowers-within-accounts): " in result.stdout
    assert result.stdout.endswith("Not ready to be sealed.\n")
    assert str(largest) not in result.output


def test_a_cube_of_another_period_is_refused(prepared: Bank) -> None:
    aggregated(prepared)
    result = prepared.run("check", "cube.parquet", "--period", "2026-09", "--json")
    assert result.exit_code == 1
    assert '"rule": "wrong-period"' in result.stdout


def test_a_file_that_is_no_cube_is_refused(prepared: Bank) -> None:
    result = prepared.run("check", "loans.csv")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error (")


def test_a_tape_of_another_period_writes_nothing(prepared: Bank) -> None:
    assert "The tape has no row of 2026-09; it is of 2026-10." in refused(
        prepared, aggregated(prepared, period="2026-09")
    )


def test_a_period_of_another_frequency_writes_nothing(prepared: Bank) -> None:
    assert "2026-Q4" in refused(prepared, aggregated(prepared, period="2026-Q4"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty"),
        (b"report_date,loan_no\n", "no rows"),
        (b"a,a\n1,2\n", "there twice"),
        (b"a,b\n1\n", "fields instead of"),
        (bytes(range(256)), "not a text file"),
    ],
    ids=["empty", "header-only", "duplicate", "truncated", "binary"],
)
def test_an_unreadable_tape_writes_nothing(prepared: Bank, content: bytes, sentence: str) -> None:
    (prepared.directory / "bad.csv").write_bytes(content)
    assert sentence in refused(prepared, prepared.run("inspect", "bad.csv"))
    refused(prepared, aggregated(prepared, "bad.csv"))


def test_a_tape_cut_off_in_the_middle_of_a_row_writes_nothing(prepared: Bank) -> None:
    whole = (prepared.directory / "loans.csv").read_bytes()
    (prepared.directory / "bad.csv").write_bytes(whole[: len(whole) // 2].rsplit(b",", 3)[0])
    assert "fields instead of" in refused(prepared, aggregated(prepared, "bad.csv"))


def test_a_tape_that_is_not_there_writes_nothing(prepared: Bank) -> None:
    assert "There is no file" in refused(prepared, aggregated(prepared, "none.csv"))


def test_a_missing_column_writes_nothing(prepared: Bank) -> None:
    table = pyarrow.csv.read_csv(prepared.directory / "loans.csv").drop_columns(["balance"])
    pyarrow.csv.write_csv(table, prepared.directory / "bad.csv")
    assert "[measures.BALANCE]: the tape has no column 'balance'." in refused(prepared, aggregated(prepared, "bad.csv"))


def test_an_unmapped_dimension_writes_nothing(prepared: Bank) -> None:
    mapping = (prepared.directory / "map.toml").read_text(encoding="utf-8")
    (prepared.directory / "map.toml").write_text(
        mapping.replace("[dimensions.RISK_TIER]", "[dimensions.RISK]"), encoding="utf-8"
    )
    assert "Did you mean 'RISK_TIER'" in refused(prepared, aggregated(prepared))


def test_an_unknown_code_writes_nothing(prepared: Bank) -> None:
    rewritten(prepared, "grade", pa.array(["A"] * 1_199 + ["Z9"]))
    assert "1 rows of column 'grade' hold 1 values outside the codes: 'Z9'" in refused(
        prepared, aggregated(prepared, "bad.csv")
    )


@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        ("customer_no", [f"1391234{number:04}" for number in range(1_200)], "phone numbers"),
        ("customer_no", ["11010519491231002X"] * 1_200, "national identity numbers"),
        ("customer_no", ["6228480402564890018"] * 1_200, "bank card numbers"),
        ("customer_no", [f"王{chr(0x5EFA + number)}" for number in range(1_200)], "names of people"),
    ],
)
def test_a_tape_with_identifiers_writes_nothing(prepared: Bank, column: str, values: list[str], what: str) -> None:
    rewritten(prepared, column, pa.array(values))
    sentence = refused(prepared, aggregated(prepared, "bad.csv"))
    assert f"[borrower]: column 'customer_no' holds {what}" in sentence
    assert values[0] not in sentence
    inspected = prepared.run("inspect", "bad.csv")
    assert f"customer_no: {what}" in inspected.stdout
    assert values[0] not in inspected.output


def test_a_missing_institution_is_a_matter_of_configuration(prepared: Bank) -> None:
    result = prepared.run("aggregate", "loans.csv", "--map", "map.toml", "--period", PERIOD, "-o", "cube.parquet")
    assert "There is no institution" in refused(prepared, result, code=2)


def test_inspect_shows_what_a_mapping_needs_and_nobodys_key(prepared: Bank) -> None:
    document = prepared.json("inspect", "loans.csv")
    columns = {column["name"]: column for column in document["columns"]}
    assert document["rows"] == 1_200
    assert columns["report_date"]["range"] == [str(datetime.date(2026, 10, 31))] * 2
    assert columns["days_past_due"]["kind"] == "whole number"
    assert columns["grade"]["codes"]
    assert set(columns["grade"]["codes"]) <= set("ABCDE")
    assert columns["customer_no"]["codes"] == columns["customer_no"]["range"] == []
    assert document["identifiers"] == []


def test_a_number_that_is_a_key_shows_no_range(machine: Bank) -> None:
    keys = [70_000_000 + 13 * number for number in range(500)]
    pyarrow.csv.write_csv(pa.table({"customer": keys, "branch": ["7"] * 500}), machine.directory / "tape.csv")
    columns = {column["name"]: column for column in machine.json("inspect", "tape.csv")["columns"]}
    assert columns["customer"]["range"] == []
    assert columns["branch"]["range"] == ["7", "7"]


def test_simulate_writes_the_same_bytes_for_the_same_seed(machine: Bank) -> None:
    common = ("simulate", "--loans", "500", "--scenario", "wave", "--period", PERIOD, "--provinces", "CN-ZJ,CN-XJ")
    for name, seed in (("a.parquet", "7"), ("b.parquet", "7"), ("c.parquet", "8")):
        assert machine.run(*common, "--seed", seed, "-o", name).exit_code == 0
    first, second, third = ((machine.directory / name).read_bytes() for name in ("a.parquet", "b.parquet", "c.parquet"))
    assert first == second != third


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--period", "2024-12"], "begin in 2025-01"),
        (["--period", "2026-Q4"], "whose periods look like 2026-10"),
        (["--period", PERIOD, "--provinces", "CN-XX"], "'CN-XX' is no province"),
        (["--period", PERIOD, "--institution", "NOBODY"], "no institution 'NOBODY'"),
    ],
)
def test_what_cannot_be_simulated_is_said(machine: Bank, arguments: list[str], sentence: str) -> None:
    result = machine.run("simulate", *arguments, "-o", "tape.csv")
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (machine.directory / "tape.csv").exists()


def test_a_tape_is_written_as_csv_or_parquet_only(machine: Bank) -> None:
    result = machine.run("simulate", "--period", PERIOD, "-o", "tape.xlsx")
    assert (result.exit_code, Path("tape.xlsx").exists()) == (2, False)
    assert "as .parquet or .csv, not as .xlsx" in result.stderr
