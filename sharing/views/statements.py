"""Statements: how the own institution stands beside each release, in figures and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from anonymize.package.statement import STATEMENT_MEDIA_TYPE
from anonymize.template import TOTAL, Dimension, Indicator, Template
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from sharing.benchmarks import explorer, trends
from sharing.benchmarks.explorer import ALL, Figures
from sharing.benchmarks.naming import peer_group_names
from sharing.benchmarks.periods import PERIODS_A_YEAR, earlier
from sharing.benchmarks.trends import Change
from sharing.marks import RangeScale
from sharing.models import Release, Statement
from sharing.models.collection import in_language
from sharing.services import statements
from sharing.views.release_files import attachment

A_PAGE = 24


@dataclass(frozen=True)
class Line:
    """Our figure of one cell beside what is published there, and how it moved; `range` is the drawing of both."""

    name: str
    depth: int
    figures: Figures
    on_period: Change | None
    on_year: Change | None
    address: str
    range: str


@dataclass(frozen=True)
class Section:
    """A table of the page; its id is the dimension's."""

    id: str
    title: str
    lines: Sequence[Line]


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The releases that the own institution has a statement for, latest first."""
    person = signed_in(request)
    require(person, Permission.STATEMENT_VIEW)
    mine = Statement.objects.visible_to(person).select_related("release__round__collection")
    page = Paginator(mine.order_by("-release__published_at"), A_PAGE).get_page(request.GET.get("page"))
    return render(request, "sharing/statements.html", {"page": page})


@require_safe
@never_cache
def detail(request: HttpRequest, release_id: str) -> HttpResponse:
    """One indicator in total beside every peer group that we are in, and broken down by each dimension."""
    person = signed_in(request)
    visible = Statement.objects.visible_to(person).select_related("release__round__collection", "institution", "key")
    statement = get_object_or_404(visible, release__public_id=release_id)
    release = statement.release
    if statement.is_for_own_key:
        told = {"release": release, "collection": release.round.collection, "key": statement.key}
        return render(request, "sharing/statement_sealed.html", {**told, "institution": statement.institution})
    template = release.round.collection.template
    indicators = {each.id: each for each in template.indicators}
    indicator = indicators.get(request.GET.get("indicator", ""), template.indicators[0])
    context = {
        "release": release,
        "collection": release.round.collection,
        "institution": statement.institution,
        "indicator": indicator,
        "title": in_language(dict(indicator.names)),
        "choices": [(each.id, in_language(dict(each.names))) for each in template.indicators],
        "groups": _groups(statement, indicator, person),
        "sections": [_section(release, template, indicator, each, person) for each in template.cut(indicator)],
    }
    return render(request, "sharing/statement.html", context)


@require_safe
@never_cache
def sealed(request: HttpRequest, release_id: str) -> HttpResponse:
    """What only the institution's own key opens, as a file."""
    person = signed_in(request)
    statement = get_object_or_404(Statement.objects.visible_to(person), release__public_id=release_id)
    if not statement.is_for_own_key:
        raise Http404
    content = statements.sealed_document(statement, by=person)
    return attachment(content, STATEMENT_MEDIA_TYPE, f"{release_id}.statement.jose")


def _groups(statement: Statement, indicator: Indicator, person: Person) -> list[Line]:
    """In total, beside all members and each group that the institution is in."""
    release = statement.release
    key = _key(release.round.collection.template.cut(indicator), {})
    names = peer_group_names(release.round.collection)
    codes = statement.peer_groups or [ALL]
    found = [
        (names.get(code, code), 0, code, key, cell)
        for code in codes
        for cell in explorer.cells(release, indicator.id, code, person, [key])
    ]
    return list(_lines(release, indicator, found, person))


def _section(
    release: Release, template: Template, indicator: Indicator, dimension: Dimension, person: Person
) -> Section:
    """By the codes of one dimension, beside all members."""
    cut, code_list = template.cut(indicator), dimension.code_list
    keys = {_key(cut, {dimension.id: code}): code for code in code_list.ids if code != TOTAL}
    cells = {each.key: each for each in explorer.cells(release, indicator.id, ALL, person, list(keys))}
    found = [
        (in_language(dict(code_list.by_id[code].names)), len(code_list.ancestors(code)) - 2, ALL, key, cells[key])
        for key, code in keys.items()
        if key in cells and cells[key].own
    ]
    return Section(dimension.id, in_language(dict(dimension.names)), list(_lines(release, indicator, found, person)))


def _lines(
    release: Release, indicator: Indicator, found: Sequence[tuple[str, int, str, str, Figures]], person: Person
) -> Iterator[Line]:
    scale = RangeScale([figures for *_place, figures in found])
    collection = release.round.collection
    frequency, until = collection.template.frequency, release.round.period
    for group in dict.fromkeys(group for _name, _depth, group, _key, _figures in found):
        keys = [key for _name, _depth, of, key, _figures in found if of == group]
        before = _points(release, indicator, group, keys, person)
        for name, depth, of, key, figures in found:
            if of != group:
                continue
            points = [*before.get(key, []), explorer.Point(until, release.public_id, figures)]
            yield Line(
                name,
                depth,
                figures,
                trends.on_last_period(points, frequency),
                trends.on_last_year(points, frequency),
                _address(release, indicator, group, key),
                scale.draw(figures),
            )


def _points(
    release: Release, indicator: Indicator, group: str, keys: Sequence[str], person: Person
) -> dict[str, list[explorer.Point]]:
    """The same cells in the two earlier releases that changes are reckoned from, oldest first."""
    frequency, until = release.round.collection.template.frequency, release.round.period
    wanted = {earlier(until, frequency, back) for back in (1, PERIODS_A_YEAR[frequency])}
    before = [each for each in explorer.published(release.round.collection, person) if each.round.period in wanted]
    figures = explorer.figures_of(before, indicator.id, group, keys, person)
    return {
        key: [
            explorer.Point(each.round.period, each.public_id, figures[each.pk, key])
            for each in before
            if (each.pk, key) in figures
        ]
        for key in keys
    }


def _key(cut: Sequence[Dimension], codes: dict[str, str]) -> str:
    return ".".join(codes.get(dimension.id, TOTAL) for dimension in cut)


def _address(release: Release, indicator: Indicator, group: str, key: str) -> str:
    """The explorer's view of a cell."""
    collection = release.round.collection
    cut = collection.template.cut(indicator)
    codes = {each.id: code for each, code in zip(cut, key.split("."), strict=True) if code != TOTAL}
    peers = {"peers": group} if group != ALL else {}
    query = urlencode({"collection": collection.code, "indicator": indicator.id, **peers, **codes})
    return f"{reverse('benchmarks')}?{query}"
