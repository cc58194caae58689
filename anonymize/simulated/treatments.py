"""What a made-up institution does with loans past due, and what became of them three months later.

Who is treated how depends on days past due, risk tier and product, and on how hopeless the case looks to its collector,
which no column tells: harsher treatments get the worse cases. What works differs by tier: extensions help the good ones,
lower instalments the middle, restructuring the weak. So a comparison of bare rates misleads a little, as in life; within a
tier and a band of days past due it misleads less.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from anonymize.simulated.book import EARLY, Book, Real, Whole, book_of, choose, generator, logistic
from anonymize.simulated.market import PRODUCTS
from anonymize.simulated.tapes import labels

WINDOW_MONTHS = 3


@dataclass(frozen=True)
class Treatment:
    """`use` is how often it is chosen by band of days past due, `lift` what it adds by tier to the log-odds of payment.

    `plan` is the share of those who pay that pay under a plan, `lapse` the share that falls behind again, `payoff` the
    chance that the loan is paid off; `hard` grows with the hopelessness of the cases it is chosen for.
    """

    label: str
    use: tuple[float, float, float]
    use_by_tier: tuple[float, float, float]
    lift: tuple[float, float, float]
    plan: float
    lapse: float
    payoff: float
    hard: float
    unsecured: float = 1.0  # how much oftener with unsecured loans


TREATMENTS: Mapping[str, Treatment] = {
    "REMINDER": Treatment("催告提醒", (50, 14, 4), (1.3, 1.0, 0.8), (0.35, 0.10, -0.10), 0.06, 0.16, 0.02, -0.3),
    "INCENTIVE": Treatment("还款激励", (9, 6, 2), (1.0, 1.1, 0.9), (0.30, 0.35, 0.05), 0.1, 0.14, 0.02, -0.2),
    "LIMIT_CHANGE": Treatment("额度调整", (9, 10, 5), (0.6, 1.0, 1.5), (-0.10, 0.05, 0.20), 0.1, 0.20, 0.02, 0.0, 2.0),
    "EXTENSION": Treatment("展期", (14, 20, 7), (1.2, 1.0, 0.9), (0.55, 0.35, 0.05), 0.65, 0.24, 0.01, -0.1, 0.7),
    "REDUCED_INSTALMENT": Treatment("降低月供", (9, 18, 9), (1.0, 1.1, 0.9), (0.35, 0.60, 0.45), 0.75, 0.13, 0.01, 0.0),
    "RESTRUCTURING": Treatment(
        "债务重组", (3, 10, 18), (0.8, 1.0, 1.2), (0.10, 0.40, 0.60), 0.80, 0.17, 0.01, 0.1, 0.6
    ),
    "SETTLEMENT": Treatment("减免结清", (1.5, 5, 18), (0.8, 1.0, 1.2), (-0.20, 0.0, 0.10), 0.25, 0.15, 0.30, 0.4, 1.4),
    "AGENCY": Treatment("委外催收", (3, 13, 21), (0.7, 1.0, 1.3), (-0.10, 0.05, 0.15), 0.25, 0.20, 0.05, 0.5, 1.8),
    "LEGAL": Treatment("诉讼清收", (1.5, 5, 20), (0.9, 1.0, 1.1), (0.0, 0.0, -0.10), 0.35, 0.15, 0.10, 0.5, 0.5),
}
OUTCOMES: Mapping[str, str] = {
    "CURED": "恢复正常",
    "ON_PLAN": "按方案还款",
    "REDEFAULTED": "再次逾期",
    "PAID_OFF": "结清",
    "STILL_DELINQUENT": "仍逾期",
    "WORSENED": "恶化",
    "WRITTEN_OFF": "核销",
}

_UNSECURED = np.array([each in {"CARD", "CONSUMER", "MICRO"} for each in PRODUCTS])
# Log-odds of returning to payment: by band, by tier; what a full wave and a hopeless look take away.
_BAND = np.array([0.9, -0.4, -1.7])
_TIER = np.array([0.35, 0.0, -0.45])
_WAVE, _HOPELESS = -0.8, -0.6
_LAPSE_BY_TIER = np.array([0.7, 1.0, 1.5])
# Of the unresolved ones by band: still delinquent, worse, written off. What is written off was 90 days past due before.
_UNRESOLVED = np.array([[0.56, 0.44, 0.0], [0.45, 0.55, 0.0], [0.40, 0.34, 0.26]])
# What is recovered within the window, by outcome: lowest and highest share of the amount past due, and of the balance.
_OF_PAST_DUE = np.array([[1.0, 1.0], [0.3, 0.8], [0.2, 0.6], [0.0, 0.0], [0.0, 0.35], [0.0, 0.12], [0.0, 0.05]])
_OF_BALANCE = np.array([[0.02, 0.12], [0.02, 0.06], [0.0, 0.03], [0.75, 1.0], [0.0, 0.01], [0.0, 0.0], [0.0, 0.02]])


def treatments(loans: pa.Table, period: str, seed: int) -> pa.Table:
    """The treatments whose window ended in a quarter, one a loan.

    `loans` holds the tapes of one or more month-ends three months before; a loan's first one past due counts.
    """
    started = _first_past_due(loans)
    book = book_of(loans).take(started)
    rng = generator(seed, "treatment", period)
    hopeless = rng.standard_normal(len(started))
    treatment = choose(rng, _use(book, hopeless))
    outcome = _outcome(rng, book, treatment, hopeless)
    return pa.table(
        {
            **{name: book.loans[name] for name in ("loan_no", "customer_no", "group_no", "product", "grade")},
            "started_on": book.loans["report_date"],
            "observed_on": _observed(book.loans["report_date"]),
            "days_past_due_at_start": book.loans["days_past_due"],
            "treatment": labels([each.label for each in TREATMENTS.values()], treatment),
            "outcome": labels(list(OUTCOMES.values()), outcome),
            "balance_at_start": book.loans["balance"],
            "recovered": pa.array(_recovered(rng, book, outcome)),
        }
    )


def _first_past_due(loans: pa.Table) -> Whole:
    """The place of each loan's first row past due, rising."""
    late = np.flatnonzero(loans["days_past_due"].to_numpy() > 0)
    order = late[np.argsort(loans["report_date"].to_numpy()[late], kind="stable")]
    _, first = np.unique(
        loans["loan_no"].combine_chunks().dictionary_encode().indices.to_numpy()[order], return_index=True
    )
    places: Whole = np.sort(order[first])
    return places


def _use(book: Book, hopeless: Real) -> Real:
    """How likely each treatment is for each loan, not yet summing to one."""
    chosen = list(TREATMENTS.values())
    band = np.array([each.use for each in chosen])[:, book.band - EARLY]
    tier = np.array([each.use_by_tier for each in chosen])[:, book.tier]
    unsecured = np.where(_UNSECURED[book.product], np.array([[each.unsecured] for each in chosen]), 1.0)
    hard = np.exp(np.array([[each.hard] for each in chosen]) * hopeless)
    return np.ascontiguousarray((band * tier * unsecured * hard).T)


def _outcome(rng: np.random.Generator, book: Book, treatment: Whole, hopeless: Real) -> Whole:
    """The place in OUTCOMES of what became of each loan."""
    chosen = list(TREATMENTS.values())
    band = book.band - EARLY
    lift = np.array([each.lift for each in chosen])[treatment, book.tier]
    pays = logistic(_BAND[band] + _TIER[book.tier] + lift + _WAVE * book.pressure + _HOPELESS * hopeless)
    plan, lapse, payoff = (
        np.array([getattr(each, name) for each in chosen])[treatment] for name in ("plan", "lapse", "payoff")
    )
    lapse = np.minimum(0.9, lapse * _LAPSE_BY_TIER[book.tier] * (1 + 0.5 * book.pressure))
    repaying = pays * (1 - payoff)
    chances = [repaying * (1 - lapse) * (1 - plan), repaying * (1 - lapse) * plan, repaying * lapse, payoff]
    unresolved = (1 - pays) * (1 - payoff)
    return choose(rng, np.column_stack([*chances, unresolved[:, None] * _UNRESOLVED[band]]))


def _recovered(rng: np.random.Generator, book: Book, outcome: Whole) -> Real:
    """Yuan with two decimals, never more than the balance."""

    def between(limits: Real) -> Real:
        low, high = limits[outcome].T
        share: Real = low + (high - low) * rng.random(len(outcome))
        return share

    paid = between(_OF_PAST_DUE) * book.past_due + between(_OF_BALANCE) * book.balance
    return np.minimum(book.balance, np.round(paid, 2))


def _observed(started: pa.ChunkedArray) -> pa.Array:
    """The month-end that lies the window after each start."""
    each = pc.unique(started)
    later = [_months_later(day.as_py()) for day in each]
    return pa.array(later, pa.date32()).take(pc.index_in(started, value_set=each).combine_chunks())


def _months_later(day: datetime.date) -> datetime.date:
    months = day.year * 12 + day.month + WINDOW_MONTHS
    return datetime.date(months // 12, months % 12 + 1, 1) - datetime.timedelta(days=1)
