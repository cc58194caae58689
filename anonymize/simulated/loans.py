"""The life of every simulated loan: a Markov chain over months behind, month after month.

Its chances depend on product, province, risk tier, the institution's own quality and the month's stress. A loan that
is paid back or written off is replaced by a new one of the same borrower, so that a book keeps its size.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from anonymize.simulated.institutions import InstitutionProfile
from anonymize.simulated.market import (
    BEHIND,
    CURE,
    MARKET,
    PREPAID,
    PRODUCTS,
    PROVINCES,
    ROLL,
    TIER_LEVEL,
    TIER_OF_GRADE,
    TIER_SHARE,
    TIERS,
    WRITTEN_OFF,
)
from anonymize.simulated.scenarios import Scenario, stress

_EXTRA_ENTRY, _EXTRA_ROLL, _LESS_CURE = 2.4, 0.35, 0.38
_AFFILIATED = 0.15  # of the business borrowers
_LOANS_PER_BORROWER = 1.25
# What came later draws from streams of its own, lest the columns that were there first change.
_SECOND_STREAM = 1_000_000

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass
class Portfolio:
    """Parallel arrays, one entry a loan; what is behind and what is new change from month to month."""

    product: Whole
    borrower: Whole
    province: Whole  # index into the profile's provinces
    grade: Whole
    group: Whole  # 0 for none
    balance_cny: Real  # at origination
    opened: Whole  # months since ORIGIN, negative for older loans
    behind: Whole
    loan: Whole
    worst: Whole  # most months behind since origination or ORIGIN, the later of the two
    luck: Real  # what a scorecard gets wrong about the loan, in standard deviations
    tier: Whole = field(init=False)

    def __post_init__(self) -> None:
        self.tier = np.array(TIER_OF_GRADE)[self.grade]

    def chosen(self, places: Whole | Mask) -> Portfolio:
        """Copies of some of the loans."""
        return replace(self, **{each.name: getattr(self, each.name)[places] for each in fields(self) if each.init})


@dataclass(frozen=True, eq=False)
class Closed:
    """The loans that ended in a month, as they were at their end."""

    places: Whole
    loans: Portfolio
    written_off: Mask


def joined(parts: list[Portfolio]) -> Portfolio:
    """The loans of several portfolios of one institution in one."""
    names = [each.name for each in fields(Portfolio) if each.init]
    return Portfolio(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def months(profile: InstitutionProfile, scenario: Scenario, seed: int) -> Iterator[tuple[int, Portfolio, Closed]]:
    """Every month from ORIGIN on without end: the portfolio, which the next month changes, and what has just closed."""
    stem = [seed, zlib.crc32(profile.code.encode())]
    portfolio = _start(profile, np.random.default_rng(stem), np.random.default_rng([*stem, _SECOND_STREAM]))
    for month in count():
        rng, second = np.random.default_rng([*stem, month]), np.random.default_rng([*stem, _SECOND_STREAM + 1 + month])
        closed = _advance(portfolio, profile, scenario, month, rng)
        _replace(portfolio, closed.places, month, rng, second)
        yield month, portfolio, closed


def _start(profile: InstitutionProfile, rng: np.random.Generator, second: np.random.Generator) -> Portfolio:
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
    portfolio = Portfolio(
        product=product,
        borrower=borrower,
        province=province[borrower],
        grade=grade[borrower],
        group=_groups(business, borrower, rng),
        balance_cny=_balances(product, rng),
        opened=-rng.integers(0, 48, size),
        behind=np.zeros(size, np.int64),
        loan=np.arange(size),
        worst=np.zeros(size, np.int64),
        luck=second.standard_normal(size),
    )
    portfolio.behind = _settled(portfolio, profile, rng)
    portfolio.worst = portfolio.behind.copy()
    return portfolio


def _borrowers(business: Mask, rng: np.random.Generator) -> Whole:
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


def _groups(business: Mask, borrower: Whole, rng: np.random.Generator) -> Whole:
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


def chances(profile: InstitutionProfile, pressure: Real) -> tuple[Real, Real, Real]:
    """The monthly chance of entry by product, province and tier; roll and cure by product, province and months behind."""
    base = np.array([MARKET[each].entry for each in PRODUCTS])[:, None, None]
    level = np.array([PROVINCES[each].level for each in profile.provinces])[None, :, None]
    tier = np.array([TIER_LEVEL[each] for each in TIERS])
    entry = base * level * tier * profile.quality * (1 + _EXTRA_ENTRY * pressure[:, :, None])
    roll = np.array(ROLL) * (1 + _EXTRA_ROLL * pressure[:, :, None])
    cure = np.array(CURE) * (1 - _LESS_CURE * pressure[:, :, None])
    roll = np.minimum(roll, 0.98 - cure)
    return np.minimum(entry, 0.5), roll, cure


def _settled(portfolio: Portfolio, profile: InstitutionProfile, rng: np.random.Generator) -> Whole:
    """Months behind drawn from the state in which a calm portfolio stays."""
    entry, roll, cure = chances(profile, np.zeros((len(PRODUCTS), len(profile.provinces))))
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
    portfolio: Portfolio, profile: InstitutionProfile, scenario: Scenario, month: int, rng: np.random.Generator
) -> Closed:
    """One month: loans fall behind, catch up, are written off or paid back; those that ended are given back."""
    pressure = np.array(
        [[stress(scenario, product, province, month) for province in profile.provinces] for product in PRODUCTS]
    )
    entry, roll, cure = chances(profile, pressure)
    draw, fate = rng.random(portfolio.loan.size), rng.random(portfolio.loan.size)
    behind, product, province = portfolio.behind, portfolio.product, portfolio.province
    rolls = np.where(behind == 0, entry[product, province, portfolio.tier], roll[product, province, behind])
    cures = (draw >= rolls) & (draw < rolls + cure[product, province, behind]) & (behind > 0)
    after = np.where(draw < rolls, np.minimum(behind + 1, BEHIND - 1), np.where(cures, 0, behind))
    written_off = (after == BEHIND - 1) & (fate < WRITTEN_OFF)
    places = np.flatnonzero(written_off | ((after == 0) & (fate < PREPAID)))
    portfolio.behind, portfolio.worst = after, np.maximum(portfolio.worst, after)
    return Closed(places, portfolio.chosen(places), written_off[places])


def _replace(
    portfolio: Portfolio, places: Whole, month: int, rng: np.random.Generator, second: np.random.Generator
) -> None:
    portfolio.balance_cny[places] = _balances(portfolio.product[places], rng)
    portfolio.opened[places] = month
    portfolio.loan[places] = int(portfolio.loan.max()) + 1 + np.arange(places.size)
    portfolio.behind[places] = 0
    portfolio.worst[places] = 0
    portfolio.luck[places] = second.standard_normal(places.size)
