"""Rounding on a bank's machine: one key, kept beside the configuration, and the same cube whenever it is made."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from anonymize.config import Config
from anonymize.protection_key import protection_key
from anonymize.template import load
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import PERIOD


@pytest.fixture
def rounding(machine: Bank) -> Bank:
    """A machine whose collection asks for rounding, with loans and a mapping."""
    document = json.loads(json.dumps(dict(load("delinquency").source)))
    document["protection"] |= {"method": "round", "base": {"ACCOUNTS": 10, "BALANCE": 10_000_000}}
    (machine.directory / "concord.toml").write_text('institution = "CN-001"\n', encoding="utf-8")
    (machine.directory / "templates").mkdir()
    (machine.directory / "templates" / "delinquency.json").write_text(json.dumps(document), encoding="utf-8")
    small = ["--institution", "HUIZHOU-U", "--period", PERIOD, "-o", "loans.csv", "--map", "map.toml", "--quiet"]
    assert machine.run("simulate", *small).exit_code == 0
    return machine


def cube(bank: Bank) -> bytes:
    always = ["--map", "map.toml", "--period", PERIOD, "--institution", "CN-001", "-o", "cube.parquet"]
    result = bank.run("aggregate", "loans.csv", *always)
    assert result.exit_code == 0, result.output
    return (bank.directory / "cube.parquet").read_bytes()


def key(bank: Bank) -> Path:
    return bank.directory / "privacy" / "protection-key"


def test_the_same_tape_is_rounded_the_same_way_by_every_run_with_the_same_key(rounding: Bank) -> None:
    first = cube(rounding)
    assert stat.S_IMODE(key(rounding).stat().st_mode) == 0o600
    assert cube(rounding) == first
    assert rounding.run("check", "cube.parquet").exit_code == 0
    key(rounding).unlink()
    assert cube(rounding) != first


def test_a_damaged_key_is_told_and_not_replaced(rounding: Bank) -> None:
    cube(rounding)
    key(rounding).write_text("00ff", encoding="ascii")
    always = ["--map", "map.toml", "--period", PERIOD, "--institution", "CN-001", "-o", "cube.parquet"]
    result = rounding.run("aggregate", "loans.csv", *always)
    assert result.exit_code == 2
    assert "Restore it from your backup" in result.stderr
    assert key(rounding).read_text(encoding="ascii") == "00ff"


def test_a_collection_that_draws_nothing_needs_no_key(machine: Bank) -> None:
    config = Config(machine.directory)
    assert protection_key(config, load("delinquency")) is None
    assert not key(machine).exists()
