"""`concord push` with several collections of one tape: protected together, sent one after another, told together."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from anonymize.cube import read_cube
from anonymize.template import load, parse
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import CLIENT_ID, INSTITUTION, PERIOD, Platform, problem

TWO = ["--map", "map.toml", "--collection", "delinquency", "--map", "arrears.toml", "--collection", "arrears"]
WIDE, NARROW = f"delinquency-{PERIOD}", f"arrears-{PERIOD}"


@pytest.fixture
def bank(machine: Bank, platform: Platform, address: str) -> Bank:
    """A member with a tape, asked for a second collection of the same loans: by product and days past due only."""
    small = ["--institution", "HUIZHOU-U", "--period", PERIOD, "-o", "loans.csv", "--map", "map.toml", "--quiet"]
    assert machine.run("simulate", *small).exit_code == 0
    text = (machine.directory / "map.toml").read_text(encoding="utf-8")
    kept = [each for each in text.split("\n[") if not each.startswith(("dimensions.REGION", "dimensions.RISK_TIER"))]
    (machine.directory / "arrears.toml").write_text("\n[".join(kept), encoding="utf-8")
    source = load("delinquency").source
    dimensions = [each for each in source["dimensions"] if each["id"] in ("PRODUCT", "DPD_BUCKET")]
    platform.templates["arrears"] = {
        **source,
        "id": "arrears",
        "dimensions": dimensions,
        "checks": source["checks"][:2],
    }
    made = machine.json("init", "--institution", INSTITUTION, "--server", address, "--client-id", CLIENT_ID)
    platform.kids[made["public_key"]["kid"]] = made["public_key"]
    return machine


def push(bank: Bank, *more: str):
    return bank.run("push", "loans.csv", *TWO, "--period", PERIOD, "--effort", "0", *more)


def test_both_are_sent_and_withhold_the_same_figures(bank: Bank, platform: Platform) -> None:
    done = push(bank)
    assert done.exit_code == 0, done.output
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        f"pushed {id} {PERIOD} as version 1" for id in ("delinquency", "arrears")
    ]
    wide, narrow = (
        read_cube(content, parse(platform.templates[id]))
        for content, id in zip(platform.opened, ("delinquency", "arrears"), strict=True)
    )
    there = {name: wide.table.column(name).to_numpy(zero_copy_only=False) for name in wide.table.column_names}
    totals = (there["REGION"] == "_T") & (there["RISK_TIER"] == "_T")
    assert (wide.withheld[totals] == narrow.withheld).all()
    assert {path.stem for path in (bank.directory / "accepted").iterdir()} == {
        WIDE.replace("-2026", ".2026"),
        NARROW.replace("-2026", ".2026"),
    }


def test_again_nothing_is_aggregated_or_sent(bank: Bank, platform: Platform) -> None:
    push(bank)
    again = json.loads(push(bank, "--json").stdout)["pushes"]
    assert [(each["state"], each["resumed"]) for each in again] == [("accepted", True)] * 2
    assert platform.sent("POST") == 2


def test_what_keeps_one_from_being_sent_does_not_keep_the_other(bank: Bank, platform: Platform) -> None:
    """And the next run sends only that one, of the same protected pair."""
    is_down = [True]

    def before(method: str, path: str):
        if is_down[0] and method == "POST" and f"/rounds/{WIDE}/" in path:
            return problem(503, "busy", "Later.", **{"Retry-After": "3600"})
        return None

    platform.before = before
    first = push(bank, "--json")
    wide, narrow = json.loads(first.stdout)["pushes"]
    assert (first.exit_code, wide["error"]["rule"], narrow["state"]) == (3, "busy", "accepted")
    is_down[0] = False
    second = push(bank)
    assert second.exit_code == 0
    assert re.findall(r"as version (\d): (\w+)", second.stdout) == [("1", "accepted")] * 2
    assert len(platform.by_digest) == 2


def test_one_rejected_is_the_end_with_code_one(bank: Bank, platform: Platform) -> None:
    platform.decisions[NARROW] = "rejected"
    done = push(bank)
    assert (done.exit_code, "accepted" in done.stdout, "rejected" in done.stdout) == (1, True, True)


def test_if_open_waits_for_all_and_is_done_when_all_are(bank: Bank, platform: Platform) -> None:
    platform.without_round.add("arrears")
    assert (push(bank, "--if-open").exit_code, platform.sent("POST")) == (0, 0)
    platform.without_round.clear()
    assert (push(bank, "--if-open").exit_code, platform.sent("POST")) == (0, 2)
    quiet = push(bank, "--if-open")
    assert (quiet.exit_code, quiet.output, platform.sent("POST")) == (0, "", 2)


def test_the_mapping_of_one_that_changed_makes_both_anew(bank: Bank, platform: Platform) -> None:
    push(bank)
    mapping = Path("arrears.toml")
    mapping.write_text(mapping.read_text(encoding="utf-8") + "\n# checked\n", encoding="utf-8")
    again = json.loads(push(bank, "--json").stdout)["pushes"]
    assert [each["resumed"] for each in again] == [False, False]
    assert [each["version"] for each in again] == [1, 1]  # the same figures are the same submission


def test_a_dry_run_sends_neither(bank: Bank, platform: Platform) -> None:
    done = json.loads(push(bank, "--dry-run", "--json").stdout)
    assert [(each["collection"], each["state"]) for each in done["pushes"]] == [
        ("delinquency", None),
        ("arrears", None),
    ]
    assert platform.sent("POST") == 0
