"""Watching published series: what the office does after a publication, and again whenever releases changed.

Every run starts from the releases in force, so it may run twice, late, or after a correction; warnings follow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from anonymize.template import TOTAL, Indicator, Template
from consortium.audit.services import record
from sharing.benchmarks.peer_groups import ALL
from sharing.models import Alert, AlertKind, Collection, Ending, Release, ReleaseCell, Severity, Watch
from sharing.services import alerts
from sharing.warnings.front import Front, front
from sharing.warnings.policy import USUAL
from sharing.warnings.series import Figure, Reference, Series, span
from sharing.warnings.watching import Judgement, watch

PROCESS: Final = "office"
MOST_CROSSINGS: Final = 400  # cells of two codes that are watched in a collection, those with most weight
_FIGURES: Final[tuple[Figure, ...]] = ("pooled", "median")
_SEVERE_SURPRISE: Final = 3.5
_SEVERE_RISE: Final = 1.5
_SEVERE_SHARE: Final = 0.5

Cell = tuple[str, str, str]  # indicator, peer group, key


@dataclass(frozen=True)
class Found:
    """A cell in an episode: the figure that tells it best, and its course."""

    reference: Reference
    course: Sequence[Judgement]

    @property
    def last(self) -> Judgement:
        """The last period that has a figure."""
        return next(each for each in reversed(self.course) if each.value is not None)


@dataclass(frozen=True)
class Looked:
    """All that a run found over one collection's releases in force, by period."""

    template: Template
    releases: Mapping[str, Release]
    courses: Mapping[Reference, Sequence[Judgement]]

    def found(self) -> dict[Cell, Found]:
        """Every cell in an episode, by the figure that is the most surprising one."""
        best: dict[Cell, Found] = {}
        for reference, course in self.courses.items():
            if course and course[-1].since is not None and any(each.value is not None for each in course):
                found, known = Found(reference, course), best.get(reference.cell)
                if known is None or (found.last.surprise or 0) > (known.last.surprise or 0):
                    best[reference.cell] = found
        return best

    def fronts(self) -> dict[tuple[str, str], Front]:
        """How waves spread, by indicator and dimension: over the pooled rates of codes with no others below them."""
        return {
            (indicator.id, dimension.id): spread
            for indicator in self.template.indicators
            for place, dimension in enumerate(self.template.cut(indicator))
            if (spread := front(self._along(indicator, place, dimension.code_list.leaves))) is not None
        }

    def _along(self, indicator: Indicator, place: int, codes: Iterable[str]) -> dict[str, Sequence[Judgement]]:
        width = len(self.template.cut(indicator))
        found = {}
        for code in codes:
            key = key_along(width, place, code)
            reference = Reference(self.template.id, indicator.id, ALL, key, "pooled")
            if reference in self.courses:
                found[code] = self.courses[reference]
        return found


def key_along(width: int, place: int, code: str) -> str:
    """The cell of one code with everything else in total."""
    return ".".join(code if at == place else TOTAL for at in range(width))


def look_over(code: str) -> None:
    """Bring a collection's warnings up to date with its releases in force."""
    collection = Collection.objects.filter(code=code).order_by("-created_at").first()
    if collection is None:
        return
    looked = _look(collection)
    with transaction.atomic():
        Watch.objects.get_or_create(collection=code)
        watched = Watch.objects.select_for_update().get(collection=code)
        ids = [release.pk for release in looked.releases.values()]
        if ids != [release.pk for release in _in_force(code).values()]:
            return  # published or withdrawn meanwhile; whoever did so has asked for another look
        raised = _bring_up_to_date(collection, looked)
        watched.releases, watched.fronts = ids, _fronts(looked)
        watched.save()
        alerts.tell_raised(raised)


def look_over_changed() -> int:
    """How many collections had other releases in force than when they were looked over. Called by beat."""
    seen = dict(Watch.objects.values_list("collection", "releases"))
    codes = Collection.objects.order_by("code").values_list("code", flat=True).distinct()
    changed = [code for code in codes if [release.pk for release in _in_force(code).values()] != seen.get(code, [])]
    for code in changed:
        look_over(code)
    return len(changed)


def _in_force(code: str) -> dict[str, Release]:
    """The last releases in force by period, oldest first: as many as are looked at."""
    releases = Release.objects.published().filter(round__collection__code=code).select_related("round")
    latest = list(releases.order_by("-round__period")[: USUAL.window])
    return {release.round.period: release for release in reversed(latest)}


def _look(collection: Collection) -> Looked:
    template, releases = collection.template, _in_force(collection.code)
    if not releases:
        return Looked(template, {}, {})
    periods = span(min(releases), max(releases), template.frequency)[-USUAL.window :]
    wanted = _wanted(template, collection.code, releases[max(releases)])
    figures = _figures(releases.values(), wanted)
    indicators = {indicator.id: indicator for indicator in template.indicators}
    panel = [
        Series.of(
            Reference(collection.code, indicator, peer_group, key, figure),
            {period: values[_FIGURES.index(figure)] for period, values in by_period.items()},
            periods,
            frequency=template.frequency,
            higher_is_worse=indicators[indicator].higher_is_worse,
            scale="rate" if indicators[indicator].format == "percent" else "positive",
        )
        for (indicator, peer_group, key), by_period in figures.items()
        if indicator in indicators
        for figure in _FIGURES
        if figure == "pooled" or _codes_of(key) < 2
    ]
    return Looked(template, releases, watch(panel))


def _wanted(template: Template, code: str, latest: Release) -> set[Cell]:
    """The cells that are watched: everybody's totals, margins and weightiest crossings, other groups' totals."""
    cells = ReleaseCell.objects.filter(release=latest)
    rows = list(cells.values_list("indicator", "peer_group", "key", "weight"))
    crossings = sorted(
        (row for row in rows if row[1] == ALL and _codes_of(row[2]) == 2), key=lambda row: -(row[3] or 0)
    )
    kept = [row for row in rows if _codes_of(row[2]) <= (1 if row[1] == ALL else 0)] + crossings[:MOST_CROSSINGS]
    lasting = Alert.objects.lasting().filter(collection=code, dimension="")
    return {row[:3] for row in kept} | set(lasting.values_list("indicator", "peer_group", "key"))


def _figures(
    releases: Iterable[Release], wanted: set[Cell]
) -> dict[Cell, dict[str, tuple[float | None, float | None]]]:
    """Pooled rate and median by cell and period, where they are published."""
    found: dict[Cell, dict[str, tuple[float | None, float | None]]] = defaultdict(dict)
    cells = ReleaseCell.objects.filter(release__in=[release.pk for release in releases], withheld=False)
    narrowed = cells.filter(key__in={key for _indicator, _peers, key in wanted})
    columns = ("indicator", "peer_group", "key", "release__round__period", *_FIGURES)
    for indicator, peer_group, key, period, pooled, median in narrowed.values_list(*columns).iterator():
        if (indicator, peer_group, key) in wanted:
            found[indicator, peer_group, key][period] = (pooled, median)
    return dict(sorted(found.items()))


def _codes_of(key: str) -> int:
    return sum(code != TOTAL for code in key.split("."))


def _bring_up_to_date(collection: Collection, looked: Looked) -> list[Alert]:
    """New warnings are made, lasting ones follow, others end; the new ones are given back."""
    lasting = Alert.objects.select_for_update().lasting().filter(collection=collection.code)
    known = {_identity(alert): alert for alert in lasting}
    holding = {(*cell, ""): _of_cell(looked, found) for cell, found in looked.found().items()}
    holding |= dict(_waves(looked))
    raised = []
    for identity, about in holding.items():
        if identity in known:
            _follow(known.pop(identity), about)
        elif not _is_told_above(identity, holding):
            raised.append(_raise(collection, identity, about))
    for alert in known.values():
        _end(alert, looked)
    return raised


def _identity(alert: Alert) -> tuple[str, str, str, str]:
    return alert.indicator, alert.peer_group, "" if alert.dimension else alert.key, alert.dimension


def _is_told_above(identity: tuple[str, str, str, str], holding: Iterable[tuple[str, str, str, str]]) -> bool:
    """Whether a crossing of two codes is beyond its limit with the whole of either code: one warning says it."""
    indicator, peer_group, key, dimension = identity
    codes = key.split(".")
    places = [place for place, code in enumerate(codes) if code not in (TOTAL, "")]
    if dimension or len(places) < 2:
        return False
    margins = [(indicator, peer_group, key_along(len(codes), place, codes[place]), "") for place in places]
    return any(margin in set(holding) for margin in margins)


def _of_cell(looked: Looked, found: Found) -> dict[str, Any]:
    last = found.last
    is_severe = (last.surprise or 0) >= _SEVERE_SURPRISE or _times(last) >= _SEVERE_RISE
    kind = next(each.kind for each in found.course if each.since == last.since and each.kind)
    return {
        "kind": AlertKind(kind),
        "severity": Severity.SEVERE if is_severe else Severity.ELEVATED,
        "since": last.since or last.period,
        "period": last.period,
        "release": looked.releases[last.period],
        "facts": {
            "figure": found.reference.figure,
            "value": last.value,
            "expected": last.expected,
            "limit": last.limit,
            "history": last.history,
            "course": [[each.period, each.value, each.expected, each.limit] for each in found.course],
        },
    }


def _times(judgement: Judgement) -> float:
    """How many times what was expected, or what was expected that many times it."""
    value, usual = judgement.value, judgement.expected
    return max(value / usual, usual / value) if value and usual else 1.0


def _waves(looked: Looked) -> Iterable[tuple[tuple[str, str, str, str], dict[str, Any]]]:
    """Waves that run along a dimension now; the cell that a reader must see for it is the first one's."""
    for (indicator, dimension), spread in looked.fronts().items():
        if not spread.is_spreading:
            continue
        now = spread.months[-1]
        cut = looked.template.cut(next(each for each in looked.template.indicators if each.id == indicator))
        place = [each.id for each in cut].index(dimension)
        yield (
            (indicator, ALL, "", dimension),
            {
                "key": key_along(len(cut), place, spread.crossings[0].code),
                "kind": AlertKind.SPREAD,
                "severity": Severity.SEVERE if (now.share or 0) >= _SEVERE_SHARE else Severity.ELEVATED,
                "since": spread.crossings[0].since,
                "period": now.period,
                "release": looked.releases[max(looked.releases)],
                "facts": _front(spread),
            },
        )


def _front(spread: Front) -> dict[str, Any]:
    return {
        "crossings": [[each.code, each.since, each.lag] for each in spread.crossings],
        "months": [[each.period, each.beyond, each.published] for each in spread.months],
    }


def _fronts(looked: Looked) -> list[dict[str, Any]]:
    return [
        {"indicator": indicator, "dimension": dimension, **_front(spread)}
        for (indicator, dimension), spread in looked.fronts().items()
        if spread.crossings
    ]


def _raise(collection: Collection, identity: tuple[str, str, str, str], about: Mapping[str, Any]) -> Alert:
    indicator, peer_group, key, dimension = identity
    named = {"indicator": indicator, "peer_group": peer_group, "key": key, "dimension": dimension}
    alert = Alert.objects.create(collection=collection.code, **{**named, **about})
    record("alert.raised", by=PROCESS, about=alert, kind=str(alert.kind), period=alert.period)
    return alert


def _follow(alert: Alert, about: Mapping[str, Any]) -> None:
    """What holds now; kind and beginning stay those that it was raised for."""
    for name in ("severity", "period", "release", "facts"):
        setattr(alert, name, about[name])
    if alert.dimension:
        alert.key = about["key"]
    alert.save()


def _end(alert: Alert, looked: Looked) -> None:
    """Back within its limits, or gone because the figures it stood on were corrected or withdrawn."""
    cell = (alert.indicator, alert.peer_group, alert.key)
    courses = [course for reference, course in looked.courses.items() if reference.cell == cell]
    held = any(each.period == alert.period and each.since for course in courses for each in course)
    alert.ending = Ending.BACK if held or alert.dimension else Ending.REVISED
    alert.ended_at = timezone.now()
    alert.save()
    record("alert.ended", by=PROCESS, about=alert, ending=str(alert.ending))
