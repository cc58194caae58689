"""When a simulated wave begins, where it is by now, and months as numbers since the origin."""

from __future__ import annotations

import calendar
import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from anonymize.simulated.market import MARKET, PROVINCES

ORIGIN = "2025-01"  # every simulated portfolio starts here in its calm state

_RISE, _FALL = 4, 8  # months until stress is full, and until it is over


@dataclass(frozen=True)
class Scenario:
    """When a wave begins and when relief sets in; periods of months, None for never."""

    name: str
    onset: str | None = None
    relief: str | None = None


SCENARIOS: Mapping[str, Scenario] = {
    "calm": Scenario("calm"),
    "wave": Scenario("wave", onset="2026-01"),
    "recovery": Scenario("recovery", onset="2025-04", relief="2026-03"),
}


def stress(scenario: Scenario, product: str, province: str, month: int) -> float:
    """How hard the wave hits a segment in a month (since ORIGIN), from 0 to 1."""
    if scenario.onset is None:
        return 0.0
    where, what = PROVINCES[province], MARKET[product]
    since = month - month_of(scenario.onset) - where.onset - what.onset
    rise = _smooth(since / _RISE)
    fall = 0.0 if scenario.relief is None else _smooth((month - month_of(scenario.relief)) / _FALL)
    return rise * (1 - fall) * where.exposure * what.exposure


def month_of(period: str) -> int:
    """The last month of a month, quarter or year, counted from ORIGIN."""

    def number(text: str) -> int:
        year, rest = int(text[:4]), text[5:]
        last = 12 if not rest else 3 * int(rest[1:]) if rest.startswith("Q") else int(rest)
        return year * 12 + last - 1

    return number(period) - number(ORIGIN)


def month_end(month: int) -> datetime.date:
    """The last day of a month counted from ORIGIN."""
    year, place = divmod(int(ORIGIN[:4]) * 12 + int(ORIGIN[5:7]) - 1 + month, 12)
    return datetime.date(year, place + 1, calendar.monthrange(year, place + 1)[1])


def _smooth(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)
