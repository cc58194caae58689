"""Charts of the analyses, in the manner of `sharing.charts`: figures and words here, colours in the theme."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any

from django.utils.translation import gettext as _

from consortium.web import formats
from sharing.analytics.backtest import Move
from sharing.analytics.calibration import Band
from sharing.analytics.options import Option
from sharing.analytics.stability import CONSIDERABLE, SLIGHT
from sharing.charts import SCHEMA, Spec

_FRAME: Mapping[str, Any] = {
    "$schema": SCHEMA,
    "width": "container",
    "autosize": {"type": "fit-x", "contains": "padding"},
}


def calibration(bands: Sequence[Band], names: Mapping[str, str], *, us: str | None) -> Spec:
    """Observed against expected, on the diagonal where the models are right, both axes in powers of ten.

    A band is a point with its interval; our own bands are diamonds. Bands without figures are not drawn.
    """
    line, pool = _("As expected"), _("Pooled, with its interval")
    rows = [_band_row(band, names[band.code]) for band in bands if band.is_shown]
    own = [_own_row(band, names[band.code]) for band in bands if us and band.own_observed and band.own_expected]
    order = [line, pool, "", *([us] if us and own else [])]  # the theme's colours: band, peers, pooled, ours
    ends = [value for row in (*rows, *own) for key in ("x", "y", "low", "high") if (value := row.get(key))]
    low, high = (min(ends) / 1.4, max(ends) * 1.4) if ends else (0.1, 10.0)
    axes = {"x": _share_axis("x", _("Expected default rate"), low, high), "y": _share_axis("y", _("Actual default rate"), low, high)}  # fmt: skip
    whisker = {"y": {**axes["y"], "field": "low"}, "y2": {"field": "high"}}
    tooltip = [{"field": "name", "type": "nominal", "title": _("Predicted probability of default")},
               {"field": "expected", "type": "nominal", "title": _("Expected default rate")},
               {"field": "observed", "type": "nominal", "title": _("Actual default rate")}]  # fmt: skip
    layers: list[Spec] = [
        {"data": {"values": [{"x": low, "y": low}, {"x": high, "y": high}]},
         "mark": {"type": "line", "strokeWidth": 3},
         "encoding": {**axes, "color": _named(line, order)}},
        {"mark": {"type": "rule", "strokeWidth": 2.5},
         "encoding": {"x": axes["x"], **whisker, "color": _named(pool, order)}},
        {"mark": {"type": "point", "filled": True, "size": 110},
         "encoding": {**axes, "color": _named(pool, order), "tooltip": tooltip}},
        {"mark": {"type": "text", "align": "left", "dx": 11, "dy": 9, "fontSize": 12, "style": "label"},
         "encoding": {**axes, "text": {"field": "name"}}},
    ]  # fmt: skip
    if us and own:
        layers.append({"data": {"values": own},
                       "mark": {"type": "point", "filled": True, "size": 130, "shape": "diamond", "style": "own-point"},
                       "encoding": {**axes, "color": _named(us, order), "tooltip": tooltip}})  # fmt: skip
    return {
        **_FRAME,
        "description": calibration_in_words(bands),
        "height": 380,
        "data": {"values": rows},
        "layer": layers,
    }


def calibration_in_words(bands: Sequence[Band]) -> str:
    shown = [band for band in bands if band.is_shown]
    above = sum((band.observed or 0) > (band.expected or 0) for band in shown)
    return _("%(above)s of %(shown)s published bands lie above the diagonal: more defaulted than expected.") % {
        "above": above,
        "shown": len(shown),
    }


def _band_row(band: Band, name: str) -> Spec:
    row: Spec = {
        "name": name,
        "x": _percent(band.expected),
        "y": _percent(band.observed),
        "expected": formats.percent(band.expected),
        "observed": formats.percent(band.observed),
    }
    if band.interval:
        row |= {"low": _percent(max(band.interval.low, 1e-6)), "high": _percent(band.interval.high)}
    return row


def _own_row(band: Band, name: str) -> Spec:
    return {
        "name": name,
        "x": _percent(band.own_expected),
        "y": _percent(band.own_observed),
        "expected": formats.percent(band.own_expected),
        "observed": formats.percent(band.own_observed),
    }


def ranking(some: Sequence[Option], names: Mapping[str, str], kind: str, *, us: str | None) -> Spec:
    """One row an option, the best above: the members' median with its interval on their middle half, the pool, ours."""
    band, median, pooled = _("Middle half of peers"), _("Median, with its interval"), _("All members pooled")
    us = us if any(each.cell.own is not None for each in some) else None
    order = [band, median, pooled, *([us] if us else [])]
    rows = [_option_row(each, names[each.code], kind) for each in some if each.cell.pooled is not None]
    x, y = _value_axis(kind), {"field": "name", "type": "nominal", "sort": None, "title": None,
                               "axis": {"labelLimit": 190, "ticks": False, "domain": False, "grid": False}}  # fmt: skip
    tooltip = [{"field": "name", "type": "nominal", "title": " "},
               {"field": "median_text", "type": "nominal", "title": _("Peer median")},
               {"field": "interval_text", "type": "nominal", "title": _("Interval")},
               {"field": "pooled_text", "type": "nominal", "title": _("All members pooled")}]  # fmt: skip
    layers: list[Spec] = [
        {"mark": {"type": "bar", "height": 18, "cornerRadius": 3},
         "encoding": {"y": y, "x": {**x, "field": "p25"}, "x2": {"field": "p75"}, "color": _named(band, order), "tooltip": tooltip}},
        {"mark": {"type": "rule", "strokeWidth": 2.5},
         "encoding": {"y": y, "x": {**x, "field": "low"}, "x2": {"field": "high"}, "color": _named(median, order)}},
        {"mark": {"type": "tick", "size": 18, "thickness": 2.5},
         "encoding": {"y": y, "x": {**x, "field": "pooled"}, "color": _named(pooled, order)}},
        {"mark": {"type": "point", "filled": True, "size": 90},
         "encoding": {"y": y, "x": {**x, "field": "median"}, "color": _named(median, order), "tooltip": tooltip}},
    ]  # fmt: skip
    if us:
        layers.append({"mark": {"type": "point", "filled": True, "size": 120, "shape": "diamond", "style": "own-point"},
                       "encoding": {"y": y, "x": {**x, "field": "own"}, "color": _named(us, order)}})  # fmt: skip
    return {
        **_FRAME,
        "description": _("Rates with the interval around the median of the members, the best above."),
        "height": {"step": 38},
        "data": {"values": rows},
        "layer": layers,
    }


def _option_row(option: Option, name: str, kind: str) -> Spec:
    cell, interval = option.cell, option.members
    withheld = _("withheld")
    return {
        "name": name,
        **{field: _scaled(getattr(cell, field), kind) for field in ("p25", "median", "p75", "pooled", "own")},
        "low": _scaled(interval.low if interval else None, kind),
        "high": _scaled(interval.high if interval else None, kind),
        "median_text": withheld if cell.median is None else formats.figure(cell.median, kind),
        "interval_text": f"{formats.figure(interval.low, kind)} – {formats.figure(interval.high, kind)}"
        if interval
        else withheld,
        "pooled_text": formats.figure(cell.pooled, kind),
    }


def stability(moves: Mapping[str, Sequence[Move]]) -> Spec:
    """The stability index of each period, a bar for each set of bands (by its name), with the usual two marks."""
    order = list(moves)
    rows: list[Spec] = [
        {"period": formats.period(move.period, short=True), "of": name, "index": min(move.stability.index, 1.0),
         "text": _index_text(move)}
        for name, some in moves.items()
        for move in some
        if move.stability is not None
    ]  # fmt: skip
    highest = max([CONSIDERABLE * 1.2, *(row["index"] * 1.05 for row in rows)])
    y = {"field": "index", "type": "quantitative", "title": None, "scale": {"domain": [0, highest]},
         "axis": {"format": ".2f", "tickCount": 5, "domain": False, "ticks": False}}  # fmt: skip
    marks = [{"level": SLIGHT, "text": _("slight shift")}, {"level": CONSIDERABLE, "text": _("considerable shift")}]
    x = {"field": "period", "type": "ordinal", "sort": None, "title": None,
         "axis": {"labelAngle": 0, "labelOverlap": "greedy", "grid": False}}  # fmt: skip
    return {
        **_FRAME,
        "description": _("How far the mix of accounts moved, period by period."),
        "height": 220,
        "layer": [
            {
                "data": {"values": rows},
                "mark": {"type": "bar", "cornerRadiusEnd": 2},
                "encoding": {
                    "x": x,
                    "xOffset": {"field": "of", "sort": order},
                    "y": y,
                    "color": {
                        "field": "of",
                        "type": "nominal",
                        "scale": {"domain": order},
                        "legend": {"symbolType": "square"},
                    },
                    "tooltip": [
                        {"field": "period", "type": "nominal", "title": _("Period")},
                        {"field": "of", "type": "nominal", "title": " "},
                        {"field": "text", "type": "nominal", "title": _("Stability index")},
                    ],
                },
            },
            {
                "data": {"values": marks},
                "mark": {"type": "rule", "style": "hover", "strokeDash": [5, 4]},
                "encoding": {"y": {**y, "field": "level"}},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "text", "align": "left", "baseline": "bottom", "dy": -3, "style": "label", "fontSize": 11},
                "encoding": {"y": {**y, "field": "level"}, "x": {"value": 4}, "text": {"field": "text"}},
            },
        ],
    }  # fmt: skip


def _index_text(move: Move) -> str:
    if move.stability is None:
        return formats.NOTHING
    value = formats.figure(move.stability.index, "number", 3)
    return _("at least %s") % value if move.stability.at_least else value


def _percent(fraction: float | None) -> float | None:
    return None if fraction is None else fraction * 100


def _scaled(value: float | None, kind: str) -> float | None:
    return _percent(value) if kind == "percent" else value


def _named(name: str, order: Sequence[str]) -> Spec:
    return {
        "datum": name,
        "type": "nominal",
        "scale": {"domain": list(order)},
        "legend": {"symbolType": "square", "values": [each for each in order if each]},
    }


def _share_axis(field: str, title: str, low: float, high: float) -> Spec:
    return {"field": field, "type": "quantitative", "title": title,
            "scale": {"type": "log", "domain": [low, high], "nice": False},
            "axis": {"values": _steps(low, high), "labelExpr": "datum.label + '%'", "format": "~r", "grid": True}}  # fmt: skip


def _steps(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between the ends."""
    powers = range(floor(log10(low)), floor(log10(high)) + 1)
    return [step for power in powers for head in (1, 2, 5) if low <= (step := head * 10.0**power) <= high]


def _value_axis(kind: str) -> Spec:
    words = {"format": "~r", "labelExpr": "datum.label + '%'"} if kind == "percent" else {"format": ".4~r"}
    return {"type": "quantitative", "title": None, "scale": {"zero": False, "nice": True, "padding": 12},
            "axis": {**words, "tickCount": 6}}  # fmt: skip
