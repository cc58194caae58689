"""A bank's machine and a platform on a port of its own, as the commands see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from anonymize.cli import main
from anonymize.simulate import SCENARIOS, simulate_tapes
from anonymize.simulated.institutions import demo_institutions
from tests.anonymize.platform import CLIENT_ID, CLIENT_SECRET, INSTITUTION, PERIOD, Platform

PASSPHRASE = "correct horse battery"


@dataclass(frozen=True)
class Bank:
    directory: Path

    def run(self, *arguments: str | Path) -> Result:
        """A command's result; whatever is not a refusal shows as the defect it is."""
        result = CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)
        assert "Traceback" not in result.output
        return result

    def json(self, *arguments: str | Path) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def address(platform: Platform) -> Iterator[str]:
    with platform.served() as address:
        yield address


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bank:
    """A bank's machine before `concord init`: secrets in the environment, nothing configured."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CONCORD_CONFIG", raising=False)
    monkeypatch.setenv("CONCORD_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("CONCORD_CLIENT_SECRET", CLIENT_SECRET)
    return Bank(tmp_path)


@pytest.fixture
def bank(machine: Bank, platform: Platform, address: str) -> Bank:
    """A bank that is set up, with its key registered."""
    made = machine.json("init", "--institution", INSTITUTION, "--server", address, "--client-id", CLIENT_ID)
    platform.kids[made["public_key"]["kid"]] = made["public_key"]
    return machine


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bank's loans of the round's period."""
    smallest = min(demo_institutions(), key=lambda profile: profile.loans)
    path = tmp_path_factory.mktemp("tape") / "loans.parquet"
    _, table = next(simulate_tapes(smallest, [PERIOD], SCENARIOS["calm"], seed=7))
    pq.write_table(table, path)
    return path
