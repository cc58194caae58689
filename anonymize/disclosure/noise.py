"""Differential privacy: integer noise by OpenDP on a table whose every contributor is bounded.

**The promise.** The unit is one contributor: a borrower, or a whole group of affiliates. Whoever sees the cube can tell
whether any one of them is on the tape with all its loans, or is not, only as far as epsilon (and delta) allow, whatever
else is known. It rests on two things that hold for every tape, not only for this one:

- a contributor's absolute contributions to the finest cells add up to the measure's bound at most (`anonymize.counting.bounded`
  cuts off the rest before anything is summed). So it changes any level of the table by the bound at most, in either norm;
- noise is drawn for every possible cell, empty ones too, so the rows of a cube tell nothing.

OpenDP draws the noise, exactly and in whole numbers of the measure's last decimal, and says what it costs. All after that
is a function of noisy integers, which costs nothing. Laplace noise gives pure epsilon; Gaussian noise gives zCDP (Bun &
Steinke 2016), stated as epsilon at the template's delta. The budget is shared equally among the measures.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from types import ModuleType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.lattice import Floats, Lattice
from anonymize.disclosure.strategy import Levels, absolute, best_levels, estimate, euclidean
from anonymize.errors import ProtectionError

Whole = NDArray[np.int64]
Mechanism = Literal["laplace", "gaussian"]

LARGEST_EPSILON = 100.0  # beyond it nothing is protected
ORDERS = 1 + np.logspace(-3, 5, 4000)  # Renyi orders tried in converting zCDP
SPARE = 1e-9  # of the budget: OpenDP rounds every cost up
ROUNDING = 1 / 6  # variance of rounding one number up or down at random


@dataclass(frozen=True)
class NoiseRules:
    """`bounds` says for each measure, in its unit, what one borrower may contribute over all cells together."""

    epsilon: float
    bounds: Mapping[str, float]
    mechanism: Mechanism = "laplace"
    delta: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.epsilon <= LARGEST_EPSILON:
            raise ValueError(f"epsilon lies above 0 and is at most {LARGEST_EPSILON:.0f}")
        if self.mechanism not in ("laplace", "gaussian"):
            raise ValueError("the mechanism of noise is laplace or gaussian")
        if self.mechanism == "laplace" and self.delta != 0:
            raise ValueError("laplace noise has no delta")
        if self.mechanism == "gaussian" and not 0 < self.delta < 1e-3:
            raise ValueError("gaussian noise needs a delta above 0 and below 0.001")
        if not all(0 < bound < math.inf for bound in self.bounds.values()):
            raise ValueError("a bound is a number above 0")

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        return cls(**{**document, "bounds": dict(document["bounds"])})


@dataclass(frozen=True)
class Cost:
    """What a table cost, as OpenDP states it; `rho` is its zCDP for Gaussian noise, 0 for Laplace noise."""

    epsilon: float
    delta: float
    rho: float = 0.0


@dataclass(frozen=True)
class Noise:
    """The noise of one measure: `bound` in units of its last decimal, `budget` its epsilon or its rho."""

    lattice: Lattice
    bound: int
    budget: float
    mechanism: Mechanism

    @cached_property
    def levels(self) -> tuple[Levels, ...]:
        norm = absolute if self.mechanism == "laplace" else euclidean
        return tuple(best_levels(tree, norm) for tree in self.lattice.hierarchies)

    @cached_property
    def scale(self) -> float:
        """The scale of noise on a level of weight one."""
        return self.bound / self.budget if self.mechanism == "laplace" else self.bound / math.sqrt(2 * self.budget)

    @cached_property
    def error(self) -> Floats:
        """The standard error of every cell, in units of the last decimal."""
        variance, finest = np.ones(1), np.ones(1)
        for each in self.levels:
            below = np.array(
                [sum(not each.tree.children[b] for b in _under(each, a)) for a in _codes(each)], np.float64
            )
            variance, finest = np.multiply.outer(variance, each.variance), np.multiply.outer(finest, below)
        spread = self.scale * (math.sqrt(2) if self.mechanism == "laplace" else 1.0)
        result: Floats = np.sqrt(spread**2 * variance[0] + ROUNDING * finest[0])
        return result

    def strata(self) -> Iterator[tuple[tuple[NDArray[np.intp], ...], float]]:
        """The places of each measured combination of levels, and the scale of its noise."""
        for combination in product(*(range(len(each.weights)) for each in self.levels)):
            weight = math.prod(each.weights[level] for each, level in zip(self.levels, combination, strict=True))
            if weight:
                codes = [np.flatnonzero(each.level == at) for each, at in zip(self.levels, combination, strict=True)]
                yield np.ix_(*codes), self.scale / weight

    def measurements(self) -> list[Any]:
        """OpenDP's measurement of each stratum, in the order of `strata`."""
        dp = opendp()
        domain = dp.vector_domain(dp.atom_domain(T="i64"))
        if self.mechanism == "laplace":
            return [dp.m.make_laplace(domain, dp.l1_distance(T="i64"), scale=scale) for _, scale in self.strata()]
        return [dp.m.make_gaussian(domain, dp.l2_distance(T="i64"), scale=scale) for _, scale in self.strata()]

    def cost(self) -> float:
        """What one contributor's privacy loses by this measure, as OpenDP composes it: epsilon, or rho."""
        return float(opendp().c.make_composition(self.measurements()).map(self.bound))

    def draw(self, truth: Whole) -> Whole:
        """A consistent table of whole numbers whose expectation is the truth, with fresh noise."""
        measured = np.zeros(truth.shape)
        for (places, _), measurement in zip(self.strata(), self.measurements(), strict=True):
            part = truth[places]
            measured[places] = np.array(measurement(part.ravel().tolist()), np.int64).reshape(part.shape)
        return _rolled_up(_whole(estimate(measured, self.levels)), self.lattice)


def noises(rules: NoiseRules, lattice: Lattice, bounds: Sequence[int]) -> list[Noise]:
    """The noise of every measure, given each one's bound in units of its last decimal."""
    whole = rules.epsilon if rules.mechanism == "laplace" else rho_of(rules.epsilon, rules.delta)
    share = whole * (1 - SPARE) / len(bounds)
    return [Noise(lattice, bound, share, rules.mechanism) for bound in bounds]


def cost_of(rules: NoiseRules, parts: Sequence[Noise]) -> Cost:
    """What all measures together cost; ProtectionError when that is more than the template allows."""
    spent = math.fsum(part.cost() for part in parts)
    if rules.mechanism == "laplace":
        cost = Cost(spent, 0.0)
    else:
        cost = Cost(_epsilon_by_opendp(spent, rules.delta), rules.delta, spent)
    if cost.epsilon > rules.epsilon:
        raise ProtectionError("The noise would cost more than the template's epsilon. Nothing was drawn or written.")
    return cost


def epsilon_of(rho: float, delta: float) -> float:
    """The epsilon at this delta of everything that together is rho-zCDP (Canonne, Kamath & Steinke 2020, section 2.3)."""
    if rho == 0:
        return 0.0
    tails = np.log1p(-1 / ORDERS) - (math.log(delta) + np.log(ORDERS)) / (ORDERS - 1)
    return max(0.0, float((rho * ORDERS + tails).min()))


def rho_of(epsilon: float, delta: float) -> float:
    """The largest rho whose zCDP is within this epsilon at this delta."""
    low, high = 0.0, epsilon
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low


def opendp() -> ModuleType:
    """OpenDP itself; ProtectionError that says which extra to install where it is missing."""
    try:
        import opendp.prelude as dp
    except ImportError as missing:
        raise ProtectionError(
            "This collection is protected by noise, which needs OpenDP: pip install 'concord[noise]'. "
            "Nothing was written.",
            rule="missing-extra",
        ) from missing
    dp.enable_features("contrib")
    return dp


def _epsilon_by_opendp(rho: float, delta: float) -> float:
    dp = opendp()
    # A Gaussian of scale 1 that a contributor moves by sqrt(2 rho) is rho-zCDP: OpenDP's own conversion of that rho.
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    curve = dp.c.make_zCDP_to_approxDP(dp.m.make_gaussian(*space, scale=1.0)).map(math.sqrt(2 * rho))
    return float(curve.epsilon(delta))


def _codes(levels: Levels) -> range:
    return range(len(levels.tree.codes))


def _under(levels: Levels, code: int) -> NDArray[np.intp]:
    return np.flatnonzero(levels.tree.above[:, code])


def _whole(values: Floats) -> Whole:
    """Up or down at random, so that nothing is added on average."""
    chance = np.random.default_rng()  # after the noise: what is drawn here protects nobody
    return np.floor(values + chance.random(values.shape)).astype(np.int64)


def _rolled_up(values: Whole, lattice: Lattice) -> Whole:
    """The table whose totals are the sums of its finest cells."""
    for axis, tree in enumerate(lattice.hierarchies):
        view = np.moveaxis(values, axis, 0)
        for code in tree.bottom_up:
            if tree.children[code]:
                view[code] = view[list(tree.children[code])].sum(axis=0)
    return values
