"""What a cube must obey, and the findings when it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from anonymize.checks import Finding, check_cube, has_errors
from anonymize.cube import Cube, cell_key, cube_of
from tests.anonymize.loans import cells_of, open_cube, random_loans, small_template

TEMPLATE = small_template()
CELLS = cells_of(random_loans(TEMPLATE, 4000, regions=3), TEMPLATE)


def changed(cube: Cube, measure: str, values: Any) -> Cube:
    at = cube.table.column_names.index(measure)
    table = cube.table.set_column(at, measure, values)
    return cube_of(table, TEMPLATE, institution="ADA")


def row(cube: Cube, **codes: str) -> int:
    wanted = {"PRODUCT": "_T", "REGION": "_T", "DPD_BUCKET": "_T"} | codes
    return next(at for at, place in enumerate(cube.places) if cell_key(int(place), TEMPLATE) == wanted)


def raised(cube: Cube, measure: str, by: float, **codes: str) -> Cube:
    values = cube.table.column(measure).to_numpy().copy()
    values[row(cube, **codes)] += by
    return changed(cube, measure, pa.array(values, mask=np.isnan(values)))


def rules(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


@pytest.fixture
def cube() -> Cube:
    return open_cube(CELLS, TEMPLATE)


def hidden(*cells: dict[str, str]) -> Cube:
    cube = open_cube(CELLS, TEMPLATE)
    marks = np.zeros(len(cube.places), np.bool_)
    for cell in cells:
        marks[row(cube, **cell)] = True
    # The cells of the bank and the rows of the cube are in the same order.
    return open_cube(CELLS, TEMPLATE, withhold=marks)


def test_a_consistent_cube_has_no_findings(cube: Cube) -> None:
    assert check_cube(cube, TEMPLATE) == []


def test_parts_that_do_not_make_their_total_are_found_at_the_total(cube: Cube) -> None:
    findings = check_cube(raised(cube, "BALANCE", 5.0, REGION="N1"), TEMPLATE)
    assert rules(findings) == {"totals-add-up"}
    assert {"PRODUCT": "_T", "REGION": "N", "DPD_BUCKET": "_T"} in [dict(finding.cell) for finding in findings]
    assert has_errors(findings)


def test_a_sum_may_differ_by_the_tolerance(cube: Cube) -> None:
    assert check_cube(raised(cube, "BALANCE", 0.009, REGION="N1"), TEMPLATE) == []


def test_with_parts_withheld_the_others_may_be_less_than_the_total_but_not_more() -> None:
    cube = hidden({"REGION": "N1"}, {"REGION": "N2"}, {"REGION": "S"}, {"REGION": "N"})
    assert "totals-add-up" not in rules(check_cube(cube, TEMPLATE))
    total = float(cube.table.column("BALANCE").to_numpy()[row(cube)])
    higher = raised(cube, "BALANCE", 2 * total, REGION="N1", PRODUCT="A")
    assert "totals-add-up" in rules(check_cube(higher, TEMPLATE))


def test_more_borrowers_than_accounts_are_found(cube: Cube) -> None:
    findings = check_cube(raised(cube, "BORROWERS", 10_000), TEMPLATE)
    assert rules(findings) == {"borrowers-within-accounts"}
    assert "the grand total" in findings[0].sentence


def test_a_large_change_since_the_period_before_is_a_warning(cube: Cube) -> None:
    before = changed(cube, "BALANCE", pa.array(cube.table.column("BALANCE").to_numpy() / 2.1))
    findings = check_cube(cube, TEMPLATE, before)
    assert rules(findings) == {"balance-change"}
    assert not has_errors(findings)
    assert all(sum(code != "_T" for code in finding.cell.values()) <= 1 for finding in findings)


def test_a_moderate_change_is_no_finding(cube: Cube) -> None:
    before = changed(cube, "BALANCE", pa.array(cube.table.column("BALANCE").to_numpy() / 1.4))
    assert check_cube(cube, TEMPLATE, before) == []


def test_a_published_count_below_the_minimum_is_an_error() -> None:
    small = cells_of(random_loans(TEMPLATE, 60, regions=3), TEMPLATE)
    findings = check_cube(open_cube(small, TEMPLATE), TEMPLATE)
    assert "below-minimum" in rules(findings)
    assert has_errors(findings)


def test_the_only_withheld_part_of_a_published_total_is_recoverable() -> None:
    assert "recoverable" in rules(check_cube(hidden({"REGION": "N1"}), TEMPLATE))
    square = [{"REGION": region, "PRODUCT": product} for region in ("N1", "N2") for product in ("A", "B")]
    buckets = [cell | {"DPD_BUCKET": bucket} for cell in square for bucket in ("CURRENT", "D030P")]
    assert "recoverable" not in rules(check_cube(hidden(*buckets), TEMPLATE))


def test_no_sentence_holds_a_value(cube: Cube) -> None:
    broken = raised(raised(cube, "BALANCE", 7.77e9, PRODUCT="A"), "BORROWERS", 31_337_000, PRODUCT="B")
    text = " ".join(finding.sentence for finding in check_cube(broken, TEMPLATE))
    figures = {
        str(value) for column in ("ACCOUNTS", "BORROWERS", "BALANCE") for value in broken.table[column].to_pylist()
    }
    assert not any(figure in text.split() for figure in figures)
    assert "31337" not in text


def test_after_the_first_findings_of_a_rule_only_their_number_is_told(
    cube: Cube, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anonymize.findings.MOST_FINDINGS", 7)
    wrong = changed(cube, "BORROWERS", pa.array(cube.table.column("ACCOUNTS").to_numpy() + 1))
    findings = check_cube(wrong, TEMPLATE)
    assert len(findings) == 8
    assert findings[-1].cell == {}
    assert f" {len(wrong.places) - 7} " in findings[-1].sentence
