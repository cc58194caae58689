"""No withheld pooled cell can be narrowed to a member's figure: by an outsider, or by any member with its own figures."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

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


def withholding_release(seed, members=14, codes=4):
    """Members withhold some small leaves themselves; returns the leaves, who is counted where, and what is published."""
    rng = np.random.default_rng(100 + seed)
    layout = layout_of(small_template((codes,)))
    institutions = tuple(f"M{number:02}" for number in range(members))
    balance, _late = random_leaves(rng, members, (codes,))
    late = np.round(balance * 0.05, 2)
    hidden = (balance > 0) & (balance < np.quantile(balance[balance > 0], 0.25)) & (rng.random(balance.shape) < 0.7)
    parts = {"_T": balance, "LATE": late}
    values = np.stack([with_totals(parts[part.where["DPD"]]) for part in layout.parts], axis=1)
    values[:, :, 1:][np.repeat(hidden[:, None], len(layout.parts), axis=1)] = np.nan
    panel = panel_of(Returns(layout, institutions, values), {code: code for code in institutions})
    places = rng.integers(0, len(GROUPS), members)
    peers = Peers(institutions, (Family("region", GROUPS, places),))
    return balance, hidden, places, layout, protect(panel, peers, layout.template.disclosure, 2)


def _published_sums(hidden, places, layout, protection, *, everything):
    """For each published denominator the members' leaves that it is the sum of, flat."""
    members, codes = hidden.shape
    rows = []
    for decision in protection.decisions:
        if decision.part != layout.part(layout.template.indicators[0].denominator):
            continue
        for peer_group in filter(decision.face.holds, (ALL, *GROUPS)):
            inside = np.ones(members, dtype=bool) if peer_group == ALL else places == GROUPS.index(peer_group)
            out = np.atleast_1d(decision.withheld[decision.face.of_group(peer_group)])
            for code in np.flatnonzero(~out | everything):
                row = np.zeros((members, codes))
                row[inside] = (np.arange(codes) == code - 1) & ~hidden[inside] if code else 1.0
                rows.append(row.ravel())
    return rows


def pinned(seed, *, everything=False):
    """How many sums of what few members withheld were attacked, and which of them came out.

    The attacker even knows who withheld where; unknown is every figure of every other member. `everything` publishes
    all pools as if there were no disclosure control.
    """
    balance, hidden, places, layout, protection = withholding_release(seed)
    assert protection.ok
    rows = _published_sums(hidden, places, layout, protection, everything=everything)
    found, attacked = [], 0
    for group in (None, *range(len(GROUPS))):
        inside = np.ones(len(balance), dtype=bool) if group is None else places == group
        aim = np.where(hidden & inside[:, None], 1.0, 0.0)
        figures = (aim * balance).sum(axis=1)
        if 0 < np.count_nonzero(figures) < 3:
            for insider in (None, *range(0, len(balance), 3)):
                attacked += 1
                if _pins(figures, *_range(balance, rows, aim.ravel(), insider), insider):
                    found.append((group, insider))
    return attacked, found


@pytest.mark.parametrize("seed", range(4))
def test_what_members_withheld_at_home_does_not_follow_from_the_pools(seed):
    assert pinned(seed)[1] == []


def test_what_members_withheld_at_home_would_follow_from_all_pools():
    assert sum(len(pinned(seed, everything=True)[1]) for seed in range(4)) > 0


def _range(balance, rows, aim, insider):
    scale = balance.sum()
    own = np.zeros_like(balance, dtype=bool)
    if insider is not None:
        own[insider] = True
    bounds = [
        (value / scale, value / scale) if mine or value == 0 else (0, None)
        for value, mine in zip(balance.ravel(), own.ravel(), strict=True)
    ]
    equations = np.array(rows).reshape(-1, balance.size)
    sums = equations @ balance.ravel()
    ends = []
    for sign in (1.0, -1.0):
        solved = linprog(sign * aim, A_eq=equations, b_eq=sums / scale, bounds=bounds, method="highs")
        assert solved.status in (0, 3), solved.message
        ends.append(sign * solved.fun * scale if solved.status == 0 else np.inf)
    return ends


def _pins(figures, low, high, insider):
    """Whether the largest other figure is known to within ten percent from both sides."""
    own = 0.0 if insider is None else figures[insider]
    others = np.delete(figures, insider) if insider is not None else figures
    largest = others.max()
    slack = 0.1 * largest * (1 - 1e-6)
    return largest > 0 and high - own < largest + slack and low - own - (others.sum() - largest) > largest - slack


def test_a_sum_above_its_denominator_is_nobodys_rate_unless_it_is_a_share():
    """Hours per request: more hours than requests say nothing of anybody; all of a balance late says it of everybody."""
    document = small_template((2,)).source
    for format, published in (("number", True), ("percent", False)):
        (indicator,) = document["indicators"]
        layout = layout_of(parse({**document, "indicators": [{**indicator, "format": format}]}))
        institutions = tuple(f"M{number}" for number in range(8))
        whole = with_totals(np.arange(8 * 2, dtype=np.float64).reshape(8, 2) + 50)
        values = np.stack([whole * {"_T": 1, "LATE": 12}[part.where["DPD"]] for part in layout.parts], axis=1)
        panel = panel_of(Returns(layout, institutions, values), {code: code for code in institutions})
        protection = protect(panel, Peers(institutions, ()), layout.template.disclosure, 2)
        assert protection.ok
        reasons = protection.reasons(layout.template.indicators[0], ALL)
        assert (reasons == "").all() == published, (format, reasons)
