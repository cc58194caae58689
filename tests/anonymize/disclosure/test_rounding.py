"""Controlled rounding: right on average, adding up, near the truth, and telling no more than the base allows."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize.disclosure.audit import PROVEN, PUBLISHED
from anonymize.disclosure.lattice import Hierarchy, Lattice, Table
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import find_primary
from anonymize.disclosure.rounding import Dice, Orders, choose_orders, kept_parts, rounded
from anonymize.disclosure.rounding_audit import audit_rounded, least_length, needed_length
from tests.anonymize.disclosure.attacker import interval_of_rounded, kept_cells
from tests.anonymize.disclosure.tables import hierarchy, margins, random_tape

FIVE_SIGMA = 5.0
REGIONS = Hierarchy(("_T", "N", "N1", "N2", "S", "S1", "S2", "S3"), (-1, 0, 1, 1, 0, 4, 4, 4))
PRODUCTS, BUCKETS = Hierarchy.flat(("A", "B", "C")), Hierarchy.flat(("0", "30", "60"))


def dice(number: int) -> Dice:
    return Dice(f"a key for tests, number {number}".encode())


def random_table(
    rng: np.random.Generator, lattice: Lattice, *, most: int = 40, empty: float = 0.3
) -> NDArray[np.int64]:
    """An additive table of whole numbers, small ones and zeros among them."""
    finest = np.where(rng.random(lattice.shape) < empty, 0, rng.integers(0, most, lattice.shape))
    finest = np.where((lattice.height == 0).reshape(lattice.shape), finest, 0)
    return margins(lattice, finest.astype(np.float64)).astype(np.int64)


def random_lattice(rng: np.random.Generator) -> Lattice:
    dimensions = int(rng.integers(1, 5))
    return Lattice(
        tuple(hierarchy(rng, 3 if dimensions > 2 else 5, int(rng.integers(1, 3))) for _ in range(dimensions))
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_rounded_table_adds_up_and_stays_as_near_as_promised(seed: int) -> None:
    check_promises(seed)


@pytest.mark.nightly
@pytest.mark.parametrize("hundred", range(1, 21))
def test_every_random_table_is_rounded_as_promised(hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        check_promises(seed)


def check_promises(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lattice = random_lattice(rng)
    value = random_table(rng, lattice) * (-1 if seed % 5 == 0 else 1)
    base = int(rng.integers(2, 20))
    orders = choose_orders(lattice)
    result = rounded(lattice, value, base, dice(seed), orders)
    assert (result % base == 0).all()
    finest = (lattice.height == 0).reshape(lattice.shape)
    assert np.array_equal(margins(lattice, np.where(finest, result, 0).astype(float)), result)
    error, parts = np.abs(result - value), kept_parts(lattice, orders)
    assert (parts[kept_cells(lattice, orders)] == 1).all()
    assert (error < parts * base).all()
    assert (error < kept_parts(lattice, orders, value != 0) * base + (value == 0)).all()
    assert np.array_equal(result[finest & (value % base == 0)], value[finest & (value % base == 0)])


@pytest.mark.parametrize("trees", [(REGIONS,), (PRODUCTS, BUCKETS), (REGIONS, BUCKETS), (BUCKETS, REGIONS)])
def test_all_cells_of_a_table_with_subtotals_in_one_of_two_dimensions_are_within_the_base(
    trees: tuple[Hierarchy, ...],
) -> None:
    lattice = Lattice(trees)
    orders = choose_orders(lattice)
    assert (kept_parts(lattice, orders) == 1).all()
    value = random_table(np.random.default_rng(3), lattice)
    for number in range(20):
        assert (np.abs(rounded(lattice, value, 10, dice(number), orders) - value) < 10).all()


def draws(lattice: Lattice, value: NDArray[np.int64], base: int, orders: Orders, number: int) -> NDArray[np.int64]:
    return np.stack([rounded(lattice, value, base, dice(each), orders) for each in range(number)])


@pytest.mark.parametrize("trees", [(PRODUCTS, BUCKETS), (REGIONS, PRODUCTS, BUCKETS)])
def test_the_expectation_of_every_cell_is_its_true_value(trees: tuple[Hierarchy, ...]) -> None:
    lattice = Lattice(trees)
    value, orders = random_table(np.random.default_rng(4), lattice), choose_orders(lattice)
    number = 600
    errors = draws(lattice, value, 10, orders, number) - value
    deviation = np.maximum(errors.std(axis=0), 0.1)
    assert (np.abs(errors.mean(axis=0)) <= FIVE_SIGMA * deviation / np.sqrt(number)).all()


def test_the_chance_of_rounding_up_is_the_share_that_is_left() -> None:
    lattice = Lattice((Hierarchy.flat(("A",)),))
    value = np.array([3, 3])
    ups = (draws(lattice, value, 10, choose_orders(lattice), 2000)[:, 1] == 10).mean()
    assert abs(ups - 0.3) <= FIVE_SIGMA * np.sqrt(0.3 * 0.7 / 2000)


def test_the_stated_standard_error_is_not_exceeded() -> None:
    lattice = Lattice((REGIONS, PRODUCTS, BUCKETS))
    value, orders = random_table(np.random.default_rng(5), lattice, empty=0.1), choose_orders(lattice)
    errors = draws(lattice, value, 10, orders, 200) - value
    stated = 5 * np.sqrt(kept_parts(lattice, orders, value != 0))
    spread = np.sqrt((errors.astype(float) ** 2).mean(axis=0))
    assert (spread <= stated * (1 + FIVE_SIGMA / np.sqrt(2 * 200))).all()


def test_the_same_key_rounds_the_same_way_and_another_does_not() -> None:
    lattice = Lattice((REGIONS, PRODUCTS, BUCKETS))
    value, orders = random_table(np.random.default_rng(6), lattice), choose_orders(lattice)
    one, again, other = (rounded(lattice, value, 10, dice(number), orders) for number in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(6))
def test_an_attacker_cannot_narrow_a_sensitive_cell_below_what_the_rules_demand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lattice = Lattice((PRODUCTS, hierarchy(rng, 3, 2), BUCKETS) if seed % 2 else (hierarchy(rng, 3, 2), BUCKETS))
    table = random_tape(rng, lattice, 40, 3, integral=seed % 3 == 0).table
    signed = np.zeros(lattice.shape, np.bool_)
    primary = find_primary(table, DisclosurePolicy(min_contributors=4, coalition=0))
    base, orders = 20 if table.integral else 400, choose_orders(lattice)
    value = rounded(lattice, table.value.astype(np.int64), base, dice(seed), orders).astype(float)
    kept = kept_cells(lattice, orders)
    found = audit_rounded(table, primary, value, base=base, unit=1.0, signed=signed)
    assert len(found.findings) == primary.count > 0
    safe = least_length(table, base, 1.0, signed, kept) >= needed_length(primary)
    for finding in rng.permutation(np.array(found.findings, dtype=object))[:12]:
        low, high = interval_of_rounded(lattice, value, kept, base - 1.0, finding.cell)
        true = float(table.value.flat[finding.cell])
        assert low <= true - finding.fall + 1e-6
        assert high >= true + finding.rise - 1e-6
        if safe.flat[finding.cell]:
            assert finding.status == PROVEN
            assert high - low >= needed_length(primary).flat[finding.cell] - 1e-6


def forged(damage: str) -> tuple[Table, NDArray[np.float64]]:
    lattice = Lattice((PRODUCTS, BUCKETS))
    table = random_tape(np.random.default_rng(1), lattice, 30, 3, integral=True).table
    value = rounded(lattice, table.value.astype(np.int64), 10, dice(1), choose_orders(lattice)).astype(float)
    if damage == "no multiple":
        value[0, 0] += 1
    elif damage == "do not add up":
        value[0, 0] += 10
    elif damage == "further from the truth":
        value[1, 1] += 20
    return table, value


@pytest.mark.parametrize("damage", ["no multiple", "do not add up", "further from the truth"])
def test_the_audit_refuses_what_is_no_rounding(damage: str) -> None:
    table, value = forged(damage)
    primary = find_primary(table, DisclosurePolicy(min_contributors=4))
    nothing = np.zeros(value.shape, np.bool_)
    with pytest.raises(ValueError, match=damage):
        audit_rounded(table, primary, value, base=10, unit=1.0, signed=nothing)


def test_a_base_of_one_protects_nothing() -> None:
    table, _ = forged("")
    primary = find_primary(table, DisclosurePolicy(min_contributors=4))
    nothing = np.zeros(table.value.shape, np.bool_)
    found = audit_rounded(table, primary, table.value, base=1, unit=1.0, signed=nothing)
    assert {finding.status for finding in found.findings} == {PUBLISHED}


@pytest.mark.parametrize(
    "trees",
    [
        (Hierarchy.flat(()),),
        (Hierarchy.flat(("A",)), Hierarchy.flat(("B",))),
        (Hierarchy(tuple("abcdef"), (-1, 0, 1, 2, 3, 4)), BUCKETS),
        (Hierarchy.flat(tuple(str(code) for code in range(500))),),
        tuple(Hierarchy.flat(("A", "B")) for _ in range(7)),
    ],
    ids=["nothing but a total", "one cell", "a chain of single children", "wide", "seven dimensions"],
)
def test_odd_shapes_are_rounded_too(trees: tuple[Hierarchy, ...]) -> None:
    lattice = Lattice(trees)
    value, orders = random_table(np.random.default_rng(1), lattice) * 10**11, choose_orders(lattice)
    base = 10**12 + 1
    result = rounded(lattice, value, base, dice(1), orders)
    assert (result % base == 0).all()
    assert (np.abs(result - value) < kept_parts(lattice, orders) * base).all()


def test_thirteen_thousand_cells_are_rounded_in_seconds() -> None:
    regions = Hierarchy((*REGIONS.codes, *(f"R{n}" for n in range(24))), (*REGIONS.parent, *([1, 4] * 12)))
    lattice = Lattice((regions, Hierarchy.flat(tuple("ABCDEFGHI")), PRODUCTS, Hierarchy.flat(tuple("0123456789"))))
    assert lattice.size > 13_000
    value = random_table(np.random.default_rng(1), lattice)
    begun = time.perf_counter()
    rounded(lattice, value, 10, dice(1), choose_orders(lattice))
    assert time.perf_counter() - begun < 10
