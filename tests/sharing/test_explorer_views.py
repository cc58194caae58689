"""The explorer's views: over time, among peers, heat map, table; each with its address, its drawing and its files."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.benchmarks import explorer
from sharing.benchmarks.mix import mix
from sharing.benchmarks.selection import VIEWS, Selection
from sharing.models import Release, ReleaseCell, Submission
from sharing.states import ReleaseState, SubmissionState
from tests.browser.seed import seed

SME = "/benchmarks/?PRODUCT=SME&REGION=EAST"


@pytest.fixture
def seeded(db):
    return seed()


@pytest.fixture
def anna(seeded):
    from consortium.people.models import Person

    return Person.objects.get(email="anna@example.org")


@pytest.fixture
def page(client, anna):
    client.force_login(anna)

    def get(address):
        answer = client.get(address)
        assert answer.status_code == 200, answer.content[:500]
        return answer.content.decode()

    return get


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_a_page_a_drawing_and_files(client, page, view):
    address = f"?PRODUCT=SME&view={view}"
    assert f"view={view}" in page(f"/benchmarks/{address}") or view == "series"
    for drawing, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
        assert client.get(f"/benchmarks/chart.{drawing}{address}").content.startswith(start)
    for format in ("csv", "xlsx", "parquet"):
        assert client.get(f"/benchmarks/figures.{format}{address}").status_code == 200


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_holds_every_digit_that_its_file_holds(client, page, view):
    text = page(f"{SME}&view={view}")
    file = client.get(f"/benchmarks/figures.csv?PRODUCT=SME&REGION=EAST&view={view}").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(file)))
    pooled = {row["POOLED"] for row in rows if row["POOLED"]}
    on_page = {float(value) for value in re.findall(r'<data value="([^"]+)"', text)}
    assert pooled
    assert {float(value) for value in pooled} <= on_page
    withheld = [row for row in rows if row["OBS_STATUS"] == "Q"]
    assert all(not row["POOLED"] and not row["CHANGE"] for row in withheld)


def test_the_table_names_what_is_withheld_and_never_why(page):
    text = page(f"{SME}&view=table&by=REGION")
    assert "Shanghai" in text
    assert "too little could be shown safely" in text
    assert "dominance" not in text.lower()


def test_the_heat_map_hatches_what_is_withheld_and_says_so(page):
    text = page("/benchmarks/?view=map")
    assert '<td class="heat heat--withheld"><span class="visually-hidden">withheld</span></td>' in text
    assert text.count('<table class="heat-map">') == 4
    tiers = page("/benchmarks/?view=map&multiples=RISK_TIER&shows=median")
    assert "<caption>" in tiers


def test_a_change_on_the_year_before_is_the_difference_of_two_published_figures(client, page):
    page(SME)
    file = client.get("/benchmarks/figures.csv?PRODUCT=SME&view=series").content.decode("utf-8-sig")
    rows = {row["TIME_PERIOD"]: row for row in csv.DictReader(io.StringIO(file))}
    now, before = rows["2026-09"], rows["2025-09"]
    assert float(now["CHANGE_YEAR"]) == float(now["POOLED"]) - float(before["POOLED"])
    assert before["CHANGE_YEAR"] == ""


def test_a_view_is_shown_as_it_was_published_at_a_moment(seeded, page):
    first = Release.objects.order_by("round__period").first()
    moment = (first.published_at + timedelta(hours=1)).isoformat().replace("+", "%2B")
    text = page(f"/benchmarks/?as_of={moment}&PRODUCT=SME")
    assert "as they were published on" in text
    assert text.count('<th scope="row" class="nowrap">') == 1


def test_a_withdrawn_release_is_still_there_for_the_time_before_its_withdrawal(seeded, anna):
    last = explorer.latest(seeded.collection, anna)
    before = timezone.now()
    last.state, last.withdrawn_at = ReleaseState.WITHDRAWN, timezone.now() + timedelta(seconds=1)
    last.save()
    assert explorer.latest(seeded.collection, anna) != last
    assert explorer.latest(seeded.collection, anna, before) == last


def test_who_did_not_contribute_sees_the_headlines_and_is_told(seeded, anna, page):
    Submission.objects.filter(institution=anna.institution).update(state=SubmissionState.REJECTED)
    assert "you see the headlines only" in page("/benchmarks/")
    text = page("/benchmarks/?PRODUCT=SME&view=table&by=PRODUCT")
    assert "Nothing is published for this view" in text
    assert not ReleaseCell.objects.visible_to(anna).filter(key__startswith="SME").exists()


def test_a_reference_leads_back_to_its_view_and_another_versions_is_refused(seeded, anna):
    query = {"PRODUCT": "SME", "view": "map", "shows": "median", "multiples": "RISK_TIER", "as_of": "2026-11-01"}
    selection = Selection.read(query, anna)
    assert Selection.from_reference(selection.reference, anna) == selection
    with pytest.raises(ValueError, match="no reference to a view"):
        Selection.from_reference("9:collection=delinquency", anna)


@pytest.mark.parametrize(
    "nonsense", ["as_of=yesterday", "as_of=2026-13-45", "view=nothing", "multiples=REGION", "shows=own"]
)
def test_an_address_that_says_something_wrongly_shows_the_default(page, nonsense):
    assert "From " in page(f"/benchmarks/?{nonsense}")


def test_a_change_is_the_sum_of_what_rates_mix_and_the_rest_add(seeded, anna):
    selection = Selection.read({"view": "mix", "by": "PRODUCT"}, anna)
    found = mix(selection, explorer.published(selection.collection, anna), anna)
    whole = found.found
    assert (found.since, found.until) == ("2025-09", "2026-09")
    assert whole.change == found.now["_T"].pooled - found.before["_T"].pooled
    assert whole.rate != 0
    assert whole.rate + whole.mix + whole.rest == pytest.approx(whole.change)


def test_a_part_that_is_withheld_is_named_so_and_is_in_the_rest(page):
    text = page(f"{SME}&view=mix&by=REGION&over=period")
    row = re.search(r"<tr>\s*<th scope=\"row\">Shanghai</th>.*?</tr>", text, re.DOTALL).group()
    assert "<data" not in row
    assert "withheld" in row
    assert "Rest: withheld, or in no part" in text


@pytest.mark.parametrize("view", ["series", "distribution", "map", "table"])
def test_a_view_asks_no_more_of_many_periods_than_of_one(seeded, page, view):
    first = Release.objects.order_by("round__period").first()
    page(SME)  # what is read once a process is read now
    asked = []
    for moment in (first.published_at + timedelta(hours=1), timezone.now()):
        with CaptureQueriesContext(connection) as queries:
            page(f"{SME}&view={view}&as_of={moment.isoformat().replace('+', '%2B')}")
        asked.append(len(queries))
    with CaptureQueriesContext(connection) as queries:
        page(f"{SME}&view={view}")
    assert asked[0] == asked[1]
    assert len(queries) <= 20
