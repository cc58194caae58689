"""A cube protected by merging: exact where it is published, siblings withheld together, not undone by subtraction."""

from __future__ import annotations

import json

import numpy as np
import pytest

from anonymize.checks import check_cube
from anonymize.cube import Cells, arrays, dense, lattice
from anonymize.disclosure.lattice import Lattice
from anonymize.disclosure.merging import merge, without_derivable
from anonymize.protect import DOMINANCE, SMALL_COUNT, Protected, protect
from anonymize.template import Template, parse
from tests.anonymize.disclosure.attacker import equations, interval
from tests.anonymize.loans import cells_of, random_loans, small_template


def merging_template() -> Template:
    document = json.loads(json.dumps(dict(small_template().source)))
    document["protection"]["method"] = "merge"
    document["protection"]["rules"]["coalition"] = 0
    return parse(document)


TEMPLATE = merging_template()
POLICY = TEMPLATE.protection.policy


def protected(number: int, seed: int) -> tuple[Cells, Protected]:
    cells = cells_of(random_loans(TEMPLATE, number, seed), TEMPLATE)
    return cells, protect(cells, TEMPLATE, "ADA")


@pytest.mark.parametrize(("number", "seed"), [(40, 1), (300, 3), (900, 5), (2500, 6)])
def test_what_is_published_is_exact_and_the_checks_accept_it(number: int, seed: int) -> None:
    cells, result = protected(number, seed)
    shown = result.reasons == ""
    for measure, values in arrays(result.cube, TEMPLATE).items():
        assert np.array_equal(values[shown], dense(cells.table, TEMPLATE, measure)[shown])
        assert np.isnan(values[~shown]).all()
        assert (result.errors[measure] == 0).all()
    assert check_cube(result.cube, TEMPLATE) == []
    assert result.method == "merge"


@pytest.mark.parametrize(("number", "seed"), [(120, 2), (300, 3), (300, 4), (900, 5), (2500, 6)])
def test_no_merge_is_undone_by_subtraction(number: int, seed: int) -> None:
    cells, result = protected(number, seed)
    system = equations(lattice(TEMPLATE))
    hidden = (result.reasons != "").ravel()
    for measure in ("ACCOUNTS", "BALANCE"):
        truth, largest = (dense(cells.table, TEMPLATE, name).ravel() for name in (measure, f"largest_{measure}"))
        bounds = [(-value, None) if open_ else (0.0, 0.0) for value, open_ in zip(truth, hidden, strict=True)]
        sensitive = np.flatnonzero(np.isin(result.reasons, [SMALL_COUNT, DOMINANCE]))
        for cell in np.random.default_rng(seed).permutation(sensitive)[:15]:
            width = 1.0 if measure == "ACCOUNTS" else POLICY.p_percent / 100 * largest[cell]
            fall, rise = interval(system, bounds, int(cell))
            assert rise >= width * (1 - 1e-6)
            assert fall >= min(width, truth[cell]) * (1 - 1e-6)


def test_categories_are_rolled_up_with_their_siblings() -> None:
    """No published cell stands beside a sensitive one, under the same parent in every dimension that cuts it."""
    cells, result = protected(900, 5)
    over = lattice(TEMPLATE)
    there = dense(cells.table, TEMPLATE, "contributors") > 0
    for cell in np.flatnonzero(np.isin(result.reasons, [SMALL_COUNT, DOMINANCE])):
        place = np.unravel_index(cell, over.shape)
        for axis, tree in enumerate(over.hierarchies):
            parent = tree.parent[place[axis]]
            siblings = [each for each in tree.children[parent] if parent >= 0]
            for sibling in siblings:
                beside = (*place[:axis], sibling, *place[axis + 1 :])
                assert result.reasons[beside] != "" or not there[beside] or _is_all_of_a_total(cells, beside)


def _is_all_of_a_total(cells: Cells, place: tuple[int, ...]) -> bool:
    """Whether a sum above the cell has no other part."""
    value = dense(cells.table, TEMPLATE, "ACCOUNTS")
    parents = (
        (*place[:axis], tree.parent[place[axis]], *place[axis + 1 :])
        for axis, tree in enumerate(lattice(TEMPLATE).hierarchies)
        if tree.parent[place[axis]] >= 0
    )
    return any(value[parent] == value[place] for parent in parents)


def small_lattice() -> Lattice:
    return lattice(TEMPLATE)


def test_the_block_that_withholds_least_is_merged() -> None:
    over = small_lattice()
    cell = over.cell(("A", "N1", "CURRENT"))
    merged = merge(over, [cell], np.ones(over.shape), np.zeros(over.shape, np.bool_))
    expected = np.zeros(over.shape, np.bool_)
    expected[np.ix_([1, 2], [2, 3], [1, 2])] = True  # A and B, N1 and N2, both buckets
    assert np.array_equal(merged, expected)


def test_a_cell_that_is_the_only_one_withheld_in_a_sum_is_published() -> None:
    over = small_lattice()
    withheld = np.zeros(over.shape, np.bool_)
    withheld[1, 2, 1] = True
    assert not without_derivable(over, withheld).any()
    withheld[np.ix_([1, 2], [2, 3], [1, 2])] = True
    assert without_derivable(over, withheld).all() == withheld.all()


def test_the_same_cells_merge_the_same_way() -> None:
    assert protected(300, 3)[1].cube.table.equals(protected(300, 3)[1].cube.table)
