"""Simulated loans as the tapes that a Chinese bank's systems would write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymize.simulated.institutions import InstitutionProfile
from anonymize.simulated.loans import Portfolio, Real, Whole
from anonymize.simulated.market import GRADES, MARKET, PRODUCTS, PROVINCES
from anonymize.simulated.scenarios import ORIGIN, month_end
from anonymize.simulated.scores import RISK_CLASSES, predicted_pd, risk_class, score

_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class SimulatedTape:
    """What a collection is made from: a tape, and the tape of the period before where both are needed."""

    tape: pa.Table
    previous: pa.Table | None = None


def loan_tape(portfolio: Portfolio, profile: InstitutionProfile, month: int) -> pa.Table:
    """The loans on the book at the end of a month."""
    balance, past_due = amounts(portfolio, month)
    days = days_past_due(portfolio, portfolio.behind)
    return pa.table(
        {
            "report_date": dated(month, portfolio),
            **who(portfolio),
            **what(portfolio, profile),
            "opened_months_ago": pa.array(month - portfolio.opened, pa.int64()),
            "days_past_due": pa.array(days, pa.int64()),
            "balance": pa.array(balance, pa.float64()),
            "past_due": pa.array(past_due, pa.float64()),
            "origination_date": pa.array(originated(portfolio)),
            "originated_amount": pa.array(portfolio.balance_cny, pa.float64()),
            "last_payment_date": pa.array(_last_paid(portfolio, days, month)),
            "worst_days_past_due": pa.array(days_past_due(portfolio, portfolio.worst), pa.int64()),
            "score": pa.array(score(portfolio, profile), pa.int64()),
            "predicted_pd": pa.array(predicted_pd(portfolio, profile), pa.float64()),
            "risk_class": labels(RISK_CLASSES, risk_class(portfolio, portfolio.behind)),
        }
    )


def who(portfolio: Portfolio) -> dict[str, pa.Array]:
    return {
        "loan_no": _numbered("L", portfolio.loan),
        "customer_no": _numbered("C", portfolio.borrower),
        "group_no": pc.if_else(pa.array(portfolio.group > 0), _numbered("G", portfolio.group), None),
    }


def what(portfolio: Portfolio, profile: InstitutionProfile) -> dict[str, pa.Array]:
    return {
        "product": labels([MARKET[each].label for each in PRODUCTS], portfolio.product),
        "province": labels([PROVINCES[each].label for each in profile.provinces], portfolio.province),
        "grade": labels(GRADES, portfolio.grade),
    }


def dated(month: int, portfolio: Portfolio) -> pa.Array:
    return pa.array([month_end(month)], pa.date32()).take(pa.array(np.zeros(portfolio.loan.size, np.int64)))


def amounts(portfolio: Portfolio, month: int) -> tuple[Real, Real]:
    """Outstanding balance and what of it is past due, in yuan with two decimals."""
    instalment = np.array([MARKET[each].instalment for each in PRODUCTS])[portfolio.product]
    # Revolving and renewed lending: a book is paid down far slower than its instalments fall due.
    paid = np.minimum(0.6, 0.25 * instalment * (month - portfolio.opened))
    balance = np.round(portfolio.balance_cny * (1 - paid), 2)
    share = np.where(portfolio.behind >= 6, 1.0, np.minimum(1.0, instalment * portfolio.behind))
    return balance, np.minimum(balance, np.round(balance * share, 2))


def days_past_due(portfolio: Portfolio, behind: Whole) -> Whole:
    """Days past due within the bucket of so many months behind; the day in the month is the loan's own."""
    day = portfolio.loan % 29
    return np.where(behind == 0, 0, 30 * (behind - 1) + np.where(behind == 1, 1, 0) + day)


def labels(names: Sequence[str], index: Whole) -> pa.StringArray:
    return pa.array(names).take(pa.array(index))


def originated(portfolio: Portfolio) -> NDArray[np.datetime64]:
    first: NDArray[np.datetime64] = (np.datetime64(ORIGIN, "M") + portfolio.opened).astype("datetime64[D]")
    dates: NDArray[np.datetime64] = first + portfolio.loan % 28 * _DAY
    return dates


def _last_paid(portfolio: Portfolio, days: Whole, month: int) -> NDArray[np.datetime64]:
    """Within the month before the oldest instalment that is still due, never before the loan was granted."""
    since = (days + portfolio.loan % 28) * _DAY
    paid: NDArray[np.datetime64] = np.datetime64(month_end(month), "D") - since
    return np.maximum(paid, originated(portfolio))


def _numbered(prefix: str, numbers: Whole) -> pa.StringArray:
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 8, "0")
    return pc.binary_join_element_wise(prefix, digits, "")
