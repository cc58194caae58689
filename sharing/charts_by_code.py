"""Charts over the codes of dimensions, to take along: the breakdown of a table, and the heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

from django.utils.translation import gettext as _

from consortium.web import formats
from sharing.benchmarks.explorer import Figures
from sharing.benchmarks.heat_map import HeatMap
from sharing.benchmarks.mix import Mix
from sharing.charts import SCHEMA, Spec

_MOST_STEPS = 8  # parts with a step of their own
_ROW = 26  # pixels that a row takes
_HATCH = "╱╱╱"  # in the place of a figure that is withheld


def breakdown(rows: Sequence[tuple[str, Figures]], kind: str, *, us: str | None) -> Spec:
    """Each code's middle half of peers, median, pooled rate and own figure, on one scale; withheld ones say so."""
    band, median, pooled = _("Middle half of peers"), _("Peer median"), _("All members pooled")
    names = [band, median, pooled, *([us] if us else [])]
    y = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 260, "ticks": False}}
    layers: list[Spec] = [
        {"mark": {"type": "bar", "height": 12, "cornerRadius": 2},
         "encoding": {"x": _x("p25", kind), "x2": {"field": "p75"}, "color": _colour(band, names)}},
        {"mark": {"type": "tick", "thickness": 3, "size": 18},
         "encoding": {"x": _x("median", kind), "color": _colour(median, names)}},
        {"mark": {"type": "tick", "thickness": 2, "size": 18},
         "encoding": {"x": _x("pooled", kind), "color": _colour(pooled, names)}},
        {"transform": [{"filter": "datum.withheld"}],
         "mark": {"type": "text", "align": "left", "style": "label", "fontSize": 11, "opacity": 0.75},
         "encoding": {"x": {"value": 6}, "text": {"value": _("withheld")}}},
    ]  # fmt: skip
    if us:
        layers.append({"mark": {"type": "point", "filled": True, "size": 90, "shape": "diamond", "style": "own-point"},
                       "encoding": {"x": _x("own", kind), "color": _colour(us, names)}})  # fmt: skip
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": {"step": _ROW},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": [_of_code(name, figures, kind) for name, figures in rows]},
        "encoding": {"y": y},
        "layer": layers,
    }


def heat_map(found: HeatMap, names: Mapping[str, Mapping[str, str]], panel_names: Sequence[str], kind: str) -> Spec:
    """One panel beside the other; `names` gives the words of a dimension's codes. What is withheld is hatched."""
    rows, columns = names[found.row_dimension], names[found.column_dimension]
    values = [
        {
            "panel": panel_name,
            "row": rows[row],
            "column": columns[column],
            "value": _scaled(value, kind),
            "text": _HATCH if value is None else _short(value, kind),
        }
        for panel, panel_name in zip(found.panels, panel_names, strict=True)
        for (row, column), value in panel.figures.items()
    ]
    x = {
        "field": "column",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"orient": "top", "labelAngle": -60},
    }
    y = {"field": "row", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 180}}
    colour = {"field": "value", "type": "quantitative", "scale": {"range": "heatmap", "domain": _domain(found, kind)},
              "legend": {"orient": "bottom", "title": _("Hatched: withheld")}}  # fmt: skip
    layers = [
        {"mark": {"type": "rect", "style": "hover", "strokeWidth": 0.25}, "encoding": {"color": colour}},
        {"mark": {"type": "text", "fontSize": 9, "style": "label"}, "encoding": {"text": {"field": "text"}}},
    ]
    return {
        "$schema": SCHEMA,
        "data": {"values": values},
        "facet": {"field": "panel", "type": "nominal", "sort": None, "title": None,
                  "header": {"labelFontSize": 12, "labelFontWeight": "bold"}},
        "columns": 2,
        "spec": {"width": {"step": 38}, "height": {"step": 16}, "encoding": {"x": x, "y": y}, "layer": layers},
        "resolve": {"axis": {"x": "independent", "y": "independent"}},
    }  # fmt: skip


def waterfall(found: Mix, names: Mapping[str, str], kind: str) -> Spec:
    """From the pooled rate of one period to that of another: the rates of the parts that moved it most, the mix, the rest."""
    rises, falls, level, rest = _("Rises"), _("Falls"), _("All members pooled"), _("Rest: withheld, or in no part")
    most, others = found.parts[:_MOST_STEPS], found.parts[_MOST_STEPS:]
    steps = [(names[part.code], part.rate) for part in most]
    if others:
        steps.append((_("Rates of the other parts"), fsum(part.rate for part in others)))
    steps.append((_("Mix of the parts"), found.found.mix))
    before, now = found.before[found.total].pooled or 0.0, found.now[found.total].pooled or 0.0
    rows: list[Spec] = [_step(formats.period(found.since), before, before, level, kind)]
    at = before
    for name, moved in steps:
        rows.append(_step(name, at, at + moved, rises if moved > 0 else falls, kind))
        at += moved
    rows.append(_step(rest, at, now, rest, kind))
    rows.append(_step(formats.period(found.until), now, now, level, kind))
    # Each layer has some of the rows, so their order is said.
    y = {"field": "name", "type": "nominal", "sort": [row["name"] for row in rows], "title": None,
         "axis": {"labelLimit": 260, "ticks": False}}  # fmt: skip
    # The theme's colours in their order: the band's, the peers', the pool's, our own.
    colour = {"field": "step", "type": "nominal", "scale": {"domain": [rest, falls, level, rises], "range": "category"},
              "legend": {"symbolType": "square"}}  # fmt: skip
    moves = {"transform": [{"filter": "datum.from != datum.to"}], "mark": {"type": "bar", "height": 14},
             "encoding": {"x": _x("from", kind), "x2": {"field": "to"}, "color": colour}}  # fmt: skip
    levels = {"transform": [{"filter": "datum.from == datum.to"}], "mark": {"type": "tick", "thickness": 4, "size": 20},
              "encoding": {"x": _x("to", kind), "color": colour}}  # fmt: skip
    return {
        "$schema": SCHEMA,
        "width": "container",
        "height": {"step": _ROW},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": rows},
        "encoding": {"y": y},
        "layer": [moves, levels],
    }


def _step(name: str, start: float, end: float, step: str, kind: str) -> Spec:
    return {"name": name, "from": _scaled(start, kind), "to": _scaled(end, kind), "step": step}


def _of_code(name: str, figures: Figures, kind: str) -> dict[str, Any]:
    figure = {field: _scaled(getattr(figures, field), kind) for field in ("p25", "median", "p75", "pooled")}
    own = figures.own.rate if figures.own else None
    return {"name": name, **figure, "own": _scaled(own, kind), "withheld": figures.withheld}


def _short(value: float, kind: str) -> str:
    """With one digit after the point and without a sign of the unit, as a small field has room for."""
    return formats.figure(value * 100 if kind == "percent" else value, "number", 1)


def _scaled(value: float | None, kind: str) -> float | None:
    return value if value is None or kind != "percent" else value * 100


def _domain(found: HeatMap, kind: str) -> list[float | None]:
    return [_scaled(found.low, kind), _scaled(found.high, kind)]


def _colour(name: str, names: Sequence[str]) -> Spec:
    return {"datum": name, "type": "nominal", "scale": {"domain": list(names)}, "legend": {"symbolType": "square"}}


def _x(field: str, kind: str) -> Spec:
    axis = {"format": ".1f", "labelExpr": "datum.label + '%'"} if kind == "percent" else {"format": ".4~r"}
    return {"field": field, "type": "quantitative", "title": None, "scale": {"zero": False}, "axis": axis}
