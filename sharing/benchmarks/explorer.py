"""What the pages ask of published releases: a series, a table, a distribution, each with the member's own figure.

Every figure is a fraction of one (0.031 is 3.1 %). A withheld cell has no figure and says only that it is withheld.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from consortium.people.models import Person
from sharing.benchmarks.comparison import Own
from sharing.models import Collection, Release, ReleaseCell, Statement
from sharing.services import statements

ALL = "ALL"  # the peer group that holds every contributor


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


def latest(collection: Collection, person: Person) -> Release | None:
    """The published release of the last period that the person may see."""
    releases = Release.objects.visible_to(person).published().filter(round__collection__code=collection.code)
    return releases.select_related("round__collection").order_by("-round__period").first()


def series(collection: Collection, indicator: str, peer_group: str, key: str, person: Person) -> list[Point]:
    """One point for each published period, oldest first; a period whose release lacks the cell has no point."""
    releases = Release.objects.visible_to(person).published().filter(round__collection__code=collection.code)
    rows = list(
        ReleaseCell.objects.filter(release__in=releases, indicator=indicator, peer_group=peer_group, key=key)
        .select_related("release__round")
        .order_by("release__round__period")
    )
    own = _own_by_release({row.release_id for row in rows}, indicator, peer_group, (key,), person)
    return [
        Point(row.release.round.period, row.release.public_id, _figures(row, own.get((row.release_id, key))))
        for row in rows
    ]


def cells(
    release: Release, indicator: str, peer_group: str, person: Person | None = None, keys: Iterable[str] | None = None
) -> list[Figures]:
    """The cells of one indicator and peer group, by key; only `keys` when given, with own figures for a person.

    The caller has found the release through `Release.objects.visible_to(person)`.
    """
    rows = ReleaseCell.objects.filter(release=release, indicator=indicator, peer_group=peer_group).order_by("key")
    if keys is not None:
        rows = rows.filter(key__in=list(keys))
    found = list(rows)
    own = _own_by_release({release.pk}, indicator, peer_group, [row.key for row in found], person) if person else {}
    return [_figures(row, own.get((release.pk, row.key))) for row in found]


def distribution(release: Release, indicator: str, peer_group: str, key: str, person: Person) -> Distribution | None:
    """The quartile band of one cell with the viewer's own marker; None when the release has no such cell."""
    found = cells(release, indicator, peer_group, person, (key,))
    return Distribution(found[0]) if found else None


def _own_by_release(
    releases: set[int], indicator: str, peer_group: str, keys: Iterable[str], person: Person
) -> dict[tuple[int, str], Own]:
    """The viewer's own figures by release and key; empty for the association's people."""
    keys = list(keys)
    own: dict[tuple[int, str], Own] = {}
    found = Statement.objects.visible_to(person).filter(release__in=releases)
    for statement in found.select_related("release", "institution"):
        comparison = statements.open_statement(statement, by=person)
        for key in keys:
            figure = comparison.own(indicator, peer_group, key)
            if figure is not None:
                own[statement.release_id, key] = figure
    return own


def _figures(row: ReleaseCell, own: Own | None) -> Figures:
    return Figures(
        key=row.key,
        pooled=row.pooled,
        mean=row.mean,
        p25=row.p25,
        median=row.median,
        p75=row.p75,
        contributors=row.contributors,
        withheld=row.withheld,
        own=own,
    )
