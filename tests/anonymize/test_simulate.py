"""Simulated tapes are the same every time and look like a market, calm or hit by a wave."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from anonymize.aggregate import aggregate
from anonymize.simulate import (
    SCENARIOS,
    InstitutionProfile,
    demo_institutions,
    mapping_for_simulated,
    simulate_tapes,
    stress,
)
from anonymize.simulated.market import PRODUCTS, PROVINCES
from anonymize.tape import open_tape
from anonymize.template import load

PERIODS = [f"2025-{month:02}" for month in (11, 12)] + [f"2026-{month:02}" for month in range(1, 11)]
# What the demonstration's cubes are made of; the other columns came later and draw from streams of their own.
FIRST_COLUMNS = [
    "report_date",
    "loan_no",
    "customer_no",
    "group_no",
    "product",
    "province",
    "grade",
    "opened_months_ago",
    "days_past_due",
    "balance",
    "past_due",
]
COAST = InstitutionProfile("COAST", 40_000, ("CN-ZJ", "CN-JS"), {"SME": 1, "MICRO": 1, "CONSUMER": 1})
INLAND = InstitutionProfile("INLAND", 40_000, ("CN-GS", "CN-QH"), {"MORTGAGE": 1, "AUTO": 1, "CARD": 1})


def tapes(
    profile: InstitutionProfile, scenario: str, periods: list[str] = PERIODS, seed: int = 7
) -> dict[str, pa.Table]:
    return dict(simulate_tapes(profile, periods, SCENARIOS[scenario], seed))


def rate(table: pa.Table, days: int = 30) -> float:
    """The share of accounts that are past due by so many days."""
    return float(np.mean(table["days_past_due"].to_numpy() >= days))


def digest(table: pa.Table) -> str:
    sink = hashlib.sha256()
    for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        sink.update(repr(row).encode())
    return sink.hexdigest()[:16]


def test_the_same_seed_gives_the_same_tape_and_another_seed_another() -> None:
    profile = demo_institutions()[-1]
    first, again = (tapes(profile, "wave", ["2026-10"])["2026-10"] for _ in range(2))
    assert first.equals(again)
    assert not first.equals(tapes(profile, "wave", ["2026-10"], seed=8)["2026-10"])
    # Changes only when somebody means it: the demonstration's figures change with it.
    assert digest(first.select(FIRST_COLUMNS)) == "fc251ecd0aeca14e"


def test_a_tape_does_not_depend_on_which_others_are_asked_for() -> None:
    profile = demo_institutions()[-1]
    assert tapes(profile, "wave")["2026-10"].equals(tapes(profile, "wave", ["2026-10"])["2026-10"])


def test_calm_portfolios_have_one_to_three_per_cent_thirty_days_past_due() -> None:
    for profile in (COAST, INLAND):
        rates = [rate(table) for table in tapes(profile, "calm").values()]
        assert all(0.01 <= each <= 0.03 for each in rates)
        assert max(rates) - min(rates) < 0.006


def test_a_wave_hits_the_coast_first_and_hard() -> None:
    coast, inland = (tapes(profile, "wave") for profile in (COAST, INLAND))
    assert rate(coast["2026-10"]) > 2.5 * rate(coast["2025-11"])
    assert 0.06 <= rate(coast["2026-10"]) <= 0.09
    assert rate(coast["2026-06"]) > 1.3 * rate(coast["2025-11"])
    assert rate(inland["2026-10"]) < 1.3 * rate(inland["2025-11"])


def test_a_wave_is_over_some_months_after_relief() -> None:
    recovering = tapes(COAST, "recovery")
    worst = max(rate(table) for table in recovering.values())
    assert worst > 0.06
    assert rate(recovering["2026-10"]) < 0.8 * worst


def test_stress_spreads_within_nine_months_and_never_leaves_its_range() -> None:
    wave = SCENARIOS["wave"]
    values = np.array(
        [
            [[stress(wave, product, province, month) for month in range(48)] for province in PROVINCES]
            for product in PRODUCTS
        ]
    )
    assert values.min() == 0.0
    assert values.max() == 1.0
    assert (np.diff(values, axis=2) >= 0).all()
    onset = 12  # 2026-01
    assert values[PRODUCTS.index("SME"), list(PROVINCES).index("CN-ZJ"), onset + 1] > 0
    reached = (values[:, :, onset + 9] > 0).mean()
    assert 0.7 < reached < 1.0


def test_a_past_due_amount_never_exceeds_the_balance_and_needs_days() -> None:
    for table in tapes(COAST, "wave", ["2026-10"]).values():
        balance, past_due, days = (table[each].to_numpy() for each in ("balance", "past_due", "days_past_due"))
        assert (past_due <= balance).all()
        assert ((past_due > 0) == (days > 0)).all()
        assert balance.min() > 0


def test_borrowers_have_several_loans_and_firms_have_affiliates() -> None:
    table = tapes(COAST, "calm", ["2025-11"])["2025-11"]
    assert 1.15 < table.num_rows / pc.count_distinct(table["customer_no"]).as_py() < 1.4
    groups = pc.value_counts(table["group_no"].drop_null()).to_pylist()
    assert len(groups) > 100
    owners = table.group_by("customer_no").aggregate([("group_no", "count_distinct"), ("province", "count_distinct")])
    assert pc.max(owners["group_no_count_distinct"]).as_py() <= 1
    assert pc.max(owners["province_count_distinct"]).as_py() == 1


def test_the_demonstration_has_twenty_four_institutions_of_very_unequal_size() -> None:
    cast = demo_institutions()
    assert len({profile.code for profile in cast}) == len({profile.name_zh for profile in cast}) == 24
    assert [profile.loans for profile in cast] == sorted((profile.loans for profile in cast), reverse=True)
    assert (cast[0].loans, cast[-1].loans) == (120_000, 1_200)
    assert 5 <= len({profile.kind for profile in cast}) <= 6
    assert {len(profile.provinces) for profile in cast} >= {1, 2, 3, 5, 8}
    assert all(
        set(profile.provinces) <= set(PROVINCES) and set(profile.product_mix) <= set(PRODUCTS) for profile in cast
    )


def test_the_shipped_mapping_takes_every_simulated_loan() -> None:
    profile = InstitutionProfile("ALL", 3_000, tuple(PROVINCES), dict.fromkeys(PRODUCTS, 1.0))
    table = tapes(profile, "wave", ["2026-10"])["2026-10"]
    with open_tape(table) as tape:
        cells = aggregate(tape, mapping_for_simulated(), load("delinquency"), "2026-10")
    total = cells.table.slice(0, 1).to_pylist()[0]
    assert {total[each] for each in ("PRODUCT", "REGION", "RISK_TIER", "DPD_BUCKET")} == {"_T"}
    assert total["ACCOUNTS"] == 3_000
    assert total["BALANCE"] == pytest.approx(pc.sum(table["balance"]).as_py())
    assert total["contributors"] < total["BORROWERS"] < total["ACCOUNTS"]


def quickest(action: Callable[[], object], tries: int = 3) -> float:
    seconds = []
    for _ in range(tries):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def test_a_year_of_a_large_bank_takes_seconds() -> None:
    assert quickest(lambda: tapes(demo_institutions()[0], "wave")) < 4


def test_nothing_is_simulated_before_the_origin() -> None:
    with pytest.raises(ValueError, match="2025-01"):
        tapes(COAST, "calm", ["2024-12"])
