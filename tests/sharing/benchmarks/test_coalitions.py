"""Two members who pool their figures learn no third one's, where the policy says so."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from anonymize.disclosure.policy import DisclosurePolicy
from sharing.benchmarks.disclosure import protect
from sharing.benchmarks.peer_groups import Family, Peers
from sharing.benchmarks.pool import Returns, layout_of, panel_of
from tests.disclosure_attack.attacker import World, ranges, too_near
from tests.disclosure_attack.test_pooled_tables import GROUPS, _world, random_leaves, small_template, with_totals

MEMBERS = 12
SEEDS = range(3)


def worlds_of(seed, coalition):
    """What a random release publishes of each part when so many members may pool their figures."""
    rng = np.random.default_rng(seed)
    layout = layout_of(small_template((3,)))
    institutions = tuple(f"M{number:02}" for number in range(MEMBERS))
    balance, late = random_leaves(rng, MEMBERS, (3,))
    parts = {"_T": balance, "LATE": late}
    values = np.stack([with_totals(parts[part.where["DPD"]]) for part in layout.parts], axis=1)
    panel = panel_of(Returns(layout, institutions, values), {code: code for code in institutions})
    places = rng.integers(0, len(GROUPS), MEMBERS)
    peers = Peers(institutions, (Family("region", GROUPS, places),))
    policy = DisclosurePolicy(min_contributors=4, p_percent=10, coalition=coalition)
    protection = protect(panel, peers, policy, 2)
    assert protection.ok
    return [_world(parts[part.where["DPD"]], places, protection, layout.part(part)) for part in layout.parts]


def as_one(world, pair):
    """The world in which two members are one, which is what they are when they pool their figures."""
    first, second = pair
    leaves = np.delete(world.leaves, second, axis=0)
    leaves[first] = world.leaves[first] + world.leaves[second]
    return World(leaves, world.groups)


def breaches(world, published, withheld):
    """Every pair and cell of at least a third member whose largest other figure the pair comes too near."""
    found = []
    for pair in combinations(range(MEMBERS), 2):
        pooled = as_one(world, pair)
        targets = [cell for cell in (*withheld, *published) if np.delete(pooled.contributions(cell), pair[0]).any()]
        spans = ranges(pooled, published, targets, pair[0])
        found += [
            (pair, cell)
            for cell, span in zip(targets, spans, strict=True)
            if too_near(pooled, cell, *span, pair[0], percent=10)
        ]
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_no_two_members_together_come_too_near_a_third(seed):
    assert [breaches(*each) for each in worlds_of(seed, 2)] == [[], []]


def test_two_members_together_would_come_too_near_where_each_stands_alone():
    assert any(breaches(*each) for seed in SEEDS for each in worlds_of(seed, 1))


def test_two_who_pool_their_figures_leave_two_more():
    with pytest.raises(ValueError, match="min_contributors exceeds coalition"):
        DisclosurePolicy(min_contributors=3, coalition=2)
    assert replace(DisclosurePolicy(), coalition=2).min_contributors == 5
