"""The cells of a view, as its table and its files show them: each with its figures and how it moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from consortium.people.models import Person
from sharing.benchmarks import heat_map, mix
from sharing.benchmarks.explorer import Figures, figures_of, series_of
from sharing.benchmarks.periods import PERIODS_A_YEAR, earlier
from sharing.benchmarks.selection import Selection
from sharing.benchmarks.trends import Change, Line, between, lines
from sharing.models import Release


def view_lines(selection: Selection, releases: Sequence[Release], person: Person) -> list[Line]:
    """Every cell that the selection's view shows. `releases` are those in force, oldest first."""
    if selection.view == "table":
        return breakdown_lines(selection, releases, person)
    if selection.view == "map":
        return _map_lines(selection, releases, person)
    if selection.view == "mix":
        return _mix_lines(selection, releases, person)
    points = series_of(releases, selection.indicator.id, selection.peer_group, selection.key, person)
    found = lines(points, selection.template.frequency)
    return found[-1:] if selection.view == "distribution" else found


def breakdown_lines(selection: Selection, releases: Sequence[Release], person: Person) -> list[Line]:
    """The rows of the breakdown that the latest release has, in the code list's order."""
    if not releases:
        return []
    keys = [there.key for _code, _depth, there in selection.breakdown()]
    return _moved(selection, releases, [(releases[-1].round.period, key) for key in keys], person)


def _map_lines(selection: Selection, releases: Sequence[Release], person: Person) -> list[Line]:
    found = heat_map.heat_map(selection, releases, person)
    return _moved(selection, releases, heat_map.keys_of(found), person) if found else []


def _mix_lines(selection: Selection, releases: Sequence[Release], person: Person) -> list[Line]:
    """The cell and its parts at both periods that are compared."""
    dimension, pair = mix.along(selection), mix.compared(selection, releases)
    if dimension is None or pair is None:
        return []
    keys = mix.keys(selection, dimension).values()
    return _moved(selection, releases, [(release.round.period, key) for release in pair for key in keys], person)


def _moved(
    selection: Selection, releases: Sequence[Release], places: Iterable[tuple[str, str]], person: Person
) -> list[Line]:
    """The figures at each period and key, with those of the period and of the year before."""
    places = list(places)
    frequency = selection.template.frequency
    by_period = {release.round.period: release for release in releases}
    steps = (0, 1, PERIODS_A_YEAR[frequency])
    periods = {earlier(period, frequency, by) for period, _key in places for by in steps}
    wanted = [by_period[period] for period in sorted(periods & by_period.keys())]
    found = figures_of(wanted, selection.indicator.id, selection.peer_group, {key for _period, key in places}, person)

    def at(period: str, key: str) -> Figures | None:
        release = by_period.get(period)
        return found.get((release.pk, key)) if release else None

    def change(period: str, key: str, by: int, now: Figures) -> Change | None:
        since = earlier(period, frequency, by)
        before = at(since, key)
        return between(before, now, since=since) if before else None

    return [
        Line(period, now, change(period, key, steps[1], now), change(period, key, steps[2], now))
        for period, key in places
        if (now := at(period, key)) is not None
    ]
