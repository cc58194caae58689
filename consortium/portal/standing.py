"""How we stand, in one tile a collection: its first indicators in total beside all members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils.functional import Promise

from consortium.people.models import Person
from sharing.benchmarks import explorer
from sharing.benchmarks.answer import answer
from sharing.benchmarks.explorer import Figures
from sharing.benchmarks.selection import Selection
from sharing.benchmarks.trends import Change
from sharing.marks import sparkline
from sharing.models import Collection, Release, Statement
from sharing.models.collection import in_language
from sharing.sentences import VERDICTS

FEW = 3  # collections


@dataclass(frozen=True)
class Standing:
    name: str
    collection: str
    period: str
    address: str
    kind: str
    figures: Figures
    change: Change | None
    over_a_year: bool
    verdict: str | Promise
    spark: str
    release: str
    is_sealed: bool = False  # the own figure is where only the institution's own key opens it


def standings(person: Person) -> list[Standing]:
    """Of each collection that has a published release the person may see: its first indicator, or two of few."""
    found = []
    codes = Collection.objects.visible_to(person).order_by("code").values_list("code", flat=True).distinct()
    of_each = 2 if len(codes) <= FEW else 1
    for code in codes:
        selection = Selection.read({"collection": code}, person)
        if selection is None:
            continue
        releases = explorer.published(selection.collection, person)
        for indicator in selection.template.indicators[:of_each]:
            standing = _standing(selection.of_indicator(indicator), releases, person)
            if standing is not None:
                found.append(standing)
    sealed = _sealed(found, person)
    return [replace(each, is_sealed=each.release in sealed) for each in found]


def _sealed(found: list[Standing], person: Person) -> set[str]:
    """The releases whose own figures were delivered to the own key."""
    mine = Statement.objects.visible_to(person).filter(release__public_id__in={each.release for each in found})
    return set(mine.filter(key__isnull=False).values_list("release__public_id", flat=True))


def _standing(selection: Selection, releases: Sequence[Release], person: Person) -> Standing | None:
    points = explorer.series_of(releases, selection.indicator.id, selection.peer_group, selection.key, person)
    reply = answer(points, selection.template.frequency, selection.indicator.format)
    if reply is None:
        return None
    return Standing(
        name=in_language(dict(selection.indicator.names)),
        collection=str(selection.collection),
        period=points[-1].period,
        address=f"{reverse('benchmarks')}?{selection.query()}",
        kind=selection.indicator.format,
        figures=reply.now,
        change=reply.change,
        over_a_year=reply.over_a_year,
        verdict=VERDICTS[reply.verdict],
        spark=sparkline(
            ([point.figures.median for point in points], "line-peers"),
            ([point.figures.own.rate if point.figures.own else None for point in points], "line-ours"),
        ),
        release=points[-1].release,
    )
