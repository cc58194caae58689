"""Months of a made-up consortium, its releases as files, and an attacker who reads them without the engine.

Every month has a release and most a revision: a member joins late, leaves, or corrects itself. Two families of peer groups
overlap, two members are affiliates. The attacker knows who sits where, who has business in which cell, the sums behind
every published rate, and the figures of whom it has bribed.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from sharing.benchmarks import disclosure, published
from sharing.benchmarks.crossing import Former, crossed, either
from sharing.benchmarks.peer_groups import ALL, Family, Peers
from sharing.benchmarks.pool import Returns, cell_keys, layout_of, panel_of, pooled_before_disclosure
from sharing.benchmarks.revisions import corrected_cells, isolated_cells
from tests.disclosure_attack.test_pooled_tables import small_template, with_totals

REGIONS, SIZES, CODES = ("north", "south", "west"), ("large", "small"), 3
COLUMNS = ("pooled", "mean", "p25", "median", "p75")
AFFILIATES = {"M02": "M01"}  # the second is one contributor with the first


@dataclass(frozen=True)
class Version:
    """What one release was made from, and its file: owners, [owner, code] of both parts, who sits in which group."""

    owners: tuple[str, ...]
    balance: np.ndarray
    late: np.ndarray
    groups: dict[str, frozenset[str]]
    rows: list[dict[str, str]]


def cast(count, rng):
    """Names, sizes and peer groups that do not change."""
    names = tuple(f"M{number:02}" for number in range(1, count + 1))
    return names, np.exp(rng.normal(0, 1.2, count)), rng.integers(0, 3, count), rng.integers(0, 2, count)


def month(number, members, seed):
    """The versions of one month, each a tuple (member names, balance, late)."""
    rng = np.random.default_rng([seed, number])
    names, size, _regions, _sizes = members
    balance = np.round(
        size[:, None] * rng.gamma(1.0, 1000, (len(names), CODES)) * (rng.random((len(names), CODES)) < 0.7), 2
    )
    rates = rng.beta(1, 10, balance.shape) * (rng.random(balance.shape) < 0.8)
    if number % 5 == 0:
        rates[:, 0] = 0.0  # a product in which nobody is late
    late = np.round(balance * rates, 2)
    everybody = np.arange(len(names))
    changed = rng.integers(0, len(names))
    first = np.delete(everybody, changed) if number % 4 == 0 else everybody
    versions = [(first, balance, late)]
    if number % 4 == 0:
        versions.append((everybody, balance, late))
    elif number % 4 == 1:
        versions.append((np.delete(everybody, changed), balance, late))
    elif number % 4 == 2:
        corrected, late_too = balance.copy(), late.copy()
        corrected[changed] = np.round(corrected[changed] * 3, 2)
        late_too[changed] = np.round(corrected[changed] * 0.2, 2)
        versions.append((everybody, corrected, late_too))
    return versions


def released(number, members, seed, *, policy=None, owner_of=AFFILIATES, ledger=True):
    """The versions of a month as the engine publishes them, in order."""
    names, _size, regions, sizes = members
    layout = layout_of(small_template((CODES,)))
    policy = policy or layout.template.disclosure
    found, formers = [], []
    for rows, balance, late in month(number, members, seed):
        here = tuple(names[row] for row in rows)
        parts = {"_T": balance[rows], "LATE": late[rows]}
        values = np.stack([with_totals(parts[part.where["DPD"]]) for part in layout.parts], axis=1)
        panel = panel_of(Returns(layout, here, values), {name: owner_of.get(name, name) for name in here})
        at = {name: place for place, name in enumerate(names)}
        seats = [at[name] for name in panel.contributors]
        peers = Peers(
            panel.contributors, (Family("region", REGIONS, regions[seats]), Family("size", SIZES, sizes[seats]))
        )
        figures = decided(panel, peers, policy, formers if ledger else [])
        found.append(as_read(figures, layout, names, members, rows, balance, late))
        shown = {}
        for each in figures:
            shown = either(shown, {each.peer_group: each.row & ~each.withheld})
        groups = {code: frozenset(panel.contributors[row] for row in peers.rows(code)) for code in peers.codes}
        by_indicator = {(each.indicator, each.peer_group): each.row & ~each.withheld for each in figures}
        formers.append((groups, shown, panel, by_indicator))
    return found


def decided(panel, peers, policy, former):
    """What the engine publishes, as a vault worker decides it."""
    formers = [
        Former(groups, shown, changed_since(was, panel), by_indicator) for groups, shown, was, by_indicator in former
    ]
    isolated, corrected = {}, {}
    for each in formers:
        isolated = either(isolated, isolated_cells(each, panel, peers, policy.min_contributors))
        corrected = either(corrected, corrected_cells(each, panel, peers, policy.min_contributors))
    if formers:
        isolated = either(isolated, crossed(panel, peers, policy, 2, formers))
    protection = disclosure.protect(panel, peers, policy, 2, isolated)
    return published.publish(panel, peers, pooled_before_disclosure(panel, peers), protection, policy, corrected)


def changed_since(was, now):
    """The contributors of a former panel that left or have other figures now, as they were."""
    place = {name: row for row, name in enumerate(now.contributors)}
    rows = [
        row
        for row, name in enumerate(was.contributors)
        if name not in place or not np.array_equal(was.values[row], now.values[place[name]])
    ]
    return type(was)(
        was.layout,
        tuple(was.contributors[row] for row in rows),
        was.values[rows],
        was.present[rows],
        was.reported[rows],
    )


def as_read(figures, layout, names, members, rows, balance, late):
    """The version with its file as a reader gets it: CSV, empty where a figure is withheld."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["indicator", "group", "key", *COLUMNS, "contributors"])
    keys = cell_keys(layout)
    for each in figures:
        for cell in np.flatnonzero(each.row & ~each.withheld):
            shown = [getattr(each, name).flat[cell] for name in COLUMNS]
            writer.writerow(
                [each.indicator, each.peer_group, keys[cell]]
                + ["" if np.isnan(value) else repr(float(value)) for value in shown]
                + [int(each.contributors.flat[cell])]
            )
    text.seek(0)
    # Truth: affiliates are one, whatever the engine takes them for.
    owners = tuple(sorted({AFFILIATES.get(names[row], names[row]) for row in rows}))
    index = {owner: place for place, owner in enumerate(owners)}
    sums = [np.zeros((len(owners), CODES)), np.zeros((len(owners), CODES))]
    for row in rows:
        for total, own in zip(sums, (balance, late), strict=True):
            total[index[AFFILIATES.get(names[row], names[row])]] += own[row]
    seat = {name: (REGIONS[members[2][place]], SIZES[members[3][place]]) for place, name in enumerate(names)}
    groups = {ALL: frozenset(owners)}
    for code in (*REGIONS, *SIZES):
        groups[code] = frozenset(owner for owner in owners if code in seat[owner])
    return Version(owners, *sums, groups, list(csv.DictReader(text)))


@dataclass(frozen=True)
class Knowledge:
    """Unknown figures with their truth and owner, equations over them, pairs (small, large) that are known to be ordered."""

    truth: np.ndarray
    owner: np.ndarray
    equations: np.ndarray
    ordered: list[tuple[int, int]]
    victims: list[list[int]]  # sums of one owner's unknowns that the attacker is after


def sums_known(versions):
    """Unknown: what each owner has of both parts in every code, by version where it changed."""
    truth, owner, place, ordered, victims, rows = [], [], {}, [], [], []

    def unknown(name, part, code, value, number):
        for earlier in range(number + 1):
            if (name, part, code, earlier) in place and truth[place[name, part, code, earlier]] == value:
                return place[name, part, code, earlier]
        place[name, part, code, number] = len(truth)
        truth.append(value)
        owner.append(name)
        return len(truth) - 1

    columns = {}
    for number, version in enumerate(versions):
        for row, name in enumerate(version.owners):
            mine = {}
            for code in range(CODES):
                for part, figures in (("all", version.balance), ("late", version.late)):
                    mine[part, code] = unknown(name, part, code, figures[row, code], number)
                ordered.append((mine["late", code], mine["all", code]))
            columns[number, name] = mine
            victims += [[each] for each in mine.values()]
            victims += [[mine[part, code] for code in range(CODES)] for part in ("all", "late")]
    for number, version in enumerate(versions):
        for line in version.rows:
            codes = range(CODES) if line["key"] == "_T" else [int(line["key"][1:])]
            rows += [
                [columns[number, name][part, code] for name in version.groups[line["group"]] for code in codes]
                for part in ("all", "late")
            ]
    return _knowledge(truth, owner, rows, ordered, victims)


def rates_known(versions):
    """Unknown: the rate of each owner in every cell; known: published means times published counts."""
    truth, owner, place, rows, victims = [], [], {}, [], []
    for version in versions:
        for line in version.rows:
            if not line["mean"]:
                continue
            codes = list(range(CODES)) if line["key"] == "_T" else [int(line["key"][1:])]
            row = []
            for name in sorted(version.groups[line["group"]]):
                at = version.owners.index(name)
                whole, late = version.balance[at, codes].sum(), version.late[at, codes].sum()
                if whole > 0:
                    name_of = name, line["key"], late / whole
                    if name_of not in place:
                        place[name_of] = len(truth)
                        truth.append(late / whole)
                        owner.append(name)
                        victims.append([place[name_of]])
                    row.append(place[name_of])
            rows.append(row)
    return _knowledge(truth, owner, rows, [], victims)


def _knowledge(truth, owner, rows, ordered, victims):
    equations = np.zeros((len(rows), len(truth)))
    for number, row in enumerate(rows):
        equations[number, row] = 1.0
    kept = np.unique(equations, axis=0) if len(rows) else equations
    return Knowledge(np.array(truth), np.array(owner), kept, ordered, victims)


def recovered(known, attackers, percent=10.0):
    """The victims whose figure the attackers can put within so many percent of the truth, from both sides."""
    own = np.isin(known.owner, list(attackers))
    victims = [each for each in known.victims if not own[each].any() and known.truth[each].sum() > 0]
    if not victims or not len(known.equations):
        return []
    for sign in (1.0, -1.0):
        before = len(victims) + 1
        while victims and len(victims) < before:
            before, victims = len(victims), _still_near(known, own, victims, sign, percent)
    return [each for each in victims if all(_is_near(known, own, each, sign, percent) for sign in (1.0, -1.0))]


def _bounds(known, own):
    """Movements from the truth: nothing falls below zero, zeros and own figures are known."""
    still = own | (known.truth == 0)
    return np.where(still, 0.0, -known.truth), np.where(still, 0.0, np.inf)


def _order(known):
    rows = np.zeros((len(known.ordered), len(known.truth)))
    for number, (small, large) in enumerate(known.ordered):
        rows[number, small], rows[number, large] = 1.0, -1.0
    return rows, -(rows @ known.truth)


def _still_near(known, own, victims, sign, percent):
    """Those that one movement of all at once does not take away."""
    count, extra = len(known.truth), len(victims)
    unit = float(np.median([known.truth[each].sum() for each in victims])) * percent / 100
    low, high = _bounds(known, own)
    order, room = _order(known)
    reach = np.zeros((extra, count))
    for number, each in enumerate(victims):
        reach[number, each] = -sign * unit / (percent / 100 * known.truth[each].sum())
    above = sparse.csr_array(np.block([[order, np.zeros((len(order), extra))], [reach, np.eye(extra)]]))
    solved = linprog(
        np.concatenate([np.zeros(count), -np.ones(extra)]),
        A_ub=above,
        b_ub=np.concatenate([np.maximum(room, 0) / unit, np.zeros(extra)]),
        A_eq=sparse.csr_array(np.hstack([known.equations, np.zeros((len(known.equations), extra))])),
        b_eq=np.zeros(len(known.equations)),
        bounds=np.column_stack(
            [np.concatenate([low / unit, np.zeros(extra)]), np.concatenate([np.minimum(high, 1e6), np.ones(extra)])]
        ),
        method="highs",
    )
    assert solved.status == 0, solved.message
    return [each for each, moved in zip(victims, solved.x[count:], strict=True) if moved < 1 - 1e-6]


def _is_near(known, own, victim, sign, percent):
    width = percent / 100 * known.truth[victim].sum()
    low, high = _bounds(known, own)
    order, room = _order(known)
    aim = np.zeros(len(known.truth))
    aim[victim] = -sign
    solved = linprog(
        aim, A_ub=order if len(order) else None, b_ub=np.maximum(room, 0) / width if len(order) else None,
        A_eq=known.equations, b_eq=np.zeros(len(known.equations)),
        bounds=np.column_stack([low / width, np.minimum(high, 1e3)]), method="highs",
    )  # fmt: skip
    assert solved.status == 0, solved.message
    return -solved.fun < 1 - 1e-6


def told(versions, policy):
    """What a reader sees without solving anything: sums of few, quantiles of few or of somebody, a rate of everybody."""
    found = []
    for version in versions:
        for line in version.rows:
            codes = list(range(CODES)) if line["key"] == "_T" else [int(line["key"][1:])]
            rows = [version.owners.index(name) for name in version.groups[line["group"]]]
            whole, late = version.balance[rows][:, codes].sum(axis=1), version.late[rows][:, codes].sum(axis=1)
            rates = late[whole > 0] / whole[whole > 0]
            if len(rates) < policy.min_contributors or int(line["contributors"]) != len(rates):
                found.append("few")
            if float(line["pooled"]) in (0.0, 1.0):
                found.append("same for all")
            for name, least in (
                ("p25", policy.quartiles_minimum),
                ("median", policy.median_minimum),
                ("p75", policy.quartiles_minimum),
            ):
                if line[name] and len(rates) < least:
                    found.append("quantile of few")
                if line[name] and np.sum(np.isclose(rates, float(line[name]), rtol=1e-9, atol=0)) == 1:
                    found.append("somebody's quantile")
    return found
