"""No withheld pooled cell can be narrowed to a member's figure: by an outsider, or by any member with its own figures."""

from __future__ import annotations

import numpy as np
import pytest

from anonymize.template import TOTAL, parse
from sharing.benchmarks.disclosure import protect
from sharing.benchmarks.peer_groups import ALL, Family, Peers
from sharing.benchmarks.pool import Returns, layout_of, panel_of
from tests.disclosure_attack.attacker import World, ranges, too_near

GROUPS = ("north", "south", "west")


def small_template(sizes):
    """Dimensions A, B, ... of so many codes below their totals, and one indicator: late balance over balance."""
    names = "ABC"[: len(sizes)]

    def dimension(name, codes):
        listed = [{"id": TOTAL, "name": {"en": "All"}}]
        return {
            "id": name,
            "name": {"en": name},
            "codes": listed + [{"id": each, "name": {"en": each}, "parent": TOTAL} for each in codes],
        }

    return parse(
        {
            "id": "small",
            "version": "1.0.0",
            "name": {"en": "Small"},
            "description": {"en": "Small"},
            "frequency": "M",
            "confidentiality": "sealed",
            "dimensions": [
                *(dimension(n, [f"{n}{k}" for k in range(size)]) for n, size in zip(names, sizes, strict=True)),
                dimension("DPD", ["LATE"]),
            ],
            "measures": [{"id": "BALANCE", "name": {"en": "Balance"}, "type": "amount", "unit": "CNY", "decimals": 2}],
            "indicators": [
                {
                    "id": "LATE_RATE",
                    "name": {"en": "Late"},
                    "numerator": {"measure": "BALANCE", "where": {"DPD": "LATE"}},
                    "denominator": {"measure": "BALANCE", "where": {"DPD": TOTAL}},
                }
            ],
            "checks": [],
            "protection": {"method": "none"},
            "disclosure": {"min_contributors": 3, "p_percent": 10},
        }
    )


def random_leaves(rng, members, sizes):
    """Balances of unequal members, each in some of the leaves only, and what of them is late."""
    shape = (members, *sizes)
    size = np.exp(rng.normal(0, 1.3, members)).reshape(-1, *([1] * len(sizes)))
    balance = np.round(size * rng.gamma(0.8, 1000, shape) * (rng.random(shape) < 0.6), 2)
    return balance, np.round(balance * rng.beta(1, 12, shape) * (rng.random(shape) < 0.8), 2)


def with_totals(leaves):
    for axis in range(1, leaves.ndim):
        leaves = np.concatenate([leaves.sum(axis=axis, keepdims=True), leaves], axis=axis)
    return leaves


def decided(sizes, seed, members=14):
    """A random release: the protection, and for each part the world it was made from and what it publishes."""
    rng = np.random.default_rng(seed)
    layout = layout_of(small_template(sizes))
    institutions = tuple(f"M{number:02}" for number in range(members))
    balance, late = random_leaves(rng, members, sizes)
    parts = {"_T": balance, "LATE": late}
    values = np.stack([with_totals(parts[part.where["DPD"]]) for part in layout.parts], axis=1)
    panel = panel_of(Returns(layout, institutions, values), {code: code for code in institutions})
    places = rng.integers(0, len(GROUPS), members)
    peers = Peers(institutions, (Family("region", GROUPS, places),))
    protection = protect(panel, peers, layout.template.disclosure, 2)
    worlds = [_world(parts[part.where["DPD"]], places, protection, layout.part(part)) for part in layout.parts]
    return protection, worlds


def _world(leaves, places, protection, part):
    """Leaves with the peer group as one more axis, and the published cells of this part."""
    by_group = np.zeros((len(leaves), len(GROUPS), *leaves.shape[1:]))
    by_group[np.arange(len(leaves)), places] = leaves
    axes = [[list(range(extent)), *([leaf] for leaf in range(extent))] for extent in by_group.shape[1:]]
    world = World(by_group, axes)
    published, withheld = set(), set()
    for decision in protection.decisions:
        if decision.part != part:
            continue
        for peer_group in (ALL, *GROUPS):
            if not decision.face.holds(peer_group):
                continue
            group = 0 if peer_group == ALL else 1 + GROUPS.index(peer_group)
            out = decision.withheld[decision.face.of_group(peer_group)]
            for cell, hidden in np.ndenumerate(out):
                full = iter(cell)
                place = [next(full) if isinstance(at, slice) else at for at in decision.face.within_cut]
                (withheld if hidden else published).add((group, *place))
    return world, sorted(published), sorted(withheld - published)


def is_sensitive(world, cell):
    """By the rules in the template: fewer than three contributors, or two largest that leave less than 10 %."""
    figures = np.sort(world.contributions(cell))[::-1]
    return figures[0] > 0 and (np.count_nonzero(figures) < 3 or figures[2:].sum() < 0.1 * figures[0])


def breaches(world, published, withheld):
    """Every sensitive withheld cell that an outsider or a member comes too near."""
    targets = [cell for cell in withheld if is_sensitive(world, cell)]
    found = []
    for insider in (None, *range(len(world.leaves))):
        spans = ranges(world, published, targets, insider)
        found += [
            (insider, cell, span)
            for cell, span in zip(targets, spans, strict=True)
            if too_near(world, cell, *span, insider, percent=10)
        ]
    return targets, found


@pytest.mark.parametrize("seed", range(4))
def test_a_table_of_two_dimensions_gives_nobody_away(seed):
    protection, worlds = decided((4,), seed)
    assert protection.ok
    attacked = 0
    for world, published, withheld in worlds:
        targets, found = breaches(world, published, withheld)
        assert not found
        attacked += len(targets)
    assert attacked


def test_most_tables_keep_something_to_publish():
    published = [len(cells) for seed in range(4) for _world, cells, _withheld in decided((4,), seed)[1]]
    assert np.mean([count > 0 for count in published]) > 0.8


@pytest.mark.parametrize("seed", range(4))
def test_the_faces_of_a_larger_table_together_give_nobody_away(seed):
    protection, worlds = decided((3, 3, 2), seed)
    assert protection.ok
    for world, published, withheld in worlds:
        _targets, found = breaches(world, published, withheld)
        assert not found


@pytest.mark.parametrize("seed", range(4))
def test_no_published_cell_is_sensitive_itself(seed):
    _protection, worlds = decided((3, 3, 2), seed)
    for world, published, _withheld in worlds:
        assert not [cell for cell in published if is_sensitive(world, cell)]


def test_the_attacker_finds_what_primary_suppression_alone_gives_away():
    _protection, worlds = decided((4,), 1)
    found = 0
    for world, published, withheld in worlds:
        only_primary = sorted({*published, *(cell for cell in withheld if not is_sensitive(world, cell))})
        found += len(breaches(world, only_primary, [cell for cell in withheld if is_sensitive(world, cell)])[1])
    assert found
