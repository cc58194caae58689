"""Treatments, outreach and service: their simulated tapes are realistic, and a bank's rates survive its protection."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from anonymize.cube import arrays
from anonymize.indicators import indicator_arrays, rate
from anonymize.pipeline import Prepared, prepare
from anonymize.simulate import (
    SCENARIOS,
    SIMULATED,
    InstitutionProfile,
    demo_institutions,
    mapping_for_simulated,
    simulate_tapes,
    simulated_tape,
)
from anonymize.simulated.market import PRODUCTS, PROVINCES
from anonymize.simulated.treatments import treatments
from anonymize.template import TOTAL, Indicator, Template, load

CARE = {"treatment": "2026-Q3", "outreach": "2026-09", "service": "2026-Q3"}
MIX = dict(zip(PRODUCTS, (22, 6, 18, 20, 17, 14, 3), strict=True))
LARGE = InstitutionProfile("LARGE", 100_000, ("CN-ZJ", "CN-JS", "CN-SH", "CN-FJ", "CN-GD"), MIX)
SMALL = demo_institutions()[-1]


@cache
def tape(collection: str, profile_code: str = "LARGE", scenario: str = "wave", seed: int = 7) -> pa.Table:
    profile = {"LARGE": LARGE, "SMALL": SMALL}[profile_code]
    return simulated_tape(collection, profile, CARE[collection], SCENARIOS[scenario], seed).tape


def prepared(collection: str, profile_code: str, effort: float = 0.0) -> Prepared:
    """With effort 0 nobody looks for the pattern that withholds least, which takes its time."""
    template, mapping = load(collection), mapping_for_simulated(collection)
    return prepare(tape(collection, profile_code), mapping, template, CARE[collection], profile_code, effort=effort)


def share(table: pa.Table, column: str, value: str) -> float:
    return float(pc.mean(pc.equal(table[column], value).cast(pa.float64())).as_py())


def cured(table: pa.Table, **where: object) -> float:
    """The share of treated loans that are current again."""
    for column, value in where.items():
        table = table.filter(pc.equal(table[column], value))
    return share(table, "outcome", "恢复正常")


@pytest.mark.parametrize("collection", CARE)
def test_the_same_seed_gives_the_same_tape_and_every_institution_its_own(collection: str) -> None:
    make, period = SIMULATED[collection], CARE[collection]
    first, again = (make(SMALL, period, SCENARIOS["wave"], 7).tape for _ in range(2))
    assert first.equals(again)
    assert not first.equals(make(SMALL, period, SCENARIOS["wave"], 8).tape)
    assert not first.equals(make(demo_institutions()[-2], period, SCENARIOS["wave"], 7).tape)


@pytest.mark.parametrize("collection", CARE)
def test_a_small_institutions_tape_becomes_a_cube_without_errors(collection: str) -> None:
    assert prepared(collection, "SMALL").findings == []


@pytest.mark.parametrize("collection", CARE)
def test_most_headlines_of_a_large_bank_survive_its_protection(collection: str) -> None:
    ready, template = prepared(collection, "LARGE", effort=0.1), load(collection)
    assert not [each for each in ready.findings if each.severity == "error"]
    shown = [headlines_shown(ready, template, indicator) for indicator in template.indicators]
    assert sum(each.sum() for each in shown) >= sum(each.size for each in shown) / 2
    assert sum(each[0] for each in shown) >= len(shown) - 1  # all but one in the grand total


def headlines_shown(ready: Prepared, template: Template, indicator: Indicator) -> np.ndarray:
    """Whether an indicator is shown, for the whole and for each code of one dimension where there is anything."""
    numerator, denominator = indicator_arrays(arrays(ready.cube, template), template, indicator)
    asked = cut_by_at_most_one(denominator.shape) & ~(denominator == 0)
    return ~np.isnan(rate(numerator, denominator))[asked]


def cut_by_at_most_one(shape: tuple[int, ...]) -> np.ndarray:
    cut = np.zeros(shape, np.int64)
    for axis, size in enumerate(shape):
        cut += (np.arange(size) > 0).reshape([-1 if each == axis else 1 for each in range(len(shape))])
    return cut <= 1


def test_a_loan_is_treated_once_and_only_when_it_is_past_due() -> None:
    table = tape("treatment")
    assert pc.count_distinct(table["loan_no"]).as_py() == table.num_rows
    assert pc.min(table["days_past_due_at_start"]).as_py() >= 1
    assert {str(day) for day in pc.unique(table["observed_on"]).to_pylist()} == {"2026-07-31", "2026-08-31", "2026-09-30"}  # fmt: skip


def test_no_more_is_recovered_than_was_owed() -> None:
    table = tape("treatment")
    assert pc.all(pc.less_equal(table["recovered"], table["balance_at_start"])).as_py()
    assert pc.min(table["recovered"]).as_py() >= 0


def test_harsh_treatments_look_worse_than_they_are_because_they_get_the_worse_cases() -> None:
    table = tape("treatment")
    at_first_sight = cured(table, treatment="催告提醒") - cured(table, treatment="诉讼清收")
    late = table.filter(pc.greater_equal(table["days_past_due_at_start"], 90))
    like_with_like = cured(late, treatment="催告提醒", grade="C") - cured(late, treatment="诉讼清收", grade="C")
    assert at_first_sight > 0.3
    assert like_with_like < at_first_sight / 2


def test_what_works_differs_by_tier() -> None:
    """A whole book is made 45 days past due, so that every tier has thousands of cases alike."""
    _, loans = next(simulate_tapes(LARGE, ["2026-06"], SCENARIOS["calm"], 7))
    days = loans.schema.get_field_index("days_past_due")
    late = loans.set_column(days, "days_past_due", pa.array(np.full(loans.num_rows, 45)))
    treated = treatments(late, "2026-Q3", 7)

    def performing(treatment: str, tier: list[str]) -> float:
        chosen = treated.filter(pc.equal(treated["treatment"], treatment))
        chosen = chosen.filter(pc.is_in(chosen["grade"], pa.array(tier)))
        return share(chosen, "outcome", "恢复正常") + share(chosen, "outcome", "按方案还款")

    assert performing("展期", ["A", "B"]) > performing("债务重组", ["A", "B"]) + 0.03
    assert performing("债务重组", ["D", "E"]) > performing("展期", ["D", "E"]) + 0.03


def test_a_wave_takes_from_what_treatments_achieve_for_the_same_cases() -> None:
    def early(scenario: str) -> float:
        table = tape("treatment", scenario=scenario)
        return cured(table.filter(pc.less(table["days_past_due_at_start"], 30)), grade="C")

    assert early("wave") < early("calm") - 0.03


def test_calls_reach_more_than_messages_within_a_campaign() -> None:
    table = tape("outreach")
    notices = table.filter(pc.equal(table["campaign"], "逾期通知"))

    def reached(channel: str) -> float:
        attempts = notices.filter(pc.equal(notices["channel"], channel))
        return 1 - share(attempts, "result", "未送达") - share(attempts, "result", "未回应")

    assert reached("电话") > reached("短信") + 0.05
    assert reached("短信") > reached("电子邮件")


def test_slow_answers_cost_satisfaction() -> None:
    rated = tape("service").filter(pc.is_valid(tape("service")["rating"]))
    fast = rated.filter(pc.less(rated["hours_to_answer"], 4))
    slow = rated.filter(pc.greater(rated["hours_to_answer"], 72))
    assert share(fast, "rating", "满意") > share(slow, "rating", "满意") + 0.2


@pytest.mark.parametrize("collection", CARE)
def test_every_code_of_the_template_occurs_on_some_simulated_tape(collection: str) -> None:
    everywhere = InstitutionProfile("ALL", 60_000, tuple(PROVINCES), dict.fromkeys(PRODUCTS, 1.0))
    template = load(collection)
    made = simulated_tape(collection, everywhere, CARE[collection], SCENARIOS["wave"], 7).tape
    ready = prepare(made, mapping_for_simulated(collection), template, CARE[collection], "ALL", effort=0.0)
    for dimension in template.dimensions:
        assert set(ready.cube.table[dimension.id].unique().to_pylist()) == {*dimension.code_list.ids, TOTAL}


def test_nothing_is_treated_before_loans_were_past_due() -> None:
    with pytest.raises(ValueError, match="2025-01"):
        simulated_tape("treatment", SMALL, "2025-Q1", SCENARIOS["calm"], 7)
