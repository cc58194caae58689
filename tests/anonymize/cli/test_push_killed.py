"""`concord push` killed with SIGKILL at each of its steps: the next run goes on where it was and sends once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anonymize import examples
from anonymize.template import load
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import PERIOD, ROUND, Platform

MAP = Path(examples.__file__).with_name("delinquency.toml")

# Runs the command and kills its own process, as the out-of-memory killer would, before or after a function's work.
DRIVER = """
import importlib, os, signal, sys
when, place, name, *arguments = sys.argv[1:]
holder = importlib.import_module(place.partition(":")[0])
for part in filter(None, place.partition(":")[2].split(".")):
    holder = getattr(holder, part)
real = getattr(holder, name)

def killed(*args, **kwargs):
    if when == "after":
        real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(holder, name, killed)
from anonymize.cli import main
main(arguments)
"""

# The step at which it dies, and whether the next run aggregates again.
STEPS = {
    "while it aggregates": ("before", "anonymize.pipeline", "aggregate", True),
    "before the cube is kept": ("before", "anonymize.pushing", "remember", True),
    "when the cube is kept": ("after", "anonymize.pushing", "remember", False),
    "when the package is kept": ("before", "anonymize.client:Client", "submit", False),
    "when the platform has it": ("after", "anonymize.client:Client", "submit", False),
    "when the receipt is kept": ("before", "anonymize.client:Client", "wait", False),
    "when it was decided": ("after", "anonymize.client:Client", "wait", False),
}


def arguments(tape: Path, *more: str) -> list[str]:
    return ["push", str(tape), "--map", str(MAP), "--period", PERIOD, "--effort", "0", *more]


def killed_at(bank: Bank, tape: Path, when: str, place: str, name: str) -> None:
    temporary = bank.directory / "temporary"
    temporary.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, when, place, name, *arguments(tape)],
        cwd=bank.directory,
        env={**os.environ, "CONCORD_TEMP": str(temporary)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize("step", STEPS)
def test_the_next_run_goes_on_and_sends_once(
    bank: Bank, platform: Platform, tape: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    when, place, name, aggregates_again = STEPS[step]
    killed_at(bank, tape, when, place, name)
    monkeypatch.setenv("CONCORD_TEMP", str(bank.directory / "temporary"))

    (done,) = bank.json(*arguments(tape))["pushes"]

    assert (done["state"], done["resumed"], done["version"]) == ("accepted", not aggregates_again, 1)
    assert len(platform.by_digest) == 1
    assert len(platform.opened) == 1
    assert len(set(platform.idempotency_keys)) == 1
    assert Path(done["receipt"]).exists()
    assert (bank.directory / "accepted" / f"delinquency.{PERIOD}.parquet").exists()
    bank.run("inspect", tape)  # whatever opens a tape next removes the copies that the killed run left
    assert list((bank.directory / "temporary").iterdir()) == []


def test_a_run_killed_while_others_wait_leaves_no_lock(bank: Bank, platform: Platform, tape: Path) -> None:
    killed_at(bank, tape, "before", "anonymize.client:Client", "wait")
    assert (bank.directory / "state" / f"{ROUND}.lock").exists()
    assert bank.run(*arguments(tape)).exit_code == 0


def test_a_tape_that_changed_after_the_kill_is_aggregated_again(bank: Bank, platform: Platform, tape: Path) -> None:
    mine = bank.directory / "loans.parquet"
    mine.write_bytes(tape.read_bytes())
    killed_at(bank, mine, "after", "anonymize.pushing", "remember")
    before = mine.stat()
    mine.write_bytes(tape.read_bytes())
    os.utime(mine, ns=(before.st_atime_ns, before.st_mtime_ns))  # as `cp -p` leaves it
    (done,) = bank.json(*arguments(mine))["pushes"]
    assert done["resumed"] is False


@pytest.mark.parametrize("damage", ["cube.parquet", "cube.json"])
def test_a_kept_cube_that_was_changed_is_made_anew(bank: Bank, platform: Platform, tape: Path, damage: str) -> None:
    killed_at(bank, tape, "after", "anonymize.pushing", "remember")
    (bank.directory / "state" / f"{ROUND}.{damage}").write_text("{}")
    (done,) = bank.json(*arguments(tape))["pushes"]
    assert (done["state"], done["resumed"]) == ("accepted", False)


@pytest.mark.parametrize("when", ["before", "after"])
def test_noise_is_paid_for_once(
    bank: Bank, platform: Platform, tape: Path, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the noise was drawn and paid for, whether or not the cube was kept by then."""
    pytest.importorskip("opendp.prelude", reason="the extra noise is not installed")
    document = json.loads(json.dumps(load("delinquency").source))
    bounds = {each["id"]: 1_000_000 if each["type"] == "amount" else 1 for each in document["measures"]}
    document["protection"] = {"method": "noise", "noise": {"epsilon": 1.0, "mechanism": "laplace", "bounds": bounds}}
    document["disclosure"] = {}
    (bank.directory / "templates").mkdir()
    (bank.directory / "templates" / "delinquency.json").write_text(json.dumps(document))
    monkeypatch.setenv("CONCORD_EPSILON_PER_YEAR", "1.5")

    killed_at(bank, tape, when, "anonymize.pushing", "remember")
    (done,) = bank.json(*arguments(tape))["pushes"]

    assert (done["state"], done["withheld"]) == ("accepted", 0)
    assert len((bank.directory / "privacy" / "ledger.jsonl").read_text().splitlines()) == 1


def test_several_at_once_send_once(bank: Bank, platform: Platform, tape: Path) -> None:
    """Three processes begin together: whoever does not get the round says so, and nothing is sent twice."""
    command = [sys.executable, "-c", "from anonymize.cli import main; main()", *arguments(tape)]
    runs = [subprocess.Popen(command, cwd=bank.directory, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [run.communicate(timeout=60)[1] for run in runs]
    codes = [run.returncode for run in runs]
    assert set(codes) <= {0, 3}
    assert 0 in codes
    assert all("already-running" in text for text, code in zip(said, codes, strict=True) if code == 3)
    assert (len(platform.by_digest), len(set(platform.idempotency_keys))) == (1, 1)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "null",
        '{"cube_sha256": 1, "rkid": 2, "kid": [], "package_sha256": {}, "submission": 5}',
        "[" * 5000,
        "\x00",
    ],
)
def test_a_state_of_any_content_stops_nothing(bank: Bank, platform: Platform, tape: Path, text: str) -> None:
    killed_at(bank, tape, "after", "anonymize.pushing", "remember")
    made_of = json.loads((bank.directory / "state" / f"{ROUND}.cube.json").read_text())
    (bank.directory / "state" / f"{ROUND}.json").write_text(text)
    wrong = text if text.startswith("[") else json.dumps({**made_of, "cells": "many"})
    (bank.directory / "state" / f"{ROUND}.cube.json").write_text(wrong)
    assert bank.run(*arguments(tape)).exit_code == 0
    assert len(platform.by_digest) == 1
