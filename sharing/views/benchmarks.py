"""The benchmark explorer: one address for the page, its fragment, its drawings and its files."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web import formats
from sharing import charts, sentences
from sharing.benchmarks import export
from sharing.benchmarks.answer import Answer, answer
from sharing.benchmarks.explorer import Point, only_headlines
from sharing.benchmarks.selection import Selection
from sharing.benchmarks.trends import on_last_period, on_last_year
from sharing.benchmarks.view_lines import view_lines
from sharing.drawing import draw
from sharing.forms import SelectionForm
from sharing.marks import sparkline
from sharing.views.benchmark_tabs import benchmark_tabs
from sharing.views.benchmark_views import VIEW_NAMES, Seen, title, wider


@require_safe
def explorer(request: HttpRequest) -> HttpResponse:
    """Where we stand, at one cell of one indicator, beside one peer group."""
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    selection = Selection.read(request.GET, person)
    if selection is None:
        return render(request, "sharing/benchmarks_empty.html")
    template = "sharing/_benchmarks.html" if request.htmx else "sharing/benchmarks.html"  # type: ignore[attr-defined]
    response = render(request, template, _page(selection, person))
    if request.htmx:  # type: ignore[attr-defined]
        response["HX-Push-Url"] = selection.address()
    return response


@require_safe
def chart(request: HttpRequest, drawing: str) -> HttpResponse:
    """A view of a selection as a drawing that stands alone: SVG or PNG."""
    selection, person = _chosen(request)
    seen = Seen(selection, person)
    spec = seen.drawing()
    if spec is None:
        raise Http404
    content, media_type = draw(
        charts.titled(spec, seen.finding(), _subtitle(seen)), drawing, request.GET.get("theme", "light")
    )
    response = HttpResponse(content, content_type=media_type)
    if request.GET.get("download"):
        response["Content-Disposition"] = f'attachment; filename="{_file_name(selection)}.{drawing}"'
    return response


@require_safe
def figures(request: HttpRequest, format: str) -> HttpResponse:
    """The cells of a view as a file; our own figures are not in it."""
    selection, person = _chosen(request)
    if format not in export.MEDIA_TYPES:
        raise Http404
    lines = view_lines(selection, Seen(selection, person).releases, person)
    table = export.view_table(selection.template, selection.indicator.id, selection.peer_group, lines)
    response = HttpResponse(export.encode(table, format), content_type=export.MEDIA_TYPES[format])
    response["Content-Disposition"] = f'attachment; filename="{_file_name(selection)}.{format}"'
    return response


def _chosen(request: HttpRequest) -> tuple[Selection, Person]:
    """What the address selects, for whoever is signed in; 404 for those who see no collection."""
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    selection = Selection.read(request.GET, person)
    if selection is None:
        raise Http404
    return selection, person


def _page(selection: Selection, person: Person) -> dict[str, Any]:
    seen = Seen(selection, person)
    points, frequency = seen.points, selection.template.frequency
    heading, subtitle = title(selection)
    return {
        "selection": selection,
        "benchmark_tabs": benchmark_tabs(person, "benchmarks"),
        "form": SelectionForm(selection, person),
        "title": heading,
        "subtitle": subtitle,
        "kind": seen.kind,
        "us": seen.us,
        "now": seen.now,
        "release": seen.releases[-1] if seen.releases else None,
        "sealed_release": seen.sealed_release,
        "period": points[-1].period if points else None,
        "on_period": on_last_period(points, frequency),
        "on_year": on_last_year(points, frequency),
        "sparks": _sparks(points),
        "wider": wider(selection),
        "query": selection.query(),
        "file_formats": export.FORMATS,
        "address": selection.address(),
        "view": selection.view,
        "views": [
            (VIEW_NAMES[view], selection.seen_as(view).address(), view == selection.view) for view in selection.views
        ],
        "now_address": None if selection.as_of is None else selection.as_now().address(),
        "headlines_only": only_headlines(seen.releases, person),
        "finding": seen.finding(),
        **_answer_in_words(answer(points, frequency, seen.kind), seen.kind),
        **seen.context(),
    }


def _answer_in_words(reply: Answer | None, kind: str) -> dict[str, Any]:
    if reply is None:
        return {}
    return {
        "about_us": sentences.about_us(reply, kind),
        "about_peers": sentences.about_peers(reply, kind),
        "verdict": sentences.VERDICTS[reply.verdict],
        "band": sentences.BANDS[reply.now.own.band] if reply.now.own and reply.now.own.band else None,
    }


def _sparks(points: list[Point]) -> dict[str, str]:
    return {
        "median": sparkline(([point.figures.median for point in points], "line-peers")),
        "pooled": sparkline(([point.figures.pooled for point in points], "line-pooled")),
        "own": sparkline(([point.figures.own.rate if point.figures.own else None for point in points], "line-ours")),
    }


def _subtitle(seen: Seen) -> str:
    """What the drawing is of: indicator, cell, peers and the period of the latest release."""
    period = [formats.period(seen.releases[-1].round.period)] if seen.releases else []
    return " · ".join([*title(seen.selection), *period])


def _file_name(selection: Selection) -> str:
    named = (selection.collection.code, selection.indicator.id, selection.key, selection.peer_group, selection.view)
    return "-".join(named).lower()
