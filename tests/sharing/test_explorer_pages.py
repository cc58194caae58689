"""What the explorer makes of published figures: the selection, the answer, the charts, the files."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta

import openpyxl
import pyarrow.parquet as pq
import pytest
import vl_convert
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone, translation

from anonymize.template import load
from consortium.portal.standing import standings
from sharing import charts, drawing, sentences
from sharing.benchmarks import export
from sharing.benchmarks.answer import Verdict, answer
from sharing.benchmarks.comparison import Own
from sharing.benchmarks.explorer import Figures, Point
from sharing.benchmarks.selection import Selection
from sharing.marks import RangeScale, sparkline
from sharing.models import Collection, Release, ReleaseCell, Round
from sharing.states import ReleaseState, RoundState

MONTHS = [f"2025-{month:02d}" for month in range(10, 13)] + [f"2026-{month:02d}" for month in range(1, 11)]


def figures(median: float | None, own: float | None, *, key: str = "_T._T._T") -> Figures:
    if median is None:
        return Figures(key, None, None, None, None, None, None, True, None if own is None else Own(own))
    known = None if own is None else Own(own, "above-median", own - median, own - median)
    return Figures(key, median * 0.9, median, median * 0.8, median, median * 1.2, 12, False, known)


def year(medians: tuple[float | None, float | None], own: tuple[float | None, float | None]) -> list[Point]:
    """Thirteen months whose first and last are given, the others like the last."""
    return [
        Point(month, f"delinquency-{month}-r1", figures(medians[min(at, 1)], own[min(at, 1)]))
        for at, month in enumerate(MONTHS)
    ]


@pytest.fixture
def delinquency(db, harbour) -> Collection:
    template = load("delinquency")
    collection = Collection.objects.create(code=template.id, version=template.version, document=dict(template.source))
    collection.contributors.add(harbour.institution)
    return collection


@pytest.mark.parametrize(
    ("medians", "own", "verdict"),
    [
        ((0.020, 0.027), (0.030, 0.038), Verdict.EVERYBODY),
        ((0.020, 0.023), (0.030, 0.038), Verdict.BOTH),
        ((0.020, 0.021), (0.030, 0.038), Verdict.US),
        ((0.020, 0.016), (0.030, 0.038), Verdict.US),
        ((0.020, 0.027), (0.030, 0.0301), Verdict.LESS),
        ((0.020, 0.0201), (0.030, 0.0301), Verdict.LEVEL),
        ((0.020, 0.027), (None, None), Verdict.OPEN),
        ((None, None), (0.030, 0.038), Verdict.OPEN),
    ],
)
def test_whether_it_is_us_or_everybody_follows_the_peer_medians_share_of_our_change(medians, own, verdict):
    assert answer(year(medians, own), "M").verdict == verdict


def test_a_hundredth_of_an_hour_is_no_movement():
    hours = year((20.0, 20.1), (30.0, 30.1))
    assert answer(hours, "M", "number").verdict == Verdict.LEVEL
    assert answer(hours, "M", "percent").verdict != Verdict.LEVEL
    assert "did not move" in sentences.about_us(answer(year((20.0, 20.0), (30.0, 30.001)), "M", "number"), "number")


def test_without_a_year_of_figures_the_last_period_answers():
    points = year((0.02, 0.02), (0.03, 0.03))[-2:]
    reply = answer(points, "M")
    assert not reply.over_a_year
    assert reply.change.since == "2026-09"


def test_the_sentence_names_both_changes_in_either_language():
    reply = answer(year((0.020, 0.027), (0.030, 0.038)), "M")
    assert "Ours rose <strong>0.80 points</strong> in a year" in sentences.about_us(reply, "percent")
    assert "median rose <strong>0.70 points</strong>" in sentences.about_peers(reply, "percent")
    with translation.override("zh-hans"):
        assert "上升 <strong>0.70 个百分点</strong>" in sentences.about_peers(reply, "percent")


def test_a_withheld_benchmark_is_said_to_be_withheld():
    reply = answer(year((None, None), (0.03, 0.04)), "M")
    assert "withheld to protect members" in sentences.about_peers(reply, "percent")


def test_a_view_is_shared_by_its_address(delinquency, anna):
    query = {"indicator": "DPD90_RATE", "PRODUCT": "SME", "REGION": "CN-ZJ", "peers": "no-such-group"}
    selection = Selection.read(query, anna)
    assert selection.key == "SME.CN-ZJ._T"
    assert selection.peer_group == "ALL"
    again = dict(pair.split("=") for pair in selection.query().split("&"))
    assert Selection.read(again, anna) == selection


def test_one_of_many_collections_is_shown_by_one_tile_of_few_by_two(delinquency, anna, stella):
    def publish(code):
        template = load(code)
        collection, _made = Collection.objects.get_or_create(
            code=code, defaults={"version": template.version, "document": dict(template.source)}
        )
        collection.contributors.add(anna.institution)
        period = "2026-Q3" if template.frequency == "Q" else "2026-10"
        round = Round.objects.create(
            collection=collection,
            public_id=f"{code}-{period}",
            period=period,
            state=RoundState.PUBLISHED,
            opens_at=timezone.now(),
            due_at=timezone.now() + timedelta(days=1),
        )
        release = Release.objects.create(
            round=round,
            public_id=f"{code}-r1",
            revision=1,
            state=ReleaseState.PUBLISHED,
            prepared_by=stella,
            audit_passed=True,
        )
        for indicator in template.indicators:
            key = ".".join("_T" for _dimension in template.cut(indicator))
            ReleaseCell.objects.create(
                release=release,
                indicator=indicator.id,
                peer_group="ALL",
                key=key,
                pooled=0.1,
                contributors=9,
                withheld=False,
            )

    publish("delinquency")
    assert len(standings(anna)) == 2
    for code in ("migration", "vintage", "service"):
        publish(code)
    assert [standing.period for standing in standings(anna)] == ["2026-10", "2026-10", "2026-Q3", "2026-Q3"]


def test_a_total_that_is_withheld_offers_no_wider_view(delinquency, anna):
    total = Selection.read({"indicator": "DPD30_RATE"}, anna)
    assert total.wider() == []
    context = {"now": figures(None, 0.03, key=total.key), "wider": [], "selection": total, "kind": "percent"}
    assert "A wider view" not in render_to_string(
        "sharing/_benchmarks.html", {**context, "request": RequestFactory().get("/")}
    )


def test_an_outsider_has_nothing_to_select(delinquency, olga):
    assert Selection.read({"collection": "delinquency"}, olga) is None


def test_a_long_code_list_shows_the_way_down_and_what_is_below(delinquency, anna):
    top = Selection.read({"by": "REGION"}, anna)
    assert {depth for _code, depth, _there in top.breakdown()} == {0, 1}
    leaf = Selection.read({"REGION": "CN-ZJ", "by": "REGION"}, anna)
    codes = [code for code, _depth, _there in leaf.breakdown()]
    assert codes[:2] == ["_T", "EAST"]
    assert {"CN-ZJ", "CN-SH"} <= set(codes)
    assert "CN-BJ" not in codes


def test_the_charts_hold_no_word_of_a_reason_and_no_single_member():
    spec = charts.time_series(year((0.02, None), (0.03, 0.04)), "percent", us="Harbour Bank")
    text = json.dumps(spec)
    assert "withheld" in text
    assert "reason" not in text
    assert spec["data"]["values"][-1]["median"] is None


def test_a_period_that_stands_alone_is_drawn_and_said_as_one():
    points = year((0.02, None), (0.03, 0.04))
    (first, *_, last) = charts.time_series(points, "percent", us=None)["data"]["values"]
    assert (first["median_alone"], first["band_alone"]) == (True, True)
    assert not last["median_alone"]
    joined = charts.time_series(year((0.02, 0.02), (0.03, 0.04)), "percent", us=None)["data"]["values"]
    assert not any(row["median_alone"] or row["band_alone"] or row["pooled_alone"] for row in joined)
    words = charts.time_series_in_words(points[:1], "percent", us=None)
    assert words == "In October 2025 the peer median was 2.00%."


def test_one_period_shows_the_peers_in_the_drawing():
    (point, *_) = year((0.02, None), (None, None))
    svg, _media_type = drawing.draw(charts.time_series([point], "percent", us=None) | {"width": 400}, "svg", "light")
    drawn = svg.decode()
    marks = re.findall(r'mark-(rect|symbol) role-mark layer_\d+_marks"[^>]*>(.*?)</g>', drawn)
    drawn_marks = [(kind, content.count("<path")) for kind, content in marks if "<path" in content]
    assert sorted(drawn_marks) == [("rect", 1), ("symbol", 1), ("symbol", 1)]  # the middle half, the median, all pooled


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_server_draws_what_the_browser_draws(theme):
    spec = charts.titled(charts.time_series(year((0.02, 0.03), (0.03, 0.04)), "percent", us="海港银行"), "逾期", "全部")
    svg, media_type = drawing.draw(spec, "svg", theme)
    assert media_type == "image/svg+xml"
    assert "海港银行" in svg.decode()
    assert charts.theme(theme)["background"] in svg.decode()


def test_chinese_words_are_drawn_into_a_png_on_any_machine(monkeypatch):
    monkeypatch.setattr(charts, "FONT", "Noto Sans SC")  # none but the font that comes with the platform
    spec = charts.distribution(figures(0.02, 0.03), "percent", us=None)
    one, other = (drawing.draw(charts.titled(spec, title, ""), "png", "light")[0] for title in ("逾期", "回收"))
    assert one != other  # without a font both would be the same two boxes


def test_vega_lite_compiles_both_charts():
    for spec in (
        charts.time_series(year((0.02, 0.03), (0.03, 0.04)), "percent", us="Harbour Bank"),
        charts.distribution(figures(0.02, 0.03), "percent", us="Harbour Bank"),
    ):
        assert vl_convert.vegalite_to_vega(spec, vl_version=drawing.VEGA_LITE)["marks"]


def test_a_missing_value_breaks_the_sparkline():
    assert sparkline(([0.1, 0.2, None, 0.3, 0.4], "line-ours")).count("M") == 2
    assert sparkline(([None, 0.2], "line-ours")) == ""
    assert sparkline(([0.1], "line-peers"), ([0.2], "line-ours")) == ""  # two dots are no line


def test_the_rows_of_a_table_share_one_scale():
    rows = [figures(0.02, 0.03), figures(0.04, 0.05)]
    scale = RangeScale(rows)
    assert float(scale.at(0.02)) < float(scale.at(0.04))
    assert "style=" not in scale.draw(rows[0])


@pytest.mark.parametrize("format", ["csv", "xlsx", "parquet"])
def test_a_withheld_cell_is_a_row_without_figures_in_every_format(format):
    rows = [
        ("2026-10", "DPD30_RATE", "ALL", figures(0.02, None)),
        ("2026-10", "DPD30_RATE", "ALL", figures(None, None)),
    ]
    content = export.encode(export.table(load("delinquency"), rows), format)

    if format == "parquet":
        read = pq.read_table(io.BytesIO(content)).to_pylist()
    elif format == "csv":
        head, *lines = content.decode("utf-8-sig").splitlines()
        read = [
            dict(zip(head.replace('"', "").split(","), line.replace('"', "").split(","), strict=True)) for line in lines
        ]
    else:
        head, *lines = openpyxl.load_workbook(io.BytesIO(content)).active.iter_rows(values_only=True)
        read = [dict(zip(head, line, strict=True)) for line in lines]

    shown, withheld = read
    assert (shown["OBS_STATUS"], shown["CONF_STATUS"]) == ("A", "F")
    assert float(shown["MEDIAN"]) == pytest.approx(0.02)
    assert (withheld["OBS_STATUS"], withheld["CONF_STATUS"]) == ("Q", "C")
    assert not any(withheld[name] for name in (*export.MEASURES, "CONTRIBUTORS"))
