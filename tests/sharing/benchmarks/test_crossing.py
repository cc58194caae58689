"""Groups of several families, and of former releases, that would give somebody away together are withheld."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from anonymize.disclosure.policy import DisclosurePolicy
from sharing.benchmarks.crossing import Former, crossed
from sharing.benchmarks.disclosure import protect
from sharing.benchmarks.peer_groups import ALL, Family, Peers
from sharing.benchmarks.pool import Returns, layout_of, panel_of
from tests.disclosure_attack.test_pooled_tables import small_template, with_totals

POLICY = DisclosurePolicy(min_contributors=5, p_percent=10)
LAYOUT = layout_of(small_template((2,)))


def panel_from(balance, codes=None):
    """The panel of balances [member, leaf], a tenth of which is late."""
    codes = tuple(codes or (f"M{number:02}" for number in range(len(balance))))
    whole = with_totals(np.asarray(balance, dtype=np.float64))
    values = np.stack([whole * {"_T": 1.0, "LATE": 0.1}[part.where["DPD"]] for part in LAYOUT.parts], axis=1)
    return panel_of(Returns(LAYOUT, codes, values), {code: code for code in codes})


def members(count, seed=0):
    return np.random.default_rng(seed).uniform(80, 120, (count, 2))


def peers_with(panel, **families):
    """Families by name, each a list of the groups' members' numbers."""
    found = []
    for code, groups in families.items():
        places = np.full(len(panel.contributors), -1)
        for place, group in enumerate(groups):
            places[list(group)] = place
        found.append(Family(code, tuple(f"{code}-{place}" for place in range(len(groups))), places))
    return Peers(panel.contributors, tuple(found))


def test_one_family_beside_all_members_is_left_to_its_own_tables():
    panel = panel_from(members(14))
    assert crossed(panel, peers_with(panel, size=[range(7), range(7, 14)]), POLICY, 2) == {}


def test_two_groups_of_two_families_that_differ_by_one_bank_are_not_both_shown():
    panel = panel_from(members(16))
    peers = peers_with(panel, a=[range(8), range(8, 16)], b=[range(9), range(9, 16)])
    found = crossed(panel, peers, POLICY, 2)
    assert not {"a-0", "a-1"} & set(found)
    assert found["b-0"].all()
    assert found["b-1"].all()


def test_two_families_whose_differences_are_large_are_shown_beside_each_other():
    panel = panel_from(members(24))
    peers = peers_with(
        panel, a=[range(12), range(12, 24)], b=[[*range(6), *range(12, 18)], [*range(6, 12), *range(18, 24)]]
    )
    assert crossed(panel, peers, POLICY, 2) == {}


def test_the_same_groups_in_two_families_are_both_shown():
    panel = panel_from(members(16))
    assert crossed(panel, peers_with(panel, a=[range(8), range(8, 16)], b=[range(8), range(8, 16)]), POLICY, 2) == {}


def test_what_is_withheld_beside_another_family_is_withheld_in_the_release():
    panel = panel_from(members(16))
    peers = peers_with(panel, a=[range(8), range(8, 16)], b=[range(9), range(9, 16)])
    protection = protect(panel, peers, POLICY, 2)
    (indicator,) = LAYOUT.template.indicators
    assert protection.ok
    assert (protection.reasons(indicator, "a-0") == "").all()
    assert (protection.reasons(indicator, "b-0") != "").all()


def former_of(panel, peers, changed):
    everything = np.ones(LAYOUT.shape, dtype=bool)
    groups = {code: frozenset(panel.contributors[row] for row in peers.rows(code)) for code in peers.codes}
    return Former(groups, dict.fromkeys(peers.codes, everything), changed)


def test_a_joiner_is_not_the_difference_of_two_releases():
    figures = members(13)
    before, after = panel_from(figures[:12]), panel_from(figures)
    former = former_of(before, Peers(before.contributors, ()), panel_from(figures[:0], ()))
    found = crossed(after, Peers(after.contributors, ()), POLICY, 2, [former])
    assert found[ALL].all()


def test_five_joiners_of_like_size_may_be_the_difference_of_two_releases():
    figures = members(17)
    before, after = panel_from(figures[:12]), panel_from(figures)
    former = former_of(before, Peers(before.contributors, ()), panel_from(figures[:0], ()))
    assert crossed(after, Peers(after.contributors, ()), POLICY, 2, [former]) == {}


def test_five_joiners_of_whom_one_is_nearly_all_are_not_the_difference_of_two_releases():
    figures = members(17)
    figures[16] *= 1000
    figures[0] *= 1000
    figures[1] *= 1000
    before, after = panel_from(figures[:12]), panel_from(figures)
    former = former_of(before, Peers(before.contributors, ()), panel_from(figures[:0], ()))
    assert crossed(after, Peers(after.contributors, ()), POLICY, 2, [former])[ALL].any()


def corrected(new, old=100.0):
    figures = members(12)
    figures[3] = old
    before = panel_from(figures)
    figures[3] = new
    after = panel_from(figures)
    changed = panel_from([[old, old]], ["M03"])
    former = former_of(before, Peers(before.contributors, ()), changed)
    return crossed(after, Peers(after.contributors, ()), POLICY, 2, [former])


def test_a_small_correction_shows_no_more_than_its_own_size():
    assert corrected(101.0) == {}


@pytest.mark.parametrize(("new", "old"), [(100.0, 0.5), (0.5, 100.0), (0.0, 100.0)])
def test_a_correction_from_or_to_almost_nothing_is_withheld(new, old):
    assert corrected(new, old)[ALL].all()


def test_a_new_peer_group_is_checked_beside_the_groups_of_a_former_release():
    panel = panel_from(members(16))
    then = peers_with(panel, a=[range(8), range(8, 16)])
    now = peers_with(panel, b=[range(9), range(9, 16)])
    former = former_of(panel, then, panel_from(members(0), ()))
    assert set(crossed(panel, now, POLICY, 2, [former])) == {"b-0", "b-1"}


def test_intersections_of_one_bank_each_are_safe_where_a_way_round_every_insider_is_left():
    panel = panel_from(members(12, seed=3))
    rows = [range(4 * row, 4 * row + 4) for row in range(3)]
    columns = [range(column, 12, 4) for column in range(4)]
    policy = DisclosurePolicy(min_contributors=3, p_percent=10)
    assert crossed(panel, peers_with(panel, a=rows, b=columns), policy, 2) == {}


def reach(figures, sums, victim, insider):
    """How far a member's figure can fall and rise beside these sums and an insider's own figure, by plain programs."""
    bounds = [(-value, None) for value in figures]
    if insider is not None:
        bounds[insider] = (0, 0)
    aim = np.zeros(len(figures))
    aim[victim] = 1
    ends = []
    for sign in (1.0, -1.0):
        solved = linprog(
            sign * aim, A_eq=np.array(sums, float), b_eq=np.zeros(len(sums)), bounds=bounds, method="highs"
        )
        ends.append(-solved.fun if solved.status == 0 else np.inf)
    return ends


def random_choice(seed):
    """Sixteen banks of unequal size in two random families: their figures, the groups that are shown, all groups."""
    rng = np.random.default_rng(seed)
    figures = np.round(np.exp(rng.normal(3, 0.8, (16, 2))), 2)
    panel = panel_from(figures)
    base = rng.integers(0, 2, 16)
    other = np.where(rng.random(16) < 0.25, rng.integers(0, 2, 16), base)
    peers = peers_with(
        panel, a=[np.flatnonzero(base == k) for k in (0, 1)], b=[np.flatnonzero(other == k) for k in (0, 1)]
    )
    withheld = crossed(panel, peers, POLICY, 2)
    total = figures.sum(axis=1)
    everything = {code: np.isin(np.arange(16), peers.rows(code)) for code in peers.codes}
    large = {code: inside for code, inside in everything.items() if not sensitive(total[inside])}
    shown = {code: inside for code, inside in large.items() if code not in withheld or not withheld[code].flat[0]}
    return total, list(shown.values()), list(large.values())


def sensitive(figures):
    ordered = np.sort(figures)[::-1]
    return len(ordered) < 5 or ordered[2:].sum() < 0.1 * ordered[0]


def known_too_well(figures, sums):
    """Every insider (or None) and member whose figure it can put within ten percent on either side."""
    return [
        (insider, victim)
        for victim in range(len(figures))
        for insider in (None, *range(len(figures)))
        if insider != victim and min(reach(figures, sums, victim, insider)) < 0.1 * figures[victim] * (1 - 1e-6)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_no_member_follows_from_the_groups_of_two_families(seed):
    figures, shown, _large = random_choice(seed)
    assert known_too_well(figures, shown) == []


def test_members_would_follow_from_all_groups_of_two_families():
    assert any(known_too_well(figures, large) for figures, _shown, large in map(random_choice, range(5)))
