from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymize import examples
from anonymize.cube import cube_of, read_cube, write_cube
from anonymize.files import only_one
from anonymize.template import load
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import INSTITUTION, PERIOD, ROUND, Platform

MAP = Path(examples.__file__).with_name("delinquency.toml")


def push(bank: Bank, tape: Path, *more: str):
    return bank.run("push", tape, "--map", MAP, "--period", PERIOD, "--effort", "0", *more)


def test_a_tape_becomes_an_accepted_submission(bank: Bank, platform: Platform, tape: Path) -> None:
    done = push(bank, tape)
    assert (done.exit_code, "is accepted" in done.stdout) == (0, True)
    assert len(platform.opened) == 1
    assert "<html" in (bank.directory / "reports" / f"{ROUND}.html").read_text(encoding="utf-8").lower()


def test_a_dry_run_prepares_everything_and_sends_nothing(bank: Bank, platform: Platform, tape: Path) -> None:
    done = push(bank, tape, "--dry-run")
    assert (done.exit_code, "Nothing was sent." in done.stdout, platform.sent("POST")) == (0, True, 0)


def test_running_twice_sends_once(bank: Bank, platform: Platform, tape: Path) -> None:
    first, second = json.loads(push(bank, tape, "--json").stdout), json.loads(push(bank, tape, "--json").stdout)
    assert first == second
    assert platform.sent("POST") == 1


def test_a_push_that_was_interrupted_sends_the_same_bytes_again(bank: Bank, platform: Platform, tape: Path) -> None:
    """The machine stops after the server stored the package, before the answer was written down."""
    push(bank, tape)
    state = bank.directory / "state" / f"{ROUND}.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "submission": ""}))
    assert push(bank, tape).exit_code == 0
    assert (platform.sent("POST"), len(platform.by_digest)) == (2, 1)
    assert len(set(platform.idempotency_keys)) == 1


def test_running_again_after_the_round_closed_still_tells_what_became_of_it(
    bank: Bank, platform: Platform, tape: Path
) -> None:
    push(bank, tape)
    platform.state = "closed"
    assert push(bank, tape).exit_code == 0


def test_what_was_withdrawn_may_be_sent_again(bank: Bank, platform: Platform, tape: Path) -> None:
    push(bank, tape)
    withdrawn = next(iter(platform.by_digest.values()))
    platform.decision = withdrawn["state"] = "withdrawn"
    again = push(bank, tape)
    assert (platform.sent("POST"), "version 2" in again.stdout) == (2, True)


def test_a_template_of_another_version_than_the_rounds_is_fetched(bank: Bank, platform: Platform, tape: Path) -> None:
    old = {**load("delinquency").source, "version": "0.9.0"}
    (bank.directory / "templates").mkdir()
    (bank.directory / "templates" / "delinquency.json").write_text(json.dumps(old))
    assert push(bank, tape).exit_code == 0
    version = load("delinquency").version
    assert ("GET", f"/api/v1/collections/delinquency/versions/{version}") in platform.log


def test_a_lost_or_damaged_state_is_made_anew(bank: Bank, platform: Platform, tape: Path) -> None:
    push(bank, tape)
    (bank.directory / "state" / f"{ROUND}.json").write_text("{")
    assert push(bank, tape).exit_code == 0
    assert len(platform.by_digest) == 2


def test_two_runs_at_once_send_once(bank: Bank, platform: Platform, tape: Path) -> None:
    push(bank, tape)
    with only_one(bank.directory / "state" / f"{ROUND}.lock"):
        refused = push(bank, tape)
    assert (refused.exit_code, "still going on" in refused.stderr) == (3, True)
    assert push(bank, tape).exit_code == 0
    assert platform.sent("POST") == 1


def test_other_figures_are_a_new_version(bank: Bank, platform: Platform, tape: Path) -> None:
    push(bank, tape)
    corrected = bank.directory / "corrected.parquet"
    table = pq.read_table(tape)
    pq.write_table(table.slice(0, table.num_rows - 40), corrected)
    assert "version 2" in push(bank, corrected).stdout


def test_last_periods_figures_again_are_not_sent(bank: Bank, platform: Platform, tape: Path) -> None:
    assert push(bank, tape).exit_code == 0
    template, folder = load("delinquency"), bank.directory / "accepted"
    table = read_cube(folder / f"delinquency.{PERIOD}.parquet", template, period=PERIOD).table
    place = table.column_names.index("TIME_PERIOD")
    last = table.set_column(place, "TIME_PERIOD", pa.array(["2026-09"] * table.num_rows))
    cube = cube_of(last, template, institution=INSTITUTION)
    (folder / "delinquency.2026-09.parquet").write_bytes(write_cube(cube))
    refused = push(bank, tape)
    assert (refused.exit_code, "identical-copy" in refused.stderr) == (1, True)
    assert platform.sent("POST") == 1


def test_a_damaged_cube_of_last_period_stops_nothing(bank: Bank, platform: Platform, tape: Path) -> None:
    (bank.directory / "accepted").mkdir()
    (bank.directory / "accepted" / "delinquency.2026-09.parquet").write_bytes(b"PAR1 damaged")
    assert push(bank, tape).exit_code == 0


def test_a_closed_round_is_refused_with_its_sentence(bank: Bank, platform: Platform, tape: Path) -> None:
    platform.state = "closed"
    refused = push(bank, tape)
    assert (refused.exit_code, "is closed" in refused.stderr) == (1, True)


def test_a_period_without_a_round_is_refused_before_the_tape_is_read(bank: Bank, platform: Platform) -> None:
    refused = bank.run("push", "nowhere.csv", "--map", MAP, "--period", "2026-11")
    assert (refused.exit_code, "no round" in refused.stderr) == (1, True)
    assert platform.sent("POST") == 0


@pytest.mark.parametrize("content", [b"", b"not,a\ntape"])
def test_a_bad_tape_sends_nothing(bank: Bank, platform: Platform, content: bytes) -> None:
    (bank.directory / "bad.csv").write_bytes(content)
    assert push(bank, bank.directory / "bad.csv").exit_code == 1
    assert (platform.sent("POST"), list(bank.directory.glob("state/*.sealed"))) == (0, [])
