"""Tapes that need more than a month of a loan's life: moves between two months, vintages, a model's back-test."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from anonymize.simulated.institutions import InstitutionProfile
from anonymize.simulated.loans import Closed, Portfolio, Whole, joined, months
from anonymize.simulated.market import BEHIND, DEFAULTED
from anonymize.simulated.scenarios import ORIGIN, Scenario, month_of
from anonymize.simulated.scores import HORIZON, LOSS, RISK_CLASSES, predicted_pd, risk_class, score
from anonymize.simulated.tapes import (
    SimulatedTape,
    amounts,
    dated,
    days_past_due,
    labels,
    loan_tape,
    originated,
    what,
    who,
)

STATUSES = ("正常", "结清", "核销")
_OPEN, _PAID_BACK, _WRITTEN_OFF = range(3)


def migration_tapes(profile: InstitutionProfile, period: str, scenario: Scenario, seed: int) -> SimulatedTape:
    """This month's tape, with the loans written off in it, and last month's."""
    last = _checked(period, 1, "two months")
    for month, portfolio, closed in months(profile, scenario, seed):
        if month == last - 1:
            before = loan_tape(portfolio, profile, month)
        if month == last:
            now = loan_tape(portfolio, profile, month)
            gone = loan_tape(closed.loans.chosen(closed.written_off), profile, month)
            break
    states = np.repeat([_OPEN, _WRITTEN_OFF], [now.num_rows, gone.num_rows])
    both = pa.concat_tables([now, gone]).append_column("status", labels(STATUSES, states))
    return SimulatedTape(both, before)


def vintage_tape(profile: InstitutionProfile, period: str, scenario: Scenario, seed: int) -> SimulatedTape:
    """Every loan granted since ORIGIN, whatever became of it; of older ones those that closed before are not known."""
    last = _checked(period, 0, "a month")
    ended: list[Closed] = []
    for month, portfolio, closed in months(profile, scenario, seed):
        ended.append(closed)
        if month == last:
            loans = joined([portfolio, *(each.loans for each in ended)])
            break
    states = [np.where(each.written_off, _WRITTEN_OFF, _PAID_BACK) for each in ended]
    state = np.concatenate([np.full(profile.loans, _OPEN), *states])
    kept = loans.loan >= profile.loans  # the others were there at the start
    return SimulatedTape(_vintages(loans.chosen(kept), profile, last, state[kept]))


def _vintages(loans: Portfolio, profile: InstitutionProfile, month: int, state: Whole) -> pa.Table:
    return pa.table(
        {
            "report_date": dated(month, loans),
            **who(loans),
            **what(loans, profile),
            "origination_date": pa.array(originated(loans)),
            "originated_amount": pa.array(loans.balance_cny, pa.float64()),
            "worst_days_past_due": pa.array(days_past_due(loans, loans.worst), pa.int64()),
            "status": labels(STATUSES, state),
        }
    )


def risk_model_tape(profile: InstitutionProfile, period: str, scenario: Scenario, seed: int) -> SimulatedTape:
    """The loans that were not in default twelve months ago: what was predicted then, and how far they fell since."""
    last = _checked(period, HORIZON, "twelve months")
    for month, portfolio, closed in months(profile, scenario, seed):
        if month == last - HORIZON:
            places = np.flatnonzero(portfolio.behind < DEFAULTED)
            cohort = portfolio.chosen(places)
            worst = cohort.behind.copy()
        elif month > last - HORIZON:
            worst = np.maximum(worst, _became(cohort, places, portfolio, closed))
        if month == last:
            break
    return SimulatedTape(_back_test(cohort, profile, last, worst))


def _became(cohort: Portfolio, places: Whole, portfolio: Portfolio, closed: Closed) -> Whole:
    """How far behind each loan of the cohort is, BEHIND when written off in the month, 0 when it is gone."""
    behind, loan = portfolio.behind.copy(), portfolio.loan.copy()
    behind[closed.places] = np.where(closed.written_off, BEHIND, 0)
    loan[closed.places] = closed.loans.loan
    return np.where(loan[places] == cohort.loan, behind[places], 0)


def _back_test(cohort: Portfolio, profile: InstitutionProfile, month: int, worst: Whole) -> pa.Table:
    exposure, _ = amounts(cohort, month - HORIZON)
    classes = np.where(worst == BEHIND, LOSS, risk_class(cohort, np.minimum(worst, BEHIND - 1)))
    return pa.table(
        {
            "report_date": dated(month, cohort),
            **who(cohort),
            **what(cohort, profile),
            "exposure": pa.array(exposure, pa.float64()),
            "score": pa.array(score(cohort, profile), pa.int64()),
            "predicted_pd": pa.array(predicted_pd(cohort, profile), pa.float64()),
            "worst_risk_class": labels(RISK_CLASSES, classes),
            "defaulted": pa.array(worst >= DEFAULTED),
        }
    )


def _checked(period: str, needed: int, what: str) -> int:
    """The month of a period; ValueError when there are not enough months before it."""
    month = month_of(period)
    if month < needed:
        raise ValueError(f"Simulated portfolios begin in {ORIGIN}, and this tape needs {what} of them.")
    return month
