"""Which series are beyond their history: made by hand first, then simulated years of calm and of a wave."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sharing.benchmarks.periods import earlier
from sharing.warnings.expectation import FEWEST, expected, transformed
from sharing.warnings.front import front
from sharing.warnings.policy import USUAL
from sharing.warnings.series import Reference, Series, span
from sharing.warnings.watching import Kind, watch
from tests.sharing.warnings.simulated import published


def series(values, figure="pooled", key="_T", **about):
    periods = tuple(earlier("2024-01", "M", -month) for month in range(len(values)))
    return Series(Reference("delinquency", "DPD30_RATE", "ALL", key, figure), periods, tuple(values), **about)


def steady(length, level=0.03, seed=3):
    return level * np.exp(np.random.default_rng(seed).normal(0, 0.02, length))


def judged(values, **about):
    one = series(values, **about)
    return watch([one])[one.reference]


def test_a_steady_series_is_in_no_episode():
    assert not [each for each in judged(steady(30)) if each.kind]


def test_with_fewer_than_six_values_nothing_is_expected():
    assert expected(transformed(steady(FEWEST - 1), "rate"), "M") is None
    assert all(each.expected is None and each.kind is None for each in judged([*steady(4), 0.2]))


def test_a_short_history_has_wider_limits_and_says_that_it_is_short():
    short, long = judged(steady(8))[-1], judged(steady(30))[-1]
    assert short.has_little_history
    assert not long.has_little_history
    assert short.limit / short.expected > long.limit / long.expected


def test_a_leap_is_a_level_and_stays_one_episode_while_it_lasts():
    found = judged([*steady(18), 0.045, 0.046, 0.045, 0.047])
    assert [each.kind for each in found[-5:]] == [None, *[Kind.LEVEL] * 4]
    assert len({each.since for each in found if each.kind}) == 1
    assert found[-1].expected == pytest.approx(0.03, rel=0.05), "an episode teaches the expectation nothing"


def test_an_episode_ends_after_two_periods_within_limits():
    found = judged([*steady(18), 0.045, 0.046, *steady(3)])
    assert [each.kind for each in found[-5:]] == [Kind.LEVEL, Kind.LEVEL, Kind.LEVEL, None, None]


def test_after_a_year_the_new_level_is_the_level():
    found = judged([*steady(14), *steady(14, level=0.05)])
    assert found[-1].kind is None
    assert found[-3].kind == Kind.LEVEL


def test_small_steps_in_one_direction_add_up_to_a_trend():
    values = steady(18)
    slope = values[-1] * np.exp(0.02 * np.arange(1, 10))
    assert Kind.TREND in {each.kind for each in judged([*values, *slope])}


def test_a_fall_of_what_should_be_high_is_worse():
    rates = [*steady(18, level=0.3), 0.2]
    assert judged(rates, higher_is_worse=False)[-1].kind == Kind.LEVEL
    assert judged(rates, higher_is_worse=True)[-1].kind is None


def test_a_gap_is_neither_beyond_nor_back_within_limits():
    found = judged([*steady(18), 0.045, math.nan, math.nan, math.nan, 0.045])
    assert [each.kind for each in found[-5:]] == [Kind.LEVEL] * 5
    assert found[-2].value is None


def test_with_two_years_the_time_of_the_year_is_expected():
    year = 1 + 0.25 * (np.arange(36) % 12 == 11)
    values = steady(36) * year
    assert judged(values)[-1].kind is None
    assert judged(values)[-1].expected > 1.15 * judged(values)[-2].expected


def test_a_change_too_small_to_matter_is_not_raised_however_sure():
    assert judged([*(0.03 + 0.00001 * np.sin(np.arange(18))), 0.0306])[-1].kind is None


def test_distance_to_the_peers_is_an_outlier():
    distances = np.random.default_rng(2).normal(0.1, 0.03, 18)
    assert judged([*distances, 0.5], figure="distance", scale="plain")[-1].kind == Kind.OUTLIER


def test_an_episode_that_began_before_the_judged_periods_is_known():
    one = series([*steady(20), *[0.05] * 6])
    few = type(USUAL)(replayed=2)
    assert watch([one], few)[one.reference][-1].since is None
    assert watch([one], few, {one.reference: one.periods[20]})[one.reference][-1].since == one.periods[20]


def test_series_that_are_judged_together_share_their_periods():
    with pytest.raises(ValueError, match="share their periods"):
        watch([series([0.1] * 8), series([0.1] * 9)])


def test_what_is_surprising_once_in_a_hundred_is_not_raised_among_a_hundred_series():
    """One in a hundred lies beyond its limit by chance; raised are few of them."""
    panel = [series(steady(20, seed=seed), key=str(seed)) for seed in range(60)]
    found = watch(panel)
    beyond = sum(each.is_beyond for judgements in found.values() for each in judgements)
    raised = sum(each.kind == Kind.LEVEL for judgements in found.values() for each in judgements)
    assert raised <= 2
    assert raised < beyond or beyond == 0


def test_three_regions_in_three_months_are_a_wave_with_an_order():
    panel = [
        series([*steady(12, seed=9), *[0.03] * lag, *[0.06] * (6 - lag)], key=code)
        for code, lag in (("CN-ZJ", 1), ("CN-JS", 2), ("CN-GD", 3))
    ]
    panel.append(series(steady(18, seed=4), key="CN-XJ"))
    found = watch(panel)
    spread = front({each.reference.key: found[each.reference] for each in panel})
    assert spread.is_spreading
    assert [(each.code, each.lag) for each in spread.crossings] == [("CN-ZJ", 0), ("CN-JS", 1), ("CN-GD", 2)]
    assert spread.months[-1].share == 0.75


def test_one_region_alone_is_no_wave():
    panel = [series([*steady(15), 0.06], key="CN-ZJ"), series(steady(16, seed=5), key="CN-GD")]
    found = watch(panel)
    assert not front({each.reference.key: found[each.reference] for each in panel}).is_spreading
    assert front({}) is None


def test_every_period_between_two_is_in_their_span():
    assert span("2025-11", "2026-02", "M") == ["2025-11", "2025-12", "2026-01", "2026-02"]


def test_in_simulated_calm_few_are_raised_and_in_a_wave_most_within_three_months():
    """The promise of docs/early-warning.md on a small panel; `make bench-warnings` measures a large one."""
    calm, wave = ([one for one in published(name, 5, 22, 0.25) if _is_margin(one)] for name in ("calm", "wave"))
    false = [
        each for judgements in watch(calm).values() for each in judgements if each.kind and each.since == each.period
    ]
    months = len(calm) * (22 - FEWEST)
    assert len(false) / months < 0.01
    found = watch(wave)
    delays = [_delay(twin, one, found[one.reference]) for twin, one in zip(calm, wave, strict=True)]
    hit = [delay for delay in delays if delay is not None]
    assert len(hit) > 10, "the wave must reach the panel"
    assert sum(delay <= 3 for delay in hit) / len(hit) > 0.7


def _is_margin(one):
    return one.reference.key.count("_T") >= 2 and one.reference.figure == "pooled"


def _delay(calm, wave, judgements):
    """Months from where the wave has lifted the figure by a fifth over its calm twin until the warning; 99 for never.

    None where the wave had not reached the series three months before the end.
    """
    lifted = [
        place for place, (quiet, high) in enumerate(zip(calm.values, wave.values, strict=True)) if high > 1.2 * quiet
    ]
    if not lifted or lifted[0] > len(calm.values) - 4:
        return None
    raised = [place for place, each in enumerate(judgements) if each.kind and place >= 12]
    return raised[0] - lifted[0] if raised else 99
