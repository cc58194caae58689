"""Two years of a made-up consortium: what its members have, who sits where, and the releases that the engine makes of it.

Every month has a release, and most a revision: a member joins late, leaves, corrects itself, or moves to another group.
Two families of peer groups overlap, in some months a custom one as well; two pairs of members are affiliates. Some months
hold what the rules are for: a product of few, one dominated by its largest, one in which nobody is late, a group whose
mean is one member's, a part that is all but one member's the same as the part around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.template import TOTAL, parse
from sharing.benchmarks import crossing, disclosure, published, revisions
from sharing.benchmarks.crossing import Former, either
from sharing.benchmarks.peer_groups import ALL, NOWHERE, Family, Peers
from sharing.benchmarks.pool import Returns, layout_of, panel_of, pooled_before_disclosure
from sharing.benchmarks.quantiles import QUANTILES

MONTHS = 24
POLICY = DisclosurePolicy(coalition=2)
REGIONS, SIZES, CLUB = ("north", "south", "west"), ("large", "small"), "club"
NAMES = tuple(f"M{number:02}" for number in range(34))
AFFILIATES = {"M02": "M01", "M31": "M30"}
PRODUCTS = 3
PARTS = ("_T", "D30", "D90")  # each within the one before
INDICATORS = {"LATE30": (1, 0), "LATE90": (2, 0)}  # the places of numerator and denominator
STATISTICS = ("mean", "trimmed_mean", *QUANTILES)
CELLS = range(PRODUCTS + 1)  # all products, then each
SEED = 2026


@dataclass(frozen=True)
class Return:
    """What one version of a month is made from: [member, part, product], who reports, and the custom group."""

    leaves: np.ndarray
    reporting: tuple[int, ...]
    region: np.ndarray
    club: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Line:
    """One published row: everything a reader may know of it."""

    indicator: str
    group: str
    cell: int
    contributors: int
    pooled: float
    weight: float
    statistics: dict[str, float]


@dataclass(frozen=True)
class Version:
    """The truth of one release, affiliates as the one that they are, and the rows that it published."""

    owners: tuple[str, ...]
    leaves: np.ndarray
    groups: dict[str, frozenset[str]]
    lines: tuple[Line, ...]

    def held(self, part: int, cell: int) -> np.ndarray:
        """What each owner has of a part in a product, or in all of them."""
        return self.leaves[:, part].sum(axis=1) if cell == 0 else self.leaves[:, part, cell - 1]

    def members(self, group: str) -> np.ndarray:
        return np.array([owner in self.groups[group] for owner in self.owners])


def template(policy):
    def dimension(name, codes, parents=None):
        listed = [{"id": TOTAL, "name": {"en": "All"}}]
        listed += [{"id": code, "name": {"en": code}, "parent": (parents or {}).get(code, TOTAL)} for code in codes]
        return {"id": name, "name": {"en": name}, "codes": listed}

    def indicator(name, code):
        return {
            "id": name,
            "name": {"en": name},
            "numerator": {"measure": "BALANCE", "where": {"DPD": code}},
            "denominator": {"measure": "BALANCE", "where": {"DPD": TOTAL}},
        }

    return parse(
        {
            "id": "two-years",
            "version": "1.0.0",
            "name": {"en": "Two years"},
            "description": {"en": "Two years"},
            "frequency": "M",
            "confidentiality": "sealed",
            "dimensions": [
                dimension("PRODUCT", [f"P{number}" for number in range(PRODUCTS)]),
                dimension("DPD", ["D30", "D90"], {"D90": "D30"}),
            ],
            "measures": [{"id": "BALANCE", "name": {"en": "Balance"}, "type": "amount", "unit": "CNY", "decimals": 2}],
            "indicators": [indicator("LATE30", "D30"), indicator("LATE90", "D90")],
            "checks": [],
            "protection": {"method": "none"},
            "disclosure": policy.to_dict(),
        }
    )


def _cast():
    rng = np.random.default_rng(SEED)
    count = len(NAMES)
    region, size = rng.permutation(np.arange(count) % len(REGIONS)), (rng.random(count) < 0.6).astype(np.int64)
    scale = np.exp(rng.normal(0, 0.8, count)) * np.where(size == 0, 3.0, 1.0)
    for member, head in AFFILIATES.items():
        region[NAMES.index(member)], size[NAMES.index(member)] = region[NAMES.index(head)], size[NAMES.index(head)]
    return scale, region, size


SCALE, REGION, SIZE = _cast()


def month(number: int) -> list[Return]:
    """The versions of one month."""
    rng = np.random.default_rng([SEED, number])
    shape = len(NAMES), PRODUCTS
    balance = SCALE[:, None] * rng.gamma(1.5, 1000, shape) * (rng.random(shape) < 0.8)
    late30 = rng.beta(2, 20, shape)
    late90 = rng.beta(4, 6, shape)
    situation = SITUATIONS.get(number)
    if situation:
        situation(balance, late30, late90)
    leaves = np.round(np.stack([balance, balance * late30, balance * late30 * late90], axis=1), 2)
    everybody = tuple(range(len(NAMES)))
    first = Return(leaves, everybody, REGION)
    return REVISIONS[number % len(REVISIONS)](first, rng)


def _few(balance, late30, late90):
    """Product 1 is offered by five institutions, two of which are affiliates."""
    offered = [NAMES.index(name) for name in ("M01", "M02", "M05", "M09", "M14")]
    balance[np.setdiff1d(np.arange(len(NAMES)), offered), 1] = 0
    balance[offered, 1] = [3000, 2900, 2500, 2800, 2600]
    late30[offered, 1], late90[offered, 1] = 0.1, [0.5, 0.4, 0.5, 0.6, 0.5]


def _dominated(balance, _late30, _late90):
    """One member has nearly all of product 1."""
    balance[:, 1] = 20 + balance[:, 1] / balance[:, 1].max() * 10
    balance[7, 1] = 30_000


def _nobody_late(_balance, late30, _late90):
    late30[:, 2] = 0.0


def _one_high_rate(balance, late30, late90):
    """In the west one small member has a high rate, the others hardly any."""
    west = np.flatnonzero(REGIONS.index("west") == REGION)
    late30[west] = 0.0004
    balance[west[0]] = balance[west].mean(axis=0) / 5 + 50
    late30[west[0]] = 0.9


def _all_but_one_the_same(_balance, late30, late90):
    """Everybody's late loans are 90 days late, but for one member's."""
    late90[:, 0] = 1.0
    late90[11, 0] = 0.1
    late30[11, 0] = 0.2


def _three_large(balance, _late30, _late90):
    """Three members have nearly all of product 1: two of them know the third's."""
    _dominated(balance, _late30, _late90)
    balance[[7, 8, 9], 1] = 30_000, 27_000, 24_000


SITUATIONS: dict[int, Callable[..., None]] = {
    1: _few,
    7: _nobody_late,
    8: _dominated,
    10: _one_high_rate,
    13: _all_but_one_the_same,
    16: _three_large,
    17: _few,
    19: _one_high_rate,
    22: _dominated,
}


def _unchanged(first, _rng):
    return [first]


def _in_one_cell(leaves, members):
    """These have business in product 0 alone: what they change leaves the other products as they are."""
    for member in members:
        leaves[member, :, 1:] = 0
        leaves[member, :, 0] += [400, 60, 20]


def _joiner(first, rng):
    late = int(rng.integers(3, 30))
    _in_one_cell(first.leaves, [late])
    return [replace(first, reporting=tuple(each for each in first.reporting if each != late)), first]


def _leaver(first, rng):
    gone = int(rng.integers(3, 30))
    _in_one_cell(first.leaves, [gone])
    return [first, replace(first, reporting=tuple(each for each in first.reporting if each != gone))]


def _correction(first, rng):
    """One member corrects itself: its first figures were a hundredth of what it has."""
    whose = int(rng.integers(3, 30))
    _in_one_cell(first.leaves, [whose])
    before = first.leaves.copy()
    before[whose] = np.round(before[whose] / [[100], [200], [200]], 2)
    return [replace(first, leaves=before), first]


def _small_correction(first, rng):
    """Two members correct themselves by a tenth or so: sums are shown again, what a single rate moves is not."""
    corrected = first.leaves.copy()
    for whose in rng.choice(np.arange(3, 30), 2, replace=False):
        corrected[whose, 1:] = np.round(corrected[whose, 1:] * 1.1, 2)
    return [first, replace(first, leaves=corrected)]


def _club(first, rng):
    """A custom group appears, and one member is the only one that "large" has besides."""
    large = np.flatnonzero(SIZE == 0)
    return [first, replace(first, club=frozenset(large.tolist()) - {int(rng.choice(large[large > 2]))})]


def _moved(first, rng):
    """A member is counted in another region from now on; after that another leaves."""
    whose, gone = rng.choice(np.arange(3, 30), 2, replace=False).tolist()
    _in_one_cell(first.leaves, [whose, gone])
    region = first.region.copy()
    region[whose] = (region[whose] + 1) % len(REGIONS)
    second = replace(first, region=region)
    return [first, second, replace(second, reporting=tuple(each for each in first.reporting if each != gone))]


def _many_joiners(first, rng):
    late = set(rng.choice(np.arange(3, 30), 7, replace=False).tolist())
    return [replace(first, reporting=tuple(each for each in first.reporting if each not in late)), first]


REVISIONS = (_unchanged, _joiner, _leaver, _correction, _club, _moved, _many_joiners, _small_correction)


def released(
    number: int,
    *,
    policy: DisclosurePolicy = POLICY,
    affiliates: dict[str, str] = AFFILIATES,
    ledger: bool = True,
    only: slice = slice(None),
) -> list[Version]:
    """The versions of a month, or `only` some, as the engine publishes them one after another, as a vault worker does."""
    layout = layout_of(template(policy))
    found: list[Version] = []
    formers: list[tuple[dict, dict, dict, object]] = []
    for each in month(number)[only]:
        panel, peers = _panel(layout, each, affiliates)
        figures = _figures(panel, peers, policy, [_former(*former, panel) for former in formers] if ledger else [])
        found.append(_version(each, figures))
        by_indicator = {(one.indicator, one.peer_group): one.row & ~one.withheld for one in figures}
        shown: dict = {}
        for (_indicator, group), mask in by_indicator.items():
            shown = either(shown, {group: mask})
        groups = {code: frozenset(panel.contributors[row] for row in peers.rows(code)) for code in peers.codes}
        formers.append((groups, shown, by_indicator, panel))
    return found


def _panel(layout, each, affiliates):
    here = tuple(NAMES[row] for row in each.reporting)
    leaves = each.leaves[list(each.reporting)]
    leaves = np.concatenate([leaves.sum(axis=2, keepdims=True), leaves], axis=2)
    order = [PARTS.index(part.where["DPD"]) for part in layout.parts]
    panel = panel_of(Returns(layout, here, leaves[:, order]), {name: affiliates.get(name, name) for name in here})
    seats = [NAMES.index(name) for name in panel.contributors]
    families = [Family("region", REGIONS, each.region[seats]), Family("size", SIZES, SIZE[seats])]
    if each.club:
        inside = [0 if seat in each.club else NOWHERE for seat in seats]
        families.append(Family(CLUB, (CLUB,), np.array(inside, dtype=np.int64)))
    return panel, Peers(panel.contributors, tuple(families))


def _figures(panel, peers, policy, formers):
    isolated, corrected = {}, {}
    for each in formers:
        isolated = either(isolated, revisions.isolated_cells(each, panel, peers, policy.min_contributors))
        corrected = either(corrected, revisions.corrected_cells(each, panel, peers, policy.min_contributors))
    if formers:
        isolated = either(isolated, crossing.crossed(panel, peers, policy, 2, formers))
    protection = disclosure.protect(panel, peers, policy, 2, isolated)
    return published.publish(panel, peers, pooled_before_disclosure(panel, peers), protection, policy, corrected)


def _former(groups, shown, by_indicator, was, now):
    """A former release with the figures of those who left or have others now, as they were."""
    place = {name: row for row, name in enumerate(now.contributors)}
    rows = [
        row
        for row, name in enumerate(was.contributors)
        if name not in place or not np.array_equal(was.values[row], now.values[place[name]])
    ]
    changed = replace(
        was,
        contributors=tuple(was.contributors[row] for row in rows),
        values=was.values[rows],
        present=was.present[rows],
        reported=was.reported[rows],
    )
    return Former(groups, shown, changed, by_indicator)


def _version(each, figures):
    owners = tuple(sorted({AFFILIATES.get(NAMES[row], NAMES[row]) for row in each.reporting}))
    leaves = np.zeros((len(owners), *each.leaves.shape[1:]))
    for row in each.reporting:
        leaves[owners.index(AFFILIATES.get(NAMES[row], NAMES[row]))] += each.leaves[row]
    seats = {owner: NAMES.index(owner) for owner in owners}
    groups = {ALL: frozenset(owners)}
    for place, code in enumerate(REGIONS):
        groups[code] = frozenset(owner for owner in owners if each.region[seats[owner]] == place)
    for place, code in enumerate(SIZES):
        groups[code] = frozenset(owner for owner in owners if SIZE[seats[owner]] == place)
    if each.club:
        groups[CLUB] = frozenset(owner for owner in owners if seats[owner] in each.club)
    lines = []
    for one in figures:
        for cell in np.flatnonzero(one.row & ~one.withheld).tolist():
            statistics = {name: float(getattr(one, name)[cell]) for name in STATISTICS}
            lines.append(
                Line(
                    one.indicator,
                    one.peer_group,
                    cell,
                    int(one.contributors[cell]),
                    float(one.pooled[cell]),
                    float(one.weight[cell]),
                    {name: value for name, value in statistics.items() if not np.isnan(value)},
                )
            )
    return Version(owners, leaves, groups, tuple(lines))
