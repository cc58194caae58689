"""A cube protected by rounding: right on average, consistent in itself, accepted by the checks, safe from outsiders."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from anonymize.checks import check_cube, has_errors
from anonymize.cube import Cells, Cube, arrays, dense, lattice, read_cube, write_cube
from anonymize.errors import ProtectionError, TemplateError
from anonymize.protect import PUBLISHED, Protected, protect
from anonymize.protection.measured import measured_of
from anonymize.protection.rounding_error import orders_of, rounding_bounds, rounding_errors
from anonymize.template import Template, parse
from tests.anonymize.disclosure.attacker import interval_of_rounded, kept_cells
from tests.anonymize.loans import Loans, cells_of, random_loans, small_template

SECRET = b"a secret of the bank for tests."
BASE = {"ACCOUNTS": 10, "BALANCE": 50000}


def rounding_template(**changes: Any) -> Template:
    document = json.loads(json.dumps(dict(small_template().source)))
    document["protection"] |= {"method": "round", "base": BASE, **changes}
    document["protection"]["rules"]["coalition"] = 0
    return parse(document)


TEMPLATE = rounding_template()


def protected(number: int, seed: int, template: Template = TEMPLATE) -> tuple[Cells, Protected]:
    cells = cells_of(random_loans(template, number, seed), template)
    return cells, protect(cells, template, "ADA", secret=SECRET)


@pytest.mark.parametrize(("number", "seed"), [(40, 1), (300, 3), (900, 5)])
def test_every_published_value_is_a_multiple_of_its_base_and_the_checks_accept_it(number: int, seed: int) -> None:
    _, result = protected(number, seed)
    for measure, values in arrays(result.cube, TEMPLATE).items():
        shown = values[~np.isnan(values)]
        assert (shown % (BASE["BALANCE"] if measure == "BALANCE" else 10) == 0).all()
    assert not has_errors(check_cube(result.cube, TEMPLATE))
    assert result.method == "round"
    assert all(audit.ok for audit in result.audits.values())


def test_a_rounded_cube_survives_its_file() -> None:
    _, result = protected(300, 3)
    assert read_cube(write_cube(result.cube), TEMPLATE).table.equals(result.cube.table)


def test_borrowers_are_never_more_than_accounts_and_right_on_average() -> None:
    wide = rounding_template(base={"ACCOUNTS": 10, "BALANCE": 1e8})  # nothing is withheld
    cells = cells_of(random_loans(wide, 300, 3), wide)
    seen = []
    for number in range(80):
        values = arrays(protect(cells, wide, "ADA", secret=number.to_bytes(32, "big")).cube, wide)
        assert (values["BORROWERS"] <= values["ACCOUNTS"]).all()
        seen.append(values["BORROWERS"])
    errors = np.array(seen) - dense(cells.table, wide, "BORROWERS")
    assert (np.abs(errors.mean(axis=0)) <= 5 * np.maximum(errors.std(axis=0), 0.3) / np.sqrt(len(seen))).all()


def test_the_same_cells_are_rounded_the_same_way_with_the_institutions_secret_only() -> None:
    cells, first = protected(300, 3)
    assert first.repeatable
    assert protect(cells, TEMPLATE, "ADA", secret=SECRET).cube.table.equals(first.cube.table)
    assert not protect(cells, TEMPLATE, "BELA", secret=SECRET, effort=0.0).cube.table.equals(first.cube.table)
    fresh = [protect(cells, TEMPLATE, "ADA", effort=0.0) for _ in range(2)]
    assert not fresh[0].cube.table.equals(fresh[1].cube.table)
    assert not fresh[0].repeatable
    with pytest.raises(ProtectionError, match="shorter than"):
        protect(cells, TEMPLATE, "ADA", secret=b"short")


def test_a_correction_of_one_loan_leaves_most_roundings_as_they_were() -> None:
    loans = random_loans(TEMPLATE, 900, 5)
    fewer = Loans(loans.leaves[1:], loans.borrower[1:], {name: each[1:] for name, each in loans.amounts.items()})
    one, other = (
        arrays(protect(cells_of(each, TEMPLATE), TEMPLATE, "ADA", secret=SECRET).cube, TEMPLATE)["ACCOUNTS"]
        for each in (loans, fewer)
    )
    assert (one == other).mean() > 0.8


def test_a_row_tells_nothing_of_a_cell_whose_values_are_all_zero() -> None:
    cells, result = protected(40, 1)
    rows = [row for row in result.cube.table.to_pylist() if row["OBS_STATUS"] == "A"]
    assert all(any(row[measure] for measure in TEMPLATE.measure_ids) for row in rows)
    assert result.cube.table.num_rows < cells.table.num_rows


def test_a_bank_with_one_loan_still_has_a_cube() -> None:
    _, result = protected(1, 2)
    assert result.cube.table.num_rows >= 1


@pytest.mark.parametrize(("number", "seed"), [(60, 1), (120, 2), (300, 3)])
def test_an_outsider_cannot_narrow_a_sensitive_cell(number: int, seed: int) -> None:
    """The attacker takes part withheld and part rounded cells together, and knows the method."""
    cells, result = protected(number, seed)
    values, over = arrays(result.cube, TEMPLATE), lattice(TEMPLATE)
    kept = kept_cells(over, orders_of(TEMPLATE))
    for each in measured_of(cells, TEMPLATE):
        unit = 10.0**-each.measure.decimals
        reach = BASE[each.measure.id] - unit
        sensitive = np.flatnonzero(each.primary.mask)
        for cell in np.random.default_rng(seed).permutation(sensitive)[:8]:
            low, high = interval_of_rounded(over, values[each.measure.id], kept, reach, int(cell))
            needed = each.primary.width_up.flat[cell] + each.primary.width_down.flat[cell]
            assert high - low >= needed * (1 - 1e-6)


def dominated_loans() -> Loans:
    loans = random_loans(TEMPLATE, 2000, seed=9)
    amounts = loans.amounts["BALANCE"].copy()
    amounts[0] = 1e9
    return Loans(loans.leaves, loans.borrower, {"BALANCE": amounts})


def test_a_cell_that_rounding_cannot_hide_is_withheld() -> None:
    loans = dominated_loans()
    result = protect(cells_of(loans, TEMPLATE), TEMPLATE, "ADA", secret=SECRET)
    place = tuple(loans.leaves[0])
    assert result.reasons[place] != PUBLISHED
    assert np.isnan(arrays(result.cube, TEMPLATE)["BALANCE"][place])
    wide = rounding_template(base={"ACCOUNTS": 10, "BALANCE": 1e9})
    assert protect(cells_of(loans, wide), wide, "ADA", secret=SECRET).reasons[place] == PUBLISHED


def test_where_borrowers_attack_too_rounding_is_not_counted_upon() -> None:
    policy = replace(TEMPLATE.protection.policy, coalition=1)
    template = replace(TEMPLATE, protection=replace(TEMPLATE.protection, policy=policy))
    cells = cells_of(random_loans(template, 300, 3), template)
    result = protect(cells, template, "ADA", secret=SECRET)
    contributors = dense(cells.table, template, "contributors")
    assert (result.reasons[(contributors > 0) & (contributors < policy.min_contributors)] != PUBLISHED).all()


def test_negative_balances_are_rounded_and_protected_by_their_size() -> None:
    loans = random_loans(TEMPLATE, 300, seed=12)
    amounts = loans.amounts["BALANCE"].copy()
    amounts[::7] *= -1
    cells = cells_of(Loans(loans.leaves, loans.borrower, {"BALANCE": amounts}), TEMPLATE)
    result = protect(cells, TEMPLATE, "ADA", secret=SECRET)
    assert result.audits["BALANCE"].ok
    assert not has_errors(check_cube(result.cube, TEMPLATE))


def test_errors_are_what_rounding_costs_and_zero_where_nobody_is() -> None:
    cells, result = protected(300, 3)
    contributors = dense(cells.table, TEMPLATE, "contributors")
    for measure in TEMPLATE.measure_ids:
        assert (result.errors[measure][contributors == 0] == 0).all()
        assert (result.errors[measure][contributors > 0] > 0).all()
    values, bounds = arrays(result.cube, TEMPLATE), rounding_bounds(TEMPLATE)
    for measure in ("ACCOUNTS", "BALANCE"):
        apart = np.abs(values[measure] - dense(cells.table, TEMPLATE, measure))
        assert (apart[~np.isnan(apart)] < bounds[measure][~np.isnan(apart)]).all()
    assert (rounding_errors(TEMPLATE)["BALANCE"] >= result.errors["BALANCE"]).all()


def _published(cube: Cube, **columns: NDArray[np.float64]) -> Cube:
    table = cube.table
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values, table.schema.field(name).type))
    return replace(cube, table=table)


def test_the_checks_refuse_a_cube_that_was_not_rounded() -> None:
    _, result = protected(900, 5)
    exact = _published(result.cube, BALANCE=result.cube.table.column("BALANCE").to_numpy() + 1.0)
    assert "not-rounded" in {finding.rule for finding in check_cube(exact, TEMPLATE) if finding.severity == "error"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base": {"ACCOUNTS": 10}}, "BALANCE: the method round needs a base for every additive measure"),
        ({"base": {**BASE, "BORROWERS": 10}}, "BORROWERS: a distinct count takes the base of"),
        ({"base": {**BASE, "ACCOUNTS": 5}}, "at least min_contributors, which is 10"),
        ({"base": {**BASE, "ACCOUNTS": 10.5}}, "whole multiple of the last decimal"),
        ({"base": {**BASE, "BALANCE": 0.01}}, "more than one"),
        ({"base": {**BASE, "LOANS": 10}}, "there is no measure 'LOANS'"),
        ({"method": "suppress"}, "only the method round has a base"),
        ({"method": "blur"}, "no protection method 'blur'"),
    ],
)
def test_a_base_that_does_not_fit_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        rounding_template(**changes)


def test_two_rounded_measures_may_pass_each_other_by_their_errors_and_no_further() -> None:
    document = json.loads(json.dumps(dict(TEMPLATE.source)))
    past_due = {"id": "PAST_DUE", "name": {"en": "Past due"}, "type": "amount", "unit": "CNY"}
    document["measures"].append(past_due)
    document["checks"].append(
        {"id": "past-due-within", "kind": "less-or-equal", "severity": "error", "left": "PAST_DUE", "right": "BALANCE"}
    )
    document["protection"]["base"] = {"ACCOUNTS": 10, "BALANCE": 2e6, "PAST_DUE": 2e6}
    template = parse(document)
    loans = random_loans(template, 300, 3)
    loans.amounts["PAST_DUE"] = loans.amounts["BALANCE"]
    result = protect(cells_of(loans, template), template, "ADA", secret=SECRET)
    values = arrays(result.cube, template)
    assert (values["PAST_DUE"] > values["BALANCE"]).any()
    assert not has_errors(check_cube(result.cube, template))
    too_much = np.full(result.cube.table.num_rows, 1e12)
    broken = check_cube(_published(result.cube, PAST_DUE=too_much), template)
    assert "past-due-within" in {finding.rule for finding in broken}
