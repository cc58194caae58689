from __future__ import annotations

import json
import os
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymize import examples
from anonymize.cube import cube_of, read_cube, write_cube
from anonymize.files import only_one
from anonymize.template import load
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import INSTITUTION, PERIOD, ROUND, Platform, problem

MAP = Path(examples.__file__).with_name("delinquency.toml")


def push(bank: Bank, tape: Path, *more: str):
    return bank.run("push", tape, "--map", MAP, "--period", PERIOD, "--effort", "0", *more)


def test_a_tape_becomes_an_accepted_submission(bank: Bank, platform: Platform, tape: Path) -> None:
    done = push(bank, tape)
    assert done.exit_code == 0
    assert re.fullmatch(
        r"pushed delinquency 2026-10 as version 1: accepted, no findings, [\d,]+ cells, \d+ withheld, receipt \S+\n",
        done.stdout,
    )
    assert len(platform.opened) == 1
    assert "<html" in (bank.directory / "reports" / f"{ROUND}.html").read_text(encoding="utf-8").lower()


def test_a_dry_run_prepares_everything_and_sends_nothing(bank: Bank, platform: Platform, tape: Path) -> None:
    done = push(bank, tape, "--dry-run")
    assert (done.exit_code, "nothing sent" in done.stdout, platform.sent("POST")) == (0, True, 0)
    assert list((bank.directory / "state").glob("*.cube.*")) == []


def test_running_twice_sends_once(bank: Bank, platform: Platform, tape: Path) -> None:
    first, second = json.loads(push(bank, tape, "--json").stdout), json.loads(push(bank, tape, "--json").stdout)
    (before,), (after,) = first["pushes"], second["pushes"]
    assert (before["resumed"], after["resumed"]) == (False, True)
    changing = {"resumed", "seconds"}
    assert {k: v for k, v in before.items() if k not in changing} == {
        k: v for k, v in after.items() if k not in changing
    }
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


@pytest.mark.parametrize("state", ["planned", "open"])
def test_if_open_says_nothing_until_there_is_something_to_do(
    bank: Bank, platform: Platform, tape: Path, state: str
) -> None:
    """Before the round opens, and after its submission was accepted: whatever the hour, cron has nothing to mail."""
    if state == "open":
        push(bank, tape)
    platform.state = state
    asked = len(platform.log)
    quiet = bank.run("push", "nowhere.csv", "--map", MAP, "--period", PERIOD, "--if-open")
    assert (quiet.exit_code, quiet.output) == (0, "")
    assert all(method == "GET" for method, path in platform.log[asked:] if path.startswith("/api/"))
    reason = "accepted-before" if state == "open" else "no-round-open"
    document = bank.json("push", "nowhere.csv", "--map", MAP, "--period", PERIOD, "--if-open")
    assert (document["pushes"], document["reason"]) == ([], reason)


def test_if_open_sends_when_a_round_is_open(bank: Bank, platform: Platform, tape: Path) -> None:
    assert push(bank, tape, "--if-open").exit_code == 0
    assert len(platform.by_digest) == 1


def test_if_open_tells_that_a_round_was_missed(bank: Bank, platform: Platform, tape: Path) -> None:
    platform.state = "closed"
    missed = push(bank, tape, "--if-open", "--quiet")
    assert (missed.exit_code, "is closed" in missed.stderr) == (1, True)


def test_if_open_after_a_rejection_tries_again(bank: Bank, platform: Platform, tape: Path) -> None:
    platform.decision = "rejected"
    push(bank, tape)
    assert push(bank, tape, "--if-open").exit_code == 1


def test_a_rejection_is_told_however_quiet_one_asked_to_be(bank: Bank, platform: Platform, tape: Path) -> None:
    platform.decision = "rejected"
    platform.findings = [{"rule": "sum", "severity": "error", "cell": {"PRODUCT": "CARD"}, "sentence": "Parts differ."}]
    done = push(bank, tape, "--quiet")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "rejected" in done.stderr
    assert "Parts differ." in done.stderr


def test_a_trial_does_not_stand_in_the_way_of_the_submission(bank: Bank, platform: Platform, tape: Path) -> None:
    tried = push(bank, tape, "--trial")
    assert (tried.exit_code, "on trial" in tried.stdout, platform.trials) == (0, True, 1)
    assert list((bank.directory / "accepted").glob("*")) == []
    (done,) = json.loads(push(bank, tape, "--json").stdout)["pushes"]
    assert (done["state"], done["trial"], done["resumed"]) == ("accepted", False, True)
    assert (platform.trials, platform.sent("POST"), len(set(platform.idempotency_keys))) == (1, 2, 2)


def test_without_waiting_the_receipt_is_the_end(bank: Bank, platform: Platform, tape: Path) -> None:
    platform.polls_before_decision = 1
    (sent,) = json.loads(push(bank, tape, "--no-wait", "--json").stdout)["pushes"]
    assert (sent["state"], Path(sent["receipt"]).exists()) == ("received", True)
    (done,) = json.loads(push(bank, tape, "--json").stdout)["pushes"]
    assert (done["state"], platform.sent("POST")) == ("accepted", 1)


def test_the_document_for_machines_has_a_fixed_form(bank: Bank, platform: Platform, tape: Path) -> None:
    """docs/unattended.md shows it; what is there is never renamed or taken away."""
    document = json.loads(push(bank, tape, "--json").stdout)
    assert list(document) == ["format", "pushes", "warnings"]
    assert list(document["pushes"][0]) == [
        "collection",
        "period",
        "round",
        "trial",
        "state",
        "submission",
        "version",
        "receipt",
        "package_sha256",
        "cells",
        "published",
        "withheld",
        "resumed",
        "findings",
        "error",
        "seconds",
    ]
    assert set(document["pushes"][0]["seconds"]) == {"prepare", "send", "wait"}
    push_ = document["pushes"][0]
    assert push_["cells"] == push_["published"] + push_["withheld"]


def test_a_signing_key_that_ends_soon_is_told_in_time(bank: Bank, platform: Platform, tape: Path) -> None:
    (kid,) = platform.kids
    soon = (datetime.now(UTC) + timedelta(days=20)).isoformat()
    platform.registered = [{"kid": kid, "revoked_at": soon}, {"kid": "another", "revoked_at": "2026-01-01T00:00:00Z"}]
    told = push(bank, tape, "--quiet")
    assert (told.exit_code, told.stderr.count("key-ends-soon")) == (0, 1)
    platform.registered = [{"kid": kid, "revoked_at": (datetime.now(UTC) + timedelta(days=40)).isoformat()}]
    assert push(bank, tape, "--quiet").stderr == ""
    platform.registered = [{"kid": kid, "revoked_at": None}]
    assert push(bank, tape, "--quiet").stderr == ""


def test_a_second_run_tells_which_process_has_the_lock(bank: Bank, platform: Platform, tape: Path) -> None:
    (bank.directory / "state").mkdir()
    with only_one(bank.directory / "state" / f"{ROUND}.lock"):
        refused = bank.run("push", "nowhere.csv", "--map", MAP, "--period", PERIOD)
    assert (refused.exit_code, f"(process {os.getpid()})" in refused.stderr) == (3, True)
    assert "already-running" in refused.stderr


@pytest.mark.parametrize("text", ["", "10", "1d", "-1s", "1.5h", "٣h", "1 h"])
def test_a_duration_without_a_sense_is_wrong_use(bank: Bank, platform: Platform, tape: Path, text: str) -> None:
    asked = len(platform.log)
    assert push(bank, tape, "--give-up-after", text).exit_code == 2
    assert len(platform.log) == asked


def test_it_tries_as_long_as_it_is_told_to(bank: Bank, platform: Platform, tape: Path) -> None:
    """Eight failures are more than the usual six attempts and less than the time allowed."""
    left = [8]

    def before(_method: str, path: str):
        if path.startswith("/api/") and left[0]:
            left[0] -= 1
            return problem(503, "busy", "Later.", **{"Retry-After": "0"})
        return None

    platform.before = before
    assert push(bank, tape, "--give-up-after", "1m").exit_code == 0


def test_it_gives_up_when_the_time_is_over(bank: Bank, platform: Platform, tape: Path) -> None:
    platform.before = lambda _method, path: problem(503, "busy", "Later.") if path.startswith("/api/") else None
    began = time.monotonic()
    assert push(bank, tape, "--give-up-after", "2s").exit_code == 3
    assert time.monotonic() - began < 4


def test_a_template_of_the_bank_must_fit_its_collections(bank: Bank, platform: Platform, tape: Path) -> None:
    assert push(bank, tape, "--map", str(MAP)).exit_code == 2
    assert (
        push(bank, tape, "--collection", "delinquency", "--collection", "delinquency", "--map", str(MAP)).exit_code == 2
    )


def test_a_correction_says_why(bank: Bank, platform: Platform, tape: Path) -> None:
    push(bank, tape, "--reason", "other", "--note", "更正 100 %")
    assert platform.corrections == [("other", "%E6%9B%B4%E6%AD%A3%20100%20%25")]
    assert push(bank, tape, "--reason", "because").exit_code == 2


def test_a_reason_that_is_missing_is_told_and_nothing_is_lost(bank: Bank, platform: Platform, tape: Path) -> None:
    refuse = problem(409, "correction-reason-missing", "A correction needs its reason. Nothing was stored.")
    platform.before = lambda method, path: refuse if method == "POST" and path.startswith("/api/") else None
    refused = push(bank, tape)
    assert (refused.exit_code, "correction-reason-missing" in refused.stdout) == (1, True)
    platform.before = lambda _method, _path: None
    (done,) = json.loads(push(bank, tape, "--reason", "mapping", "--json").stdout)["pushes"]
    assert (done["state"], done["resumed"]) == ("accepted", True)


def test_whoever_was_given_more_time_may_send_after_the_round_closed(
    bank: Bank, platform: Platform, tape: Path
) -> None:
    platform.state = "closed"
    platform.extended_until = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert push(bank, tape, "--if-open").exit_code == 1
    platform.extended_until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert push(bank, tape, "--if-open").exit_code == 0
    assert len(platform.by_digest) == 1


@pytest.mark.parametrize("wrong", [("--period", "2026-13"), ("--period", "october"), ("--collection", "delinquincy")])
def test_if_open_is_not_silent_over_what_can_never_open(bank: Bank, platform: Platform, wrong: tuple[str, str]) -> None:
    told = {"--period": "2026-11", "--collection": "delinquency", wrong[0]: wrong[1]}
    options = [word for pair in told.items() for word in pair]
    assert bank.run("push", "nowhere.csv", "--map", MAP, *options, "--if-open", "--quiet").exit_code == 1


def test_a_platform_that_falls_silent_after_accepting_holds_nobody_up(
    bank: Bank, platform: Platform, tape: Path
) -> None:
    """The question when the key ends comes last, and is asked once."""
    down = problem(503, "busy", "Later.")
    platform.before = lambda _method, path: down if path.endswith("/institutions/me/keys") else None
    began = time.monotonic()
    assert push(bank, tape, "--give-up-after", "1h").exit_code == 0
    assert time.monotonic() - began < 20
    assert sum(path.endswith("/institutions/me/keys") for _method, path in platform.log) == 1
