"""Defeats that others suffered, as fixed cases: each pattern that was broken in practice is refused here."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize.disclosure.audit import NARROW, PUBLISHED, Audit, audit
from anonymize.disclosure.lattice import Hierarchy, Lattice, Table
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import find_primary
from anonymize.disclosure.problem import Pattern, Problem, Relation
from anonymize.disclosure.secondary import suppress
from tests.anonymize.disclosure.attacker import equations, interval, knowledge
from tests.anonymize.disclosure.tables import Tape, margins, tape

POLICY = DisclosurePolicy(min_contributors=3, p_percent=15)

Record = tuple[int, tuple[int, ...], float]  # who, in which finest cell, how much


def recorded(lattice: Lattice, records: list[Record]) -> Tape:
    """The table of these records."""
    people = 1 + max(who for who, _, _ in records)
    parts, present = np.zeros((people, *lattice.shape)), np.zeros((people, *lattice.shape))
    for who, place, amount in records:
        parts[(who, *place)] += amount
        present[(who, *place)] += 1
    full = np.stack([margins(lattice, part) for part in parts])
    there = np.stack([margins(lattice, part) for part in present]) > 0
    return tape(lattice, full, there, integral=False)


def crowd(place: tuple[int, ...], first: int, *, people: int = 8, amount: float = 50.0) -> list[Record]:
    """Many contributors of the same amount in one cell: a cell that is safe to publish."""
    return [(first + number, place, amount) for number in range(people)]


def protected(given: Tape) -> tuple[Problem, Pattern]:
    problem = Problem(given.table, find_primary(given.table, POLICY))
    pattern = suppress(problem)
    assert audit(problem, pattern.withheld).ok
    assert pattern.unprotected == ()
    return problem, pattern


def square() -> Lattice:
    return Lattice((Hierarchy.flat(["north", "south", "west"]), Hierarchy.flat(["card", "car", "home"])))


def full_square(sensitive: list[Record]) -> Tape:
    """A 3 x 3 table of crowds, apart from the cells of the records."""
    taken = {place for _, place, _ in sensitive}
    records = list(sensitive)
    for row in (1, 2, 3):
        for column in (1, 2, 3):
            if (row, column) not in taken:
                records += crowd((row, column), len(records) + 10, amount=40.0 + 3 * row + column)
    return recorded(square(), records)


def reach(given: Tape, withheld: NDArray[np.bool_], place: tuple[int, ...], who: int | None) -> tuple[float, float]:
    cell = int(np.ravel_multi_index(place, given.table.lattice.shape))
    return interval(equations(given.table.lattice), knowledge(given, withheld, who), cell)


def test_a_margin_gives_back_a_lone_primary_suppression() -> None:
    given = full_square([(0, (1, 1), 100.0)])
    problem = Problem(given.table, find_primary(given.table, POLICY))
    assert reach(given, problem.primary.mask, (1, 1), None) == pytest.approx((0.0, 0.0))
    found = audit(problem, problem.primary.mask)
    assert not found.ok
    assert {finding.status for finding in found.findings} == {NARROW}
    protected(given)


def test_a_singleton_does_not_protect_a_singleton() -> None:
    # Contributors 0 and 1 each stand alone in a withheld cell of the same row: each knows the other by subtraction.
    given = full_square([(0, (1, 1), 100.0), (1, (1, 2), 80.0), (2, (2, 1), 90.0), (3, (2, 2), 70.0)])
    problem = Problem(given.table, find_primary(given.table, POLICY))
    assert reach(given, problem.primary.mask, (1, 1), None) != pytest.approx((0.0, 0.0))
    assert reach(given, problem.primary.mask, (1, 1), 1) == pytest.approx((0.0, 0.0))
    assert not audit(problem, problem.primary.mask).ok
    _, pattern = protected(given)
    for who in (None, 1, 2, 3):
        fall, rise = reach(given, pattern.withheld, (1, 1), who)
        assert min(fall, rise) >= 15.0 - 1e-6, who


def test_a_contributor_to_two_withheld_cells_cannot_undo_the_pattern() -> None:
    # Contributor 1 dominates the cell that would have protected contributor 0 cheaply: it can go down by 2 only.
    helper = [(1, (1, 2), 200.0), (20, (1, 2), 1.0), (21, (1, 2), 1.0)]
    given = full_square([(0, (1, 1), 100.0), (1, (2, 1), 60.0), *helper, *crowd((2, 2), 30)])
    _, pattern = protected(given)
    fall, rise = reach(given, pattern.withheld, (1, 1), 1)
    assert min(fall, rise) >= 15.0 - 1e-6


def test_an_empty_cell_protects_nothing() -> None:
    records = [(0, (1, 1), 100.0), *crowd((1, 2), 10), *crowd((2, 1), 30), *crowd((3, 3), 50)]
    given = recorded(square(), records)
    withheld = np.zeros(given.table.lattice.shape, dtype=np.bool_)
    withheld[1:3, 1:3] = True  # a rectangle on paper; its fourth corner is empty, and everybody knows
    problem = Problem(given.table, find_primary(given.table, POLICY))
    assert not audit(problem, withheld).ok
    _, pattern = protected(given)
    assert not pattern.withheld[given.table.zero].any()


def test_two_totals_are_a_table_too() -> None:
    # The sum of north and south is published elsewhere: withholding within the column does not help against it.
    given = full_square([(0, (1, 1), 100.0)])
    shape = given.table.lattice.shape
    pair = Relation(tuple(int(np.ravel_multi_index(place, shape)) for place in ((1, 1), (2, 1))), (1.0, 1.0))
    alone = Problem(given.table, find_primary(given.table, POLICY))
    linked = Problem(given.table, find_primary(given.table, POLICY), relations=(pair,))
    withheld = np.zeros(shape, dtype=np.bool_)
    withheld[np.ix_([1, 3], [1, 2])] = True
    assert audit(alone, withheld).ok
    assert not audit(linked, withheld).ok
    pattern = suppress(linked)
    assert pattern.unprotected == ()
    assert audit(linked, pattern.withheld).ok
    assert audit(linked, pattern.withheld, pattern.movements).ok


def test_a_group_that_one_contributor_dominates_is_withheld_as_a_whole() -> None:
    tree = Hierarchy(("_T", "region", "a", "b", "rest"), (-1, 0, 1, 1, 0))
    given = recorded(Lattice((tree,)), [(0, (2,), 900.0), (1, (3,), 20.0), *crowd((4,), 10)])
    problem, pattern = protected(given)
    assert problem.primary.mask[1]  # the region: contributor 1 would know contributor 0 to the penny
    assert pattern.withheld[1:4].all()
    assert pattern.withheld[0] or pattern.withheld[4]


def test_a_code_that_equals_its_only_part_is_the_same_secret() -> None:
    tree = Hierarchy(("_T", "region", "town", "rest"), (-1, 0, 1, 0))
    products = Hierarchy.flat(["card", "car"])
    records = [(0, (2, 1), 100.0), *crowd((2, 2), 10), *crowd((3, 1), 30), *crowd((3, 2), 50)]
    given = recorded(Lattice((tree, products)), records)
    _, pattern = protected(given)
    assert (pattern.withheld[1] == pattern.withheld[2]).all()


def test_a_zero_of_somebody_known_is_the_same_secret_in_every_thin_code() -> None:
    tree = Hierarchy(("_T", "a", "b", "b1", "b2"), (-1, 0, 0, 2, 2))
    only = Hierarchy.flat(["x"])
    records = [(0, (3, 1), 21.0), (0, (4, 1), 0.0), *crowd((1, 1), 10)]
    given = recorded(Lattice((tree, only)), records)
    problem, pattern = protected(given)
    assert problem.primary.mask[4].all()
    assert (pattern.withheld[:, 0] == pattern.withheld[:, 1]).all()


def test_what_is_public_already_cannot_be_withheld() -> None:
    given = full_square([(0, (1, 1), 100.0)])
    everything = np.ones(given.table.lattice.shape, dtype=np.bool_)
    problem = Problem(given.table, find_primary(given.table, POLICY), open=everything)
    pattern = suppress(problem)
    assert pattern.unprotected == (5,)
    found = audit(problem, pattern.withheld)
    assert not found.ok
    assert {finding.status for finding in found.findings} == {PUBLISHED}


def test_cells_that_nobody_publishes_protect_at_no_cost() -> None:
    given = full_square([(0, (1, 1), 100.0)])
    never = np.zeros(given.table.lattice.shape, dtype=np.bool_)
    never[np.ix_([1, 3], [1, 3])] = True
    problem = Problem(given.table, find_primary(given.table, POLICY), never=never)
    pattern = suppress(problem)
    assert pattern.secondary.sum() == 0
    assert (pattern.withheld == never).all()
    assert audit(problem, pattern.withheld).ok


def test_cells_withheld_last_time_are_preferred() -> None:
    given = full_square([(0, (1, 1), 100.0)])
    before = np.zeros(given.table.lattice.shape, dtype=np.bool_)
    before[np.ix_([1, 2], [1, 3])] = True
    pattern = suppress(Problem(given.table, find_primary(given.table, POLICY), withheld=before))
    assert (pattern.withheld == before).all()


def test_a_cell_that_may_be_negative_can_fall_below_nothing() -> None:
    lattice = Lattice((Hierarchy.flat(["a", "b"]),))
    value = np.array([30.0, 40.0, -10.0])
    counted = np.array([9, 9, 2])
    table = Table(lattice, value, np.array([9.0, 9.0, 6.0]), np.array([8.0, 8.0, 4.0]), counted)
    signed = np.array([False, False, True])
    problem = Problem(table, find_primary(table, POLICY, signed=signed), signed=signed)
    pattern = suppress(problem)
    assert pattern.withheld.tolist() == [False, True, True]
    assert audit(problem, pattern.withheld).ok


def test_members_who_hold_nothing_are_protected_too() -> None:
    # Two contributors of nothing: to publish the zero would publish both figures.
    given = full_square([(0, (1, 1), 0.0), (1, (1, 1), 0.0)])
    problem, pattern = protected(given)
    assert problem.primary.mask[1, 1]
    fall, rise = reach(given, pattern.withheld, (1, 1), None)
    assert (fall, rise >= 1.0) == (0.0, True)


def test_two_who_hold_nothing_in_different_parts_are_protected_from_each_other() -> None:
    given = recorded(Lattice((Hierarchy.flat(["a", "b"]),)), [(0, (1,), 0.0), (1, (2,), 0.0)])
    _, pattern = protected(given)
    for who in (None, 0, 1):
        assert reach(given, pattern.withheld, (0,), who)[1] >= 1.0, who


def test_more_effort_never_costs_more_or_protects_less() -> None:
    given = full_square([(0, (1, 1), 100.0), (1, (1, 2), 80.0), (2, (3, 1), 90.0)])
    problem = Problem(given.table, find_primary(given.table, POLICY))
    little, much = suppress(problem, effort=0), suppress(problem, effort=5)
    costs = problem.cell_costs().reshape(little.secondary.shape)
    assert costs[much.secondary].sum() <= costs[little.secondary].sum()
    assert audit(problem, little.withheld).ok
    assert audit(problem, much.withheld).ok


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)])
def test_the_smallest_tables_are_protected(shape: tuple[int, ...]) -> None:
    lattice = Lattice(tuple(Hierarchy(("_T",), (-1,)) for _ in shape))
    one = np.ones(shape)
    table = Table(lattice, 5 * one, 5 * one, 0 * one, one.astype(np.int64))
    problem = Problem(table, find_primary(table, POLICY))
    pattern = suppress(problem)
    assert pattern.withheld.all()
    assert audit(problem, pattern.withheld, pattern.movements).ok


def test_an_empty_table_has_nothing_to_withhold() -> None:
    lattice = square()
    nothing = np.zeros(lattice.shape)
    table = Table(lattice, nothing, nothing, nothing, nothing.astype(np.int64))
    problem = Problem(table, find_primary(table, POLICY))
    pattern = suppress(problem)
    assert not pattern.withheld.any()
    assert audit(problem, pattern.withheld).ok


def counted(values: list[list[float]], withheld: list[tuple[int, int]]) -> Audit:
    """The audit of a table of counts, each of one borrower's loans a piece, whose finest cells and nothing else is withheld."""
    lattice = Lattice((Hierarchy.flat("ab"), Hierarchy.flat("xy")))
    count = np.zeros(lattice.shape)
    count[1:, 1:] = values
    count = margins(lattice, count)
    one = np.minimum(count, 1.0)
    table = Table(lattice, count, one, one * (count > 1), count.astype(np.int64), integral=True)
    mask = np.zeros(lattice.shape, np.bool_)
    for place in withheld:
        mask[place] = True
    primary = find_primary(table, DisclosurePolicy(min_contributors=10), insiders=False)
    return audit(Problem(table, primary, insiders=False), mask)


ALL_FOUR = [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_a_row_that_is_there_tells_of_somebody_in_it() -> None:
    # Rows of 10 and 2, columns of 10 and 2: where nobody is missing, 2 is one and one.
    found = counted([[9, 1], [1, 1]], ALL_FOUR)
    assert set(ALL_FOUR) <= {tuple(int(at) for at in np.unravel_index(cell, (3, 3))) for cell in found.failed}


def test_counts_that_can_move_beside_their_rows_are_safe() -> None:
    rises = [finding for finding in counted([[9, 3], [3, 9]], ALL_FOUR).findings if finding.cell in (4, 5, 7, 8)]
    assert len(rises) == 4
    assert all(finding.rise >= 1 <= finding.fall for finding in rises)
