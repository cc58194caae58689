"""Loan tapes of made-up institutions, month after month: the same seed gives the same tape.

Every loan is in a Markov chain over months behind. Its chances depend on product, province, risk tier, the
institution's own quality and the month's stress: a wave begins with small businesses and consumer loans of the coast
and reaches other provinces and products within half a year.
"""

from __future__ import annotations

import calendar
import datetime
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymize.mapping import TapeMapping, load_mapping
from anonymize.simulated_institutions import InstitutionProfile, demo_institutions
from anonymize.simulated_market import (
    BEHIND,
    CURE,
    GRADES,
    MARKET,
    PREPAID,
    PRODUCTS,
    PROVINCES,
    ROLL,
    TIER_LEVEL,
    TIER_SHARE,
    TIERS,
    WRITTEN_OFF,
)
from anonymize.template import load

__all__ = [
    "ORIGIN",
    "SCENARIOS",
    "InstitutionProfile",
    "Scenario",
    "demo_institutions",
    "mapping_for_simulated",
    "simulate_tapes",
    "stress",
]

ORIGIN = "2025-01"  # every simulated portfolio starts here in its calm state

_RISE, _FALL = 4, 8  # months until stress is full, and until it is over
_EXTRA_ENTRY, _EXTRA_ROLL, _LESS_CURE = 2.4, 0.35, 0.38
_AFFILIATED = 0.15  # of the business borrowers
_LOANS_PER_BORROWER = 1.25

Whole = NDArray[np.int64]
Real = NDArray[np.float64]


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


@dataclass
class _Portfolio:
    """Parallel arrays, one entry a loan; `behind` and what is new change from month to month."""

    product: Whole
    borrower: Whole
    province: Whole  # index into the profile's provinces
    grade: Whole
    group: Whole  # 0 for none
    balance_cny: Real
    opened: Whole  # months since ORIGIN, negative for older loans
    behind: Whole
    loan: Whole
    tier: Whole = field(init=False)

    def __post_init__(self) -> None:
        self.tier = np.array([0, 0, 1, 2, 2])[self.grade]


def simulate_tapes(
    profile: InstitutionProfile, periods: Sequence[str], scenario: Scenario, seed: int
) -> Iterator[tuple[str, pa.Table]]:
    """The tape of each period, in order. A period's tape does not depend on which others are asked for."""
    wanted = {_month(period): period for period in periods}
    if min(wanted) < 0:
        raise ValueError(f"Simulated portfolios begin in {ORIGIN}.")
    stem = [seed, zlib.crc32(profile.code.encode())]
    portfolio = _start(profile, np.random.default_rng(stem))
    for month in range(max(wanted) + 1):
        _advance(portfolio, profile, scenario, month, np.random.default_rng([*stem, month]))
        if month in wanted:
            yield wanted[month], _table(portfolio, profile, wanted[month], month)


def mapping_for_simulated(collection: str = "delinquency") -> TapeMapping:
    """The shipped mapping of a collection's simulated tapes to its template."""
    with resources.as_file(resources.files("anonymize.examples") / f"{collection}.toml") as path:
        return load_mapping(path, load(collection))


def stress(scenario: Scenario, product: str, province: str, month: int) -> float:
    """How hard the wave hits a segment in a month (since ORIGIN), from 0 to 1."""
    if scenario.onset is None:
        return 0.0
    where, what = PROVINCES[province], MARKET[product]
    since = month - _month(scenario.onset) - where.onset - what.onset
    rise = _smooth(since / _RISE)
    fall = 0.0 if scenario.relief is None else _smooth((month - _month(scenario.relief)) / _FALL)
    return rise * (1 - fall) * where.exposure * what.exposure


def _month(period: str) -> int:
    def number(text: str) -> int:
        return int(text[:4]) * 12 + int(text[5:7]) - 1

    return number(period) - number(ORIGIN)


def _smooth(share: float) -> float:
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def _start(profile: InstitutionProfile, rng: np.random.Generator) -> _Portfolio:
    size = profile.loans
    mix = np.array([profile.product_mix.get(product, 0.0) for product in PRODUCTS])
    product = rng.choice(len(PRODUCTS), size=size, p=mix / mix.sum())
    business = np.array([MARKET[each].business for each in PRODUCTS])[product]
    borrower = _borrowers(business, rng)
    people = int(borrower.max()) + 1
    # A head office's province holds most of the book.
    weight = 1 / (1 + np.arange(len(profile.provinces)))
    province = rng.choice(len(profile.provinces), size=people, p=weight / weight.sum())
    tier = rng.choice(3, size=people, p=[TIER_SHARE[each] for each in TIERS])
    grade = np.choose(tier, [rng.integers(0, 2, people), np.full(people, 2), rng.integers(3, 5, people)])
    portfolio = _Portfolio(
        product=product,
        borrower=borrower,
        province=province[borrower],
        grade=grade[borrower],
        group=_groups(business, borrower, rng),
        balance_cny=_balances(product, rng),
        opened=-rng.integers(0, 48, size),
        behind=np.zeros(size, np.int64),
        loan=np.arange(size),
    )
    portfolio.behind = _settled(portfolio, profile, rng)
    return portfolio


def _borrowers(business: NDArray[np.bool_], rng: np.random.Generator) -> Whole:
    """A borrower for each loan, people and firms apart; one in four has more than one loan."""
    borrower = np.zeros(business.size, np.int64)
    first = 0
    for kind in (False, True):
        places = np.flatnonzero(business == kind)
        distinct = max(1, int(places.size / _LOANS_PER_BORROWER))
        owner = np.concatenate(
            [np.arange(min(distinct, places.size)), rng.integers(0, distinct, max(0, places.size - distinct))]
        )
        borrower[places] = first + rng.permutation(owner)
        first += distinct
    return borrower


def _groups(business: NDArray[np.bool_], borrower: Whole, rng: np.random.Generator) -> Whole:
    """The affiliate group of each loan's borrower: two to six firms under one owner, or 0."""
    firms = np.unique(borrower[business])
    members = rng.permutation(firms)[: int(firms.size * _AFFILIATED)]
    sizes = rng.integers(2, 7, members.size)
    group_of = np.zeros(int(borrower.max()) + 1, np.int64)
    group_of[members] = np.repeat(np.arange(1, sizes.size + 1), sizes)[: members.size]
    return group_of[borrower]


def _balances(product: Whole, rng: np.random.Generator) -> Real:
    median = np.array([MARKET[each].median_balance_cny for each in PRODUCTS])[product]
    spread = np.array([MARKET[each].spread for each in PRODUCTS])[product]
    # Whole cents, so that the last bits of a machine's exponential do not show.
    return np.round(median * np.exp(spread * rng.standard_normal(product.size)), 2)


def _chances(profile: InstitutionProfile, pressure: Real) -> tuple[Real, Real, Real]:
    """Entry by product, province and tier; roll and cure by product, province and months behind."""
    base = np.array([MARKET[each].entry for each in PRODUCTS])[:, None, None]
    level = np.array([PROVINCES[each].level for each in profile.provinces])[None, :, None]
    tier = np.array([TIER_LEVEL[each] for each in TIERS])
    entry = base * level * tier * profile.quality * (1 + _EXTRA_ENTRY * pressure[:, :, None])
    roll = np.array(ROLL) * (1 + _EXTRA_ROLL * pressure[:, :, None])
    cure = np.array(CURE) * (1 - _LESS_CURE * pressure[:, :, None])
    roll = np.minimum(roll, 0.98 - cure)
    return np.minimum(entry, 0.5), roll, cure


def _settled(portfolio: _Portfolio, profile: InstitutionProfile, rng: np.random.Generator) -> Whole:
    """Months behind drawn from the state in which a calm portfolio stays."""
    entry, roll, cure = _chances(profile, np.zeros((len(PRODUCTS), len(profile.provinces))))
    share = np.zeros((*entry.shape, BEHIND))
    share[..., 0] = 1
    for _ in range(60):
        share = _step_shares(share, entry, roll[:, :, None], cure[:, :, None])
    limits = np.round(np.cumsum(share, axis=-1), 12)[portfolio.product, portfolio.province, portfolio.tier]
    months: Whole = (rng.random(portfolio.loan.size)[:, None] >= limits[:, :-1]).sum(axis=1)
    return months


def _step_shares(share: Real, entry: Real, roll: Real, cure: Real) -> Real:
    after = share * (1 - roll - cure)
    after[..., 1:] += share[..., :-1] * roll[..., :-1]
    after[..., 1] += share[..., 0] * entry
    after[..., 0] += (share * cure).sum(axis=-1) - share[..., 0] * entry
    gone = after[..., -1] * WRITTEN_OFF
    after[..., -1] -= gone
    after[..., 0] += gone
    return after


def _advance(
    portfolio: _Portfolio, profile: InstitutionProfile, scenario: Scenario, month: int, rng: np.random.Generator
) -> None:
    """One month: loans fall behind, catch up, are written off or paid back; new ones take their place."""
    pressure = np.array(
        [[stress(scenario, product, province, month) for province in profile.provinces] for product in PRODUCTS]
    )
    entry, roll, cure = _chances(profile, pressure)
    draw, fate = rng.random(portfolio.loan.size), rng.random(portfolio.loan.size)
    behind, product, province = portfolio.behind, portfolio.product, portfolio.province
    rolls = np.where(behind == 0, entry[product, province, portfolio.tier], roll[product, province, behind])
    cures = (draw >= rolls) & (draw < rolls + cure[product, province, behind]) & (behind > 0)
    after = np.where(draw < rolls, np.minimum(behind + 1, BEHIND - 1), np.where(cures, 0, behind))
    ended = ((after == BEHIND - 1) & (fate < WRITTEN_OFF)) | ((after == 0) & (fate < PREPAID))
    after[ended] = 0
    portfolio.behind = after
    _replace(portfolio, np.flatnonzero(ended), month, rng)


def _replace(portfolio: _Portfolio, places: Whole, month: int, rng: np.random.Generator) -> None:
    portfolio.balance_cny[places] = _balances(portfolio.product[places], rng)
    portfolio.opened[places] = month
    portfolio.loan[places] = int(portfolio.loan.max()) + 1 + np.arange(places.size)


def _table(portfolio: _Portfolio, profile: InstitutionProfile, period: str, month: int) -> pa.Table:
    size = portfolio.loan.size
    balance, past_due = _amounts(portfolio, month)
    year, number = int(period[:4]), int(period[5:7])
    date = datetime.date(year, number, calendar.monthrange(year, number)[1])
    return pa.table(
        {
            "report_date": pa.array([date], pa.date32()).take(pa.array(np.zeros(size, np.int64))),
            "loan_no": _numbered("L", portfolio.loan),
            "customer_no": _numbered("C", portfolio.borrower),
            "group_no": pc.if_else(pa.array(portfolio.group > 0), _numbered("G", portfolio.group), None),
            "product": _labels([MARKET[each].label for each in PRODUCTS], portfolio.product),
            "province": _labels([PROVINCES[each].label for each in profile.provinces], portfolio.province),
            "grade": _labels(GRADES, portfolio.grade),
            "opened_months_ago": pa.array(month - portfolio.opened, pa.int64()),
            "days_past_due": pa.array(_days(portfolio), pa.int64()),
            "balance": pa.array(balance, pa.float64()),
            "past_due": pa.array(past_due, pa.float64()),
        }
    )


def _amounts(portfolio: _Portfolio, month: int) -> tuple[Real, Real]:
    """Outstanding balance and what of it is past due, in yuan with two decimals."""
    instalment = np.array([MARKET[each].instalment for each in PRODUCTS])[portfolio.product]
    # Revolving and renewed lending: a book is paid down far slower than its instalments fall due.
    paid = np.minimum(0.6, 0.25 * instalment * (month - portfolio.opened))
    balance = np.round(portfolio.balance_cny * (1 - paid), 2)
    share = np.where(portfolio.behind >= 6, 1.0, np.minimum(1.0, instalment * portfolio.behind))
    return balance, np.minimum(balance, np.round(balance * share, 2))


def _days(portfolio: _Portfolio) -> Whole:
    """Days past due within the bucket of the months behind; the day in the month is the loan's own."""
    day = portfolio.loan % 29
    return np.where(portfolio.behind == 0, 0, 30 * (portfolio.behind - 1) + np.where(portfolio.behind == 1, 1, 0) + day)


def _numbered(prefix: str, numbers: Whole) -> pa.StringArray:
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 8, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _labels(labels: Sequence[str], index: Whole) -> pa.StringArray:
    return pa.array(labels).take(pa.array(index))
