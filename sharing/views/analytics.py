"""Analyses of published figures: the back-test of risk models, and rankings of treatments, channels and campaigns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from anonymize.template import TOTAL, Dimension
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web import formats
from sharing import charts as common
from sharing.analytics import backtest, charts, options, reading, tables, words
from sharing.analytics.backtest import BackTest, Move
from sharing.analytics.form import AnalysisForm
from sharing.analytics.options import Option, Strata
from sharing.analytics.view import RANKINGS, View
from sharing.benchmarks import export
from sharing.drawing import draw
from sharing.models.collection import in_language
from sharing.services import statements
from sharing.views.benchmark_tabs import benchmark_tabs

__all__ = ["RANKINGS", "calibration", "calibration_chart", "calibration_figures", "ranking", "ranking_chart",
           "ranking_figures"]  # fmt: skip

BACK_A_YEAR = 4  # quarters
SHOWN_PERIODS = 12


@require_safe
def calibration(request: HttpRequest) -> HttpResponse:
    """Did as many default as the members' models expected, and where did they stand?"""
    person = _reader(request)
    view = View.of_back_test(request.GET.dict(), person)
    if view is None:
        return _nothing(request, person, "calibration", _("Risk model back-test"))
    test, moved = _tested(view, person), _moves(view, person)
    names = _names(view.selection.template.dimension("PD_BAND"))
    us = _us(person)
    context = {
        **_common(view, person, "calibration", shown=("PRODUCT", "peers")),
        "title": _("Risk model back-test"),
        "test": test,
        "bands": [(names[each.band.code], each, words.p_value(each.p_value), words.FINDINGS[each.finding])
                  for each in test.bands],
        "off_by": formats.size(test.brier.off_by) if test.brier else None,
        "sentences": words.verdict(test.bands, names),
        "about_own": words.about_own(test.bands, names) if us else "",
        "in_total": test.in_total.band,
        "hosmer_p": words.p_value(test.hosmer_lemeshow.p_value) if test.hosmer_lemeshow else None,
        "powers": [(_("By score"), test.by_score, test.own_by_score),
                   (_("By predicted probability"), test.by_prediction, test.own_by_prediction)],
        "moves": [(name, [(move, words.SHIFTS[move.stability.shift] if move.stability else "") for move in reversed(some)])
                  for name, some in moved.items()],
        "calibration_chart": _drawable(charts.calibration([each.band for each in test.bands], names, us=us)),
        "calibration_words": charts.calibration_in_words([each.band for each in test.bands]),
    }  # fmt: skip
    if any(move.stability for some in moved.values() for move in some):
        context["stability_chart"] = _drawable(charts.stability(moved))
    return _page(request, "calibration", context)


@require_safe
def calibration_chart(request: HttpRequest, drawing: str) -> HttpResponse:
    """The calibration curve as a drawing that stands alone, or with `?chart=stability` the stability index."""
    person = _reader(request)
    view = View.of_back_test(request.GET.dict(), person)
    if view is None:
        raise Http404
    if request.GET.get("chart") == "stability":
        spec = charts.stability(_moves(view, person))
        return _drawn(request, spec, drawing, _("Stability of the mix"), view)
    names = _names(view.selection.template.dimension("PD_BAND"))
    bands = [each.band for each in _tested(view, person).bands]
    spec = charts.calibration(bands, names, us=_us(person))
    return _drawn(request, spec, drawing, _("Risk model back-test"), view)


@require_safe
def calibration_figures(request: HttpRequest, format: str) -> HttpResponse:
    """Bands, their rates, intervals and tests as a file; our own figures are not in it."""
    person = _reader(request)
    view = View.of_back_test(request.GET.dict(), person)
    if view is None:
        raise Http404
    return _file(tables.of_bands(view.release.round.period, _tested(view, person)), format, "calibration", view)


@require_safe
def ranking(request: HttpRequest, page: str) -> HttpResponse:
    """What came of each treatment, channel or campaign, and which of them can be told apart."""
    person = _reader(request)
    view = View.of_ranking(request.GET.dict(), person, RANKINGS[page])
    if view is None:
        return _nothing(request, person, page, _TITLES[page]())
    some, strata = _ranked(view, person)
    names, kind, us = _names(view.ranked), view.selection.indicator.format, _us(person)
    context = {
        **_common(
            view, person, page, shown=("indicator", "peers", *(each.id for each in view.cut if each != view.ranked))
        ),
        "title": in_language(dict(view.selection.indicator.names)),
        "page_title": _TITLES[page](),
        "kind": kind,
        "ranked_name": in_language(dict(view.ranked.names)),
        "across_name": in_language(dict(view.across.names)) if view.across else "",
        "options": [(names[each.code], each) for each in some],
        "has_chance": any(each.chance for each in some),
        "has_alike": any(each.alike for each in some),
        "has_figures": any(each.cell.pooled is not None for each in some),
        "sentences": words.about_leaders(some, names, kind),
        "not_ranked": words.not_ranked(some),
        "strata_names": _names_of(view.across, strata.codes) if view.across else [],
        "by_stratum": [(names[each.code], [strata.cells[each.code][code] for code in strata.codes]) for each in some],
        "ranking_chart": _drawable(charts.ranking(some, names, kind, us=us)),
        "is_treatment": page == "treatments",
    }
    return _page(request, page, context)


@require_safe
def ranking_chart(request: HttpRequest, page: str, drawing: str) -> HttpResponse:
    """The ranking as a drawing that stands alone."""
    person = _reader(request)
    view = View.of_ranking(request.GET.dict(), person, RANKINGS[page])
    if view is None:
        raise Http404
    some, _strata = _ranked(view, person)
    spec = charts.ranking(some, _names(view.ranked), view.selection.indicator.format, us=_us(person))
    return _drawn(request, spec, drawing, in_language(dict(view.selection.indicator.names)), view)


@require_safe
def ranking_figures(request: HttpRequest, page: str, format: str) -> HttpResponse:
    """The options with their rates, intervals and ranks as a file; our own figures are not in it."""
    person = _reader(request)
    view = View.of_ranking(request.GET.dict(), person, RANKINGS[page])
    if view is None:
        raise Http404
    some, _strata = _ranked(view, person)
    content = tables.of_options(view.release.round.period, view.selection.indicator.id, view.ranked.id, some)
    return _file(content, format, page, view)


_TITLES: Mapping[str, Any] = {
    "treatments": lambda: _("What treatments achieve"),
    "outreach": lambda: _("What outreach achieves"),
    "service": lambda: _("How borrowers are served"),
}


def _reader(request: HttpRequest) -> Person:
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    return person


def _tested(view: View, person: Person) -> BackTest:
    total, predictions, scores = _back_test_keys(view)
    keys = [total, *predictions.values(), *scores.values()]
    cells = reading.cells(view.release, backtest.INDICATORS, view.selection.peer_group, keys, person)
    return backtest.back_test(cells, total, predictions, scores)


def _back_test_keys(view: View) -> tuple[str, dict[str, str], dict[str, str]]:
    """Of all accounts at the chosen product, and of each band of the two."""
    template, chosen = view.selection.template, {"PRODUCT": view.selection.codes["PRODUCT"]}
    predictions, scores = (
        reading.leaf_keys(view.cut, template.dimension(name), chosen) for name in ("PD_BAND", "SCORE_BAND")
    )
    return reading.key_of(view.cut, chosen), predictions, scores


def _moves(view: View, person: Person) -> dict[str, list[Move]]:
    """By the name of the bands: how far their mix lies from that of a year before, period by period."""
    total, predictions, scores = _back_test_keys(view)
    until = [each for each in view.releases if each.round.period <= view.release.round.period]
    recent = until[-SHOWN_PERIODS - BACK_A_YEAR :]
    wanted = [total, *scores.values(), *predictions.values()]
    weights = reading.weights_over_time(recent, backtest.OBSERVED, view.selection.peer_group, wanted, person)
    found = {}
    for name, keys in ((_("Score band"), scores), (_("Predicted probability"), predictions)):
        shares = {period: reading.shares(each, total, keys) for period, each in weights.items()}
        found[name] = backtest.moves(shares, min(BACK_A_YEAR, max(len(shares) - 1, 1)))
    return found


def _ranked(view: View, person: Person) -> tuple[list[Option], Strata]:
    indicator, total = view.selection.indicator, reading.key_of(view.cut, {})
    keys, strata, inside = view.keys(), view.strata(), view.keys_by_stratum()
    wanted = {total, *keys.values(), *strata.values(), *(key for row in inside.values() for key in row.values())}
    cells = reading.cells(view.release, [indicator.id], view.selection.peer_group, sorted(wanted), person)
    is_share = indicator.format == "percent"
    laid_out = options.stratified(cells, indicator.id, total, strata, inside, is_share=is_share)
    some = options.options(
        cells,
        indicator.id,
        keys,
        is_share=is_share,
        higher_is_better=not indicator.higher_is_worse,
        alike={} if view.chosen else laid_out.alike,
    )
    return some, laid_out


def _common(view: View, person: Person, page: str, *, shown: Iterable[str]) -> dict[str, Any]:
    address = f"{reverse(page)}?{view.query()}"
    return {
        "subtitle": _subtitle(view),
        "period": view.release.round.period,
        "us": _us(person),
        "sealed_release": view.release if statements.sealed_to_own_key(person, [view.release]) else None,
        "form": AnalysisForm(view.selection, person, shown=shown, more=_more_fields(view, page)),
        "page": page,
        "page_address": reverse(page),
        "chart_page": f"{page}-chart",
        "figures_page": f"{page}-figures",
        "query": view.query(),
        "address": address,
        "file_formats": export.FORMATS,
        "benchmark_tabs": benchmark_tabs(person, page),
    }


def _more_fields(view: View, page: str) -> list[tuple[str, Any, list[tuple[str, Any]], str]]:
    periods = [(each.round.period, formats.period(each.round.period)) for each in reversed(view.releases)]
    fields = [("period", _("Period"), periods, view.release.round.period)]
    if view.across is not None:
        dimensions = {each.id: in_language(dict(each.names)) for each in view.cut}
        ranked = [(name, dimensions[name]) for name in RANKINGS[page].ranked]
        across = [(name, label) for name, label in dimensions.items() if name != view.ranked.id]
        fields += [("by", _("Ranked"), ranked, view.ranked.id), ("across", _("Across"), across, view.across.id)]
    return fields


def _page(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    name = "calibration" if page == "calibration" else "ranking"
    template = f"sharing/_{name}.html" if request.htmx else "sharing/analytics.html"  # type: ignore[attr-defined]
    response = render(request, template, {**context, "fragment": f"sharing/_{name}.html"})
    if request.htmx:  # type: ignore[attr-defined]
        response["HX-Push-Url"] = context["address"]
    return response


def _nothing(request: HttpRequest, person: Person, page: str, title: str) -> HttpResponse:
    context = {"title": title, "benchmark_tabs": benchmark_tabs(person, page)}
    return render(request, "sharing/analytics_empty.html", context)


def _drawn(request: HttpRequest, spec: common.Spec, drawing: str, title: str, view: View) -> HttpResponse:
    subtitle = f"{_subtitle(view)} · {formats.period(view.release.round.period)}"
    content, media_type = draw(common.titled(spec, title, subtitle), drawing, request.GET.get("theme", "light"))
    response = HttpResponse(content, content_type=media_type)
    if request.GET.get("download"):
        response["Content-Disposition"] = f'attachment; filename="{_file_name(view)}.{drawing}"'
    return response


def _file(content: pa.Table, format: str, page: str, view: View) -> HttpResponse:
    if format not in export.MEDIA_TYPES:
        raise Http404
    response = HttpResponse(export.encode(content, format), content_type=export.MEDIA_TYPES[format])
    response["Content-Disposition"] = f'attachment; filename="{page}-{_file_name(view)}.{format}"'
    return response


def _file_name(view: View) -> str:
    selection = view.selection
    parts = (
        selection.collection.code,
        view.release.round.period,
        selection.indicator.id,
        selection.key,
        selection.peer_group,
    )
    return "-".join(parts).lower()


def _subtitle(view: View) -> str:
    """The cell and the peer group in words."""
    groups = {group.code: str(group) for group in view.selection.collection.peer_groups.all()}
    cell = [
        in_language(dict(view.selection.template.dimension(name).code_list.by_id[code].names))
        for name, code in view.chosen.items()
    ]
    return " · ".join([*cell, groups.get(view.selection.peer_group) or _("All members")])


def _names(dimension: Dimension) -> dict[str, str]:
    return {code.id: in_language(dict(code.names)) for code in dimension.code_list.codes}


def _names_of(dimension: Dimension, codes: Iterable[str]) -> list[str]:
    names = _names(dimension)
    return [names[code] for code in codes if code != TOTAL]


def _drawable(spec: common.Spec) -> dict[str, Any]:
    return {"spec": spec, "themes": {name: common.theme(name) for name in ("light", "dark")}}


def _us(person: Person) -> str | None:
    return str(person.institution) if person.institution else None
