"""The series and observations behind a query: read through what the caller may see, and counted the same way.

Every cell has an observation for each statistic, whether or not it is shown: a withheld one has no value and says so.
What is available is counted from the same rows, so that it tells nothing but what a query returns.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from django.db.models import QuerySet

from anonymize.cube_structure import TIME_PERIOD
from consortium.people.roles import Actor
from sharing.models import Release, ReleaseCell
from sharing.sdmx.data_query import DataQuery
from sharing.sdmx.errors import too_large
from sharing.sdmx.flows import FREQ, INDICATOR, PEER_GROUP, SHOWN, STATISTIC, STATISTICS, WITHHELD

MAX_OBSERVATIONS = 2_000_000
_CHUNK = 5000


@dataclass(frozen=True, slots=True)
class Observation:
    """`value` and `contributors` are None where they are withheld."""

    period: str
    value: float | None
    contributors: int | None

    @property
    def statuses(self) -> tuple[str, str]:
        """OBS_STATUS and CONF_STATUS, the same for every reason."""
        return WITHHELD if self.value is None else SHOWN


Series = tuple[tuple[str, ...], list[Observation]]  # the codes of its key, and its observations by period


@dataclass(frozen=True)
class Answer:
    """What a query finds: the releases by period, the cells, and how many observations they are at most."""

    query: DataQuery
    periods: Mapping[int, str]  # release -> period
    cells: QuerySet[ReleaseCell]
    # What the message says of itself; of a release's own files the release's, so that their bytes stay the same.
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    prepared: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def statistics(self) -> list[str]:
        return self.query.codes_of(STATISTIC)

    def contributors(self) -> list[int]:
        """Every number of contributors that the answer names, for formats that list values beforehand."""
        found = self.cells.exclude(contributors=None).order_by().values_list("contributors", flat=True).distinct()
        return sorted(number for number in found if number is not None)

    def series(self) -> Iterator[Series]:
        """Every series in the order of its key, with its observations by period."""
        columns = [STATISTICS[code] for code in self.statistics]
        frequency = self.query.flow.frequency
        rows = self.cells.values_list("indicator", "peer_group", "key", "release_id", "contributors", *columns)
        ordered = rows.order_by("indicator", "peer_group", "key").iterator(chunk_size=_CHUNK)
        for (indicator, peer_group, key), group in groupby(ordered, key=lambda row: row[:3]):
            chosen = self._ends(sorted(group, key=lambda row: self.periods[row[3]]))
            for place, statistic in enumerate(self.statistics, start=5):
                codes = (frequency, indicator, peer_group, *key.split("."), statistic)
                if self.query.takes_key(codes):
                    yield codes, [Observation(self.periods[row[3]], row[place], row[4]) for row in chosen]

    def _ends(self, rows: list[Any]) -> list[Any]:
        """The first or last observations of a series, when only these are asked for."""
        first, last = self.query.first, self.query.last
        if first is None and last is None:
            return rows
        kept = [*rows[: first or 0], *rows[len(rows) - min(last or 0, len(rows)) :]]
        return kept if (first or 0) + (last or 0) < len(rows) else rows


def answer(query: DataQuery, actor: Actor) -> Answer:
    """What the actor finds; SdmxError when it is more than one answer holds."""
    periods = {release: period for release, period in _releases(query, actor) if query.takes_period(period)}
    found = Answer(query, periods, _cells(query, actor, periods))
    most = found.cells.count() * len(found.statistics)
    if most > MAX_OBSERVATIONS:
        raise too_large(
            f"These are {most:,} observations, and one answer holds {MAX_OBSERVATIONS:,}. Ask for fewer indicators, "
            "statistics or periods at a time, or take the files of each release."
        )
    return found


def available(query: DataQuery, actor: Actor, wanted: Sequence[str]) -> tuple[dict[str, list[str]], int, int]:
    """The codes that each wanted dimension has in the answer, and how many series and observations it has."""
    found = answer(query, actor)
    if not query.keys:
        return _available_at_once(found, wanted)
    seen: dict[str, set[str]] = {id: set() for id in wanted}
    series = observations = 0
    for key, listed in found.series():
        series, observations = series + 1, observations + len(listed)
        codes = dict(zip(query.flow.dimensions, key, strict=True))
        for id in wanted:
            seen[id] |= {each.period for each in listed} if id == TIME_PERIOD else {codes[id]}
    return _in_order(query, seen), series, observations


def _available_at_once(found: Answer, wanted: Sequence[str]) -> tuple[dict[str, list[str]], int, int]:
    """The same from what the database counts: a decade of releases is told in a moment."""
    query, cells = found.query, found.cells.order_by()
    keys = list(cells.values_list("indicator", "peer_group", "key").distinct())
    observations = cells.count()
    if query.first is not None or query.last is not None:
        observations = sum(len(listed) for _key, listed in found.series()) // max(1, len(found.statistics))
    releases = set(cells.values_list("release_id", flat=True).distinct())
    seen: dict[str, set[str]] = {
        FREQ: {query.flow.frequency} if keys else set(),
        INDICATOR: {key[0] for key in keys},
        PEER_GROUP: {key[1] for key in keys},
        STATISTIC: set(found.statistics) if keys else set(),
        TIME_PERIOD: {found.periods[release] for release in releases},
    }
    codes = {key[2] for key in keys}
    for place, id in enumerate(query.flow.cut):
        seen[id] = {code.split(".")[place] for code in codes}
    each = len(found.statistics)
    return _in_order(query, {id: seen[id] for id in wanted}), len(keys) * each, observations * each


def _in_order(query: DataQuery, seen: Mapping[str, set[str]]) -> dict[str, list[str]]:
    return {
        id: sorted(codes) if id == TIME_PERIOD else [code for code in query.flow.lists[id].ids if code in codes]
        for id, codes in seen.items()
    }


def _releases(query: DataQuery, actor: Actor) -> Iterable[tuple[int, str]]:
    releases = Release.objects.visible_to(actor).published(query.as_of)
    releases = releases.filter(round__collection=query.flow.collection)
    if query.updated_after is not None:
        releases = releases.filter(published_at__gt=query.updated_after)
    return releases.values_list("pk", "round__period")


def _cells(query: DataQuery, actor: Actor, periods: Mapping[int, str]) -> QuerySet[ReleaseCell]:
    cells = ReleaseCell.objects.visible_to(actor).filter(release__in=list(periods))
    if query.flow.frequency not in query.codes_of(FREQ) or not query.codes_of(STATISTIC):
        return cells.none()
    # Always said, so that no code is in an answer that is not in the list of its dimension.
    cells = cells.filter(indicator__in=query.codes_of(INDICATOR), peer_group__in=query.codes_of(PEER_GROUP))
    if not any(id in query.codes for id in query.flow.cut):
        return cells
    places = [query.codes_of(id) if id in query.codes else None for id in query.flow.cut]
    return cells.none() if [] in places else cells.filter(key__regex=_pattern(places))


def _pattern(places: Sequence[Sequence[str] | None]) -> str:
    """A regular expression of the cell keys wanted."""
    parts = ("[^.]+" if codes is None else "|".join(map(re.escape, codes)) for codes in places)
    return "^" + r"\.".join(f"({part})" for part in parts) + "$"
