"""The analyses as tables for files: what the page shows of the members, and nothing of the viewer's own institution.

A withheld row has no figures, `OBS_STATUS` Q and `CONF_STATUS` C.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from sharing.analytics.backtest import BackTest
from sharing.analytics.calibration import Judged
from sharing.analytics.intervals import Interval
from sharing.analytics.options import Option

Row = dict[str, Any]


def of_bands(period: str, test: BackTest) -> pa.Table:
    """All accounts (_T), then a row for each band of the predicted probability."""
    rows = [_band_row(period, "_T", test.in_total), *(_band_row(period, each.band.code, each) for each in test.bands)]
    return pa.Table.from_pylist(rows, schema=_BANDS)


def _band_row(period: str, code: str, judged: Judged) -> Row:
    band = judged.band
    return {
        "TIME_PERIOD": period,
        "PD_BAND": code,
        "ACTUAL": band.observed,
        **_ends("ACTUAL", band.interval),
        "EXPECTED": band.expected,
        "RATIO_MEDIAN": band.ratio_median,
        **_ends("RATIO", band.ratio_interval),
        "P_VALUE": judged.p_value,
        "FINDING": str(judged.finding),
        "SHARE": band.share,
        "CONTRIBUTORS": band.contributors,
        **_statuses(is_shown=band.is_shown),
    }


def of_options(period: str, indicator: str, dimension: str, some: Sequence[Option]) -> pa.Table:
    """A row for each option, in the order of the ranking."""
    schema = pa.schema([pa.field(dimension, pa.string()) if field.name == "CODE" else field for field in _OPTIONS])
    return pa.Table.from_pylist([_option_row(period, indicator, dimension, each) for each in some], schema=schema)


def _option_row(period: str, indicator: str, dimension: str, option: Option) -> Row:
    cell, ranked = option.cell, option.ranked
    return {
        "TIME_PERIOD": period,
        "INDICATOR": indicator,
        dimension: option.code,
        "PLACE": ranked.place if ranked else None,
        "PLACE_BEST": ranked.best if ranked else None,
        "PLACE_WORST": ranked.worst if ranked else None,
        "MEDIAN": cell.median,
        **_ends("MEDIAN", option.members),
        "P25": cell.p25,
        "P75": cell.p75,
        "POOLED": cell.pooled,
        **_ends("POOLED", option.chance),
        **_ends("SAME_MIX", option.alike),
        "CONTRIBUTORS": cell.contributors,
        **_statuses(is_shown=cell.pooled is not None),
    }


def _ends(name: str, interval: Interval | None) -> Row:
    return {f"{name}_LOW": interval.low if interval else None, f"{name}_HIGH": interval.high if interval else None}


def _statuses(*, is_shown: bool) -> Row:
    return {"OBS_STATUS": "A" if is_shown else "Q", "CONF_STATUS": "F" if is_shown else "C"}


_WORDS = {"TIME_PERIOD", "INDICATOR", "PD_BAND", "CODE", "FINDING", "OBS_STATUS", "CONF_STATUS"}
_COUNTS = {"PLACE", "PLACE_BEST", "PLACE_WORST", "CONTRIBUTORS"}


def _schema(*names: str) -> pa.Schema:
    return pa.schema(
        [(name, pa.string() if name in _WORDS else pa.int64() if name in _COUNTS else pa.float64()) for name in names]
    )


_BANDS = _schema(
    "TIME_PERIOD", "PD_BAND", "ACTUAL", "ACTUAL_LOW", "ACTUAL_HIGH", "EXPECTED", "RATIO_MEDIAN", "RATIO_LOW",
    "RATIO_HIGH", "P_VALUE", "FINDING", "SHARE", "CONTRIBUTORS", "OBS_STATUS", "CONF_STATUS",
)  # fmt: skip
_OPTIONS = _schema(
    "TIME_PERIOD", "INDICATOR", "CODE", "PLACE", "PLACE_BEST", "PLACE_WORST", "MEDIAN", "MEDIAN_LOW", "MEDIAN_HIGH",
    "P25", "P75", "POOLED", "POOLED_LOW", "POOLED_HIGH", "SAME_MIX_LOW", "SAME_MIX_HIGH", "CONTRIBUTORS",
    "OBS_STATUS", "CONF_STATUS",
)  # fmt: skip
