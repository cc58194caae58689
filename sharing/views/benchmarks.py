"""The benchmark explorer: one address for the page, its fragment, its drawings and its files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from sharing import charts, sentences
from sharing.benchmarks import explorer as published, export
from sharing.benchmarks.answer import Answer, answer
from sharing.benchmarks.explorer import Figures, Point
from sharing.benchmarks.selection import Selection
from sharing.benchmarks.trends import on_last_period, on_last_year
from sharing.drawing import draw
from sharing.forms import SelectionForm
from sharing.marks import RangeScale, sparkline
from sharing.models import Release
from sharing.models.collection import in_language


@dataclass(frozen=True)
class Row:
    """One line of the breakdown; `figures` is None where the release has no such cell."""

    name: str
    depth: int
    address: str
    is_chosen: bool
    figures: Figures | None
    range: str


@require_safe
def explorer(request: HttpRequest) -> HttpResponse:
    """Where we stand, at one cell of one indicator, beside one peer group."""
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    selection = Selection.read(request.GET, person)
    if selection is None:
        return render(request, "sharing/benchmarks_empty.html")
    template = "sharing/_benchmarks.html" if request.htmx else "sharing/benchmarks.html"  # type: ignore[attr-defined]
    response = render(request, template, _view(selection, person))
    if request.htmx:  # type: ignore[attr-defined]
        response["HX-Push-Url"] = _address(selection)
    return response


@require_safe
def chart(request: HttpRequest, drawing: str) -> HttpResponse:
    """The time series of a selection as a drawing that stands alone: SVG or PNG."""
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    selection = Selection.read(request.GET, person)
    if selection is None:
        raise Http404
    kind, us = selection.indicator.format, _us(person)
    spec = charts.titled(charts.time_series(_points(selection, person), kind, us=us), *_title(selection))
    content, media_type = draw(spec, drawing, request.GET.get("theme", "light"))
    response = HttpResponse(content, content_type=media_type)
    if request.GET.get("download"):
        response["Content-Disposition"] = f'attachment; filename="{_file_name(selection)}.{drawing}"'
    return response


@require_safe
def figures(request: HttpRequest, format: str) -> HttpResponse:
    """The series of a selection as a file; our own figures are not in it."""
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    selection = Selection.read(request.GET, person)
    if selection is None or format not in export.MEDIA_TYPES:
        raise Http404
    lines = [export.Line(point.period, point.figures) for point in _points(selection, person)]
    table = export.view_table(selection.template, selection.indicator.id, selection.peer_group, lines)
    response = HttpResponse(export.encode(table, format), content_type=export.MEDIA_TYPES[format])
    response["Content-Disposition"] = f'attachment; filename="{_file_name(selection)}.{format}"'
    return response


def _view(selection: Selection, person: Person) -> dict[str, Any]:
    points = _points(selection, person)
    kind, us = selection.indicator.format, _us(person)
    reply = answer(points, selection.template.frequency, kind)
    now = points[-1].figures if points else None
    title, subtitle = _title(selection)
    context: dict[str, Any] = {
        "selection": selection,
        "form": SelectionForm(selection, person),
        "title": title,
        "subtitle": subtitle,
        "kind": kind,
        "us": us,
        "points": list(reversed(points)),
        "now": now,
        "period": points[-1].period if points else None,
        "on_period": on_last_period(points, selection.template.frequency),
        "on_year": on_last_year(points, selection.template.frequency),
        "sparks": _sparks(points),
        "wider": [(_cell_name(wider), _address(wider)) for wider in selection.wider()],
        "by_name": in_language(dict(selection.template.dimension(selection.by).names)),
        "query": selection.query(),
        "file_formats": export.FORMATS,
        "address": _address(selection),
        **_answer_in_words(reply, kind),
        **_table(selection, person),
    }
    if points:
        context["series_chart"] = _drawable(charts.time_series(points, kind, us=us))
    if now is not None and now.p25 is not None:
        context["distribution_chart"] = _drawable(charts.distribution(now, kind, us=us))
        context["distribution_words"] = charts.distribution_in_words(now, kind, us=us)
    if points:
        context["series_words"] = charts.time_series_in_words(points, kind, us=us)
    return context


def _points(selection: Selection, person: Person) -> list[Point]:
    return published.series(selection.collection, selection.indicator.id, selection.peer_group, selection.key, person)


def _answer_in_words(reply: Answer | None, kind: str) -> dict[str, Any]:
    if reply is None:
        return {}
    return {
        "about_us": sentences.about_us(reply, kind),
        "about_peers": sentences.about_peers(reply, kind),
        "verdict": sentences.VERDICTS[reply.verdict],
        "band": sentences.BANDS[reply.now.own.band] if reply.now.own and reply.now.own.band else None,
    }


def _table(selection: Selection, person: Person) -> dict[str, Any]:
    """The breakdown by one dimension in the latest release, and the tabs that choose another."""
    release = published.latest(selection.collection, person)
    tabs = [
        (
            in_language(dict(dimension.names)),
            _address(selection.broken_down(dimension.id)),
            dimension.id == selection.by,
        )
        for dimension in selection.cut
    ]
    return {"tabs": tabs, "rows": _rows(selection, release, person) if release else [], "release": release}


def _rows(selection: Selection, release: Release, person: Person) -> list[Row]:
    breakdown = selection.breakdown()
    keys = [there.key for _code, _depth, there in breakdown]
    cells = published.cells(release, selection.indicator.id, selection.peer_group, person, keys)
    by_key = {figures.key: figures for figures in cells}
    scale = RangeScale(cells)
    code_list = selection.template.dimension(selection.by).code_list
    rows = []
    for code, depth, there in breakdown:
        figures = by_key.get(there.key)
        if figures is None:
            continue
        rows.append(
            Row(
                name=in_language(dict(code_list.by_id[code].names)),
                depth=depth,
                address=_address(selection.down(selection.by, code)),
                is_chosen=code == selection.codes[selection.by],
                figures=figures,
                range=scale.draw(figures),
            )
        )
    return rows


def _sparks(points: list[Point]) -> dict[str, str]:
    return {
        "median": sparkline(([point.figures.median for point in points], "line-peers")),
        "pooled": sparkline(([point.figures.pooled for point in points], "line-pooled")),
        "own": sparkline(([point.figures.own.rate if point.figures.own else None for point in points], "line-ours")),
    }


def _drawable(spec: charts.Spec) -> dict[str, Any]:
    return {"spec": spec, "themes": {name: charts.theme(name) for name in ("light", "dark")}}


def _title(selection: Selection) -> tuple[str, str]:
    """The indicator, and the cell and peer group it is shown for."""
    groups = {group.code: str(group) for group in selection.collection.peer_groups.all()}
    peers = groups.get(selection.peer_group) or _("All members")
    return in_language(dict(selection.indicator.names)), f"{_cell_name(selection)} · {peers}"


def _cell_name(selection: Selection) -> str:
    """The cell in words, totals left out unless there is nothing else: "Car loan · Zhejiang"."""
    names = [
        in_language(dict(dimension.code_list.by_id[code].names))
        for dimension in selection.cut
        if (code := selection.codes[dimension.id]) != "_T"
    ]
    return " · ".join(names) or _("In total")


def _address(selection: Selection) -> str:
    return f"{reverse('benchmarks')}?{selection.query()}"


def _file_name(selection: Selection) -> str:
    return f"{selection.collection.code}-{selection.indicator.id}-{selection.key}-{selection.peer_group}".lower()


def _us(person: Person) -> str | None:
    return str(person.institution) if person.institution else None
