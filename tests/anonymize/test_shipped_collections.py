"""Migration, vintage and risk-model: simulated tapes become cubes that pass their checks and keep their headlines."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from anonymize.cube import arrays
from anonymize.findings import cut_by_at_most_one, has_errors
from anonymize.indicators import indicator_arrays
from anonymize.pipeline import Prepared, prepare
from anonymize.simulate import (
    SCENARIOS,
    InstitutionProfile,
    SimulatedTape,
    demo_institutions,
    mapping_for_simulated,
    simulated_tape,
)
from anonymize.simulated.market import PRODUCTS
from anonymize.template import load

PERIODS = {"migration": "2026-10", "vintage": "2026-Q3", "risk-model": "2026-Q3"}
LARGE = replace(demo_institutions()[1], loans=100_000)
SMALL = demo_institutions()[-1]
ONE_PROVINCE = InstitutionProfile("CALM", 60_000, ("CN-ZJ",), dict.fromkeys(PRODUCTS, 1.0))


@cache
def simulated(collection: str, profile: str = "large", scenario: str = "wave") -> SimulatedTape:
    chosen = {"large": LARGE, "small": SMALL, "one province": ONE_PROVINCE}[profile]
    return simulated_tape(collection, chosen, PERIODS[collection], SCENARIOS[scenario], 7)


@cache
def prepared(collection: str, profile: str) -> Prepared:
    made = simulated(collection, profile)
    return prepare(
        made.tape,
        mapping_for_simulated(collection),
        load(collection),
        PERIODS[collection],
        "BANK",
        effort=0.05,
        previous_tape=made.previous,
    )


@pytest.mark.parametrize("profile", ["small", "large"])
@pytest.mark.parametrize("collection", PERIODS)
def test_a_simulated_tape_becomes_a_cube_without_errors(collection: str, profile: str) -> None:
    result = prepared(collection, profile)
    assert not has_errors(result.findings)
    assert result.identifiers == ()


@pytest.mark.parametrize("collection", PERIODS)
def test_most_headlines_of_a_large_bank_survive_protection(collection: str) -> None:
    template = load(collection)
    values = arrays(prepared(collection, "large").cube, template)
    shown = there = 0
    for indicator in template.indicators:
        numerator, denominator = indicator_arrays(values, template, indicator)
        keys = cut_by_at_most_one(template, template.cut(indicator))
        headline = keys[tuple(slice(None) if each in template.cut(indicator) else 0 for each in template.dimensions)]
        present = headline & (denominator != 0)
        there += int(present.sum())
        shown += int((present & ~np.isnan(numerator) & ~np.isnan(denominator)).sum())
        assert not np.isnan(numerator.flat[0]), indicator.id
    assert shown >= there / 2
    assert there > 50


def test_every_loan_of_two_months_makes_one_move() -> None:
    made = simulated("migration")
    assert made.previous is not None
    now, before = (set(each["loan_no"].to_pylist()) for each in (made.tape, made.previous))
    written_off = made.tape.filter(pc.equal(made.tape["status"], "核销"))
    assert set(written_off["loan_no"].to_pylist()) <= before
    template = load("migration")
    values = arrays(prepared("migration", "large").cube, template)
    total = (0,) * len(template.dimensions)
    assert values["ACCOUNTS"][total] == len(now | before)
    assert values["OPENING_BALANCE"][total] == pytest.approx(pc.sum(made.previous["balance"]).as_py())


def test_in_a_wave_more_rolls_and_less_cures() -> None:
    def rates(scenario: str) -> tuple[float, float]:
        made = simulated("migration", "one province", scenario)
        assert made.previous is not None
        both = made.previous.join(made.tape, "loan_no", right_suffix="_now", join_type="inner")
        before, now = both["days_past_due"].to_numpy(), both["days_past_due_now"].to_numpy()
        late = (before > 0) & (before < 90)
        return float((now[late] > before[late] + 2).mean()), float((now[late] == 0).mean())

    (calm_rolls, calm_cures), (rolls, cures) = rates("calm"), rates("wave")
    assert rolls > 1.2 * calm_rolls
    assert cures < 0.8 * calm_cures


def test_a_vintage_keeps_the_loans_that_are_closed() -> None:
    tape = simulated("vintage").tape
    assert pc.count_distinct(tape["loan_no"]).as_py() == tape.num_rows
    states = {each["values"]: each["counts"] for each in pc.value_counts(tape["status"]).to_pylist()}
    assert set(states) == {"正常", "结清", "核销"}
    lost = tape.filter(pc.equal(tape["status"], "核销"))
    assert pc.min(lost["worst_days_past_due"]).as_py() >= 180
    assert str(pc.min(tape["origination_date"]).as_py()) >= "2025-01-01"


def test_older_vintages_have_more_that_was_ever_late() -> None:
    template = load("vintage")
    values = arrays(prepared("vintage", "large").cube, template)
    numerator, denominator = indicator_arrays(values, template, template.indicator("EVER30_ACCOUNT_RATE"))
    ages = template.dimension("MONTHS_ON_BOOK").code_list.index
    young, old = (numerator[ages[age], 0] / denominator[ages[age], 0] for age in ("M06_08", "M15_17"))
    assert 0 < 1.4 * young < old


def back_test(scenario: str) -> tuple[np.ndarray, np.ndarray, pa.Table]:
    tape = simulated("risk-model", "one province", scenario).tape
    return tape["predicted_pd"].to_numpy(), tape["defaulted"].to_numpy(zero_copy_only=False), tape


def test_predictions_hold_in_calm_times_and_are_too_low_in_a_wave() -> None:
    for scenario, least, most in (("calm", 0.9, 1.1), ("wave", 1.4, 2.5)):
        predicted, defaulted, _ = back_test(scenario)
        assert least < defaulted.sum() / predicted.sum() < most


def test_predictions_and_scores_rank_loans() -> None:
    predicted, defaulted, tape = back_test("calm")
    limits = np.quantile(predicted, [0.25, 0.5, 0.75])
    rates = [defaulted[np.digitize(predicted, limits) == quarter].mean() for quarter in range(4)]
    assert rates == sorted(rates)
    scores = tape["score"].to_numpy()
    assert scores[defaulted].mean() < scores[~defaulted].mean()
    assert predicted.max() < 1.0


def test_a_loan_has_defaulted_exactly_when_it_became_non_performing() -> None:
    _, defaulted, tape = back_test("wave")
    non_performing = pc.is_in(tape["worst_risk_class"], pa.array(["次级", "可疑", "损失"])).to_numpy(
        zero_copy_only=False
    )
    assert (non_performing == defaulted).all()


def test_what_a_tape_says_of_a_loan_agrees() -> None:
    loans = simulated_tape("delinquency", ONE_PROVINCE, "2026-10", SCENARIOS["wave"], 7).tape
    days, worst = loans["days_past_due"].to_numpy(), loans["worst_days_past_due"].to_numpy()
    assert (worst >= days).all()
    assert ((loans["predicted_pd"].to_numpy() == 1.0) == (days >= 90)).all()
    months = (
        pc.multiply(pc.subtract(2026, pc.year(loans["origination_date"])), 12).to_numpy()
        + 10
        - pc.month(loans["origination_date"]).to_numpy()
    )
    assert (months == loans["opened_months_ago"].to_numpy()).all()
    paid = loans["last_payment_date"].to_numpy()
    assert (paid >= loans["origination_date"].to_numpy()).all()
    assert (paid <= loans["report_date"].to_numpy()).all()
    assert (loans["balance"].to_numpy() <= loans["originated_amount"].to_numpy()).all()


def test_the_score_limits_of_the_example_are_about_thirds() -> None:
    scores = simulated("risk-model").tape["score"].to_numpy()
    rule = next(rule for rule in mapping_for_simulated("risk-model").dimensions if rule.dimension == "SCORE_BAND")
    shares = np.bincount(np.searchsorted([each.upto for each in rule.bins], scores)) / scores.size
    assert (abs(shares - 1 / 3) < 0.12).all()


@pytest.mark.parametrize(("collection", "period"), [("migration", "2025-01"), ("risk-model", "2025-Q4")])
def test_a_tape_that_needs_more_months_than_were_simulated_is_refused(collection: str, period: str) -> None:
    with pytest.raises(ValueError, match="Simulated portfolios begin in 2025-01"):
        simulated_tape(collection, SMALL, period, SCENARIOS["calm"], 7)
