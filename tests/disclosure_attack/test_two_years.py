"""Nobody is recovered from two years of releases and revisions, and every rule of the engine is needed for that.

The attackers are the outsider, each member and each pair of members; they have all versions of a month together.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from anonymize.disclosure import primary
from anonymize.disclosure.policy import DisclosurePolicy
from sharing.benchmarks import crossing, disclosure, published, sensitive
from sharing.benchmarks.quantiles import QUANTILES, Ordered
from tests.disclosure_attack import two_years
from tests.disclosure_attack.deduction import Deduction, of_rates, of_sums, told
from tests.disclosure_attack.two_years import MONTHS, POLICY, released

PAIRS = 2
EVERYDAY = (0, 1)  # one month without and one with a revision; `-m nightly` attacks the others
FIRST = slice(1)
MINIMA = dict.fromkeys(QUANTILES, POLICY.deciles_minimum) | {
    "median": POLICY.median_minimum,
    "p25": POLICY.quartiles_minimum,
    "p75": POLICY.quartiles_minimum,
}


def seen(versions):
    """What is seen without solving anything."""
    return [word for word, _attackers in told(versions, POLICY.min_contributors, POLICY.p_percent, MINIMA)]


def deduced(versions, of):
    """What outsider, members and pairs deduce from the sums or the rates."""
    return Deduction(of(versions), PAIRS, POLICY.p_percent).near()


def attack(number):
    versions = released(number)
    assert any(version.lines for version in versions)
    assert seen(versions) == []
    assert list(deduced(versions, of_rates)) == []
    assert list(deduced(versions, of_sums)) == []


@pytest.mark.parametrize("number", EVERYDAY)
def test_nobody_is_recovered_from_a_month(number):
    attack(number)


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.parametrize("number", [month for month in range(MONTHS) if month not in EVERYDAY])
def test_nobody_is_recovered_from_any_month_of_two_years(number):
    attack(number)


def test_the_policy_that_is_attacked_is_the_default_one_for_pairs():
    assert replace(POLICY, coalition=1) == DisclosurePolicy()


def test_without_the_threshold_a_sum_of_few_is_seen(monkeypatch):
    def by_dominance_alone(table, policy, **options):
        found = primary.find_primary(table, policy, **options)
        mask = ~table.zero & primary._dominated(table, policy)
        return replace(
            found,
            mask=mask,
            reason=np.where(mask, primary.DOMINANCE, ""),
            width_up=np.where(mask, found.width_up, 0.0),
            width_down=np.where(mask, found.width_down, 0.0),
        )

    monkeypatch.setattr(sensitive, "find_primary", by_dominance_alone)
    assert any(word.startswith("few") for word in seen(released(1, only=FIRST)))


def test_without_the_p_percent_rule_the_largest_is_estimated(monkeypatch):
    monkeypatch.setattr(primary, "_dominated", lambda table, _policy: np.zeros(table.lattice.shape, dtype=np.bool_))
    assert next(deduced(released(8, only=FIRST), of_sums), None)


def test_without_secondary_suppression_what_is_withheld_is_the_rest(monkeypatch):
    def only_primary(self, public, hidden):
        return self._decision(self.primary.mask | hidden | ~self.shown, disclosure.NOTHING_TO_AUDIT)

    monkeypatch.setattr(disclosure._Prepared, "_attempt", only_primary)
    assert next(deduced(released(8, only=FIRST), of_sums), None)


def test_where_only_single_insiders_are_reckoned_with_a_pair_tells_the_third_s(monkeypatch):
    assert next(deduced(released(16, only=FIRST, policy=replace(POLICY, coalition=1)), of_sums), None)


def test_without_the_crossing_of_families_two_groups_differ_by_one(monkeypatch):
    for module in (disclosure, crossing):
        monkeypatch.setattr(module, "crossed", lambda *_arguments: {})
    assert next(deduced(released(4, only=slice(1, 2)), of_sums), None)


def test_without_parts_within_parts_the_difference_of_two_is_one_member_s(monkeypatch):
    monkeypatch.setattr(sensitive.Sensitivity, "_differences", lambda *_arguments: [])
    assert any(word.startswith("D30 without D90") for word in seen(released(13, only=FIRST)))


@pytest.mark.parametrize("number", [1, 2])
def test_without_the_ledger_a_joiner_and_a_leaver_are_the_difference_of_two_versions(number):
    assert any("by what it changed" in word for word in seen(released(number, ledger=False)))


def test_where_the_ledger_knows_no_corrections_one_from_almost_nothing_tells_the_figure(monkeypatch):
    whole = two_years._former

    def blind(*former_and_now):
        found = whole(*former_and_now)
        now = former_and_now[-1]
        gone = [row for row, name in enumerate(found.changed.contributors) if name not in now.contributors]
        changed = replace(
            found.changed,
            contributors=tuple(found.changed.contributors[row] for row in gone),
            values=found.changed.values[gone],
            present=found.changed.present[gone],
            reported=found.changed.reported[gone],
        )
        return replace(found, changed=changed)

    monkeypatch.setattr(two_years, "_former", blind)
    assert any("by what it changed" in word for word in seen(released(3)))


def test_without_the_rule_for_the_rest_of_a_mean_it_is_one_member_s(monkeypatch):
    monkeypatch.setattr(published, "_rest_is_safe", lambda rates, _policy: np.ones(rates.shape[1:], dtype=np.bool_))
    assert next(deduced(released(10, only=FIRST), of_rates), None)


def test_without_their_minima_quantiles_are_of_few():
    loose = replace(POLICY, median_minimum=3, quartiles_minimum=3, deciles_minimum=3)
    assert any("of few" in word for word in seen(released(0, policy=loose)))


def test_without_smoothing_a_quantile_is_somebody_s(monkeypatch):
    def usual(self, probability):
        return np.where(self.counts >= 3, self._between((self.counts - 1) * probability), np.nan)

    monkeypatch.setattr(Ordered, "_smoothed", usual)
    assert any("is somebody's" in word for word in seen(released(0)))


def test_where_affiliates_count_apart_there_are_too_few():
    assert any(word.startswith("few") for word in seen(released(1, only=FIRST, affiliates={})))


def test_without_the_rule_for_a_rate_of_nought_everybody_s_is_told(monkeypatch):
    def nothing(self, face, _part, _pooled):
        return np.zeros(face.lattice.shape, dtype=np.bool_)

    monkeypatch.setattr(sensitive.Sensitivity, "_same_for_all", nothing)
    assert any(word.startswith("the same rate") for word in seen(released(7, only=FIRST)))
