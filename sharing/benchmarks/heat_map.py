"""One figure of an indicator over two dimensions, as small multiples: one panel a period, or one a code of a third.

A cell that the release withholds is there without a figure; a cell that it does not have is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from anonymize.template import CodeList
from consortium.people.models import Person
from sharing.benchmarks.periods import earlier
from sharing.benchmarks.selection import TIME, Selection, map_axes
from sharing.models import Release, ReleaseCell

CLASSES = 7  # of colour
_STEP = {"M": 3, "Q": 1, "A": 1}  # periods from one panel to the one before it
_PANELS = 4

Place = tuple[str, str]  # the code of the row, the code of the column


@dataclass(frozen=True)
class Panel:
    """The figures of one period or code; None where withheld. `code` is a period or a code of `HeatMap.multiples`."""

    code: str
    period: str
    there: Selection  # the panel's selection, at the totals of rows and columns
    figures: Mapping[Place, float | None]


@dataclass(frozen=True)
class HeatMap:
    """Panels over the same rows and columns, on one scale from `low` to `high`."""

    rows: Sequence[str]
    columns: Sequence[str]
    row_dimension: str
    column_dimension: str
    panels: Sequence[Panel]
    low: float
    high: float

    def heat(self, value: float) -> int:
        """The colour's class: 0 for the lowest values, CLASSES - 1 for the highest."""
        if self.high == self.low:
            return 0
        return min(int((value - self.low) / (self.high - self.low) * CLASSES), CLASSES - 1)

    def known(self) -> list[tuple[Panel, Place, float]]:
        """Every figure that is published."""
        return [
            (panel, place, value)
            for panel in self.panels
            for place, value in panel.figures.items()
            if value is not None
        ]


def heat_map(selection: Selection, releases: Sequence[Release], person: Person) -> HeatMap | None:
    """None where there is nothing to lay out: one dimension, or no release with such cells.

    `releases` are those in force that the person may see, oldest first.
    """
    axes = map_axes(selection.cut)
    if axes is None or not releases:
        return None
    row_codes, column_codes = (selection.template.dimension(axis).code_list for axis in axes)
    places = list(product(row_codes.ids, column_codes.ids))
    wanted = _panels(selection, releases)
    keys = {(code, place): _key(there, axes, place) for _release, code, there in wanted for place in places}
    found = _figures(selection, {release.pk for release, *_rest in wanted}, set(keys.values()), person)
    panels = [
        Panel(code, release.round.period, there, _of_panel(found, release, {p: keys[code, p] for p in places}))
        for release, code, there in wanted
    ]
    panels = [panel for panel in panels if panel.figures]
    known = [value for panel in panels for value in panel.figures.values() if value is not None]
    if not panels:
        return None
    return HeatMap(
        rows=_used(row_codes, (row for panel in panels for row, _column in panel.figures)),
        columns=_used(column_codes, (column for panel in panels for _row, column in panel.figures)),
        row_dimension=axes[0],
        column_dimension=axes[1],
        panels=panels,
        low=min(known, default=0.0),
        high=max(known, default=0.0),
    )


def keys_of(found: HeatMap) -> list[tuple[str, str]]:
    """Every cell of the map: its period and key."""
    axes = (found.row_dimension, found.column_dimension)
    return [(panel.period, _key(panel.there, axes, place)) for panel in found.panels for place in panel.figures]


def _panels(selection: Selection, releases: Sequence[Release]) -> list[tuple[Release, str, Selection]]:
    """The release, the code and the selection of each panel, at most _PANELS of them."""
    latest = releases[-1]
    if selection.multiples != TIME:
        codes = selection.template.dimension(selection.multiples).code_list.ids[:_PANELS]
        return [(latest, code, selection.at(selection.multiples, code)) for code in codes]
    by_period = {release.round.period: release for release in releases}
    step, frequency = _STEP[selection.template.frequency], selection.template.frequency
    periods = [earlier(latest.round.period, frequency, step * back) for back in range(_PANELS)]
    return [(by_period[period], period, selection) for period in periods if period in by_period]


def _key(there: Selection, axes: tuple[str, str], place: Place) -> str:
    return ".".join({**there.codes, axes[0]: place[0], axes[1]: place[1]}.values())


def _figures(
    selection: Selection, releases: Iterable[int], keys: Iterable[str], person: Person
) -> dict[tuple[int, str], float | None]:
    rows = ReleaseCell.objects.visible_to(person).filter(
        release__in=list(releases),
        indicator=selection.indicator.id,
        peer_group=selection.peer_group,
        key__in=list(keys),
    )
    return {(release, key): value for release, key, value in rows.values_list("release", "key", selection.shows)}


def _of_panel(
    found: Mapping[tuple[int, str], float | None], release: Release, keys: Mapping[Place, str]
) -> dict[Place, float | None]:
    return {place: found[release.pk, key] for place, key in keys.items() if (release.pk, key) in found}


def _used(code_list: CodeList, codes: Iterable[str]) -> list[str]:
    """The codes that some panel has, in the list's order."""
    used = set(codes)
    return [code for code in code_list.ids if code in used]
