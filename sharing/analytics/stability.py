"""Are those who are scored now like those of another period? The population stability index of two sets of shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import log
from typing import Final

# A rule of thumb of credit scoring (Siddiqi, Credit Risk Scorecards, 2006), not a test.
SLIGHT: Final = 0.10
CONSIDERABLE: Final = 0.25


class Shift(StrEnum):
    STABLE = "stable"
    SLIGHT = "slight"
    CONSIDERABLE = "considerable"


@dataclass(frozen=True)
class Stability:
    """`index` is infinite where a band that was empty is not any more; `at_least` where bands were counted together."""

    index: float
    at_least: bool

    @property
    def shift(self) -> Shift:
        if self.index < SLIGHT:
            return Shift.STABLE
        return Shift.SLIGHT if self.index < CONSIDERABLE else Shift.CONSIDERABLE


def stability(before: Mapping[str, float | None], now: Mapping[str, float | None]) -> Stability | None:
    """The sum of (now - before) ln(now / before) over the bands, Kullback and Leibler's divergence taken both ways.

    Shares are of all accounts. Bands that are withheld in either period are counted as one, and what is left to 1 is
    part of it: counting bands together can only lower the index, so it is then a lower bound. None without a band.
    """
    codes = [code for code in before if before[code] is not None and now.get(code) is not None]
    if not codes:
        return None
    pairs = [(before[code] or 0.0, now[code] or 0.0) for code in codes]
    at_least = len(codes) < len({*before, *now})
    if at_least:
        pairs.append((max(1 - sum(b for b, _n in pairs), 0.0), max(1 - sum(n for _b, n in pairs), 0.0)))
    return Stability(sum(_term(*pair) for pair in pairs), at_least)


def _term(before: float, now: float) -> float:
    if before == now:
        return 0.0
    if before <= 0 or now <= 0:
        return float("inf")
    return (now - before) * log(now / before)
