"""Cells counted by DuckDB equal cells counted one borrower at a time."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings, strategies as st

from anonymize.aggregate import aggregate
from anonymize.counting import several
from anonymize.cube import Cells
from anonymize.errors import LoanTapeError, MappingError, TemplateError
from anonymize.mapping import TapeMapping, parse_mapping
from anonymize.tape import open_tape
from anonymize.template import Template, load, parse

PERIOD = "2026-10"


def small_template() -> Template:
    def codes(**parents: str) -> list[dict[str, Any]]:
        return [
            {"id": "_T", "name": {"en": "Total"}},
            *({"id": id, "name": {"en": id}, "parent": parent} for id, parent in parents.items()),
        ]

    delinquency = load("delinquency").source
    past_due = {"id": "PAST_DUE", "name": {"en": "Amount past due"}, "type": "amount", "unit": "CNY", "decimals": 2}
    return parse(
        {
            **delinquency,
            "id": "small",
            "measures": [*delinquency["measures"], past_due],
            "dimensions": [
                {"id": "PRODUCT", "name": {"en": "Product"}, "codes": codes(RETAIL="_T", CAR="RETAIL", CARD="RETAIL", SME="_T")},
                {"id": "REGION", "name": {"en": "Region"}, "codes": codes(EAST="_T", WEST="_T")},
                {
                    "id": "DPD_BUCKET",
                    "name": {"en": "Days past due"},
                    "codes": codes(CURRENT="_T", LATE="_T", D030="LATE", D060P="LATE", D060="D060P", D090="D060P"),
                },
            ],
            "indicators": [],
            "checks": [],
        }
    )  # fmt: skip


SMALL = small_template()


def small_mapping(**changes: Any) -> TapeMapping:
    document: dict[str, Any] = {
        "period": {"fixed": PERIOD},
        "dimensions": {"PRODUCT": {"column": "product"}, "REGION": {"column": "region"}, "DPD_BUCKET": {"column": "dpd"}},
        "measures": {"BALANCE": {"column": "balance"}, "PAST_DUE": {"column": "past_due"}},
        "borrower": {"id": "customer"},
    }  # fmt: skip
    return parse_mapping({**document, **changes}, SMALL)


GROUPED = small_mapping(borrower={"id": "customer", "group": "owner"})


def tape_of(rows: list[dict[str, Any]]) -> pa.Table:
    names = ("product", "region", "dpd", "balance", "past_due", "customer", "owner")
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def cells_of(rows: list[dict[str, Any]], mapping: TapeMapping | None = None) -> Cells:
    with open_tape(tape_of(rows)) as tape:
        return aggregate(tape, mapping or small_mapping(), SMALL, PERIOD)


def counted_by_hand(rows: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, float]]:
    """Every cell, from dictionaries only. Affiliates are one contributor, wherever a borrower's group is known."""
    owner = {row["customer"]: row["owner"] for row in sorted(rows, key=lambda row: row["owner"] or "") if row["owner"]}
    for row in sorted(rows, key=lambda row: row["owner"] or "", reverse=True):
        if row["owner"]:
            owner[row["customer"]] = row["owner"]
    inside: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        leaf = (row["product"], row["region"], row["dpd"])
        paths = [each.code_list.ancestors(code) for each, code in zip(SMALL.dimensions, leaf, strict=True)]
        for cell in itertools.product(*paths):
            inside[cell].append(row)
    found = {}
    for cell, loans in inside.items():
        values: dict[str, float] = {"ACCOUNTS": len(loans), "BORROWERS": len({row["customer"] for row in loans})}
        entity = [
            ("g", owner[row["customer"]]) if row["customer"] in owner else ("b", row["customer"]) for row in loans
        ]
        values["contributors"] = len(set(entity))
        for measure, column in (("ACCOUNTS", None), ("BALANCE", "balance"), ("PAST_DUE", "past_due")):
            sums: dict[Any, float] = defaultdict(float)
            for row, who in zip(loans, entity, strict=True):
                sums[who] += 1 if column is None else row[column]
            ranked = [*sorted((abs(value) for value in sums.values()), reverse=True), 0, 0]
            values[f"largest_{measure}"], values[f"second_{measure}"] = ranked[:2]
            values[measure] = sum(1 if column is None else row[column] for row in loans)
        found[cell] = values
    return found


def as_dictionary(cells: Cells) -> dict[tuple[str, ...], Mapping[str, float]]:
    rows = cells.table.to_pylist()
    return {
        tuple(row[each] for each in SMALL.dimension_ids): {
            name: value for name, value in row.items() if name not in SMALL.dimension_ids
        }
        for row in rows
    }


loans = st.lists(
    st.fixed_dictionaries(
        {
            "product": st.sampled_from(["CAR", "CARD", "SME"]),
            "region": st.sampled_from(["EAST", "WEST"]),
            "dpd": st.sampled_from(["CURRENT", "D030", "D060", "D090"]),
            "balance": st.integers(-500, 10_000).map(lambda cents: cents / 4),
            "past_due": st.integers(0, 400).map(float),
            "customer": st.integers(1, 8),
            "owner": st.sampled_from([None, None, None, "1", "2"]),
        }
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=30, deadline=None)
@given(loans)
def test_every_margin_equals_a_count_by_hand(rows: list[dict[str, Any]]) -> None:
    expected = counted_by_hand(rows)
    found = as_dictionary(cells_of(rows, GROUPED))
    assert found.keys() == expected.keys()
    for cell, values in expected.items():
        assert found[cell] == pytest.approx(values), cell


def spread_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Borrowers in one to twelve cells, some with amounts of both signs or nothing but credits, some in groups."""
    rows = []
    for customer in range(draw(st.integers(1, 6))):
        low, high = draw(st.sampled_from([(0, 400), (0, 400), (-400, 0), (-400, 400), (0, 1)]))
        owner = draw(st.sampled_from([None, None, "1", "2"]))
        leaves = st.tuples(*(st.sampled_from(each.code_list.leaves) for each in SMALL.dimensions))
        for product, region, dpd in draw(st.lists(leaves, min_size=1, max_size=12)):
            rows.append(
                {"product": product, "region": region, "dpd": dpd, "customer": customer, "owner": owner}
                | {column: draw(st.integers(low, high)) / 4 for column in ("balance", "past_due")}
            )
    return rows


@settings(max_examples=20, deadline=None)
@given(
    st.composite(spread_rows)(), st.sampled_from([small_mapping(), GROUPED]), st.sampled_from([several.MOST_ROWS, 3])
)
def test_borrowers_in_few_cells_or_many_count_once_in_every_total(
    rows: list[dict[str, Any]], mapping: TapeMapping, at_once: int
) -> None:
    expected = counted_by_hand(rows if mapping is GROUPED else [{**row, "owner": None} for row in rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(several, "MOST_ROWS", at_once)  # a long tape is counted in parts
        found = as_dictionary(cells_of(rows, mapping))
    assert found.keys() == expected.keys()
    for cell, values in expected.items():
        assert found[cell] == pytest.approx(values), cell


def test_a_borrower_with_loans_in_two_products_is_one_contributor_of_their_total() -> None:
    row = {"region": "EAST", "dpd": "CURRENT", "past_due": 0.0}
    cells = as_dictionary(
        cells_of(
            [
                {**row, "product": "CAR", "balance": 70.0, "customer": "ada"},
                {**row, "product": "CARD", "balance": 30.0, "customer": "ada"},
                {**row, "product": "CARD", "balance": 90.0, "customer": "bela"},
            ]
        )
    )
    total = cells["RETAIL", "EAST", "CURRENT"]
    assert (total["ACCOUNTS"], total["BORROWERS"], total["contributors"]) == (3, 2, 2)
    assert (total["largest_BALANCE"], total["second_BALANCE"]) == (100.0, 90.0)
    assert cells["CARD", "EAST", "CURRENT"]["largest_BALANCE"] == 90.0


def test_affiliated_borrowers_are_one_contributor_and_several_borrowers() -> None:
    row = {"product": "SME", "region": "EAST", "dpd": "CURRENT", "past_due": 0.0}
    rows = [
        {**row, "balance": 40.0, "customer": "7", "owner": "1"},
        {**row, "balance": 50.0, "customer": "8", "owner": "1"},
        {**row, "balance": 60.0, "customer": "1", "owner": None},  # not the group of the same number
    ]
    total = as_dictionary(cells_of(rows, GROUPED))["_T", "_T", "_T"]
    assert (total["BORROWERS"], total["contributors"], total["largest_BALANCE"]) == (3, 2, 90.0)


def test_totals_are_sums_of_leaf_cells_to_the_last_cent() -> None:
    random = np.random.default_rng(1)
    rows = [
        {"product": product, "region": "EAST", "dpd": "CURRENT", "past_due": 0.0, "customer": str(number), "balance": amount}
        for number, (product, amount) in enumerate(
            zip(random.choice(["CAR", "CARD", "SME"], 5000), random.random(5000) * 1e6, strict=True)
        )
    ]  # fmt: skip
    cells = as_dictionary(cells_of(rows))
    parts = [cells[product, "EAST", "CURRENT"]["BALANCE"] for product in ("CAR", "CARD", "SME")]
    cents = sum(round(part * 100) for part in parts)
    assert round(cells["_T", "_T", "_T"]["BALANCE"] * 100) == cents
    assert cents / 100 == pytest.approx(sum(row["balance"] for row in rows), abs=0.02)


def test_the_order_of_the_rows_changes_nothing() -> None:
    random = np.random.default_rng(2)
    rows = [
        {"product": "CAR", "region": "WEST", "dpd": "D030", "past_due": 1.0, "customer": str(number % 700), "balance": amount}
        for number, amount in enumerate(random.lognormal(8, 2, 3000))
    ]  # fmt: skip
    shuffled = [rows[place] for place in random.permutation(len(rows))]
    assert cells_of(rows).table.equals(cells_of(shuffled).table)


def test_a_loan_on_two_rows_of_a_cell_is_one_account() -> None:
    mapping = small_mapping(
        measures={
            "ACCOUNTS": {"distinct": "owner"},
            "BALANCE": {"column": "balance"},
            "PAST_DUE": {"column": "past_due"},
        }
    )
    row = {"product": "CAR", "region": "EAST", "dpd": "CURRENT", "past_due": 0.0, "balance": 5.0, "customer": "ada"}
    total = as_dictionary(cells_of([{**row, "owner": "L1"}, {**row, "owner": "L1"}, {**row, "owner": "L2"}], mapping))
    assert total["_T", "_T", "_T"]["ACCOUNTS"] == 2
    assert total["_T", "_T", "_T"]["BALANCE"] == 15.0
    with pytest.raises(LoanTapeError, match="more than one cell") as refused:
        cells_of([{**row, "owner": "L1"}, {**row, "product": "SME", "owner": "L1"}], mapping)
    assert refused.value.rule == "totals"


def test_amounts_in_thousands_are_scaled_before_they_are_rounded() -> None:
    mapping = small_mapping(
        measures={"BALANCE": {"column": "balance", "scale": 1000}, "PAST_DUE": {"sql": "past_due * 1000"}}
    )
    row = {"product": "CAR", "region": "EAST", "dpd": "D030", "past_due": 0.25, "balance": 1.23456, "customer": "ada"}
    total = as_dictionary(cells_of([row], mapping))["_T", "_T", "_T"]
    assert (total["BALANCE"], total["PAST_DUE"]) == (1234.56, 250.0)


GOOD = {"product": "CAR", "region": "EAST", "dpd": "CURRENT", "past_due": 0.0, "balance": 5.0, "customer": "ada"}


def test_unknown_codes_are_named_with_their_column() -> None:
    with pytest.raises(
        LoanTapeError, match=r"\[dimensions.PRODUCT\]: 2 rows of column 'product' hold 1 values .*'BOAT'"
    ) as refused:
        cells_of([GOOD, {**GOOD, "product": "BOAT"}, {**GOOD, "product": "BOAT"}])
    assert refused.value.rule == "unknown-code"


@pytest.mark.parametrize("value", ["13912345678", "330106199003078511", "王建国", "ada@example.org", "Ada Lovelace"])
def test_what_may_be_about_a_person_is_never_quoted(value: str) -> None:
    with pytest.raises(LoanTapeError) as refused:
        cells_of([{**GOOD, "product": value}])
    assert value not in refused.value.sentence
    assert "1 rows of column 'product'" in refused.value.sentence


def test_blank_codes_are_refused() -> None:
    with pytest.raises(LoanTapeError, match="1 rows are blank in column 'region'"):
        cells_of([GOOD, {**GOOD, "region": None}])


def test_a_total_is_no_code_of_a_loan() -> None:
    with pytest.raises(LoanTapeError, match="'RETAIL'"):
        cells_of([{**GOOD, "product": "RETAIL"}])


def test_a_missing_amount_is_not_zero() -> None:
    with pytest.raises(LoanTapeError, match="1 rows have no usable number in column 'balance'"):
        cells_of([GOOD, {**GOOD, "balance": None}])


def test_an_amount_that_is_not_finite_is_refused() -> None:
    with pytest.raises(LoanTapeError, match="no usable number"):
        cells_of([{**GOOD, "balance": float("nan")}, {**GOOD, "balance": float("inf")}])


def test_a_loan_without_a_borrower_is_refused() -> None:
    with pytest.raises(LoanTapeError, match=r"\[borrower\]: 1 rows have nothing in column 'customer'"):
        cells_of([GOOD, {**GOOD, "customer": " "}])


def test_negative_counts_are_refused() -> None:
    mapping = small_mapping(
        measures={"ACCOUNTS": {"column": "past_due"}, "BALANCE": {"column": "balance"}, "PAST_DUE": {"sql": "0"}}
    )
    with pytest.raises(LoanTapeError, match="1 rows have a negative count") as refused:
        cells_of([{**GOOD, "past_due": 2.0}, {**GOOD, "past_due": -1.0}], mapping)
    assert refused.value.rule == "negative-count"
    with pytest.raises(LoanTapeError, match="no usable whole number"):
        cells_of([{**GOOD, "past_due": 1.5}], mapping)


def dated(*dates: Any) -> pa.Table:
    return tape_of([GOOD] * len(dates)).append_column("date", pa.array(dates))


BY_DATE = small_mapping(period={"column": "date"})


@pytest.mark.parametrize(
    "text", ["2026-10-31", "2026-10", "202610", "20261031", "2026/10/31", "2026年10月", "2026.10.31"]
)
def test_a_period_is_read_however_banks_write_it(text: str) -> None:
    with open_tape(dated(text, "2026-09-30", text)) as tape:
        cells = aggregate(tape, BY_DATE, SMALL, PERIOD)
    assert as_dictionary(cells)["_T", "_T", "_T"]["ACCOUNTS"] == 2


def test_a_tape_of_another_period_is_refused() -> None:
    with open_tape(dated("2026-08-31", "2026-09-30")) as tape, pytest.raises(LoanTapeError) as refused:
        aggregate(tape, BY_DATE, SMALL, PERIOD)
    assert refused.value.sentence == "The tape has no row of 2026-10; it is of 2026-08 to 2026-09."
    assert refused.value.rule == "wrong-period"


@pytest.mark.parametrize("text", [None, "", "October", "2026-13-01", "31.10.2026"])
def test_a_row_without_a_readable_period_is_refused(text: str | None) -> None:
    with (
        open_tape(dated("2026-10-31", text)) as tape,
        pytest.raises(LoanTapeError, match="1 rows have no reporting period"),
    ):
        aggregate(tape, BY_DATE, SMALL, PERIOD)


def test_a_fixed_period_must_be_the_one_asked_for() -> None:
    with (
        open_tape(tape_of([GOOD])) as tape,
        pytest.raises(MappingError, match="fixed is 2026-10, but 2026-11") as refused,
    ):
        aggregate(tape, small_mapping(), SMALL, "2026-11")
    assert refused.value.rule == "wrong-period"


def test_a_quarter_is_no_period_of_a_monthly_collection() -> None:
    with open_tape(tape_of([GOOD])) as tape, pytest.raises(TemplateError, match="2026-Q4"):
        aggregate(tape, small_mapping(), SMALL, "2026-Q4")


def test_an_expression_that_does_not_work_is_named() -> None:
    mapping = small_mapping(measures={"BALANCE": {"sql": "ballance + 1"}, "PAST_DUE": {"column": "past_due"}})
    with open_tape(tape_of([GOOD])) as tape, pytest.raises(MappingError, match=r"\[measures.BALANCE\]: the expression"):
        aggregate(tape, mapping, SMALL, PERIOD)


def test_a_missing_column_is_named_with_the_nearest_one() -> None:
    mapping = small_mapping(borrower={"id": "custommer"})
    with (
        open_tape(tape_of([GOOD])) as tape,
        pytest.raises(MappingError, match=r"\[borrower\].*Did you mean 'customer'") as refused,
    ):
        aggregate(tape, mapping, SMALL, PERIOD)
    assert refused.value.rule == "missing-column"


def test_an_expression_that_fails_on_a_row_quotes_nothing() -> None:
    mapping = small_mapping(measures={"BALANCE": {"sql": "customer::INT"}, "PAST_DUE": {"column": "past_due"}})
    with pytest.raises(LoanTapeError, match="does not work on every row") as refused:
        cells_of([GOOD], mapping)
    assert "ada" not in refused.value.sentence
    assert refused.value.__suppress_context__


def test_columns_may_have_any_name() -> None:
    names = ["cell", "stray", "concord", "code", "value", "select", 'a "quoted" one']
    table = pa.table({name: ["CAR"] for name in names}).append_column("borrower", pa.array(["ada"]))
    for name in names:
        mapping = small_mapping(
            dimensions={"PRODUCT": {"column": name}, "REGION": {"fixed": "EAST"}, "DPD_BUCKET": {"fixed": "CURRENT"}},
            measures={"BALANCE": {"sql": "1"}, "PAST_DUE": {"sql": "0"}},
            borrower={"id": "borrower"},
        )
        with open_tape(table) as tape:
            assert as_dictionary(aggregate(tape, mapping, SMALL, PERIOD))["CAR", "EAST", "CURRENT"]["ACCOUNTS"] == 1


def test_fifty_thousand_loans_take_less_than_a_second_of_processor_time() -> None:
    random = np.random.default_rng(3)
    count = 50_000
    table = pa.table(
        {
            "product": random.choice(["CAR", "CARD", "SME"], count),
            "region": random.choice(["EAST", "WEST"], count),
            "dpd": random.choice(["CURRENT", "D030", "D060", "D090"], count, p=[0.9, 0.05, 0.03, 0.02]),
            "balance": random.lognormal(10, 1, count),
            "past_due": np.zeros(count),
            "customer": random.integers(0, 40_000, count),
        }
    )
    with open_tape(table) as tape:
        start = time.process_time()
        aggregate(tape, small_mapping(), SMALL, PERIOD)
        assert time.process_time() - start < 1
