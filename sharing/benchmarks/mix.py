"""What moved a pooled rate between two published periods: the rates of the parts of one dimension, or their weights.

Reckoned from what the reader sees of the two releases and from nothing else (see `decomposition`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anonymize.template import Dimension
from consortium.people.models import Person
from sharing.benchmarks.decomposition import Contribution, Decomposition, Published, decompose
from sharing.benchmarks.explorer import Figures, figures_of
from sharing.benchmarks.periods import PERIODS_A_YEAR, earlier
from sharing.benchmarks.selection import YEAR, Selection
from sharing.models import Release


@dataclass(frozen=True)
class Mix:
    """The change of a cell between two periods, by the parts of a dimension; the figures of both are by code."""

    dimension: str
    total: str
    since: str
    until: str
    before: Mapping[str, Figures]
    now: Mapping[str, Figures]
    found: Decomposition

    @property
    def parts(self) -> list[Contribution]:
        """The known parts, those that moved the rate most first."""
        return sorted(self.found.parts, key=lambda part: -abs(part.rate + part.mix))


def parted(selection: Selection) -> list[Dimension]:
    """The dimensions along which the cell has parts."""
    return [each for each in selection.cut if each.code_list.children(selection.codes[each.id])]


def along(selection: Selection) -> Dimension | None:
    """The dimension asked for, else the first along which the cell has parts; None where it has none at all."""
    possible = parted(selection)
    return next((each for each in possible if each.id == selection.by), possible[0] if possible else None)


def compared(selection: Selection, releases: Sequence[Release]) -> tuple[Release, Release] | None:
    """The latest release, and that of the period or the year before; None where one is not in force."""
    if not releases:
        return None
    frequency = selection.template.frequency
    back = PERIODS_A_YEAR[frequency] if selection.over == YEAR else 1
    since = earlier(releases[-1].round.period, frequency, back)
    before = next((release for release in releases if release.round.period == since), None)
    return None if before is None else (before, releases[-1])


def keys(selection: Selection, dimension: Dimension) -> dict[str, str]:
    """The cell's own code and those of its parts, each with its key."""
    total = selection.codes[dimension.id]
    return {code: selection.at(dimension.id, code).key for code in (total, *dimension.code_list.children(total))}


def mix(selection: Selection, releases: Sequence[Release], person: Person) -> Mix | None:
    """None where the cell has no parts, or its rate and weight are not published in both periods."""
    dimension, pair = along(selection), compared(selection, releases)
    if dimension is None or pair is None:
        return None
    key_of = keys(selection, dimension)
    seen = figures_of(pair, selection.indicator.id, selection.peer_group, key_of.values(), person)
    before, now = (
        {code: seen[release.pk, key] for code, key in key_of.items() if (release.pk, key) in seen} for release in pair
    )
    total, *parts = key_of
    found = decompose(_published(before), _published(now), total, parts)
    if found is None:
        return None
    return Mix(dimension.id, total, pair[0].round.period, pair[1].round.period, before, now, found)


def _published(figures: Mapping[str, Figures]) -> dict[str, Published]:
    return {code: Published(each.pooled, each.weight) for code, each in figures.items()}
