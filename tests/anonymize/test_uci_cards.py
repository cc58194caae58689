"""Real card accounts (UCI, Taiwan 2005) become exactly the cells of their answer keys, before protection."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from anonymize.aggregate import aggregate
from anonymize.mapping import parse_mapping
from anonymize.tape import open_tape
from anonymize.template import Template, load, parse

BUCKETS = ("current", "001_029", "030_059", "060_089", "090_119", "120_plus")
Key = tuple[str, str]


def card_template(tiers: list[str]) -> Template:
    def codes(leaves: list[str]) -> list[dict[str, Any]]:
        return [
            {"id": "_T", "name": {"en": "Total"}},
            *({"id": each, "name": {"en": each}, "parent": "_T"} for each in leaves),
        ]

    return parse(
        {
            **load("delinquency").source,
            "id": "cards",
            "dimensions": [
                {"id": "LIMIT_TIER", "name": {"en": "Limit"}, "codes": codes(tiers)},
                {"id": "DPD_BUCKET", "name": {"en": "Days past due"}, "codes": codes(list(BUCKETS))},
            ],
            "measures": [
                {"id": "ACCOUNTS", "name": {"en": "Accounts"}, "type": "count", "unit": "accounts"},
                {"id": "BALANCE", "name": {"en": "Balance"}, "type": "amount", "unit": "TWD"},
            ],
            "indicators": [],
            "checks": [],
            "protection": {"method": "none"},
        }
    )


def answer_key(path: Path) -> dict[Key, dict[Key, tuple[int, float]]]:
    """(member, period) -> (tier, bucket) -> accounts and balance."""
    found: dict[Key, dict[Key, tuple[int, float]]] = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            cell = (row["limit_tier"], row["dpd_bucket"])
            found[row["member"], row["period"]][cell] = (int(row["count"]), float(row["balance_twd"]))
    return found


def test_every_member_and_period_equals_the_answer_key_cell_for_cell(shared_data: Path) -> None:
    folder = shared_data / "uci_taiwan_cards"
    if not folder.is_dir():
        pytest.skip("the card accounts are not among the shared data")
    expected = answer_key(folder / "expected_cube_by_member.csv")
    table = pq.read_table(folder / "loan_month_long_synthetic_members.parquet")
    template = card_template(sorted(pc.unique(table["limit_tier"]).to_pylist()))
    mapping = parse_mapping(
        {
            "period": {"column": "period"},
            "dimensions": {"LIMIT_TIER": {"column": "limit_tier"}, "DPD_BUCKET": {"column": "dpd_bucket"}},
            "measures": {"ACCOUNTS": {"distinct": "loan_id"}, "BALANCE": {"column": "balance_twd"}},
            "borrower": {"id": "loan_id"},
        },
        template,
    )
    compared = 0
    for member in sorted({member for member, _ in expected}):
        with open_tape(table.filter(pc.equal(table["member"], member))) as tape:
            for period in sorted({period for each, period in expected if each == member}):
                rows = aggregate(tape, mapping, template, period).table.to_pylist()
                cells = {(row["LIMIT_TIER"], row["DPD_BUCKET"]): (row["ACCOUNTS"], row["BALANCE"]) for row in rows}
                leaves = {cell: values for cell, values in cells.items() if "_T" not in cell}
                assert leaves == expected[member, period], (member, period)
                assert cells["_T", "_T"] == tuple(map(sum, zip(*expected[member, period].values(), strict=True)))
                compared += len(leaves)
    assert compared == sum(map(len, expected.values())) == 758
