"""The chart of a warning: the figure over its periods, what was expected of it, and the limit it passed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from consortium.web import formats
from sharing.charts import SCHEMA, Spec

Point = Sequence[Any]  # period, value, expected, limit; None where there is none


def course(points: Sequence[Point], kind: str, *, words: str) -> Spec:
    """Withheld periods are gaps; the limit is dashed and the expectation thin, so that grey print tells them apart."""
    names = [_("Expected up to the limit"), _("Expected"), _("Limit"), _("The figure")]
    return {
        "$schema": SCHEMA,
        "description": words,
        "width": "container",
        "height": 220,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "data": {"values": [_row(point, kind) for point in points]},
        "encoding": {"x": {"field": "period", "type": "ordinal", "sort": None, "title": None,
                           "scale": {"padding": 0.2},
                           "axis": {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 14, "grid": False}}},
        "layer": [
            {"mark": {"type": "area", "interpolate": "monotone", "opacity": 0.7},
             "encoding": {"y": _y("expected", kind), "y2": {"field": "limit"}, "color": _named(names[0], names)}},
            _line("expected", names[1], names, kind, {"strokeWidth": 1.5}),
            _line("limit", names[2], names, kind, {"strokeWidth": 1.5, "strokeDash": [5, 4]}),
            _line("value", names[3], names, kind, {"strokeWidth": 3, "point": {"size": 45}}),
        ],
    }  # fmt: skip


def _row(point: Point, kind: str) -> dict[str, Any]:
    period, *figures = point
    factor = 100 if kind == "percent" else 1
    scaled = [None if figure is None else figure * factor for figure in figures]
    return {
        "period": formats.period(period, short=True),
        **dict(zip(("value", "expected", "limit"), scaled, strict=True)),
    }


def _line(field: str, name: str, names: Sequence[str], kind: str, mark: Spec) -> Spec:
    return {
        "mark": {"type": "line", "interpolate": "monotone", "strokeCap": "round", **mark},
        "encoding": {"y": _y(field, kind), "color": _named(name, names)},
    }


def _named(name: str, names: Sequence[str]) -> Spec:
    return {"datum": name, "type": "nominal", "scale": {"domain": list(names)}, "legend": {"symbolType": "stroke"}}


def _y(field: str, kind: str) -> Spec:
    axis = {"format": ".1f", "labelExpr": "datum.label + '%'"} if kind == "percent" else {"format": ".4~r"}
    return {"field": field, "type": "quantitative", "title": None, "scale": {"zero": False, "nice": True},
            "axis": {**axis, "tickCount": 4, "domain": False, "ticks": False}}  # fmt: skip
