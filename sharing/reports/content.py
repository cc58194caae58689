"""What the board report of a release says, in words and figures as they are printed: plain data, no layout.

Everything comes from what its reader may see of the release; the own figures are the reader's institution's alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import unescape
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from anonymize.template import TOTAL, Dimension, Indicator, Template
from consortium.people.models import Person
from consortium.web import formats
from sharing import charts, sentences
from sharing.benchmarks import explorer, trends
from sharing.benchmarks.answer import Answer, answer
from sharing.benchmarks.explorer import ALL, Figures, Point
from sharing.benchmarks.naming import peer_group_names
from sharing.drawing import draw
from sharing.models import Release
from sharing.models.collection import in_language
from sharing.reports import words
from sharing.services import statements

SHADES: Final = 5  # of the heat table, told apart in grey
_DEPTH: Final = 1  # codes right below the total: what fits a page
_WIDEST: Final = 9  # columns of the heat table
_PERIODS: Final = 25  # of a chart: two years of months, and the period they are compared with
_CHART: Final = {"width": 640, "height": 190, "padding": 6}

_TEXT: Final = re.compile(r'<text [^>]*?fill="(#[0-9a-fA-F]{6})"')

Cell = dict[str, Any]
Table = dict[str, Any]


@dataclass(frozen=True)
class Reader:
    """Whom the report is made for, with what a section needs of the release."""

    person: Person
    release: Release

    @cached_property
    def template(self) -> Template:
        return self.release.round.collection.template

    @cached_property
    def indicators(self) -> list[Indicator]:
        """Those that the release says something about in total, be it that they are withheld."""
        return [each for each in self.template.indicators if self.points[each.id]]

    @property
    def cut(self) -> tuple[Dimension, ...]:
        return self.template.cut(self.template.indicators[0])

    @cached_property
    def us(self) -> str | None:
        """The institution's name; None for the association, which has no own figures."""
        institution = self.person.institution
        return None if institution is None else str(institution)

    @cached_property
    def own_is_sealed(self) -> bool:
        """Whether the own figures of the release are where only the institution's own key opens them."""
        return bool(statements.sealed_to_own_key(self.person, [self.release]))

    @cached_property
    def headlines_only(self) -> bool:
        return bool(explorer.only_headlines([self.release], self.person))

    def key(self, codes: Mapping[str, str]) -> str:
        return ".".join(codes.get(dimension.id, TOTAL) for dimension in self.cut)

    @cached_property
    def points(self) -> dict[str, list[Point]]:
        """The series of every indicator at the total of all members up to the release; empty where it has no such cell."""
        collection, until = self.release.round.collection, self.release.round.period
        found = {}
        for indicator in self.template.indicators:
            series = explorer.series(collection, indicator.id, ALL, self.key({}), self.person)
            points = [point for point in series if point.period <= until]
            found[indicator.id] = points if points and points[-1].period == until else []
        return found

    def figures(self, peer_group: str, keys: Sequence[str]) -> dict[tuple[str, str], Figures]:
        """By indicator and key."""
        return {
            (indicator.id, each.key): each
            for indicator in self.indicators
            for each in explorer.cells(self.release, indicator.id, peer_group, self.person, keys)
        }


def content(release: Release, person: Person) -> dict[str, Any]:
    """The whole report in the language that is active."""
    reader = Reader(person, release)
    return {
        "lang": words.language(),
        "labels": words.labels(),
        "cover": _cover(reader),
        "summary": [
            _summary(indicator, found)
            for indicator in reader.indicators
            if (found := answer(reader.points[indicator.id], reader.template.frequency, indicator.format))
        ],
        "own": _own(reader) if reader.us and not reader.own_is_sealed else None,
        "tables": [_levels(reader), _changes(reader)],
        "charts": [_chart(reader, indicator) for indicator in reader.indicators],
        "breakdowns": []
        if reader.headlines_only
        else [_groups(reader), *(_breakdown(reader, each) for each in reader.cut)],
        "own_is_sealed": words.own_is_sealed() if reader.own_is_sealed else "",
        "only_headlines": words.only_headlines() if reader.headlines_only else "",
        "heat": None if reader.headlines_only else _heat(reader),
        "methods": words.methods(reader.template, own=reader.us is not None),
        "verify": _verify(release),
    }


def _cover(reader: Reader) -> dict[str, Any]:
    release = reader.release
    period = formats.period(release.round.period)
    facts = [
        (_("Period"), period),
        (_("Release"), f"{release.public_id}"),
        (_("As of"), date_format(release.published_at, "DATE_FORMAT") if release.published_at else formats.NOTHING),
        (_("Contributors"), _("%(in)s of %(expected)s expected") % {"in": release.contributors, "expected": release.expected}),
    ]  # fmt: skip
    return {
        "title": str(release.round.collection),
        "period": period,
        "institution": reader.us or _("All members"),
        "facts": [[label, value] for label, value in facts],
        "note": release.note,
        "handling": words.handling(reader.us),
    }


def _summary(indicator: Indicator, found: Answer) -> dict[str, Any]:
    """The verdict and the two sentences of the explorer, with where the own rate lies."""
    kind = indicator.format
    told = [sentences.about_us(found, kind), sentences.about_peers(found, kind)]
    own = found.now.own
    place = words.between(own.between) if own and own.between else ""
    return {
        "name": _name(indicator),
        "verdict": str(sentences.VERDICTS[found.verdict]),
        "text": words.joined([*(unescape(strip_tags(each)) for each in told), place, _since(found)]),
    }


def _since(found: Answer) -> str:
    return words.compared_with(formats.period(found.change.since)) if found.change else ""


def _levels(reader: Reader) -> Table:
    """The published figures of all members in total."""
    columns = [_("Indicator"), _("25th percentile"), _("Median"), _("75th percentile"), _("Pooled"), _("Contributors")]
    rows = []
    for indicator in reader.indicators:
        now = _now(reader, indicator)
        if now.withheld:
            rows.append([_text(_name(indicator)), *[_withheld()] * (len(columns) - 1)])
            continue
        figures = [_figure(each, indicator) for each in (now.p25, now.median, now.p75, now.pooled)]
        rows.append([_text(_name(indicator)), *figures, _text(str(now.contributors))])
    return {"title": _("All members, in total"), "columns": columns, "rows": rows}


def _own(reader: Reader) -> Table:
    columns = [_("Indicator"), _("Ours"), _("To the median"), _("To the pooled rate"), _("Between percentiles")]
    rows = []
    for indicator in reader.indicators:
        now = _now(reader, indicator)
        own = now.own
        between = f"{own.between[0]}–{own.between[1]}" if own and own.between else formats.NOTHING
        rows.append([
            _text(_name(indicator)),
            _text(formats.figure(own.rate if own else None, indicator.format), own=True),
            _text(formats.difference(own.to_median if own else None, indicator.format)),
            _text(formats.difference(own.to_pooled if own else None, indicator.format)),
            _text(between),
        ])  # fmt: skip
    return {"title": _("How we stand"), "columns": columns, "rows": rows}


def _changes(reader: Reader) -> Table:
    """On the period and on the year before: the peers' median, and the own rate where there is one."""
    who = [(_("median"), "median"), (_("pooled"), "pooled"), *([(_("ours"), "own")] if reader.us else [])]
    spans = [(_("On the period"), trends.on_last_period), (_("On the year"), trends.on_last_year)]
    columns = [_("Indicator"), *(f"{span}: {name}" for span, _change in spans for name, _field in who)]
    rows = []
    for indicator in reader.indicators:
        points = reader.points[indicator.id]
        row = [_text(_name(indicator))]
        for _span, change_of in spans:
            change = change_of(points, reader.template.frequency)
            for _label, field in who:
                value = getattr(change, field) if change else None
                row.append(_text(formats.difference(value, indicator.format), own=field == "own"))
        rows.append(row)
    return {"title": _("What changed"), "columns": columns, "rows": rows}


def _chart(reader: Reader, indicator: Indicator) -> dict[str, str]:
    points = reader.points[indicator.id][-_PERIODS:]
    spec = {**charts.time_series(points, indicator.format, us=reader.us), **_CHART}
    drawing, _media_type = draw(spec, "svg", "light")
    alt = charts.time_series_in_words(points, indicator.format, us=reader.us)
    return {"title": _name(indicator), "svg": _printable(drawing.decode()), "alt": alt}


def _printable(svg: str) -> str:
    """The typesetter takes a variable font's thinnest weight in drawings: an outline of its colour makes text readable."""
    return _TEXT.sub(r'\g<0> stroke="\1" stroke-width="0.45"', svg)


def _groups(reader: Reader) -> Table:
    names = peer_group_names(reader.release.round.collection)
    total = reader.key({})
    rows = [
        [_text(name), *_cells(reader, reader.figures(group, [total]), total, own=group == ALL)]
        for group, name in names.items()
    ]
    shown = [row for row in rows if any(cell["text"] for cell in row[1:])]
    return {"title": _("Peer groups"), "columns": [_("Peer group"), *map(_name, reader.indicators)], "rows": shown}


def _breakdown(reader: Reader, dimension: Dimension) -> Table:
    code_list = dimension.code_list
    shown = [code for code in code_list.ids if len(code_list.ancestors(code)) - 1 <= _DEPTH]
    keys = {code: reader.key({dimension.id: code}) for code in shown}
    figures = reader.figures(ALL, list(keys.values()))
    rows = [
        [_code(dimension, code), *_cells(reader, figures, key)]
        for code, key in keys.items()
        if any((indicator.id, key) in figures for indicator in reader.indicators)
    ]
    name = in_language(dict(dimension.names))
    return {"title": name, "columns": [name, *map(_name, reader.indicators)], "rows": rows}


def _cells(reader: Reader, figures: Mapping[tuple[str, str], Figures], key: str, *, own: bool = True) -> list[Cell]:
    """The pooled rate of each indicator with the own one below it; a mark where it is withheld."""
    found = []
    for indicator in reader.indicators:
        each = figures.get((indicator.id, key))
        if each is None:
            found.append(_text(""))
            continue
        cell = _withheld() if each.withheld else _figure(each.pooled, indicator)
        below = formats.figure(each.own.rate, indicator.format) if own and each.own else ""
        found.append({**cell, "below": below})
    return found


def _heat(reader: Reader) -> Table | None:
    """The first indicator over the two first dimensions of the cut; None where that shows nothing."""
    if len(reader.cut) < 2 or not reader.indicators:
        return None
    across, down = sorted(reader.cut[:2], key=lambda dimension: len(dimension.code_list.ids))
    indicator = reader.indicators[0]
    keys = {
        (row, column): reader.key({down.id: row, across.id: column})
        for row in down.code_list.children(TOTAL)
        for column in _columns(across)
    }
    cells = explorer.cells(reader.release, indicator.id, ALL, reader.person, list(keys.values()))
    figures = {place: each for each in cells for place, key in keys.items() if key == each.key}
    known = sorted(each.pooled for each in figures.values() if each.pooled is not None)
    if not known:
        return None
    lines, columns = (list(dict.fromkeys(place[axis] for place in keys if place in figures)) for axis in (0, 1))
    rows = [
        [
            _code(down, line),
            *(_heat_cell(figures.get((line, each)), indicator, known[0], known[-1]) for each in columns),
        ]
        for line in lines
    ]
    names = [in_language(dict(across.code_list.by_id[column].names)) for column in columns]
    return {"title": _name(indicator), "columns": [in_language(dict(down.names)), *names], "rows": rows}


def _columns(dimension: Dimension) -> Sequence[str]:
    """The finest codes where a page holds them, else those right below the total."""
    leaves = dimension.code_list.leaves
    return leaves if len(leaves) <= _WIDEST else dimension.code_list.children(TOTAL)


def _heat_cell(figures: Figures | None, indicator: Indicator, low: float, high: float) -> Cell:
    if figures is None:
        return _text("")
    if figures.withheld or figures.pooled is None:
        return _withheld()
    share = (figures.pooled - low) / (high - low) if high > low else 0.0
    return {**_figure(figures.pooled, indicator), "shade": min(int(share * SHADES), SHADES - 1)}


def _verify(release: Release) -> list[list[str]]:
    published = date_format(release.published_at, "DATETIME_FORMAT") if release.published_at else formats.NOTHING
    return [
        [_("Release"), release.public_id],
        [_("Published"), published],
        [_("Digest of the inputs (SHA-256)"), release.inputs_digest],
    ]


def _now(reader: Reader, indicator: Indicator) -> Figures:
    """The figures of the release's own period."""
    return reader.points[indicator.id][-1].figures


def _name(indicator: Indicator) -> str:
    return in_language(dict(indicator.names))


def _code(dimension: Dimension, code: str) -> Cell:
    code_list = dimension.code_list
    depth = len(code_list.ancestors(code)) - 1
    return {"text": in_language(dict(code_list.by_id[code].names)), "depth": depth}


def _figure(value: float | None, indicator: Indicator) -> Cell:
    return _text(formats.figure(value, indicator.format))


def _text(text: str, *, own: bool = False) -> Cell:
    return {"text": text, "own": own}


def _withheld() -> Cell:
    return {"text": _("withheld"), "withheld": True}
