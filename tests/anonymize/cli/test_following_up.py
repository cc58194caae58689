from __future__ import annotations

import json

from anonymize.template import load
from tests.anonymize.cli.conftest import Bank
from tests.anonymize.platform import ROUND, Platform


def test_a_template_is_fetched_and_pinned(bank: Bank) -> None:
    pinned = bank.json("template", "get", "delinquency")
    kept = json.loads((bank.directory / "templates" / "delinquency.json").read_text(encoding="utf-8"))
    assert (kept, pinned["version"]) == (load("delinquency").source, load("delinquency").version)


def test_a_pinned_version_that_changed_is_refused_and_kept(bank: Bank, platform: Platform) -> None:
    bank.json("template", "get", "delinquency")
    path = bank.directory / "templates" / "delinquency.json"
    before = path.read_bytes()
    changed = json.dumps({**load("delinquency").source, "confidentiality": "blind"}).encode()
    platform.before = lambda _, asked: (200, {}, changed) if "/collections/" in asked else None
    refused = bank.run("template", "get", "delinquency")
    assert (refused.exit_code, "has changed" in refused.stderr, path.read_bytes()) == (1, True, before)


def test_status_shows_what_is_due(bank: Bank) -> None:
    shown = bank.run("status")
    assert ROUND in shown.stdout
    assert "2026-11-20T00:00:00Z" in shown.stdout
    assert bank.json("status", "--round", ROUND)["rounds"][0]["id"] == ROUND


def test_releases_are_listed_to_the_last_page(bank: Bank) -> None:
    assert [each["id"] for each in bank.json("releases")["releases"]] == ["r-2", "r-1"]


def test_a_release_becomes_a_file_of_the_kind_its_name_says(bank: Bank, platform: Platform) -> None:
    assert bank.run("get", "r-2", "-o", "out.csv", "--where", "REGION=CN-ZJ").exit_code == 0
    assert (bank.directory / "out.csv").read_text() == '{"REGION": "CN-ZJ"}'


def test_a_release_that_is_not_there_writes_no_file(bank: Bank) -> None:
    refused = bank.run("get", "r-9", "-o", "out.csv")
    assert (refused.exit_code, "nothing here" in refused.stderr) == (1, True)
    assert not (bank.directory / "out.csv").exists()


def test_an_unknown_ending_is_wrong_use(bank: Bank) -> None:
    assert bank.run("get", "r-2", "-o", "out.doc").exit_code == 2
    assert bank.run("get", "r-2", "-o", "out.csv", "--where", "REGION").exit_code == 2


def test_own_figures_are_shown_beside_the_totals(bank: Bank, platform: Platform) -> None:
    cell = {"TIME_PERIOD": "2026-10", "INDICATOR": "DPD30_RATE", "PEER_GROUP": "ALL"}
    known = {"OWN": 0.0412, "BAND": "above-median", "TO_MEDIAN": 0.0102, "TO_POOLED": -0.0005}
    known |= {"PERCENTILE_FROM": 60, "PERCENTILE_TO": 70}
    withheld = {"OWN": 0.09, "BAND": None, "TO_MEDIAN": None, "TO_POOLED": None}
    platform.statement = [{**cell, "PRODUCT": "_T", **known}, {**cell, "PRODUCT": "CAR", **withheld}]

    totals = bank.run("compare", "r-2").stdout.splitlines()
    shown = ["DPD30_RATE", "ALL", "_T", "4.12%", "above-median", "60-70", "+1.02", "-0.05"]
    assert [line.split() for line in totals[1:]] == [shown]
    asked = bank.run("compare", "r-2", "--where", "INDICATOR=DPD30_RATE").stdout.splitlines()
    assert asked[2].split() == ["DPD30_RATE", "ALL", "CAR", "9.00%", "-", "-", "-", "-"]


def test_without_figures_there_is_nothing_to_compare(bank: Bank) -> None:
    assert bank.run("compare", "r-2").stdout.strip() == "You have no figures there."
