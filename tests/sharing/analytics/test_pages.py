"""The pages of the analyses: what they say, to whom, and what leaves by their files and drawings."""

from __future__ import annotations

import io
import json
import re

import openpyxl
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from django.utils import translation

from sharing.analytics import charts
from sharing.analytics.view import RANKINGS, View
from sharing.models import Release, ReleaseCell
from sharing.states import ReleaseState
from tests.sharing.analytics.publishing import answered, collect, own_statement, publish

BAND = "_T.PD500P._T"


@pytest.fixture
def anna_reads(client, anna):
    client.force_login(anna)
    return client


def published(code, bank, by, ada, period="2026-Q3", **what):
    release = publish(collect(code, bank.institution), period, by, **what)
    answered(release, bank.institution, ada)
    own_statement(release, bank.institution)
    return release


@pytest.fixture
def back_test(harbour, stella, ada):
    return published("risk-model", harbour, stella, ada)


@pytest.fixture
def treatment(harbour, stella, ada):
    return published("treatment", harbour, stella, ada, withheld={"_T.AGENCY._T", "_T.LEGAL._T", "HIGH.AGENCY._T"})


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_the_back_test_says_where_the_models_understate_risk_and_how_ours_does(anna_reads, back_test):
    page = text(anna_reads.get("/benchmarks/calibration/"))
    assert "The models understate risk in “Above 2.5% to 5%” and “Above 5%”" in page
    assert "As many default as expected in “1% or less” and “Above 1% to 2.5%”" in page
    assert "Harbour Bank: expected, actual" in page
    assert "Hosmer and Lemeshow, 4 degrees of freedom" in page


def test_a_withheld_band_is_said_to_be_withheld_and_never_why(anna_reads, back_test, stella):
    ReleaseCell.objects.filter(release=back_test, key=BAND).delete()
    ReleaseCell.objects.bulk_create(
        ReleaseCell(release=back_test, indicator=indicator.id, peer_group="ALL", key=BAND, withheld=True, reason="G")
        for indicator in back_test.round.collection.template.indicators
    )
    response = anna_reads.get("/benchmarks/calibration/")
    assert response.context["bands"][-1][1].band.observed is None
    assert "Nothing can be judged in “Above 5%”" in text(response)
    assert response.context["test"].brier.covered < 0.99
    assert "secondary" not in text(response).lower()
    anna_reads.force_login(stella)  # our own band would be drawn
    shown = anna_reads.get("/benchmarks/calibration/chart.svg").content.decode()
    assert "Above 5%" not in shown
    assert "Above 2.5% to 5%" in shown


def test_whoever_did_not_answer_a_round_sees_its_headline_and_no_band(anna_reads, harbour, stella):
    release = publish(collect("risk-model", harbour.institution), "2026-Q3", stella)
    assert release.state == ReleaseState.PUBLISHED
    response = anna_reads.get("/benchmarks/calibration/")
    assert response.context["in_total"].observed is not None
    assert all(judged.band.observed is None for _name, judged, _p, _finding in response.context["bands"])
    rows = pa_csv.read_csv(io.BytesIO(anna_reads.get("/benchmarks/calibration/figures.csv").content)).to_pylist()
    assert [row["PD_BAND"] for row in rows if row["ACTUAL"] is not None] == ["_T"]


def test_an_outsider_finds_nothing(client, back_test, treatment, olga):
    client.force_login(olga)
    assert "Nothing is published yet" in text(client.get("/benchmarks/calibration/"))
    assert client.get("/benchmarks/calibration/chart.svg").status_code == 404
    assert client.get("/benchmarks/calibration/figures.csv").status_code == 404
    assert client.get("/benchmarks/treatments/figures.csv").status_code == 404
    assert (
        "Treatments"
        not in text(client.get("/benchmarks/treatments/")).split("Nothing is published yet")[0].split("h1")[0]
    )


def test_a_draft_is_no_part_of_any_analysis(anna_reads, back_test, stella):
    Release.objects.filter(pk=back_test.pk).update(state=ReleaseState.IN_REVIEW, published_at=None)
    assert "Nothing is published yet" in text(anna_reads.get("/benchmarks/calibration/"))


def test_the_association_sees_the_members_and_no_own_figure(client, back_test, treatment, stella):
    client.force_login(stella)
    for address in ("/benchmarks/calibration/", "/benchmarks/treatments/"):
        response = client.get(address)
        assert response.context["us"] is None
        assert "Harbour Bank" not in text(response)


def test_treatments_are_ranked_with_their_room_and_withheld_ones_are_not(anna_reads, treatment):
    response = anna_reads.get("/benchmarks/treatments/")
    options = [option for _name, option in response.context["options"]]
    ranked = [option for option in options if option.ranked]
    assert [option.ranked.place for option in ranked] == list(range(1, 8))
    medians = [option.cell.median for option in ranked]
    assert medians == sorted(medians, reverse=True)
    assert all(option.ranked.best <= option.ranked.place <= option.ranked.worst for option in ranked)
    assert {option.code for option in options[7:]} == {"AGENCY", "LEGAL"}
    page = text(response)
    assert "2 are not ranked" in page
    assert "not chosen by lot" in page


def test_a_rate_at_the_same_mix_of_tiers_has_bounds_where_a_tier_is_withheld(anna_reads, treatment):
    options = {option.code: option for _name, option in anna_reads.get("/benchmarks/treatments/").context["options"]}
    assert options["REMINDER"].alike.low == options["REMINDER"].alike.high
    assert options["AGENCY"].alike.high - options["AGENCY"].alike.low > 0.2


def test_a_lower_complaint_rate_is_the_better_one(anna_reads, harbour, stella, ada):
    published("service", harbour, stella, ada)
    options = [option for _name, option in anna_reads.get("/benchmarks/service/").context["options"]]
    assert options[0].cell.median < options[-1].cell.median


def test_mean_hours_have_an_interval_among_members_and_none_by_chance(anna_reads, harbour, stella, ada):
    published("service", harbour, stella, ada)
    options = anna_reads.get("/benchmarks/service/?indicator=MEAN_RESPONSE_HOURS").context["options"]
    assert all(option.members and not option.chance and not option.alike for _name, option in options)


def test_outreach_counts_attempts_so_that_chance_has_an_interval_too(anna_reads, harbour, stella, ada):
    published("outreach", harbour, stella, ada, period="2026-10")
    some = anna_reads.get("/benchmarks/outreach/?indicator=PAID_RATE&by=CAMPAIGN").context["options"]
    assert all(option.chance.holds(option.cell.pooled) for _name, option in some)
    assert all(
        option.chance.high - option.chance.low < option.members.high - option.members.low for _name, option in some
    )


def test_a_view_is_shared_by_its_address(anna, treatment):
    query = {"indicator": "RECOVERY_RATE", "RISK_TIER": "HIGH", "across": "DPD_AT_START", "period": "no such"}
    view = View.of_ranking(query, anna, RANKINGS["treatments"])
    again = View.of_ranking(dict(pair.split("=") for pair in view.query().split("&")), anna, RANKINGS["treatments"])
    assert again == view
    assert (view.chosen, view.across.id, view.release) == ({"RISK_TIER": "HIGH"}, "DPD_AT_START", treatment)


def test_an_address_of_nonsense_is_the_default_view(anna_reads, treatment):
    response = anna_reads.get("/benchmarks/treatments/?by=OUTCOME&across=TREATMENT&indicator=x&peers=y&RISK_TIER=z")
    assert response.status_code == 200
    assert "across=RISK_TIER" in response.context["address"]


def test_a_filter_swaps_the_view_and_leaves_its_address(anna_reads, treatment):
    response = anna_reads.get("/benchmarks/treatments/?RISK_TIER=LOW", headers={"hx-request": "true"})
    assert "<html" not in response.content.decode()
    assert "RISK_TIER=LOW" in response["HX-Push-Url"]
    assert "period=2026-Q3" in response["HX-Push-Url"]


@pytest.mark.parametrize("format", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("page", ["calibration", "treatments"])
def test_files_hold_what_the_page_shows_of_the_members_and_nothing_of_our_own(
    anna_reads, back_test, treatment, page, format
):
    response = anna_reads.get(f"/benchmarks/{page}/figures.{format}")
    assert f".{format}" in response["Content-Disposition"]
    if format == "csv":
        rows = pa_csv.read_csv(io.BytesIO(response.content)).to_pylist()
    elif format == "parquet":
        rows = pq.read_table(io.BytesIO(response.content)).to_pylist()
    else:
        head, *lines = openpyxl.load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True)
        rows = [dict(zip(head, line, strict=True)) for line in lines]
    assert len(rows) == {"calibration": 5, "treatments": 9}[page]
    assert not any("own" in name.lower() for name in rows[0])
    withheld = [row for row in rows if row["OBS_STATUS"] == "Q"]
    assert [row["TREATMENT"] for row in withheld] == ["AGENCY", "LEGAL"] if page == "treatments" else withheld == []
    assert all(not row["POOLED"] and not row["CONTRIBUTORS"] and row["CONF_STATUS"] == "C" for row in withheld)


def test_a_format_that_there_is_not_is_not_found(anna_reads, back_test):
    assert anna_reads.get("/benchmarks/calibration/figures.exe").status_code == 404
    assert anna_reads.get("/benchmarks/calibration/chart.exe").status_code == 404


@pytest.mark.parametrize(
    "address", ["calibration/chart.svg", "calibration/chart.svg?chart=stability", "treatments/chart.svg"]
)
def test_the_drawings_stand_alone_with_title_and_period(anna_reads, back_test, treatment, address):
    drawn = anna_reads.get(f"/benchmarks/{address}").content.decode()
    assert drawn.startswith("<svg")
    assert "Q3 2026" in drawn


def test_periods_are_compared_with_a_year_before(anna_reads, harbour, stella, ada):
    collection = collect("risk-model", harbour.institution)
    for seed, period in enumerate(["2025-Q3", "2025-Q4", "2026-Q1", "2026-Q2", "2026-Q3"]):
        answered(publish(collection, period, stella, seed=seed), harbour.institution, ada)
    (_score, moves), (_prediction, others) = anna_reads.get("/benchmarks/calibration/").context["moves"]
    assert [(move.period, move.beside) for move, _shift in moves] == [("2026-Q3", "2025-Q3")]
    assert others[0][0].stability.index > 0


def test_an_earlier_period_stays_to_be_looked_at(anna_reads, harbour, stella, ada):
    collection = collect("risk-model", harbour.institution)
    for period in ("2026-Q2", "2026-Q3"):
        answered(publish(collection, period, stella), harbour.institution, ada)
    assert anna_reads.get("/benchmarks/calibration/?period=2026-Q2").context["period"] == "2026-Q2"
    assert anna_reads.get("/benchmarks/calibration/").context["period"] == "2026-Q3"


def test_the_analyses_speak_chinese(anna_reads, anna, back_test, treatment):
    anna.language = "zh-hans"
    anna.save()
    page = text(anna_reads.get("/benchmarks/calibration/", headers={"accept-language": "zh-hans"}))
    assert "模型在“2.5%以上至5%”和“5%以上”区间低估风险" in page
    assert "p值" in page
    assert "居首的是" in text(anna_reads.get("/benchmarks/treatments/", headers={"accept-language": "zh-hans"}))


def test_no_drawing_holds_a_reason_or_a_single_member(anna_reads, treatment):
    spec = anna_reads.get("/benchmarks/treatments/").context["ranking_chart"]["spec"]
    assert "reason" not in json.dumps(spec)
    assert len(spec["data"]["values"]) == 7
    with translation.override("zh-hans"):
        assert "同业" in charts.ranking([], {}, "percent", us=None)["layer"][0]["encoding"]["color"]["datum"]


def test_a_page_asks_the_database_a_bounded_number_of_questions(anna_reads, treatment, django_assert_max_num_queries):
    anna_reads.get("/benchmarks/treatments/")
    with django_assert_max_num_queries(32):
        anna_reads.get("/benchmarks/treatments/")


def test_a_page_asks_for_cells_once_whatever_it_shows(anna_reads, back_test, django_assert_max_num_queries):
    with django_assert_max_num_queries(25) as asked:
        anna_reads.get("/benchmarks/calibration/")
    read = [each["sql"] for each in asked.captured_queries if each["sql"].startswith('SELECT "sharing_releasecell"')]
    assert len(read) == 2  # those of the release looked at, and the weights of the releases before it
