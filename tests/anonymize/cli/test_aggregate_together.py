"""`concord aggregate` with several collections of one tape, as a data engineer types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from anonymize.cube import read_cube
from anonymize.template import load, parse
from tests.anonymize.cli.conftest import Bank

PERIOD = "2026-10"


@pytest.fixture
def bank(machine: Bank) -> Bank:
    """A machine with a tape, a mapping, and a second collection of the same loans, by product and days past due only."""
    small = ["--institution", "HUIZHOU-U", "--period", PERIOD, "-o", "loans.csv", "--map", "map.toml", "--quiet"]
    assert machine.run("simulate", *small).exit_code == 0
    source = load("delinquency").source
    kept = [each for each in source["dimensions"] if each["id"] in ("PRODUCT", "DPD_BUCKET")]
    (machine.directory / "concord.toml").write_text('institution = "CN-001"\n', encoding="utf-8")
    folder = machine.directory / "templates"
    folder.mkdir()
    second = {**source, "id": "arrears", "dimensions": kept, "checks": source["checks"][:2]}
    (folder / "arrears.json").write_text(json.dumps(second), encoding="utf-8")
    _write_second_mapping(machine.directory)
    return machine


def _write_second_mapping(folder: Path) -> None:
    text = (folder / "map.toml").read_text(encoding="utf-8")
    tables = text.split("\n[")
    kept = [each for each in tables if not each.startswith(("dimensions.REGION", "dimensions.RISK_TIER"))]
    (folder / "arrears.toml").write_text("\n[".join(kept), encoding="utf-8")


TWO = ["--map", "map.toml", "--collection", "delinquency", "--map", "arrears.toml", "--collection", "arrears"]
ALWAYS = ["--period", PERIOD, "--institution", "CN-001", "--effort", "0"]


def test_two_collections_become_two_cubes_that_withhold_the_same_figures(bank: Bank) -> None:
    result = bank.run("aggregate", "loans.csv", *TWO, *ALWAYS, "-o", "cubes", "--report", "reports")
    assert result.exit_code == 0, result.output
    templates = (
        load("delinquency"),
        parse(json.loads((bank.directory / "templates" / "arrears.json").read_text("utf-8"))),
    )
    wide, narrow = (read_cube(bank.directory / "cubes" / f"{each.id}.parquet", each) for each in templates)
    there = {name: wide.table.column(name).to_numpy(zero_copy_only=False) for name in wide.table.column_names}
    totals = (there["REGION"] == "_T") & (there["RISK_TIER"] == "_T")
    assert np.array_equal(wide.withheld[totals], narrow.withheld)
    assert {each.name for each in (bank.directory / "reports").iterdir()} == {"delinquency.html", "arrears.html"}


def test_a_dry_run_of_several_writes_nothing(bank: Bank) -> None:
    result = bank.run("aggregate", "loans.csv", *TWO, *ALWAYS, "-o", "cubes", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    assert [each["collection"] for each in json.loads(result.stdout)["cubes"]] == ["delinquency", "arrears"]
    assert not (bank.directory / "cubes").exists()


def test_every_collection_has_its_own_mapping(bank: Bank) -> None:
    result = bank.run("aggregate", "loans.csv", *TWO[:-2], *ALWAYS, "-o", "cubes")
    assert result.exit_code == 2
    assert "one --map for each --collection" in result.stderr


def test_several_cubes_go_into_a_folder_and_one_into_a_file(bank: Bank) -> None:
    assert "this is a folder" in bank.run("aggregate", "loans.csv", *TWO, *ALWAYS, "-o", "map.toml").stderr
    one = bank.run("aggregate", "loans.csv", "--map", "map.toml", *ALWAYS, "-o", "templates")
    assert one.exit_code == 2
    assert "must end in .parquet" in one.stderr
