"""How a draft differs: from the release of the period before, and from the release of its own round that it replaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sharing.benchmarks.naming import cell_name, peer_group_names
from sharing.benchmarks.peer_groups import ALL
from sharing.models import Release, ReleaseCell
from sharing.models.collection import in_language

LARGEST: Final = 12

Place = tuple[str, str, str]  # indicator, peer group, key
Cell = tuple[float | None, int | None]  # the pooled rate and how many contribute; None where withheld


@dataclass(frozen=True)
class Movement:
    """One indicator at one cell, now and before; figures are fractions, None when withheld."""

    indicator: str
    kind: str
    cell: str
    pooled: float | None
    before: float | None
    contributors: int | None
    contributors_before: int | None

    @property
    def change(self) -> float | None:
        return None if self.pooled is None or self.before is None else self.pooled - self.before


@dataclass(frozen=True)
class Revision:
    """What a revision changes in the release of its round that readers have now."""

    before: Release
    changed: int  # cells that show another figure
    newly_withheld: int
    newly_shown: int
    largest: list[Movement]


def previous(release: Release) -> Release | None:
    """The release in force of the last earlier period of the same collection."""
    published = Release.objects.published().filter(round__collection__code=release.round.collection.code)
    return published.filter(round__due_at__lt=release.round.due_at).order_by("-round__due_at").first()


def headlines(release: Release) -> list[Movement]:
    """Every indicator of all members in total. The caller is a reviewer and has found the release through `visible_to`."""
    before = previous(release)
    now_cells = _cells(release, headlines_only=True)
    before_cells = _cells(before, headlines_only=True) if before else {}
    return [_movement(release, place, now, before_cells.get(place)) for place, now in now_cells.items()]


def largest(release: Release) -> list[Movement]:
    """The cells below the headlines that moved most since the period before, by their own size before."""
    before = previous(release)
    return _largest(release, _cells(release), _cells(before)) if before else []


def revision(release: Release) -> Revision | None:
    """None for a round's first release."""
    before = release.corrects
    if before is None:
        return None
    now, then = _cells(release), _cells(before)
    both = now.keys() & then.keys()
    return Revision(
        before=before,
        changed=sum(
            now[place][0] != then[place][0]
            for place in both
            if now[place][0] is not None and then[place][0] is not None
        ),
        newly_withheld=sum(now[place][0] is None and then[place][0] is not None for place in both),
        newly_shown=sum(now[place][0] is not None and then[place][0] is None for place in both),
        largest=_largest(release, now, then),
    )


def _largest(release: Release, now: dict[Place, Cell], before: dict[Place, Cell]) -> list[Movement]:
    moved = [
        (abs(rate - then[0]) / abs(then[0]), place)
        for place, (rate, _count) in now.items()
        if rate is not None and (then := before.get(place)) is not None and then[0] and rate != then[0]
    ]
    moved.sort(reverse=True)
    names = peer_group_names(release.round.collection)
    return [_movement(release, place, now[place], before[place], names) for _size, place in moved[:LARGEST]]


def _cells(release: Release, *, headlines_only: bool = False) -> dict[Place, Cell]:
    rows = ReleaseCell.objects.filter(release=release)
    if headlines_only:
        rows = rows.headlines()
    found = rows.order_by("indicator", "peer_group", "key").values_list(
        "indicator", "peer_group", "key", "pooled", "contributors"
    )
    return {(indicator, group, key): (pooled, count) for indicator, group, key, pooled, count in found}


def _movement(
    release: Release, place: Place, now: Cell, before: Cell | None, names: dict[str, str] | None = None
) -> Movement:
    indicator_id, group, key = place
    template = release.round.collection.template
    indicator = next(each for each in template.indicators if each.id == indicator_id)
    words = cell_name(template, indicator, key)
    if group != ALL:
        words = f"{words} · {(names or {}).get(group, group)}"
    return Movement(
        indicator=in_language(dict(indicator.names)),
        kind=indicator.format,
        cell=words,
        pooled=now[0],
        before=before[0] if before else None,
        contributors=now[1],
        contributors_before=before[1] if before else None,
    )
