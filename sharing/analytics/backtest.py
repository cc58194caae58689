"""A back-test of the members' models: what the figures of one release say by predicted probability and by score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sharing.analytics.calibration import Band, Brier, HosmerLemeshow, Judged, brier, hosmer_lemeshow, judge
from sharing.analytics.discrimination import Bin, Discrimination, discriminate
from sharing.analytics.intervals import Typical
from sharing.analytics.reading import NO_CELL, Cell, Cells, Shares, shares
from sharing.analytics.stability import Stability, stability

OBSERVED: Final = "ACTUAL_DEFAULT_RATE"
EXPECTED: Final = "EXPECTED_DEFAULT_RATE"
RATIO: Final = "ACTUAL_TO_EXPECTED"
INDICATORS: Final = (OBSERVED, EXPECTED, RATIO)


@dataclass(frozen=True)
class BackTest:
    """`in_total` is all bands as one. Discrimination is None where too few bands are shown."""

    in_total: Judged
    bands: list[Judged]
    hosmer_lemeshow: HosmerLemeshow | None
    brier: Brier | None
    by_score: Discrimination | None
    by_prediction: Discrimination | None
    own_by_score: Discrimination | None
    own_by_prediction: Discrimination | None


def back_test(cells: Cells, total: str, predictions: Mapping[str, str], scores: Mapping[str, str]) -> BackTest:
    """`total` is the key of all accounts; `predictions` and `scores` give each band's key, both as the templates have them:
    lowest probability first, and lowest score (the worst) first.
    """
    bands = [_band(cells, code, key, total) for code, key in predictions.items()]
    worst_first = {code: predictions[code] for code in reversed(list(predictions))}
    return BackTest(
        in_total=judge([_band(cells, "", total, total)])[0],
        bands=judge(bands),
        hosmer_lemeshow=hosmer_lemeshow(bands),
        brier=brier(bands),
        by_score=_discriminate(cells, total, scores),
        by_prediction=_discriminate(cells, total, worst_first),
        own_by_score=_own(cells, total, scores),
        own_by_prediction=_own(cells, total, worst_first),
    )


def _band(cells: Cells, code: str, key: str, total: str) -> Band:
    observed, expected, ratio = (cells.get((indicator, key), NO_CELL) for indicator in INDICATORS)
    return Band(
        code=code,
        observed=observed.pooled,
        expected=expected.pooled,
        share=_shares(cells, total, {code: key})[code],
        trials=observed.trials,
        ratio=typical(ratio, is_share=False),
        ratio_median=ratio.median,
        contributors=observed.contributors,
        own_observed=observed.own,
        own_expected=expected.own,
    )


def typical(cell: Cell, *, is_share: bool) -> Typical | None:
    """The members behind a cell; None where their quartiles are not published."""
    if cell.p25 is None or cell.median is None or cell.p75 is None or not cell.contributors:
        return None
    return Typical.of(cell.p25, cell.median, cell.p75, cell.contributors, is_share=is_share)


def _shares(cells: Cells, total: str, keys: Mapping[str, str]) -> dict[str, float | None]:
    weights = {key: cells.get((OBSERVED, key), NO_CELL).weight for key in (total, *keys.values())}
    return shares(weights, total, keys)


def _discriminate(cells: Cells, total: str, worst_first: Mapping[str, str]) -> Discrimination | None:
    of_band = _shares(cells, total, worst_first)
    bins = [
        Bin.of(code, of_band[code], cells.get((OBSERVED, key), NO_CELL).pooled) for code, key in worst_first.items()
    ]
    return discriminate(bins, Bin.of("", 1.0, cells.get((OBSERVED, total), NO_CELL).pooled))


def _own(cells: Cells, total: str, worst_first: Mapping[str, str]) -> Discrimination | None:
    """The viewer's own rates at everybody's mix of bands: a statement holds rates, and no numbers of accounts.

    None unless it has a rate in every band that is published.
    """
    of_band = _shares(cells, total, worst_first)
    own = {code: cells.get((OBSERVED, key), NO_CELL).own for code, key in worst_first.items()}
    bins = [Bin.of(code, of_band[code], own[code]) for code in worst_first]
    if any(of_band[code] is not None and own[code] is None for code in worst_first):
        return None
    return discriminate(bins, Bin("", None, None))


@dataclass(frozen=True)
class Move:
    """How far the mix of one period lies from another's."""

    period: str
    beside: str
    stability: Stability | None


def moves(over_time: Mapping[str, Shares], periods_back: int) -> list[Move]:
    """Each period beside the one so many published periods before, oldest first."""
    periods: Sequence[str] = sorted(over_time)
    return [
        Move(now, before, stability(over_time[before], over_time[now]))
        for before, now in zip(periods, periods[periods_back:], strict=False)
    ]
