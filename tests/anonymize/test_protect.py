"""What a bank's cells become before they leave, attacked from outside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

from anonymize.checks import check_cube, relations
from anonymize.cube import Cells, arrays, cell_key, dense
from anonymize.disclosure.audit import Audit, audit
from anonymize.disclosure.secondary import suppress
from anonymize.errors import ProtectionError
from anonymize.protect import DOMINANCE, SECONDARY, SMALL_COUNT, Protected, protect
from anonymize.protection.measured import headlines_of, measured_of, problem_of
from anonymize.template import Protection, Template
from tests.anonymize.loans import Loans, cells_of, random_loans, small_template

TEMPLATE = small_template()
POLICY = TEMPLATE.protection.policy


def protected(number: int, seed: int) -> tuple[Cells, Protected]:
    cells = cells_of(random_loans(TEMPLATE, number, seed=seed), TEMPLATE)
    return cells, protect(cells, TEMPLATE, "ADA")


def structure(template: Template) -> NDArray[np.float64]:
    """One row for each total: 1 at the total, -1 at its parts."""
    place = np.arange(np.prod(template.shape)).reshape(template.shape)
    rows = []
    for relation in relations(template):
        totals = relation.total(place).reshape(-1)
        parts = np.moveaxis(relation.parts(place), relation.axis, -1).reshape(len(totals), -1)
        for total, its in zip(totals, parts, strict=True):
            rows.append(np.zeros(place.size))
            rows[-1][total], rows[-1][its] = 1.0, -1.0
    return np.array(rows)


def interval(
    target: int, measure: str, values: dict[str, NDArray[np.float64]], template: Template
) -> tuple[float, float]:
    """The range of a withheld cell over all tables that agree with what is published; nothing shared with the engine."""
    flat = values[measure].reshape(-1)
    equal = structure(template)
    # A withheld row is there, so somebody has an account in it.
    least = 1.0 if measure == "ACCOUNTS" else 0.0
    bounds = [(least, None) if np.isnan(value) else (value, value) for value in flat]
    goal = np.zeros(flat.size)
    goal[target] = 1.0
    found = []
    for sign in (1.0, -1.0):
        answer = linprog(sign * goal, A_eq=equal, b_eq=np.zeros(len(equal)), bounds=bounds)
        found.append(answer.x[target] if answer.status == 0 else np.inf)
    return found[0], found[1]


def least_of(result: Protected) -> NDArray[np.float64]:
    """How many finest rows of the cube lie in each cell: nothing hides that as many accounts are there."""
    rows = (arrays(result.cube, TEMPLATE)["ACCOUNTS"] != 0).astype(np.float64)
    for axis, dimension in enumerate(TEMPLATE.dimensions):
        codes = dimension.code_list
        along = np.moveaxis(rows, axis, 0)
        along[[codes.index[code] for code in codes.ids if code not in codes.leaves]] = 0.0
        for code in codes.leaves:
            for above in codes.ancestors(code):
                if above != code:
                    along[codes.index[above]] += along[codes.index[code]]
    return rows.reshape(-1)


@pytest.mark.parametrize(("number", "seed"), [(40, 1), (120, 2), (300, 3), (300, 4), (900, 5), (2500, 6)])
def test_no_sensitive_cell_can_be_estimated_from_what_leaves(number: int, seed: int) -> None:
    cells, result = protected(number, seed)
    values = arrays(result.cube, TEMPLATE)
    for measure in ("ACCOUNTS", "BALANCE"):
        truth = dense(cells.table, TEMPLATE, measure).reshape(-1)
        largest = dense(cells.table, TEMPLATE, f"largest_{measure}").reshape(-1)
        least = least_of(result) if measure == "ACCOUNTS" else np.zeros(truth.size)
        for target in np.flatnonzero(np.isin(result.reasons, [SMALL_COUNT, DOMINANCE])):
            low, high = interval(int(target), measure, values, TEMPLATE)
            width = 1.0 if measure == "ACCOUNTS" else POLICY.p_percent / 100 * largest[target]
            assert high >= truth[target] + width * (1 - 1e-6)
            assert low <= max(truth[target] - width, least[target]) + width * 1e-6


@pytest.mark.parametrize(("number", "seed"), [(120, 2), (300, 3), (300, 4), (900, 5)])
def test_no_small_number_of_borrowers_follows_from_borrowers_and_accounts_together(number: int, seed: int) -> None:
    _, result = protected(number, seed)
    values = arrays(result.cube, TEMPLATE)
    accounts, borrowers = values["ACCOUNTS"].reshape(-1), values["BORROWERS"].reshape(-1)
    size, sums = accounts.size, structure(TEMPLATE)
    none = np.zeros_like(sums)
    each_part = np.array([part for row in sums for part in _one_part_rows(row)])
    at_most = np.vstack(
        [
            np.hstack([none, sums]),  # a total is no more than its parts
            np.hstack([np.zeros_like(each_part), each_part]),  # a part is no more than its total
            np.hstack([-np.eye(size), np.eye(size)]),  # borrowers have accounts
        ]
    )
    bounds = [(1.0, 1e6) if np.isnan(value) else (value, value) for value in np.concatenate([accounts, borrowers])]
    for target in np.flatnonzero(result.reasons == SMALL_COUNT):
        goal = np.zeros(2 * size)
        goal[size + target] = 1.0
        low, high = (
            linprog(
                sign * goal,
                A_ub=at_most,
                b_ub=np.zeros(len(at_most)),
                A_eq=np.hstack([sums, none]),
                b_eq=np.zeros(len(sums)),
                bounds=bounds,
            ).x[size + target]
            for sign in (1.0, -1.0)
        )
        assert high - low >= 1.0


def _one_part_rows(row: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    total = int(np.flatnonzero(row > 0)[0])
    rows = []
    for part in np.flatnonzero(row < 0):
        rows.append(np.zeros_like(row))
        rows[-1][part], rows[-1][total] = 1.0, -1.0
    return rows


@pytest.mark.parametrize(("number", "seed"), [(120, 2), (900, 5), (2500, 6)])
def test_what_is_published_is_exact_and_safe(number: int, seed: int) -> None:
    cells, result = protected(number, seed)
    published = result.reasons == ""
    for measure, values in arrays(result.cube, TEMPLATE).items():
        assert np.array_equal(values[published], dense(cells.table, TEMPLATE, measure)[published])
        assert np.isnan(values[~published]).all()
    contributors = dense(cells.table, TEMPLATE, "contributors")[published]
    assert (contributors[contributors > 0] >= POLICY.min_contributors).all()
    assert check_cube(result.cube, TEMPLATE) == []


def test_a_cell_is_withheld_in_every_measure_with_one_mark() -> None:
    _, result = protected(300, 3)
    rows = [row for row in result.cube.table.to_pylist() if row["OBS_STATUS"] == "Q"]
    assert len(rows) == sum(result.count(reason) for reason in (SMALL_COUNT, DOMINANCE, SECONDARY)) > 0
    assert {row["CONF_STATUS"] for row in rows} == {"C"}
    assert all(row[measure] is None for row in rows for measure in TEMPLATE.measure_ids)


def test_a_cell_that_one_borrower_dominates_is_withheld() -> None:
    loans = random_loans(TEMPLATE, 2000, seed=9)
    amounts = loans.amounts["BALANCE"].copy()
    amounts[0] = 1e9
    cells = cells_of(Loans(loans.leaves, loans.borrower, {"BALANCE": amounts}), TEMPLATE)
    result = protect(cells, TEMPLATE, "ADA")
    place = int(np.ravel_multi_index(tuple(loans.leaves[0]), TEMPLATE.shape))
    assert result.reasons.reshape(-1)[place] == DOMINANCE
    assert np.isnan(arrays(result.cube, TEMPLATE)["ACCOUNTS"].reshape(-1)[place])


def test_affiliates_count_as_one_borrower() -> None:
    loans = random_loans(TEMPLATE, 2000, seed=9)
    alone = protect(cells_of(loans, TEMPLATE), TEMPLATE, "ADA")
    place = int(np.flatnonzero(alone.reasons.reshape(-1) == "")[-1])
    inside = np.all(
        [
            np.isin(loans.leaves[:, axis], _leaves_below(TEMPLATE, axis, code))
            for axis, code in enumerate(cell_key(place, TEMPLATE).values())
        ],
        axis=0,
    )
    grouped = np.where(inside, loans.borrower % 5, loans.borrower)
    together = protect(cells_of(replace(loans, borrower=grouped), TEMPLATE), TEMPLATE, "ADA")
    assert together.reasons.reshape(-1)[place] == SMALL_COUNT


def _leaves_below(template: Template, axis: int, code: str) -> list[int]:
    codes = template.dimensions[axis].code_list
    return [codes.index[leaf] for leaf in codes.leaves if code in codes.ancestors(leaf)]


def test_negative_balances_are_protected_by_their_size() -> None:
    loans = random_loans(TEMPLATE, 300, seed=12)
    amounts = loans.amounts["BALANCE"].copy()
    amounts[::7] *= -1
    result = protect(cells_of(Loans(loans.leaves, loans.borrower, {"BALANCE": amounts}), TEMPLATE), TEMPLATE, "ADA")
    assert result.audits["BALANCE"].ok
    assert result.count(SMALL_COUNT) > 0


def test_too_few_borrowers_for_anything_withholds_everything() -> None:
    _, result = protected(4, 1)
    assert result.cube.withheld.all()


def test_the_same_cells_give_the_same_cube() -> None:
    first, second = protected(300, 3)[1], protected(300, 3)[1]
    assert first.cube.table.equals(second.cube.table)


def test_a_collection_without_protection_publishes_every_cell() -> None:
    template = replace(TEMPLATE, protection=Protection("none", POLICY))
    result = protect(cells_of(random_loans(template, 60), template), template, "ADA")
    assert not result.cube.withheld.any()
    assert result.audits == {}


def test_when_the_audit_fails_more_is_withheld_or_nothing_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = cells_of(random_loans(TEMPLATE, 300, seed=3), TEMPLATE)

    def primaries_only(problem: object, *, effort: float) -> object:
        pattern = suppress(problem, effort=effort)  # type: ignore[arg-type]
        return replace(pattern, withheld=pattern.withheld & ~pattern.secondary, movements=[])

    whole = protect(cells, TEMPLATE, "ADA")
    monkeypatch.setattr("anonymize.protection.suppression.suppress", primaries_only)
    repaired = protect(cells, TEMPLATE, "ADA")
    assert all(audit.ok for audit in repaired.audits.values())
    assert repaired.count(SECONDARY) > 0
    assert repaired.count(SMALL_COUNT) == whole.count(SMALL_COUNT)
    monkeypatch.setattr(Audit, "failed", property(lambda _: (0,)))
    with pytest.raises(ProtectionError, match="Nothing was written"):
        protect(cells, TEMPLATE, "ADA")


def test_headlines_are_given_up_only_where_nothing_else_would_do() -> None:
    kept = 0
    for seed in range(12):
        cells, result = protected(250, seed)
        measured = measured_of(cells, TEMPLATE)
        sensitive = np.any([each.primary.mask for each in measured], axis=0)
        headlines = headlines_of(TEMPLATE) & ~sensitive
        assert headlines.sum() in (1, 2), "the total, and what is past due of it"
        if (result.reasons[headlines] == "").all():
            kept += 1
            continue
        everything = ~headlines & ~measured[0].table.zero
        failed = [audit(problem_of(each, everything, None), everything).failed for each in measured]
        assert any(failed), "all but the headlines withheld would have been enough"
    assert kept > 6
