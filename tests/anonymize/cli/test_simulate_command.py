"""`concord simulate`: a tape for each collection, with the mapping that fits it."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from tests.anonymize.cli.conftest import Bank


def test_a_tape_and_its_mapping_become_a_cube(machine: Bank) -> None:
    made = machine.json(
        "simulate", "--collection", "vintage", "--loans", "3000", "--period", "2026-Q3", "--map", "map.toml", "-o", "t.parquet"
    )  # fmt: skip
    assert made["rows"] == pq.read_metadata(machine.directory / "t.parquet").num_rows
    assert "previous_tape" not in made
    aggregated = machine.run(
        "aggregate", "t.parquet", "--collection", "vintage", "--map", "map.toml", "--period", "2026-Q3",
        "--institution", "BANK", "-o", "cube.parquet",
    )  # fmt: skip
    assert aggregated.exit_code == 0, aggregated.stderr


def test_migration_gets_the_month_before_too(machine: Bank) -> None:
    made = machine.json(
        "simulate", "--collection", "migration", "--loans", "500", "--period", "2026-10", "-o", "tape.parquet"
    )
    assert made["previous_tape"].endswith("tape-previous.parquet")
    assert made["previous_rows"] == 500
    days = pq.read_table(machine.directory / "tape-previous.parquet")["report_date"].unique().to_pylist()
    assert [str(each) for each in days] == ["2026-09-30"]


@pytest.mark.parametrize(
    ("collection", "period", "sentence"),
    [
        ("vintage", "2026-10", "whose periods look like 2026-Q3"),
        ("risk-model", "2025-Q4", "needs twelve months of them"),
        ("migration", "2025-01", "needs two months of them"),
    ],
)
def test_a_period_that_a_collection_cannot_have_is_refused(
    machine: Bank, collection: str, period: str, sentence: str
) -> None:
    refused = machine.run("simulate", "--collection", collection, "--period", period, "-o", "tape.parquet")
    assert refused.exit_code == 2
    assert sentence in refused.stderr
    assert not (machine.directory / "tape.parquet").exists()


@pytest.mark.parametrize(("collection", "period"), [("migration", "2026-10"), ("vintage", "2026-Q3")])
def test_a_mapping_that_calculates_fits_a_tape_whose_columns_are_text(
    machine: Bank, collection: str, period: str
) -> None:
    always = ["--collection", collection, "--period", period]
    assert machine.run("simulate", *always, "--loans", "300", "--map", "map.toml", "-o", "t.csv").exit_code == 0
    before = ["--previous-tape", "t-previous.csv"] if collection == "migration" else []
    aggregated = machine.run(
        *("aggregate", "t.csv", *before, *always, "--map", "map.toml", "--institution", "BANK"),
        *("-o", "cube.parquet", "--effort", "0", "--dry-run"),
    )
    assert aggregated.exit_code == 0, aggregated.stderr
