"""What is shown beside the pooled rate: which figures, where, and what they say of nobody."""

from __future__ import annotations

import numpy as np

from anonymize.protection.rounding_error import rounding_errors
from anonymize.template import load
from sharing.benchmarks.disclosure import protect
from sharing.benchmarks.peer_groups import ALL, Family, Peers
from sharing.benchmarks.pool import Returns, layout_of, panel_of, pooled_before_disclosure
from sharing.benchmarks.published import FIGURES, member_errors, pool_error, publish, to_digits
from tests.anonymize.test_rounded_cubes import rounding_template

RATE = "DPD60_RATE"


def panel_with(rates, sizes=None):
    """Banks with these rates 60 days past due in every cell of the call report."""
    layout = layout_of(load("call-report"))
    rates = np.asarray(rates, dtype=float)
    sizes = np.full(len(rates), 1000.0) if sizes is None else np.asarray(sizes, dtype=float)
    values = np.zeros((len(rates), len(layout.parts), *layout.shape))
    indicator = layout.template.indicator(RATE)
    values[:, :] = (sizes * rates)[:, None, None]
    values[:, layout.part(indicator.denominator)] = sizes[:, None]
    names = tuple(f"BANK{place:03d}" for place in range(len(rates)))
    return panel_of(Returns(layout, names, values), {name: name for name in names})


def headline(panel, families=(), policy=None):
    peers = Peers(panel.contributors, tuple(families))
    policy = policy or panel.layout.template.disclosure
    protection = protect(panel, peers, policy, 2)
    found = publish(panel, peers, pooled_before_disclosure(panel, peers), protection, policy)
    figures = next(each for each in found if each.indicator == RATE and each.peer_group == ALL)
    return {name: float(getattr(figures, name).flat[0]) for name in FIGURES}


def spread_out(number):
    return np.linspace(0.02, 0.06, number)


def test_sixty_banks_have_all_figures():
    shown = headline(panel_with(spread_out(60)))
    assert not np.isnan([shown[name] for name in FIGURES]).any()
    assert shown["p10"] < shown["p25"] < shown["median"] < shown["trimmed_mean"] + 1e-12 < shown["p75"] < shown["p90"]
    assert shown["weight"] == 1


def test_deciles_need_more_banks_than_quartiles():
    shown = headline(panel_with(spread_out(19)))
    assert np.isnan(shown["p10"])
    assert not np.isnan(shown["p25"])


def test_no_trimmed_mean_whose_tail_is_a_few_banks():
    """With 40 banks four are cut off at each end: the mean beside it would give their sum."""
    assert np.isnan(headline(panel_with(spread_out(40)))["trimmed_mean"])
    assert not np.isnan(headline(panel_with(spread_out(40)))["mean"])


def test_no_trimmed_mean_whose_tail_one_bank_dominates():
    rates = [*np.full(55, 0.01), 0.0101, 0.0102, 0.0103, 0.0104, 0.9]
    shown = headline(panel_with(rates))
    assert not np.isnan(shown["mean"])
    assert np.isnan(shown["trimmed_mean"])


def test_no_trimmed_mean_that_keeps_one_bank_s_rate_only():
    """Seven of sixty banks have arrears; six are cut off above, so what is kept is the seventh's rate over 48."""
    rates = [*np.zeros(53), *np.linspace(0.02, 0.03, 7)]
    shown = headline(panel_with(rates))
    assert not np.isnan(shown["pooled"])
    assert np.isnan(shown["trimmed_mean"])


def test_the_weight_is_of_the_denominator_s_table_whoever_withholds_a_numerator():
    panel = panel_with(spread_out(60))
    late = panel.layout.part(panel.layout.template.indicator(RATE).numerator)
    panel.present[0, late] = False
    assert headline(panel)["weight"] == 1


def test_protection_that_adds_nothing_has_no_error():
    layout = layout_of(load("call-report"))
    assert load("call-report").protection.method not in ("round", "noise")
    assert all((each == 0).all() for each in member_errors(layout))


def test_rounding_at_the_members_adds_an_error_to_every_cell():
    layout = layout_of(rounding_template())
    whole = rounding_errors(layout.template)
    for part, places, errors in zip(layout.parts, layout.places, member_errors(layout), strict=True):
        assert (errors > 0).all()
        assert sorted(errors.ravel()) == sorted(whole[part.measure].ravel()[places >= 0])


def test_the_error_of_a_pool_falls_with_the_number_of_members_and_their_size():
    """Sixty members whose parts have an error of 5 each, against the delta method by hand."""
    panel = panel_with(spread_out(60))
    indicator = panel.layout.template.indicator(RATE)
    peers = Peers(panel.contributors, ())
    pool = pooled_before_disclosure(panel, peers)[RATE, ALL]
    errors = [np.full(panel.layout.shape, 5.0) for _part in panel.layout.parts]
    found = pool_error(panel, indicator, peers.rows(ALL), pool, errors).flat[0]
    by_hand = np.sqrt(60 * 25 * (1 + 0.04**2)) / 60_000
    assert panel.layout.template.measure(indicator.denominator.measure).type == "amount"
    assert found == float(f"{by_hand:.0e}")


def test_digits_are_significant_ones():
    assert to_digits(np.array([0.001234, 0.0, 56789.0]), 2).tolist() == [0.0012, 0.0, 57000.0]
    assert np.isnan(to_digits(np.array([np.nan]), 1)).all()


def test_the_figures_are_the_same_bits_however_many_threads_reckon_them():
    generator = np.random.default_rng(5)
    panel = panel_with(generator.beta(2, 40, 300), generator.lognormal(8, 2, 300))
    family = Family("half", ("half-a", "half-b"), np.arange(300) % 2)
    peers = Peers(panel.contributors, (family,))
    one, four = (pooled_before_disclosure(panel, peers, threads) for threads in (1, 4))
    for key, pool in one.items():
        for name in ("numerator", "denominator", "contributors", "mean", "trimmed_mean", "tail", "largest"):
            assert getattr(pool, name).tobytes() == getattr(four[key], name).tobytes()
        assert all(pool.quantiles[name].tobytes() == four[key].quantiles[name].tobytes() for name in pool.quantiles)
