"""One Vega-Lite specification for each kind of chart, drawn in the browser and on the server from the same text.

Specifications hold figures and words; colours come from a theme (light or dark) given beside them as Vega's config.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from django.utils.translation import gettext as _

from consortium.web import formats
from sharing.benchmarks.explorer import Figures, Point

Spec = dict[str, Any]

_TITLE_LENGTH = 100  # characters of a title's line
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
FONT = (
    "Segoe UI, Noto Sans, Liberation Sans, PingFang SC, Microsoft YaHei, WenQuanYi Micro Hei, Noto Sans SC, sans-serif"
)

# The same colours as the tokens of the style sheet; told apart by every kind of colour vision, and in grey.
_COLOURS: Mapping[str, Mapping[str, str]] = {
    "light": {"ours": "#b8460b", "peers": "#39648f", "pooled": "#4d5965", "band": "#cfdceb", "outer": "#e6edf5", "ink": "#17212b",
              "soft": "#4d5965", "line": "#dcdcd5", "surface": "#ffffff"},
    "dark": {"ours": "#ffa368", "peers": "#8db8e2", "pooled": "#a9b5c0", "band": "#26405a", "outer": "#1c2d3d", "ink": "#e8edf1",
             "soft": "#a9b5c0", "line": "#2b3741", "surface": "#161e25"},
}  # fmt: skip


_LEGEND = {"symbolType": "stroke", "symbolSize": 260, "encode": {"symbols": {"update": {"strokeWidth": {"value": 4}}}}}


def theme(name: str) -> Spec:
    """Vega's config in the colours of a theme; `range.category` is band, median, pooled, ours; `range.ordinal` the outer band too."""
    colour = _COLOURS[name]
    words = {"labelColor": colour["soft"], "titleColor": colour["soft"], "labelFontSize": 12, "titleFontSize": 12}
    return {
        "font": FONT,
        "background": colour["surface"],
        "view": {"stroke": None},
        "axis": {**words, "titleFontWeight": 400, "gridColor": colour["line"], "domainColor": colour["line"],
                 "tickColor": colour["line"], "labelPadding": 6},
        "legend": {**words, "orient": "top", "title": None, "symbolSize": 220, "symbolStrokeWidth": 3,
                   "columnPadding": 18, "labelLimit": 260, "offset": 12},
        "title": {"color": colour["ink"], "subtitleColor": colour["soft"], "anchor": "start", "fontSize": 16,
                  "subtitleFontSize": 12, "offset": 14, "subtitlePadding": 6},
        "text": {"color": colour["ink"]},
        "rule": {"color": colour["soft"]},
        "range": {"category": [colour["band"], colour["peers"], colour["pooled"], colour["ours"]],
                  "ordinal": [colour["outer"], colour["band"], colour["peers"], colour["pooled"], colour["ours"]],
                  "heatmap": [colour["surface"], colour["peers"]]},
        "style": {"hover": {"stroke": colour["soft"]}, "own-point": {"stroke": colour["surface"], "strokeWidth": 1.5},
                  "label": {"fill": colour["ink"]}},
    }  # fmt: skip


def time_series(points: Sequence[Point], kind: str, *, us: str | None) -> Spec:
    """The peers' band and median, the pooled rate and our own line over the periods; withheld periods are gaps.

    `us` names the viewer's institution; None leaves the own line out, and so does a series without an own figure.
    """
    us = us if any(point.figures.own for point in points) else None
    outer, band, median, pooled = _names()
    has_outer = any(point.figures.p10 is not None for point in points)
    names = [*([outer] if has_outer else []), band, median, pooled, *([us] if us else [])]
    tooltip = [
        {"field": "period", "type": "nominal", "title": _("Period")},
        *({"field": field, "type": "nominal", "title": title} for field, title in _tooltip_fields(us)),
    ]
    hover = {"name": "hover", "select": {"type": "point", "encodings": ["x"], "nearest": True,
                                         "on": "pointerover", "clear": "pointerout"}}  # fmt: skip
    layers: list[Spec] = [
        layer
        for field, name, width in (("median", median, 2.5), ("pooled", pooled, 1.75))
        if any(getattr(point.figures, field) is not None for point in points)
        for layer in (_line(field, name, names, kind, width=width), _lone_points(field, name, names, kind))
    ]
    if any(point.figures.p25 is not None for point in points):
        layers = [*_band("p25", "p75", "band_alone", band, names, kind), *layers]
    if has_outer:
        layers = [*_band("p10", "p90", "outer_alone", outer, names, kind), *layers]
    if us:
        layers.append(_line("own", us, names, kind, width=3.25))
        layers.append({"mark": {"type": "point", "filled": True, "size": 55, "style": "own-point"},
                       "encoding": {"y": _y("own", kind), "color": _named(us, names)}})  # fmt: skip
    layers.append({
        "params": [hover],
        "mark": {"type": "rule", "style": "hover", "strokeWidth": 1},
        "encoding": {"opacity": {"condition": {"param": "hover", "empty": False, "value": 1}, "value": 0},
                     "tooltip": tooltip},
    })  # fmt: skip
    x = {"field": "period", "type": "ordinal", "sort": None, "title": None,
         "scale": {"padding": 0.2}, "axis": {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 14, "grid": False}}  # fmt: skip
    return {
        "$schema": SCHEMA,
        "description": time_series_in_words(points, kind, us=us),
        "width": "container",
        "height": 300,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": [_point(point, kind, **alone) for point, alone in zip(points, _alone(points), strict=True)]},
        "encoding": {"x": x},
        "layer": layers,
    }


def distribution(figures: Figures, kind: str, *, us: str | None) -> Spec:
    """The published quartiles as a band, the median and the pooled rate, and our own marker; never a member."""
    outer, band, median, pooled = _names()
    has_outer = figures.p10 is not None and figures.p90 is not None
    names = [*([outer] if has_outer else []), band, median, pooled, *([us] if us and figures.own else [])]
    row = {"p10": _scaled(figures.p10, kind), "p90": _scaled(figures.p90, kind), "p25": _scaled(figures.p25, kind), "p75": _scaled(figures.p75, kind),
           "median": _scaled(figures.median, kind), "pooled": _scaled(figures.pooled, kind),
           "own": _scaled(figures.own.rate if figures.own else None, kind)}  # fmt: skip
    layers: list[Spec] = [
        {"mark": {"type": "bar", "height": 30, "cornerRadius": 3},
         "encoding": {"x": _x("p25", kind), "x2": {"field": "p75"}, "color": _named(band, names, symbol="square")}},
        _tick("median", median, names, kind, size=44, thickness=3),
        _tick("pooled", pooled, names, kind, size=44, thickness=2),
    ]  # fmt: skip
    if has_outer:
        layers.insert(
            0,
            {
                "mark": {"type": "bar", "height": 16, "cornerRadius": 3},
                "encoding": {
                    "x": _x("p10", kind),
                    "x2": {"field": "p90"},
                    "color": _named(outer, names, symbol="square"),
                },
            },
        )
    if us and figures.own:
        layers.append({"mark": {"type": "point", "filled": True, "size": 190, "shape": "diamond", "style": "own-point"},
                       "encoding": {"x": _x("own", kind), "color": _named(us, names, symbol="square")}})  # fmt: skip
    return {
        "$schema": SCHEMA,
        "description": distribution_in_words(figures, kind, us=us),
        "width": "container",
        "height": 62,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": [row]},
        "layer": layers,
    }


def titled(spec: Spec, title: str, subtitle: str) -> Spec:
    """The same chart to stand alone in a paper: with its title, at a fixed width unless it is made of panels."""
    width = {} if "facet" in spec else {"width": 880}
    lines = wrap(title, _TITLE_LENGTH)
    return {**spec, **width, "title": {"text": lines, "subtitle": subtitle}, "padding": 24}


def time_series_in_words(points: Sequence[Point], kind: str, *, us: str | None) -> str:
    """What the chart shows, for those who do not see it."""
    shown = [point for point in points if point.figures.median is not None]
    if not shown:
        return _("No period has a published median.")
    first, last = shown[0], shown[-1]
    if first is last:
        words = _("In %(period)s the peer median was %(value)s.") % {
            "period": formats.period(last.period),
            "value": formats.figure(last.figures.median, kind),
        }
    else:
        words = _moved_in_words(first, last, kind)
    if us and last.figures.own:
        words += " " + _("%(us)s stands at %(value)s.") % {
            "us": us,
            "value": formats.figure(last.figures.own.rate, kind),
        }
    return words


def _moved_in_words(first: Point, last: Point, kind: str) -> str:
    return _("From %(first)s to %(last)s the peer median went from %(from)s to %(to)s.") % {
        "first": formats.period(first.period),
        "last": formats.period(last.period),
        "from": formats.figure(first.figures.median, kind),
        "to": formats.figure(last.figures.median, kind),
    }


def distribution_in_words(figures: Figures, kind: str, *, us: str | None) -> str:
    words = _("The middle half of peers lies between %(low)s and %(high)s, the median at %(median)s.") % {
        "low": formats.figure(figures.p25, kind),
        "high": formats.figure(figures.p75, kind),
        "median": formats.figure(figures.median, kind),
    }
    if us and figures.own:
        words += " " + _("%(us)s stands at %(value)s.") % {"us": us, "value": formats.figure(figures.own.rate, kind)}
    return words


def _names() -> tuple[str, str, str, str]:
    """The legend's words for the peers, in the order of the theme's colours."""
    return _("Middle eight tenths of peers"), _("Middle half of peers"), _("Peer median"), _("All members pooled")


def _tooltip_fields(us: str | None) -> list[tuple[str, str]]:
    fields = [("median_text", _("Peer median")), ("band_text", _("Middle half of peers")),
              ("pooled_text", _("All members pooled"))]  # fmt: skip
    return [("own_text", us), *fields] if us else fields


def _alone(points: Sequence[Point]) -> list[dict[str, bool]]:
    """For each point: which of its figures have none in the periods beside it, so that no line leads there."""
    fields = {"median": "median", "pooled": "pooled", "band": "p25", "outer": "p10"}
    known = {name: [getattr(point.figures, field) is not None for point in points] for name, field in fields.items()}
    return [
        {
            name: shown[at] and not any(shown[max(at - 1, 0) : at] + shown[at + 1 : at + 2])
            for name, shown in known.items()
        }
        for at in range(len(points))
    ]


def _point(point: Point, kind: str, *, median: bool, pooled: bool, band: bool, outer: bool) -> Spec:
    """One row of the chart's data; the flags say which figures stand alone."""
    figures = point.figures
    own = figures.own.rate if figures.own else None
    withheld = _("withheld")
    low, high = formats.figure(figures.p25, kind), formats.figure(figures.p75, kind)
    return {
        "period": formats.period(point.period, short=True),
        "median_alone": median,
        "pooled_alone": pooled,
        "band_alone": band,
        "outer_alone": outer,
        "p10": _scaled(figures.p10, kind),
        "p90": _scaled(figures.p90, kind),
        "p25": _scaled(figures.p25, kind),
        "median": _scaled(figures.median, kind),
        "p75": _scaled(figures.p75, kind),
        "pooled": _scaled(figures.pooled, kind),
        "own": _scaled(own, kind),
        "median_text": withheld if figures.median is None else formats.figure(figures.median, kind),
        "band_text": withheld if figures.p25 is None else f"{low} – {high}",
        "pooled_text": withheld if figures.pooled is None else formats.figure(figures.pooled, kind),
        "own_text": formats.figure(own, kind),
    }


def _scaled(value: float | None, kind: str) -> float | None:
    return value if value is None or kind != "percent" else value * 100


def _named(name: str, names: Sequence[str], *, symbol: str = "stroke") -> Spec:
    return {"datum": name, "type": "nominal", "scale": {"domain": list(names), "range": _colours(names)},
            "legend": {**_LEGEND, "symbolType": symbol}}  # fmt: skip


def _colours(names: Sequence[str]) -> str:
    """The theme's range for a legend with or without the outer band."""
    return "ordinal" if names[0] == _names()[0] else "category"


def _dashed(name: str, names: Sequence[str]) -> Spec:
    dashes = [[5, 4] if each == _names()[3] else [1, 0] for each in names]
    return {"datum": name, "type": "nominal", "scale": {"domain": list(names), "range": dashes},
            "legend": _LEGEND}  # fmt: skip


def _band(low: str, high: str, alone: str, name: str, names: Sequence[str], kind: str) -> list[Spec]:
    """An area, and a bar where it would have no width: the periods beside it have no band."""
    encoding = {"y": _y(low, kind), "y2": {"field": high}, "color": _named(name, names)}
    lone = {"mark": {"type": "bar", "width": 28, "aria": False}, "transform": [{"filter": f"datum.{alone}"}]}
    return [{"mark": {"type": "area", "interpolate": "monotone"}, "encoding": encoding}, {**lone, "encoding": encoding}]


def _line(field: str, name: str, names: Sequence[str], kind: str, *, width: float) -> Spec:
    return {
        "mark": {"type": "line", "interpolate": "monotone", "strokeWidth": width, "strokeCap": "round"},
        "encoding": {"y": _y(field, kind), "color": _named(name, names), "strokeDash": _dashed(name, names)},
    }


def _lone_points(field: str, name: str, names: Sequence[str], kind: str) -> Spec:
    return {
        "transform": [{"filter": f"datum.{field}_alone"}],
        "mark": {"type": "point", "filled": True, "size": 90, "shape": "square", "aria": False},
        "encoding": {"y": _y(field, kind), "color": _named(name, names)},
    }


def _tick(field: str, name: str, names: Sequence[str], kind: str, *, size: int, thickness: int) -> Spec:
    return {
        "mark": {"type": "tick", "size": size, "thickness": thickness},
        "encoding": {"x": _x(field, kind), "color": _named(name, names, symbol="square")},
    }


def _axis(kind: str) -> Spec:
    return {"format": ".1f", "labelExpr": "datum.label + '%'"} if kind == "percent" else {"format": ".4~r"}


def _y(field: str, kind: str) -> Spec:
    return {"field": field, "type": "quantitative", "title": None, "scale": {"zero": False, "nice": True},
            "axis": {**_axis(kind), "tickCount": 5, "domain": False, "ticks": False}}  # fmt: skip


def _x(field: str, kind: str) -> Spec:
    return {"field": field, "type": "quantitative", "title": None,
            "scale": {"zero": False, "nice": False, "padding": 36},
            "axis": {**_axis(kind), "tickCount": 6, "grid": False}}  # fmt: skip
