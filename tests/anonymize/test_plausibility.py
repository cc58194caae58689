"""What is plausible in a cube, and beside the cube of the period before. The limits are the template's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from anonymize.checks import check_cube, needs_previous
from anonymize.cube import Cube, cell_key, cube_of
from anonymize.findings import Finding
from anonymize.plausibility import ALONE, COMPARISONS
from anonymize.template import CHECK_KINDS, Check, Template
from tests.anonymize.loans import cells_of, open_cube, random_loans, small_template

SMALL = small_template()
LOANS = random_loans(SMALL, 4000)
CUBE = open_cube(cells_of(LOANS, SMALL), SMALL)
BEFORE = open_cube(cells_of(random_loans(SMALL, 4000, seed=2), SMALL), SMALL)


def with_check(kind: str, **options: Any) -> Template:
    return replace(SMALL, checks=(Check("rule", kind, "warning", options),))


def scaled(cube: Cube, factor: Callable[[dict[str, str]], float], *measures: str) -> Cube:
    """The cube with the measures of each cell multiplied by what its codes say."""
    factors = np.array([factor(cell_key(int(place), SMALL)) for place in cube.places])
    table = cube.table
    for measure in measures or SMALL.measure_ids:
        at = table.column_names.index(measure)
        values = np.floor(table.column(measure).to_numpy() * factors)
        whole = SMALL.measure(measure).type == "count"
        table = table.set_column(at, measure, pa.array(values, pa.int64() if whole else pa.float64()))
    return cube_of(table, SMALL, institution="ADA")


def cells(findings: list[Finding]) -> list[dict[str, str]]:
    return [{name: code for name, code in each.cell.items() if code != "_T"} for each in findings]


def withheld(cube: Cube, **codes: str) -> Cube:
    marks = np.array([all(cell_key(int(place), SMALL)[n] == c for n, c in codes.items()) for place in cube.places])
    return open_cube(cells_of(LOANS, SMALL), SMALL, withhold=marks)


def test_the_kinds_of_checks_are_those_of_the_published_schema() -> None:
    schema = json.loads((resources.files("anonymize") / "template.schema.json").read_text(encoding="utf-8"))
    published = {each["properties"]["kind"]["const"] for each in schema["$defs"]["check"]["oneOf"]}
    assert published == CHECK_KINDS == {"sum", "less-or-equal", *ALONE, *COMPARISONS}


def test_another_sample_of_the_same_book_is_plausible() -> None:
    checks = (
        Check("a", "mix-shift", "warning", {"measure": "BALANCE", "at_most": 0.15}),
        Check("b", "definition-break", "warning", {"measure": "BALANCE"}),
        Check("c", "unit-change", "warning", {}),
        Check("d", "identical-copy", "warning", {}),
        Check("e", "indicator-within", "warning", {"indicator": "DPD30_RATE", "at_least": 0, "at_most": 1}),
        Check("f", "indicator-change-within", "warning", {"indicator": "DPD30_RATE", "at_most": 0.3, "min_share": 0.2}),
    )
    assert check_cube(CUBE, replace(SMALL, checks=checks), BEFORE) == []
    assert needs_previous(replace(SMALL, checks=checks))


def test_a_code_whose_share_moved_is_found_and_its_parents_are_not() -> None:
    first = SMALL.dimension("REGION").code_list.leaves[0]
    moved = scaled(CUBE, lambda cell: 0.3 if cell["REGION"] == first else 1.0)
    found = check_cube(moved, with_check("mix-shift", measure="BALANCE", at_most=0.15), CUBE)
    assert cells(found) == [{"REGION": first}]


def test_a_code_that_is_withheld_in_one_period_shifts_nothing() -> None:
    first = SMALL.dimension("REGION").code_list.leaves[0]
    hidden = withheld(CUBE, REGION=first)
    for check in (
        with_check("mix-shift", measure="BALANCE", at_most=0.01),
        with_check("definition-break", measure="BALANCE"),
    ):
        assert "rule" not in {each.rule for each in check_cube(hidden, check, CUBE)}


@pytest.mark.parametrize("gone", [True, False])
def test_a_code_that_came_or_went_with_weight_is_found(gone: bool) -> None:
    first = SMALL.dimension("PRODUCT").code_list.leaves[0]
    without = scaled(CUBE, lambda cell: 0.0 if cell["PRODUCT"] == first else 1.0)
    now, before = (without, CUBE) if gone else (CUBE, without)
    found = check_cube(now, with_check("definition-break", measure="BALANCE", dimensions=["PRODUCT"]), before)
    assert cells(found) == [{"PRODUCT": first}]
    assert ("not any more" in found[0].sentence or "any more of" in found[0].sentence) == gone


@pytest.mark.parametrize(("factor", "words"), [(10_000, "10,000 times what it was"), (0.01, "100 times smaller")])
def test_an_amount_in_another_unit_is_found_with_its_factor(factor: float, words: str) -> None:
    other = scaled(CUBE, lambda _: factor, "BALANCE")
    (found,) = check_cube(other, with_check("unit-change", measures=["BALANCE"]), CUBE)
    assert words in found.sentence
    assert found.cell == {}


def test_only_factors_from_the_smallest_one_on_count() -> None:
    tenfold = scaled(CUBE, lambda _: 10.0, "BALANCE")
    assert check_cube(tenfold, with_check("unit-change"), CUBE)
    assert check_cube(tenfold, with_check("unit-change", at_least=100), CUBE) == []


def test_growth_is_no_change_of_unit() -> None:
    assert check_cube(scaled(CUBE, lambda _: 3.0, "BALANCE"), with_check("unit-change"), CUBE) == []


def test_last_months_figures_again_are_found() -> None:
    (found,) = check_cube(CUBE, with_check("identical-copy"), CUBE)
    assert "of this period" in found.sentence
    few = scaled(CUBE, lambda cell: 1.5 if cell["PRODUCT"] == "A" else 1.0)
    assert check_cube(few, with_check("identical-copy", at_least=0.99), CUBE) == []


def test_a_rate_outside_its_limits_is_found_at_its_numerator() -> None:
    wrong = scaled(CUBE, lambda cell: 50.0 if cell["DPD_BUCKET"] == "D030P" else 1.0, "BALANCE")
    found = check_cube(wrong, with_check("indicator-within", indicator="DPD30_RATE", at_least=0, at_most=1))
    assert {} not in cells(found)
    assert all(cell["DPD_BUCKET"] == "D030P" for cell in cells(found))


def test_a_rate_that_moved_is_found_where_it_has_weight() -> None:
    worse = scaled(CUBE, lambda cell: 3.0 if cell["DPD_BUCKET"] == "D030P" else 1.0, "BALANCE")
    check = with_check("indicator-change-within", indicator="DPD30_RATE", at_most=0.05)
    found = cells(check_cube(worse, check, CUBE))
    assert {"DPD_BUCKET": "D030P"} in found
    assert all(len(cell) <= 2 for cell in found)


def test_a_rate_far_from_its_siblings_is_an_outlier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anonymize.plausibility.FEWEST_PEERS", 3)  # the small template has no more regions
    first = SMALL.dimension("REGION").code_list.leaves[0]

    def factor(cell: dict[str, str]) -> float:
        return 0.0 if cell["REGION"] == first and cell["DPD_BUCKET"] == "D030P" else 1.0

    odd = scaled(CUBE, factor, "BALANCE")
    check = with_check("outlier", indicator="DPD30_RATE", dimensions=["REGION"], deviations=4, min_share=0.01)
    assert check_cube(CUBE, check) == []
    assert {"REGION": first, "DPD_BUCKET": "D030P"} in cells(check_cube(odd, check))


def test_no_sentence_holds_a_figure_of_the_cube() -> None:
    odd = scaled(CUBE, lambda cell: {"A": 7.0, "B": 0.0}.get(cell["PRODUCT"], 1.0))
    checks = [
        with_check("mix-shift", measure="BALANCE", at_most=0.01),
        with_check("definition-break", measure="ACCOUNTS"),
        with_check("unit-change"),
        with_check("indicator-change-within", indicator="DPD30_RATE", at_most=0.001),
    ]
    text = " ".join(each.sentence for check in checks for each in check_cube(odd, check, CUBE))
    assert text
    figures = {
        str(value) for cube in (odd, CUBE) for name in SMALL.measure_ids for value in cube.table[name].to_pylist()
    }
    assert not {figure for figure in figures if len(figure) > 4} & set(text.replace(",", "").split())
