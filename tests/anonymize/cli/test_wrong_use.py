"""What a person or a scheduler does wrong is told before any work, in one sentence, and leaves nothing half done."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import duckdb
import pyarrow.csv
import pytest

from anonymize.cli import inspect
from anonymize.errors import ConfigError
from anonymize.files import write_all
from tests.anonymize.cli.conftest import Bank

PERIOD = "2026-10"


@pytest.fixture
def prepared(machine: Bank) -> Bank:
    """A machine with `loans.csv` and `map.toml`, nothing configured."""
    small = ["--loans", "300", "--period", PERIOD, "-o", "loans.csv", "--map", "map.toml", "--quiet"]
    assert machine.run("simulate", *small).exit_code == 0
    return machine


ALWAYS = ["--map", "map.toml", "--period", PERIOD, "--institution", "CN-001", "--effort", "0"]


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (["-o", "cube.csv"], "must end in .parquet"),
        (["-o", "cube.parquet", "--report", "report.pdf"], "must end in .html"),
        (["-o", "nowhere/cube.parquet"], "The folder nowhere is not there"),
        (["-o", "cube.parquet", "--report", "nowhere/report.html"], "The folder nowhere is not there"),
    ],
)
def test_a_file_that_cannot_be_written_is_told_before_the_tape_is_read(
    prepared: Bank, files: list[str], sentence: str
) -> None:
    result = prepared.run("aggregate", "no-such-tape.csv", *ALWAYS, *files)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_an_empty_variable_in_a_script_is_no_tape(prepared: Bank) -> None:
    result = prepared.run("aggregate", "", *ALWAYS, "-o", "cube.parquet")
    assert result.exit_code == 1
    assert "name is empty" in result.stderr


def test_an_effort_that_is_no_number_is_wrong_use(prepared: Bank) -> None:
    assert prepared.run("aggregate", "loans.csv", *ALWAYS, "--effort", "nan", "-o", "cube.parquet").exit_code == 2


def test_wrong_use_is_one_document_where_json_is_asked_for(machine: Bank) -> None:
    result = machine.run("inspect", "--json", "--no-such-option")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["rule"] == "usage"


def test_a_previous_cube_is_of_an_earlier_period(prepared: Bank) -> None:
    assert prepared.run("aggregate", "loans.csv", *ALWAYS, "-o", "cube.parquet").exit_code == 0
    result = prepared.run("check", "cube.parquet", "--previous", "cube.parquet")
    assert result.exit_code == 1
    assert "--previous cube.parquet is a cube of 2026-10, which is not before 2026-10" in result.stderr
    result = prepared.run("check", "cube.parquet", "--previous", "loans.csv")
    assert "--previous loans.csv: " in result.stderr


def test_of_several_files_all_are_written_or_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_all({tmp_path / "one": b"1", tmp_path / "nowhere" / "two": b"2"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_whoever_ends_a_command_is_told_to_run_it_again(
    prepared: Bank, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    # Whoever runs the tests in the background has them ignore the keyboard.
    keyboard = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(inspect, "profile", lambda _: os.kill(os.getpid(), how))
    try:
        result = prepared.run("inspect", "loans.csv")
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, keyboard)
    assert result.exit_code == 3
    assert "run it again" in result.stderr


def test_a_folder_that_cannot_be_made_is_told(machine: Bank) -> None:
    (machine.directory / "taken").write_text("a file", encoding="utf-8")
    result = machine.run("init", "--offline", "--directory", "taken/bank")
    assert result.exit_code == 2
    assert "cannot be made" in result.stderr


def test_a_database_is_inspected_and_mapped_without_a_mapping_file(prepared: Bank) -> None:
    with duckdb.connect(str(prepared.directory / "loans.duckdb")) as connection:
        connection.execute(f"CREATE TABLE loans AS FROM '{prepared.directory / 'loans.csv'}'")
    address = f"duckdb://{prepared.directory / 'loans.duckdb'}"
    assert prepared.run("inspect", address, "--table", "loans").stdout.startswith("300 rows")
    assert "--table" in prepared.run("inspect", address).stderr
    assert prepared.run("map", address, "--table", "loans", "-o", "mapped.toml").exit_code == 0
    assert '[tape]\ntable = "loans"' in (prepared.directory / "mapped.toml").read_text(encoding="utf-8")


def test_a_number_that_no_bin_takes_is_not_quoted(prepared: Bank) -> None:
    table = pyarrow.csv.read_csv(prepared.directory / "loans.csv")
    place = table.column_names.index("days_past_due")
    odd = ["7.7x", *map(str, table["days_past_due"].to_pylist()[1:])]
    pyarrow.csv.write_csv(table.set_column(place, "days_past_due", [odd]), prepared.directory / "bad.csv")
    result = prepared.run("aggregate", "bad.csv", *ALWAYS, "-o", "cube.parquet")
    assert result.exit_code == 1
    assert "1 values outside the bins" in result.stderr
    assert "7.7x" not in result.output


@pytest.mark.parametrize("as_json", [True, False])
def test_a_file_name_in_another_encoding_is_told_all_the_same(prepared: Bank, as_json: bool) -> None:
    """As machines with GBK names have them: `/srv/\\udcc5\\udcfa.csv` to Python, which UTF-8 cannot write."""
    name = os.fsdecode("批.csv".encode("gbk"))
    told = prepared.run("aggregate", name, "-o", "cube.parquet", *ALWAYS, *(["--json"] if as_json else []))
    assert told.exit_code in {1, 2}
    assert "\\udcc5" in (told.stdout if as_json else told.stderr)
    if as_json:
        assert name in json.loads(told.stdout)["error"]["sentence"]


@pytest.mark.parametrize("toml", ['[server]\nurl = "https://x\\u0000y"\nclient_id = "a"\n', "a = " + "[" * 5000])
def test_a_configuration_that_nobody_can_mean_is_told(prepared: Bank, toml: str) -> None:
    Path("concord.toml").write_text(toml, encoding="utf-8")
    told = prepared.run("status", "--json")
    assert (told.exit_code, list(json.loads(told.stdout))) == (2, ["error"])
