"""The formulas, against libraries that others wrote, brute force and examples worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from sharing.analytics.calibration import Band, Finding, brier, hosmer_lemeshow, judge
from sharing.analytics.discrimination import Bin, discriminate
from sharing.analytics.intervals import Typical, binomial_test, chance, holm
from sharing.analytics.ranking import rank
from sharing.analytics.stability import Shift, stability
from sharing.analytics.standardising import standardised


@pytest.mark.parametrize(("hits", "trials"), [(0, 40), (1, 40), (7, 40), (40, 40), (260, 10_000), (31_500, 1_200_000)])
def test_chance_is_jeffreys_interval(hits, trials):
    low, high = proportion_confint(hits, trials, method="jeffreys")
    found = chance(hits / trials, trials)
    assert found.low == pytest.approx(0.0 if hits == 0 else low, rel=1e-9)
    assert found.high == pytest.approx(1.0 if hits == trials else high, rel=1e-9)


@pytest.mark.parametrize(
    ("hits", "trials", "expected"), [(3, 40, 0.02), (0, 40, 0.1), (5, 500, 0.03), (900, 30_000, 0.028)]
)
def test_the_binomial_test_is_twice_the_smaller_tail(hits, trials, expected):
    tails = stats.binom.cdf(hits, trials, expected), stats.binom.sf(hits - 1, trials, expected)
    assert binomial_test(hits / trials, trials, expected) == pytest.approx(min(1.0, 2 * min(tails)))


def test_the_binomial_test_refuses_what_lies_outside_clopper_and_pearsons_interval():
    low, high = proportion_confint(30, 1000, method="beta")
    assert binomial_test(0.03, 1000, low * 0.999) < 0.05 < binomial_test(0.03, 1000, low * 1.001)
    assert binomial_test(0.03, 1000, high * 1.001) < 0.05 < binomial_test(0.03, 1000, high * 0.999)


@settings(max_examples=20)  # the other implementation takes its time
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holms_adjustment_is_the_usual_one(p_values):
    assert holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_the_interval_of_the_typical_member_covers_the_median_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    covered = []
    for _trial in range(400):
        members = rng.beta(4, 90, size=24)
        p25, median, p75 = np.quantile(members, [0.25, 0.5, 0.75])
        interval = Typical.of(p25, median, p75, 24, is_share=True).interval()
        covered.append(interval.holds(stats.beta.median(4, 90)))
    assert 0.92 <= np.mean(covered) <= 0.99


def test_the_interval_of_the_typical_member_is_the_notch_where_the_scale_is_straight():
    # Narrow quartiles around a half: the arc sine's slope there is one, so the notch of 1978 comes out.
    typical = Typical.of(0.49, 0.5, 0.51, 10_000, is_share=True)
    notch = 1.96 * 1.2533 * 0.02 / 1.349 / 100
    assert typical.interval().high - 0.5 == pytest.approx(notch, rel=1e-3)


@pytest.mark.parametrize("is_share", [True, False])
def test_an_interval_stays_among_possible_figures(is_share):
    interval = Typical.of(0.0, 0.001, 0.02, 8, is_share=is_share).interval()
    assert interval.low == 0.0
    assert 0.001 < interval.high < 1


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=5))
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(counts):
    bad = [place for place, (b, _g) in enumerate(counts) for _one in range(b)]
    good = [place for place, (_b, g) in enumerate(counts) for _one in range(g)]
    everybody = len(bad) + len(good)
    bins = [Bin(str(place), b / (everybody or 1), g / (everybody or 1)) for place, (b, g) in enumerate(counts)]
    found = discriminate(bins, Bin("_T", len(bad) / (everybody or 1), len(good) / (everybody or 1)))
    if not bad or not good:
        assert found is None
        return
    pairs = [1.0 if b < g else 0.5 if b == g else 0.0 for b in bad for g in good]
    assert found.auc == pytest.approx(np.mean(pairs))
    assert found.gini == pytest.approx(2 * np.mean(pairs) - 1)
    assert found.ks == pytest.approx(
        max(
            abs(np.mean([b <= place for b in bad]) - np.mean([g <= place for g in good]))
            for place in range(len(counts))
        )
    )
    assert found.bounds.low == pytest.approx(found.auc) == pytest.approx(found.bounds.high)


def test_mann_and_whitneys_statistic_gives_the_same_area():
    rng = np.random.default_rng(11)
    bad, good = rng.integers(0, 3, 200), rng.integers(0, 4, 900)
    bins = [Bin(str(band), np.mean(bad == band) * 200 / 1100, np.mean(good == band) * 900 / 1100) for band in range(4)]
    statistic = stats.mannwhitneyu(good, bad).statistic
    assert discriminate(bins, Bin("_T", 200 / 1100, 900 / 1100)).auc == pytest.approx(statistic / 200 / 900)


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 500)), min_size=4, max_size=4),
    st.sets(st.integers(0, 3), min_size=1, max_size=2),
)
def test_the_bounds_hold_the_area_that_withheld_bands_hide(counts, withheld):
    everybody = sum(b + g for b, g in counts)
    whole = [Bin(str(place), b / everybody, g / everybody) for place, (b, g) in enumerate(counts)]
    total = Bin("_T", sum(b for b, _g in counts) / everybody, sum(g for _b, g in counts) / everybody)
    shown = [Bin(each.code, None, None) if place in withheld else each for place, each in enumerate(whole)]
    truth, found = discriminate(whole, total), discriminate(shown, total)
    assert found.bounds.low - 1e-9 <= truth.auc <= found.bounds.high + 1e-9
    assert found.covered < 1


def test_a_withheld_total_gives_no_bounds():
    bins = [Bin("S1", 0.02, 0.3), Bin("S2", None, None), Bin("S3", 0.005, 0.33)]
    assert discriminate(bins, Bin("_T", None, None)).bounds is None


bands = st.lists(
    st.builds(
        Band,
        code=st.just("PD"),
        observed=st.floats(0, 1),
        expected=st.floats(0, 1),
        share=st.floats(0.01, 1),
    ),
    min_size=1,
    max_size=6,
)


@given(bands)
def test_murphys_parts_add_up_to_the_score_of_every_account(some):
    total = sum(band.share for band in some)
    # Of a share w of accounts a share o defaults: those are off by (1 - e)^2, the others by e^2.
    score = sum(
        band.share / total * (band.observed * (1 - band.expected) ** 2 + (1 - band.observed) * band.expected**2)
        for band in some
    )
    found = brier(some)
    assert found.score == pytest.approx(score, abs=1e-12)
    assert min(found.reliability, found.resolution, found.uncertainty) >= 0
    assert found.off_by == pytest.approx(math.sqrt(found.reliability))


def test_a_withheld_band_is_left_out_of_the_score_and_of_what_it_covers():
    some = [Band("A", 0.01, 0.01, 0.6), Band("B", None, None, None), Band("C", 0.1, 0.1, 0.1)]
    found = brier(some)
    assert found.covered == pytest.approx(0.7)
    assert found.reliability == 0


def test_hosmer_and_lemeshows_statistic_is_pearsons_of_both_outcomes():
    some = [Band("A", 0.01, 0.012, 0.6, 6000), Band("B", 0.05, 0.04, 0.3, 3000), Band("C", 0.2, 0.15, 0.1, 1000)]
    observed = [n for b in some for n in (b.observed * b.trials, (1 - b.observed) * b.trials)]
    expected = [n for b in some for n in (b.expected * b.trials, (1 - b.expected) * b.trials)]
    found = hosmer_lemeshow(some)
    statistic = sum((o - e) ** 2 / e for o, e in zip(observed, expected, strict=True))
    assert found.statistic == pytest.approx(statistic)
    assert found.p_value == pytest.approx(stats.chi2.sf(statistic, 3))


def spread(median: float, relative: float = 0.1, members: int = 24) -> Typical:
    return Typical.of(median * (1 - relative), median, median * (1 + relative), members, is_share=False)


def test_a_band_is_understated_only_where_accounts_and_members_say_so():
    some = [
        Band("both", 0.06, 0.04, 0.3, 30_000, spread(1.5)),
        Band("pool", 0.06, 0.04, 0.3, 30_000, spread(1.02)),  # one large member's doing
        Band("neither", 0.0401, 0.04, 0.3, 30_000, spread(1.0)),
        Band("less", 0.03, 0.04, 0.3, 30_000, spread(0.7)),
        Band("few", 0.06, 0.04, 0.3, 30_000),  # too few members for quartiles
        Band("withheld", None, None),
        Band("unknown", 0.06, 0.04, 0.3),
    ]
    assert {each.band.code: each.finding for each in judge(some)} == {
        "both": Finding.UNDERSTATED,
        "pool": Finding.MIXED,
        "neither": Finding.IN_LINE,
        "less": Finding.OVERSTATED,
        "few": Finding.UNDERSTATED,
        "withheld": Finding.OPEN,
        "unknown": Finding.OPEN,
    }


def test_the_stability_index_by_hand():
    # (0.3 - 0.2) ln 1.5 + (0.7 - 0.8) ln 0.875
    found = stability({"A": 0.2, "B": 0.8}, {"A": 0.3, "B": 0.7})
    assert found.index == pytest.approx(0.0405465 + 0.0133531, abs=1e-6)
    assert found.shift == Shift.STABLE
    assert not found.at_least
    assert stability({"A": 0.5, "B": 0.5}, {"A": 0.2, "B": 0.8}).shift == Shift.CONSIDERABLE
    assert stability({"A": 0.0, "B": 1.0}, {"A": 0.1, "B": 0.9}).index == math.inf


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=4, max_size=6),
    st.integers(0, 1),
    st.integers(2, 3),
)
def test_bands_that_are_withheld_make_the_index_a_lower_bound(masses, one, other):
    before_all, now_all = (sum(side) for side in zip(*masses, strict=True))
    before = {str(place): b / before_all for place, (b, _n) in enumerate(masses)}
    now = {str(place): n / now_all for place, (_b, n) in enumerate(masses)}
    truth = stability(before, now)
    found = stability({**before, str(one): None}, {**now, str(other): None})
    assert found.at_least
    assert found.index <= truth.index + 1e-9


def test_ranks_have_room_where_medians_cannot_be_told_apart():
    found = rank(
        [("A", spread(0.10)), ("B", spread(0.40, 0.3)), ("C", spread(0.43, 0.3)), ("D", spread(0.9, 0.05))],
        higher_is_better=True,
    )
    assert [(each.code, each.place, each.best, each.worst) for each in found] == [
        ("D", 1, 1, 1),
        ("C", 2, 2, 3),
        ("B", 3, 2, 3),
        ("A", 4, 4, 4),
    ]
    assert found[1].beaten == {"A"}
    upside_down = rank([("A", spread(0.10)), ("D", spread(0.9, 0.05))], higher_is_better=False)
    assert [each.code for each in upside_down] == ["A", "D"]


def test_a_difference_is_tested_as_welch_does():
    rng = np.random.default_rng(5)
    # Equal medians: among many rankings of three, hardly more than one in twenty tells any two apart.
    wrong = 0
    for _trial in range(300):
        candidates = []
        for code in "ABC":
            p25, median, p75 = np.quantile(rng.beta(20, 30, size=20), [0.25, 0.5, 0.75])
            candidates.append((code, Typical.of(p25, median, p75, 20, is_share=True)))
        wrong += any(each.beaten for each in rank(candidates, higher_is_better=True))
    assert wrong <= 0.08 * 300


def test_a_rate_at_the_same_mix_and_its_bounds_where_a_stratum_is_withheld():
    shares = {"LOW": 0.5, "MID": 0.3, "HIGH": 0.2}
    whole = standardised({"LOW": 0.8, "MID": 0.5, "HIGH": 0.1}, shares)
    assert (whole.low, whole.high) == pytest.approx((0.57, 0.57))
    partly = standardised({"LOW": 0.8, "MID": 0.5, "HIGH": None}, shares)
    assert (partly.low, partly.high) == pytest.approx((0.55, 0.75))
    assert partly.holds(whole.low)
    assert standardised({"MID": 0.5, "HIGH": 0.1}, {"LOW": 0.6, "MID": 0.2, "HIGH": 0.2}) is None
