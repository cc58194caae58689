"""What a mapping does to the values of a tape: filters, blanks, spelling, units and currencies."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from anonymize.aggregate import aggregate
from anonymize.errors import LoanTapeError, MappingError
from anonymize.mapping import parse_mapping
from anonymize.tape import open_tape
from tests.anonymize.loans import small_template

TEMPLATE = small_template()
Columns = dict[str, list[Any]]

COLUMNS: Columns = {
    "product": ["A", "A", "B", "B"],
    "region": ["N1", "N2", "S", "S"],
    "days": [0, 10, 40, 0],
    "balance": [100.0, 200.0, 300.0, 400.0],
    "customer": ["c1", "c2", "c3", "c4"],
    "status": ["open", "sold", "open", "open"],
    "currency": ["CNY", "USD", "cny ", "USD"],
}
MAPPING: dict[str, Any] = {
    "period": {"fixed": "2026-10"},
    "dimensions": {
        "PRODUCT": {"column": "product"},
        "REGION": {"column": "region"},
        "DPD_BUCKET": {"column": "days", "bins": [{"upto": 0, "code": "CURRENT"}, {"code": "D030P"}]},
    },
    "measures": {"BALANCE": {"column": "balance"}},
    "borrower": {"id": "customer"},
}


def total(columns: Columns | None = None, mapping: dict[str, Any] | None = None, **codes: str) -> tuple[int, float]:
    """Accounts and balance of one cell; totals where no code is given."""
    document = {**MAPPING, **(mapping or {})}
    document["dimensions"] = {**MAPPING["dimensions"], **document["dimensions"]}
    with open_tape(pa.table({**COLUMNS, **(columns or {})})) as tape:
        rows = aggregate(tape, parse_mapping(document, TEMPLATE), TEMPLATE, "2026-10").table.to_pylist()
    wanted = {each: codes.get(each, "_T") for each in TEMPLATE.dimension_ids}
    found = [row for row in rows if all(row[each] == code for each, code in wanted.items())]
    return (found[0]["ACCOUNTS"], found[0]["BALANCE"]) if found else (0, 0.0)


def test_rows_that_the_filter_leaves_out_do_not_count() -> None:
    assert total() == (4, 1000)
    assert total(mapping={"tape": {"where": "status <> 'sold'"}}) == (3, 800)
    assert total(mapping={"tape": {"where": "status <> 'sold' -- as agreed"}}) == (3, 800)


def test_a_blank_drops_no_loan_unseen() -> None:
    blank: Columns = {"status": ["open", None, "open", "sold"]}
    with pytest.raises(LoanTapeError, match="neither true nor false for 1 rows"):
        total(blank, {"tape": {"where": "status <> 'sold'"}})
    assert total(blank, {"tape": {"where": "coalesce(status, '') <> 'sold'"}}) == (3, 600)


def test_a_filter_that_keeps_nothing_is_told() -> None:
    with pytest.raises(LoanTapeError, match=r"\[tape\]: where keeps no row"):
        total(mapping={"tape": {"where": "status = 'gone'"}})


def test_blanks_go_where_blank_says_and_the_rest_where_default_says() -> None:
    columns: Columns = {"product": ["A", "", None, "other"]}
    dimensions = {"PRODUCT": {"column": "product", "blank": "A", "default": "B"}}
    assert total(columns, {"dimensions": dimensions}, PRODUCT="A") == (3, 600)
    assert total(columns, {"dimensions": dimensions}, PRODUCT="B") == (1, 400)
    alone = {"PRODUCT": {"column": "product", "default": "B"}}
    assert total(columns, {"dimensions": alone}, PRODUCT="B") == (3, 900)


def test_a_number_that_is_missing_is_a_blank_and_not_the_largest() -> None:
    bins = MAPPING["dimensions"]["DPD_BUCKET"]
    columns: Columns = {"days": [0.0, float("nan"), 40.0, None]}
    with pytest.raises(LoanTapeError, match="outside the bins"):
        total(columns)
    found = {"dimensions": {"DPD_BUCKET": {**bins, "blank": "CURRENT"}}}
    assert total(columns, found, DPD_BUCKET="CURRENT") == (3, 700)


def test_case_width_and_spaces_do_not_matter_where_the_meaning_is_clear() -> None:
    columns: Columns = {"product": ["a", "Ａ　", " b ", "Ｂ"]}
    assert total(columns, PRODUCT="A") == (2, 300)


def test_an_exact_code_goes_before_one_that_only_looks_alike() -> None:
    codes = {"PRODUCT": {"column": "product", "codes": {"x": "A", "X": "B"}}}
    assert total({"product": ["x", "X", "X", "x"]}, {"dimensions": codes}, PRODUCT="B") == (2, 500)
    with pytest.raises(LoanTapeError, match="outside the codes: 'Ｘ'"):
        total({"product": ["x", "X", "X", "Ｘ"]}, {"dimensions": codes})


@pytest.mark.parametrize(("unit", "balance"), [("thousand", 1e6), ("万元", 1e7), ("元", 1e3)])
def test_a_unit_is_a_scale_with_a_name(unit: str, balance: float) -> None:
    assert total(mapping={"measures": {"BALANCE": {"column": "balance", "unit": unit}}}) == (4, balance)


def test_currencies_are_converted_row_by_row() -> None:
    currency = {"column": "currency", "rates": {"USD": 7.25}}
    assert total(mapping={"measures": {"BALANCE": {"column": "balance", "currency": currency}}}) == (
        4,
        400 + 600 * 7.25,
    )
    assert total(mapping={"measures": {"BALANCE": {"column": "balance", "currency": "CNY"}}}) == (4, 1000)


@pytest.mark.parametrize("unknown", ["EUR", None])
def test_an_unknown_currency_is_refused(unknown: str | None) -> None:
    currency = {"column": "currency", "rates": {"USD": 7.25}}
    with pytest.raises(LoanTapeError, match=r"(EUR|blank).*rates") as refused:
        total(
            {"currency": ["CNY", "USD", "CNY", unknown]},
            {"measures": {"BALANCE": {"column": "balance", "currency": currency}}},
        )
    assert refused.value.rule == "unknown-currency"


def test_a_borrower_and_a_group_may_be_worked_out() -> None:
    mapping = {"borrower": {"sql": "substr(customer, 1, 1) || region", "group_sql": "nullif(region, 'S')"}}
    with open_tape(pa.table(COLUMNS)) as tape:
        cells = aggregate(tape, parse_mapping({**MAPPING, **mapping}, TEMPLATE), TEMPLATE, "2026-10")
    assert cells.table.column("BORROWERS").to_pylist()[0] == 3


def test_a_sum_over_all_rows_is_no_value_of_a_row() -> None:
    with pytest.raises(MappingError, match="uses sum, which a mapping may not"):
        parse_mapping({**MAPPING, "measures": {"BALANCE": {"sql": "sum(balance)"}}}, TEMPLATE)
