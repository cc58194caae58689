"""Which levels of a hierarchy are measured with noise, how finely, and the one consistent table that follows.

Noise on the finest cells only makes the grand total of n cells sqrt(n) times as noisy as a cell. So totals may be
measured too: every level of every hierarchy has a weight, a cell is measured with the product of the weights of its
codes, and its noise has a standard deviation of one over that. Least squares then make one table of all measurements,
in which parts add up to their total. Over a product of hierarchies this is a Kronecker product (the matrix mechanism:
Li et al. 2015; McKenna et al., HDMM, 2018), so it is solved one dimension after the other, each by two passes over its
tree (Hay et al., "Boosting the accuracy of differentially private histograms through consistency", 2010).

The weights depend on the hierarchies alone. They are chosen for the least geometric mean of the variance over all
levels, which is the product of what each dimension can do on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from anonymize.disclosure.lattice import Floats, Hierarchy, Indices

# What an inner level may weigh beside the level of the finest codes; 0 is not measured at all.
WEIGHTS = (0.0, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
PASSES = 3

Norm = Callable[[Floats], float]  # what a change of one contributor weighs over all levels


def absolute(weights: Floats) -> float:
    """The norm in which discrete Laplace noise is counted."""
    return float(np.abs(weights).sum())


def euclidean(weights: Floats) -> float:
    """The norm in which discrete Gaussian noise is counted."""
    return float(np.sqrt((weights**2).sum()))


@dataclass(frozen=True)
class Levels:
    """One dimension with the weight of each level: inner codes by depth from the total, then all finest codes."""

    tree: Hierarchy
    weights: tuple[float, ...]
    level: Indices = field(compare=False)

    @cached_property
    def weight(self) -> Floats:
        """The weight of every code."""
        return np.array(self.weights)[self.level]

    @cached_property
    def from_below(self) -> Floats:
        """The variance of each code's best estimate from itself and what is in it, in units of the noise."""
        found = np.zeros(len(self.tree.codes))
        for code in self.tree.bottom_up:
            parts = list(self.tree.children[code])
            known = 1 / found[parts].sum() if parts else 0.0
            found[code] = 1 / (self.weight[code] ** 2 + known)
        return found

    @cached_property
    def variance(self) -> Floats:
        """The variance of each code's best estimate from everything."""
        from_above = np.full(len(self.tree.codes), np.inf)
        for code in reversed(self.tree.bottom_up):
            parts = list(self.tree.children[code])
            if parts:
                precision = self.weight[code] ** 2 + 1 / from_above[code]
                rest = self.from_below[parts].sum() - self.from_below[parts]
                from_above[parts] = (1 / precision if precision else np.inf) + rest
        result: Floats = 1 / (1 / self.from_below + 1 / from_above)
        return result

    def consistent(self, measured: Floats) -> Floats:
        """The least-squares estimate of every code from measurements of every code, along the first axis."""
        found = measured.copy()
        for code in self.tree.bottom_up:
            parts = list(self.tree.children[code])
            if parts:
                own = self.weight[code] ** 2 * measured[code]
                from_parts = found[parts].sum(axis=0) / self.from_below[parts].sum()
                found[code] = self.from_below[code] * (own + from_parts)
        for code in reversed(self.tree.bottom_up):
            parts = list(self.tree.children[code])
            if parts:
                share = self.from_below[parts] / self.from_below[parts].sum()
                gap = found[code] - found[parts].sum(axis=0)
                found[parts] += share.reshape(-1, *[1] * (found.ndim - 1)) * gap
        return found


def estimate(measured: Floats, levels: Sequence[Levels]) -> Floats:
    """The consistent table of noisy measurements; what was not measured may hold anything finite."""
    for axis, each in enumerate(levels):
        measured = np.moveaxis(each.consistent(np.moveaxis(measured, axis, 0)), 0, axis)
    return measured


@lru_cache(maxsize=256)
def best_levels(tree: Hierarchy, norm: Norm) -> Levels:
    """The weights of one dimension's levels, of norm 1, that serve all levels best."""
    level = _levels(tree)
    weights = np.zeros(int(level.max()) + 1)
    weights[-1] = 1.0
    best = _cost(tree, level, weights, norm)
    for _ in range(PASSES):
        for inner in range(len(weights) - 1):
            for weight in WEIGHTS:
                tried = weights.copy()
                tried[inner] = weight
                cost = _cost(tree, level, tried, norm)
                if cost < best - 1e-12:
                    best, weights = cost, tried
    return _of_norm_one(tree, level, weights, norm)


def _levels(tree: Hierarchy) -> Indices:
    depth = np.array([len(tree.path(code)) - 1 for code in range(len(tree.codes))], np.int64)
    inner = np.array([bool(parts) for parts in tree.children], np.bool_)
    finest = int(depth[inner].max()) + 1 if inner.any() else 0
    return np.where(inner, depth, finest)


def _cost(tree: Hierarchy, level: Indices, weights: Floats, norm: Norm) -> float:
    variance = _of_norm_one(tree, level, weights, norm).variance
    return sum(float(np.log(variance[level == each].mean())) for each in range(len(weights)))


def _of_norm_one(tree: Hierarchy, level: Indices, weights: Floats, norm: Norm) -> Levels:
    return Levels(tree, tuple((weights / norm(weights)).tolist()), level)
