"""Tables at the edge of what occurs: all of them protected, audited without the proofs, and attacked by other code."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize.disclosure.audit import audit
from anonymize.disclosure.lattice import Hierarchy, Lattice, Table
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import find_primary
from anonymize.disclosure.problem import Pattern, Problem
from anonymize.disclosure.secondary import suppress
from tests.anonymize.disclosure.attacker import equations, interval, knowledge
from tests.anonymize.disclosure.tables import Tape, random_tape
from tests.bench.disclosure import SMALL, draw
from tests.bench.optimum import least_cost

POLICY = DisclosurePolicy(min_contributors=3, p_percent=15)
SQUARE = Lattice((Hierarchy.flat(["a", "b", "c"]), Hierarchy.flat(["x", "y", "z"])))


def protected(table: Table, policy: DisclosurePolicy = POLICY) -> tuple[Problem, Pattern]:
    problem = Problem(table, find_primary(table, policy))
    pattern = suppress(problem)
    assert pattern.unprotected == ()
    assert audit(problem, pattern.withheld).ok
    assert audit(problem, pattern.withheld, pattern.movements).ok
    return problem, pattern


def attacked(given: Tape, problem: Problem, pattern: Pattern) -> None:
    """No outsider comes nearer to a sensitive cell than p% of its largest contribution."""
    system, bounds = equations(given.table.lattice), knowledge(given, pattern.withheld, None)
    for cell in np.flatnonzero(problem.primary.mask)[:8]:
        demanded = POLICY.amount_width(float(given.table.largest.flat[cell])) * (1 - 1e-5)
        fall, rise = interval(system, bounds, int(cell))
        assert min(fall, rise) >= demanded, cell


def scaled(given: Tape, factor: float) -> Tape:
    """The same records in another unit."""
    table = given.table
    return Tape(
        Table(table.lattice, table.value * factor, table.largest * factor, table.second * factor, table.contributors),
        given.parts * factor,
    )


def few(lattice: Lattice, seed: int, people: int = 14) -> Tape:
    return random_tape(np.random.default_rng(seed), lattice, people, 2, integral=False)


@pytest.mark.parametrize("factor", [1e15, 1e9, 1e-6])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_unit_of_an_amount_does_not_change_what_is_withheld(seed: int, factor: float) -> None:
    given = few(SQUARE, seed)
    _, before = protected(given.table)
    problem, after = protected(scaled(given, factor).table)
    assert (problem.primary.mask == find_primary(given.table, POLICY).mask).all()
    assert after.secondary.sum() == before.secondary.sum()


def test_one_enormous_contribution_beside_small_ones_is_protected() -> None:
    given = few(SQUARE, 5, people=30)
    parts = given.parts.copy()
    parts[0] *= 1e12 / max(parts[0].max(), 1.0)
    ordered = np.sort(parts, axis=0)[::-1]
    table = Table(SQUARE, parts.sum(axis=0), ordered[0], ordered[1], given.table.contributors)
    huge = Tape(table, parts)
    attacked(huge, *protected(table))


def test_a_table_with_every_cell_sensitive_is_withheld_whole() -> None:
    given = few(SQUARE, 6, people=20)
    problem, pattern = protected(given.table, DisclosurePolicy(min_contributors=21))
    assert (problem.primary.mask == ~given.table.zero).all()
    assert pattern.secondary.sum() == 0


def chain(length: int) -> Hierarchy:
    """Each code the only part of the one above, then three parts: the upper codes are all the same cells."""
    codes = [f"c{level}" for level in range(length)]
    return Hierarchy((*codes, "x", "y", "z"), (*range(-1, length - 1), *([length - 1] * 3)))


@pytest.mark.parametrize("length", [2, 12])
def test_a_chain_of_single_children_is_one_secret(length: int) -> None:
    given = few(Lattice((chain(length), Hierarchy.flat(["a", "b"]))), 7)
    problem, pattern = protected(given.table)
    assert problem.primary.mask.any()
    assert (pattern.withheld[:length] == pattern.withheld[0]).all()
    attacked(given, problem, pattern)


def test_a_hierarchy_given_twice_protects_both_alike() -> None:
    tree = Hierarchy(("_T", "n", "s", "n1", "n2", "s1", "s2"), (-1, 0, 0, 1, 1, 2, 2))
    lattice = Lattice((tree, tree))
    parts = np.zeros((12, *lattice.shape))
    rng = np.random.default_rng(3)
    for who in range(12):
        leaf = int(rng.choice([3, 4, 5, 6]))
        above = list(tree.path(leaf))
        parts[who][np.ix_(above, above)] = float(rng.integers(10, 200))
    ordered = np.sort(parts, axis=0)[::-1]
    table = Table(lattice, parts.sum(axis=0), ordered[0], ordered[1], (parts > 0).sum(axis=0))
    given = Tape(table, parts)
    problem, pattern = protected(table)
    attacked(given, problem, pattern)
    assert (pattern.withheld[:, 0] == np.diag(pattern.withheld)).all()


def test_eight_dimensions_are_protected() -> None:
    table = draw(((2,),) * 8, 4_000, 0.3, counts=False)
    problem = Problem(table, find_primary(table, DisclosurePolicy(min_contributors=4, p_percent=10)))
    pattern = suppress(problem, effort=0)
    assert problem.primary.count > 0
    assert audit(problem, pattern.withheld, pattern.movements).ok


@pytest.mark.parametrize("seed", range(4))
def test_amounts_of_either_sign_are_protected(seed: int) -> None:
    given = few(SQUARE, seed)
    sign: NDArray[np.float64] = np.where(np.arange(len(given.parts)) % 3 == 0, -1.0, 1.0)
    parts = given.parts * sign[:, None, None]
    signed = np.ones(SQUARE.shape, dtype=np.bool_)
    table = Table(SQUARE, parts.sum(axis=0), given.table.largest, given.table.second, given.table.contributors)
    problem = Problem(table, find_primary(table, POLICY, signed=signed), signed=signed)
    pattern = suppress(problem)
    assert pattern.unprotected == ()
    assert audit(problem, pattern.withheld).ok


def test_a_wide_dimension_is_protected_in_seconds() -> None:
    table = draw(((400,), (3,)), 20_000, 0.8, counts=False)
    protected(table)


def test_a_deep_hierarchy_is_protected_in_seconds() -> None:
    table = draw(((2,) * 7, (3,)), 6_000, 0.6, counts=False)
    protected(table)


@pytest.mark.parametrize("seed", range(12))
def test_a_small_table_costs_no_more_than_a_quarter_above_the_least(seed: int) -> None:
    table = draw(SMALL[seed % len(SMALL)], 120, 0.7, counts=False, seed=seed)
    problem = Problem(table, find_primary(table, POLICY), insiders=False, cost=np.ones(table.lattice.shape))
    best = least_cost(problem)
    assert best is not None
    assert float(suppress(problem).secondary.sum()) <= 1.25 * best + 1e-6
