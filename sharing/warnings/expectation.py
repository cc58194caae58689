"""What the next value of a series should be, from its own history: a local level in state space (statsmodels).

Rates are looked at as log-odds and other quotients as logarithms, so that a month's chance movement is about the same
size wherever the series stands. How fast the level itself moves is chosen among `RATIOS` by its likelihood, with a
prior for slow ones: with a dozen periods a free estimate would be an accident. From two years on the time of the year
has a part of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from sharing.benchmarks.periods import PERIODS_A_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sharing.warnings.series import Scale

Values = NDArray[np.float64]

FEWEST: Final = 6  # values before the first expectation
RATIOS: Final = (0.0, 0.05, 0.3, 2.0)  # variance of the level's steps beside that of the chance movement
_AGAINST_FAST: Final = 0.7  # what the prior takes off the log-likelihood from one ratio to the next
_LEAST: Final = 1e-6  # a rate of nought or one has no log-odds
_FINEST: Final = 0.01  # no series is thought steadier than this, in log-odds: figures are rounded and pools are finite


@dataclass(frozen=True)
class Expectation:
    """The next value in transformed units: its mean, its standard deviation and how many values that rests on."""

    mean: float
    deviation: float
    freedom: int


def transformed(values: Values, scale: Scale) -> Values:
    """Log-odds of rates, logarithms of other quotients, differences as they are; gaps stay gaps."""
    if scale == "plain":
        return values
    if scale == "rate":
        inside = np.clip(values, _LEAST, 1 - _LEAST)
        return np.asarray(np.log(inside / (1 - inside)))
    return np.asarray(np.log(np.maximum(values, _LEAST)))


def back(value: float, scale: Scale) -> float:
    """The figure that a transformed value stands for."""
    if scale == "plain":
        return value
    return 1 / (1 + math.exp(-value)) if scale == "rate" else math.exp(value)


def expected(history: Values, frequency: str) -> Expectation | None:
    """What follows a history of transformed values, gaps as NaN; None with fewer than `FEWEST` values."""
    known = int((~np.isnan(history)).sum())
    if known < FEWEST:
        return None
    candidates = list(_candidates(history, _season(history, frequency)))
    likelihoods = np.array([likelihood for likelihood, _expectation in candidates])
    weights = np.exp(likelihoods - likelihoods.max())
    return _mixed(weights / weights.sum(), [expectation for _likelihood, expectation in candidates])


def _season(history: Values, frequency: str) -> int | None:
    """The periods of a year, once two whole ones are known; one a year has no season."""
    periods = PERIODS_A_YEAR[frequency]
    return periods if periods > 1 and np.flatnonzero(~np.isnan(history)).size >= 2 * periods else None


def _candidates(history: Values, season: int | None) -> Iterator[tuple[float, Expectation]]:
    """For each ratio the log-likelihood with the scale at its best, less the prior, and the expectation it gives."""
    # Imported late: it costs a second, and only workers and the page of warnings need it.
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    observed = np.append(history, np.nan)  # the filter looks one step beyond the history
    model: Any = UnobservedComponents(
        observed, level="local level", seasonal=season, stochastic_seasonal=season is None
    )
    for place, ratio in enumerate(RATIOS):
        model.update(np.array([1.0, ratio]))
        found = model.ssm.filter()
        errors, variances = found.forecasts_error[0], found.forecasts_error_cov[0, 0]
        burnt = found.nobs_diffuse if found.nobs_diffuse else model.loglikelihood_burn
        used = ~np.isnan(history)
        used[: _first(history, burnt)] = False
        count = int(used.sum())
        scale = max(float(np.sum(errors[:-1][used] ** 2 / variances[:-1][used])) / count, _FINEST**2)
        likelihood = (
            -0.5 * (count * math.log(scale) + float(np.log(variances[:-1][used]).sum())) - _AGAINST_FAST * place
        )
        deviation = math.sqrt(scale * float(variances[-1]))
        yield likelihood, Expectation(float(found.forecasts[0, -1]), deviation, max(count - 1, 1))


def _first(history: Values, burnt: int) -> int:
    """The position after as many values as the filter needs to know where the series stands."""
    known = np.flatnonzero(~np.isnan(history))
    return int(known[min(burnt, known.size - 2)]) if burnt else 0


def _mixed(weights: Values, each: list[Expectation]) -> Expectation:
    """The mean and variance of the candidates together."""
    means = np.array([one.mean for one in each])
    mean = float(weights @ means)
    variance = float(weights @ (np.array([one.deviation for one in each]) ** 2 + (means - mean) ** 2))
    return Expectation(mean, math.sqrt(variance), each[0].freedom)
