"""What each view of the explorer shows: series, distribution, heat map, table; as a page's context and as a drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _, gettext_lazy

from anonymize.template import TOTAL
from consortium.people.models import Person
from consortium.web import formats
from sharing import charts, charts_by_code, findings
from sharing.benchmarks import explorer
from sharing.benchmarks.explorer import Figures, Point
from sharing.benchmarks.heat_map import CLASSES, HeatMap, Panel, heat_map
from sharing.benchmarks.mix import Mix, along, mix, parted
from sharing.benchmarks.naming import cell_name
from sharing.benchmarks.selection import MAP_FIGURES, TIME, Selection
from sharing.benchmarks.trends import Line, lines
from sharing.benchmarks.view_lines import breakdown_lines
from sharing.marks import RangeScale
from sharing.models import Alert, Release
from sharing.models.collection import in_language
from sharing.services import statements
from sharing.views.series_rows import series_rows

VIEW_NAMES: Mapping[str, str | Promise] = {
    "series": gettext_lazy("Over time"),
    "distribution": gettext_lazy("Among our peers"),
    "map": gettext_lazy("Heat map"),
    "table": gettext_lazy("Broken down"),
    "mix": gettext_lazy("Rates or mix"),
}
OVER_NAMES: Mapping[str, str | Promise] = {
    "year": gettext_lazy("On the year before"),
    "period": gettext_lazy("On the period before"),
}
MAP_FIGURE_NAMES: Mapping[str, str | Promise] = {
    "pooled": gettext_lazy("All members pooled"),
    "median": gettext_lazy("Peer median"),
}
_NO_FIELD = SafeString('<td class="heat"></td>')
PERCENTILES = ("p10", "p20", "p25", "p30", "p40", "median", "p60", "p70", "p75", "p80", "p90")
TENTHS = ("p10", "p20", "p30", "p40", "p60", "p70", "p80", "p90")


@dataclass(frozen=True)
class Row:
    """One line of the breakdown."""

    name: str
    depth: int
    address: str
    is_chosen: bool
    line: Line
    range: str

    kind: str

    @property
    def figures(self) -> Figures:
        return self.line.figures

    @property
    def rest(self) -> list[tuple[float | None, str]]:
        """The figures that the table does not show at once, each with its format."""
        figures = self.figures
        rates = (figures.mean, figures.trimmed_mean, *(getattr(figures, name) for name in TENTHS))
        return [*((rate, self.kind) for rate in rates), (figures.weight, "percent"), (figures.error, self.kind)]


@dataclass(frozen=True)
class MixRow:
    """What a part adds to a change, and its figures in both periods."""

    name: str
    before: Figures | None
    now: Figures | None
    rate: float | None
    mix: float | None

    @property
    def is_known(self) -> bool:
        return self.rate is not None


@dataclass(frozen=True)
class Seen:
    """What a person sees of a selection: the releases in force, oldest first, and what its view is made of."""

    selection: Selection
    person: Person

    @cached_property
    def releases(self) -> list[Release]:
        return explorer.published(self.selection.collection, self.person, self.selection.as_of)

    @cached_property
    def points(self) -> list[Point]:
        chosen = self.selection
        return explorer.series_of(self.releases, chosen.indicator.id, chosen.peer_group, chosen.key, self.person)

    @cached_property
    def sealed_release(self) -> Release | None:
        """The latest release, when the own figures of it are where only the institution's own key opens them."""
        latest = self.releases[-1:]
        return latest[0] if statements.sealed_to_own_key(self.person, latest) else None

    @cached_property
    def map(self) -> HeatMap | None:
        return heat_map(self.selection, self.releases, self.person)

    @cached_property
    def mix(self) -> Mix | None:
        return mix(self.selection, self.releases, self.person)

    @cached_property
    def rows(self) -> list[Row]:
        """The breakdown of the latest release by one dimension."""
        chosen = self.selection
        found = {line.figures.key: line for line in breakdown_lines(chosen, self.releases, self.person)}
        scale = RangeScale([line.figures for line in found.values()])
        names = self.names[chosen.by]
        return [
            Row(
                name=names[code],
                depth=depth,
                address=chosen.down(chosen.by, code).address(),
                is_chosen=code == chosen.codes[chosen.by],
                line=found[there.key],
                range=scale.draw(found[there.key].figures),
                kind=self.kind,
            )
            for code, depth, there in chosen.breakdown()
            if there.key in found
        ]

    @cached_property
    def names(self) -> dict[str, dict[str, str]]:
        """Every code of the cut in the language of the page, by dimension."""
        return {
            dimension.id: {code.id: in_language(dict(code.names)) for code in dimension.code_list.codes}
            for dimension in self.selection.cut
        }

    @cached_property
    def panel_names(self) -> list[str]:
        return [self._panel_name(panel) for panel in self.map.panels] if self.map else []

    @property
    def now(self) -> Figures | None:
        """The cell in the latest release that has it."""
        return self.points[-1].figures if self.points else None

    @property
    def kind(self) -> str:
        return self.selection.indicator.format

    @property
    def us(self) -> str | None:
        return str(self.person.institution) if self.person.institution else None

    def finding(self) -> str:
        """What the view shows, in a sentence."""
        match self.selection.view:
            case "distribution" if self.now is not None and self.now.p25 is not None:
                return findings.among_peers(self.now, self.kind, us=self.us)
            case "map" if self.map is not None:
                return findings.laid_out(self.map, self.names, self.panel_names, self.kind)
            case "table":
                parts = [
                    (row.name, row.line) for row in self.rows if row.depth == max(each.depth for each in self.rows)
                ]
                return findings.broken_down(parts, self.kind)
            case "mix" if self.mix is not None:
                return findings.came_from(self.mix, self.kind)
            case _:
                return findings.over_time(self.points, self.kind, us=self.us)

    def drawing(self) -> charts.Spec | None:
        """The view's chart; None where there is nothing to draw."""
        match self.selection.view:
            case "distribution":
                is_known = self.now is not None and self.now.p25 is not None
                return charts.distribution(self.now, self.kind, us=self.us) if is_known and self.now else None
            case "map":
                if self.map is None:
                    return None
                return charts_by_code.heat_map(self.map, self.names, self.panel_names, self.kind)
            case "table":
                rows = [(row.name, row.figures) for row in self.rows]
                return charts_by_code.breakdown(rows, self.kind, us=self.us) if rows else None
            case "mix":
                return (
                    charts_by_code.waterfall(self.mix, self.names[self.mix.dimension], self.kind) if self.mix else None
                )
            case _:
                return charts.time_series(self.points, self.kind, us=self.us) if self.points else None

    def context(self) -> dict[str, Any]:
        """What the view's own template shows."""
        return {
            "series": self._series,
            "distribution": self._distribution,
            "map": self._map,
            "table": self._table,
            "mix": self._mix,
        }[self.selection.view]()

    def _series(self) -> dict[str, Any]:
        latest_first = lines(self.points, self.selection.template.frequency)[::-1]
        has_deciles = any(point.figures.p10 is not None for point in self.points)
        found: dict[str, Any] = {
            "rows": series_rows(latest_first, self.kind, has_own=self.us is not None, has_deciles=has_deciles),
            "has_deciles": has_deciles,
            "warning": self._warning(),
        }
        if spec := self.drawing():
            found |= {"chart": drawable(spec), "chart_words": spec["description"]}
        return found

    def _warning(self) -> Alert | None:
        """The warning about the series that still holds, if the person sees one."""
        chosen = self.selection
        return (
            Alert.objects.visible_to(self.person)
            .lasting()
            .filter(collection=chosen.collection.code, indicator=chosen.indicator.id)
            .filter(peer_group=chosen.peer_group, key=chosen.key)
            .order_by("-raised_at")
            .first()
        )

    def _distribution(self) -> dict[str, Any]:
        if self.now is None or not (spec := self.drawing()):
            return {}
        has_tenths = any(getattr(self.now, name) is not None for name in TENTHS)
        named = PERCENTILES if has_tenths else ("p25", "median", "p75")
        points = [("P50" if name == "median" else name.upper(), getattr(self.now, name)) for name in named]
        return {"chart": drawable(spec), "chart_words": spec["description"], "percentiles": points}

    def _table(self) -> dict[str, Any]:
        chosen = self.selection
        tabs = [
            (in_language(dict(each.names)), chosen.broken_down(each.id).address(), each.id == chosen.by)
            for each in chosen.cut
        ]
        name = in_language(dict(chosen.template.dimension(chosen.by).names))
        return {
            "rows": self.rows,
            "by_tabs": tabs,
            "by_name": name,
            "decile_names": [tenth.upper() for tenth in TENTHS],
        }

    def _mix(self) -> dict[str, Any]:
        chosen, found, dimension = self.selection, self.mix, along(self.selection)
        tabs = {
            "by_tabs": [
                (in_language(dict(each.names)), chosen.broken_down(each.id).address(), each == dimension)
                for each in parted(chosen)
            ],
            "over_tabs": [
                (name, chosen.changed_over(over).address(), over == chosen.over) for over, name in OVER_NAMES.items()
            ],
        }
        spec = self.drawing()
        if found is None or dimension is None or spec is None:
            return tabs
        return tabs | {
            "mix": found,
            "chart": drawable(spec),
            "by_name": in_language(dict(dimension.names)),
            "rows": self._mix_rows(found),
        }

    def _mix_rows(self, found: Mix) -> list[MixRow]:
        """The cell, the parts that moved it most first, then those of which something is withheld."""
        names, whole = self.names[found.dimension], found.found
        added = {found.total: (whole.rate, whole.mix), **{part.code: (part.rate, part.mix) for part in found.parts}}
        return [
            MixRow(names[code], found.before.get(code), found.now.get(code), *added.get(code, (None, None)))
            for code in (*added, *whole.unknown)
        ]

    def _map(self) -> dict[str, Any]:
        chosen, found = self.selection, self.map
        others = [each for each in chosen.cut if found and each.id not in (found.row_dimension, found.column_dimension)]
        multiples = [(TIME, _("One a period")), *((each.id, in_language(dict(each.names))) for each in others)]
        context = {
            "multiples": [
                (name, chosen.mapped(multiples=id).address(), id == chosen.multiples) for id, name in multiples
            ],
            "shown_figures": [
                (MAP_FIGURE_NAMES[id], chosen.mapped(shows=id).address(), id == chosen.shows) for id in MAP_FIGURES
            ],
        }
        if found is None:
            return context
        names = self.names[found.column_dimension]
        return context | {
            "map": found,
            "columns": [names[column] for column in found.columns],
            "row_name": in_language(dict(chosen.template.dimension(found.row_dimension).names)),
            "panels": [
                (name, self._panel_rows(found, panel))
                for name, panel in zip(self.panel_names, found.panels, strict=True)
            ],
            "heats": range(CLASSES),
            "low": formats.figure(found.low, self.kind, 1),
            "high": formats.figure(found.high, self.kind, 1),
        }

    def _panel_name(self, panel: Panel) -> str:
        multiples = self.selection.multiples
        return formats.period(panel.code) if multiples == TIME else self.names[multiples][panel.code]

    def _panel_rows(self, found: HeatMap, panel: Panel) -> list[tuple[str, int, SafeString]]:
        """Each row's name, its depth in the hierarchy and its fields."""
        code_list = self.selection.template.dimension(found.row_dimension).code_list
        names = self.names[found.row_dimension]
        links = _Links(found, panel)
        return [
            (names[row], len(code_list.ancestors(row)) - 1, self._fields(found, panel, row, links))
            for row in found.rows
        ]

    def _fields(self, found: HeatMap, panel: Panel, row: str, links: _Links) -> SafeString:
        """A row of the heat map. Plain joining without needless tags: a page has some fifteen hundred fields."""
        withheld = format_html(
            '<td class="heat heat--withheld"><span class="visually-hidden">{}</span></td>', _("withheld")
        )
        scale = 100 if self.kind == "percent" else 1
        fields: list[str] = []
        for column in found.columns:
            if (row, column) not in panel.figures:
                fields.append(_NO_FIELD)
            elif (value := panel.figures[row, column]) is None:
                fields.append(withheld)
            else:
                text = formats.figure(value * scale, "number", 1)
                link = links.to(row, column)
                fields.append(
                    f'<td class=h{found.heat(value)}><a href="{link}"><data value="{value!r}">{text}</data></a>'
                )
        return SafeString("".join(fields))


class _Links:
    """The address of each field's series, escaped: the panel's own selection at the codes of a row and a column."""

    def __init__(self, found: HeatMap, panel: Panel) -> None:
        totals = panel.there.at(found.row_dimension, TOTAL).at(found.column_dimension, TOTAL)
        there = totals.seen_as("series").mapped(multiples=TIME, shows=MAP_FIGURES[0])
        self._panel = escape(f"?{there.query()}")
        self._rows = {code: _part(found.row_dimension, code) for code in found.rows}
        self._columns = {code: _part(found.column_dimension, code) for code in found.columns}

    def to(self, row: str, column: str) -> str:
        return f"{self._panel}{self._rows[row]}{self._columns[column]}"


def _part(dimension: str, code: str) -> str:
    return "" if code == TOTAL else escape("&" + urlencode({dimension: code}))


def drawable(spec: charts.Spec) -> dict[str, Any]:
    """What the browser needs to draw a chart in either theme."""
    return {"spec": spec, "themes": {name: charts.theme(name) for name in ("light", "dark")}}


def title(selection: Selection) -> tuple[str, str]:
    """The indicator, and the cell and peer group it is shown for."""
    peers = selection.groups.get(selection.peer_group)
    name = in_language(dict(peers)) if peers else _("All members")
    cell = cell_name(selection.template, selection.indicator, selection.key)
    return in_language(dict(selection.indicator.names)), f"{cell} · {name}"


def wider(selection: Selection) -> list[tuple[str, str]]:
    """The name and the address of each view one step up."""
    return [(cell_name(there.template, there.indicator, there.key), there.address()) for there in selection.wider()]
