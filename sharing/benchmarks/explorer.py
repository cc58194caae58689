"""What the pages ask of published releases: a series, a table, a distribution, each with the member's own figure.

Every figure is a fraction of one (0.031 is 3.1 %). A withheld cell has no figure and says only that it is withheld.
Every reader starts from what the person may see; `as_of` shows the figures as they were published at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from consortium.people.models import Person
from sharing.benchmarks.comparison import Own, beside_cell
from sharing.models import Collection, Release, ReleaseCell
from sharing.models.release import FIGURES
from sharing.services import statements

ALL = "ALL"  # the peer group that holds every contributor
_COLUMNS = ("release_id", "key", "contributors", "withheld", *FIGURES)


@dataclass(frozen=True)
class Figures:
    """One indicator at one cell and peer group, as published; all None when withheld."""

    key: str
    pooled: float | None
    mean: float | None
    p25: float | None
    median: float | None
    p75: float | None
    contributors: int | None
    withheld: bool
    own: Own | None  # the viewer's institution's own figure, whether or not the benchmark is withheld
    trimmed_mean: float | None = None
    p10: float | None = None
    p20: float | None = None
    p30: float | None = None
    p40: float | None = None
    p60: float | None = None
    p70: float | None = None
    p80: float | None = None
    p90: float | None = None
    weight: float | None = None
    error: float | None = None


@dataclass(frozen=True)
class Point:
    """The figures of one period in a time series, and the release they come from."""

    period: str
    release: str
    figures: Figures


@dataclass(frozen=True)
class Distribution:
    """The published quartiles of one cell and where the viewer's institution stands in them."""

    figures: Figures


def published(collection: Collection, person: Person, as_of: datetime | None = None) -> list[Release]:
    """The releases in force that the person may see, oldest period first, without their documents and audits."""
    releases = Release.objects.visible_to(person).published(as_of).filter(round__collection__code=collection.code)
    return list(releases.select_related("round").only("public_id", "round__period").order_by("round__period"))


def latest(collection: Collection, person: Person, as_of: datetime | None = None) -> Release | None:
    """The release of the last period that was in force and that the person may see."""
    releases = Release.objects.visible_to(person).published(as_of).filter(round__collection__code=collection.code)
    return releases.select_related("round__collection").order_by("-round__period").first()


def only_headlines(releases: Iterable[Release], person: Person) -> list[Release]:
    """Those of which the person sees the headlines alone, because the own institution did not contribute."""
    if person.institution_id is None:
        return []
    releases = list(releases)
    answered = Release.objects.filter(pk__in=[release.pk for release in releases]).answered_by(person.institution_id)
    seen = set(answered.values_list("pk", flat=True))
    return [release for release in releases if release.pk not in seen]


def series(
    collection: Collection,
    indicator: str,
    peer_group: str,
    key: str,
    person: Person,
    as_of: datetime | None = None,
) -> list[Point]:
    """One point for each published period, oldest first; a period whose release lacks the cell has no point."""
    return series_of(published(collection, person, as_of), indicator, peer_group, key, person)


def series_of(releases: Iterable[Release], indicator: str, peer_group: str, key: str, person: Person) -> list[Point]:
    """One point for each of these releases that has the cell, in their order."""
    releases = list(releases)
    found = figures_of(releases, indicator, peer_group, (key,), person)
    return [
        Point(release.round.period, release.public_id, found[release.pk, key])
        for release in releases
        if (release.pk, key) in found
    ]


def cells(
    release: Release, indicator: str, peer_group: str, person: Person, keys: Iterable[str] | None = None
) -> list[Figures]:
    """The cells of one indicator and peer group, by key; only `keys` when given."""
    found = figures_of([release], indicator, peer_group, keys, person)
    return [found[place] for place in sorted(found)]


def figures_of(
    releases: Iterable[Release], indicator: str, peer_group: str, keys: Iterable[str] | None, person: Person
) -> dict[tuple[int, str], Figures]:
    """What the person sees of some cells in some releases, by release and key; every key with None."""
    releases = list(releases)
    rows = ReleaseCell.objects.visible_to(person).filter(
        release__in=[release.pk for release in releases], indicator=indicator, peer_group=peer_group
    )
    if keys is not None:
        rows = rows.filter(key__in=list(keys))
    found = [dict(zip(_COLUMNS, row, strict=True)) for row in rows.values_list(*_COLUMNS)]
    keys = {row["key"] for row in found}
    own = statements.own_rates(person, releases, indicator, keys) if found else {}
    return {place: _figures(row, own.get(place)) for row in found for place in ((row["release_id"], row["key"]),)}


def distribution(release: Release, indicator: str, peer_group: str, key: str, person: Person) -> Distribution | None:
    """The quartile band of one cell with the viewer's own marker; None when the release has no such cell."""
    found = cells(release, indicator, peer_group, person, (key,))
    return Distribution(found[0]) if found else None


def _figures(row: dict[str, Any], rate: float | None) -> Figures:
    """Published figures with the own rate beside them."""
    columns = {name: row[name] for name in FIGURES}
    figures = Figures(key=row["key"], contributors=row["contributors"], withheld=row["withheld"], own=None, **columns)
    return figures if rate is None else replace(figures, own=beside_cell(rate, figures))
