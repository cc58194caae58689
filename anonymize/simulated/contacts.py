"""How a made-up institution reaches out to its borrowers in a month, and what comes of each attempt.

Digital messages are many and seldom answered; calls and visits go to those far behind and reach more of them. So the
bare rates favour the channels that get the easy cases: a campaign and a risk tier are to be compared like with like.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from anonymize.simulated.book import Book, Whole, book_of, choose, generator, happens, logistic
from anonymize.simulated.tapes import labels


@dataclass(frozen=True)
class Channel:
    label: str
    undelivered: float
    reached: float  # of what was delivered
    persuades: float  # added to the log-odds of payment and of a promise


@dataclass(frozen=True)
class Campaign:
    """`audience` is the share of loans addressed, by band of days past due; `again` the mean number of further attempts.

    `channels` are weights in the order of CHANNELS; `paid` the log-odds of payment within seven days, once reached.
    """

    label: str
    audience: tuple[float, float, float, float]
    again: float
    channels: tuple[float, ...]
    paid: float


CHANNELS: Mapping[str, Channel] = {
    "SMS": Channel("短信", 0.05, 0.32, 0.0),
    "APP_PUSH": Channel("APP推送", 0.08, 0.26, 0.1),
    "WECHAT": Channel("微信", 0.06, 0.40, 0.2),
    "EMAIL": Channel("电子邮件", 0.10, 0.16, -0.1),
    "CALL": Channel("电话", 0.12, 0.44, 0.5),
    "LETTER": Channel("信函", 0.09, 0.28, 0.0),
    "VISIT": Channel("上门", 0.10, 0.56, 0.6),
}
CAMPAIGNS: Mapping[str, Campaign] = {
    "EDUCATION": Campaign("金融知识", (0.06, 0.04, 0, 0), 0.0, (40, 28, 24, 8, 0, 0, 0), -0.9),
    "DUE_REMINDER": Campaign("还款日提醒", (0.55, 0.10, 0, 0), 0.2, (46, 26, 20, 8, 0, 0, 0), 1.4),
    "REWARD": Campaign("积分奖励", (0.08, 0, 0, 0), 0.0, (30, 45, 20, 5, 0, 0, 0), 0.6),
    "OVERDUE_NOTICE": Campaign("逾期通知", (0, 0.95, 0.90, 0.60), 2.0, (34, 8, 12, 5, 34, 5, 2), 0.2),
    "HARDSHIP_OFFER": Campaign("纾困方案", (0.004, 0.06, 0.30, 0.15), 0.8, (22, 12, 16, 6, 36, 5, 3), -0.6),
    "SETTLEMENT_OFFER": Campaign("减免结清方案", (0, 0, 0.03, 0.25), 1.2, (10, 2, 6, 6, 48, 18, 10), -0.7),
}
RESULTS: Mapping[str, str] = {
    "NOT_DELIVERED": "未送达",
    "NO_ANSWER": "未回应",
    "NO_PROMISE": "未承诺",
    "PROMISED": "已承诺",
    "PAID": "已还款",
}

_BAND = np.array([0.0, 0.0, -1.3, -2.6])  # log-odds of payment by days past due
_TIER_PAYS = np.array([0.3, 0.0, -0.4])
_TIER_ANSWERS = np.array([1.1, 1.0, 0.85])
_WAVE = -0.5
_PROMISES = -0.7  # log-odds of a promise from someone reached who has not paid


def contacts(loans: pa.Table, period: str, seed: int) -> pa.Table:
    """The attempts of a month, a row each, to the loans on its tape."""
    book = book_of(loans)
    rng = generator(seed, "outreach", period)
    loan, campaign = _addressed(rng, book)
    book = book.take(loan)
    weights = np.array([each.channels for each in CAMPAIGNS.values()], np.float64)[campaign]
    channel = choose(rng, weights)
    result = _results(rng, book, campaign, channel)
    return pa.table(
        {
            **{name: book.loans[name] for name in ("loan_no", "customer_no", "group_no", "grade")},
            "contacted_on": pa.array(_days(rng, period, len(loan))),
            "campaign": labels([each.label for each in CAMPAIGNS.values()], campaign),
            "channel": labels([each.label for each in CHANNELS.values()], channel),
            "result": labels(list(RESULTS.values()), result),
        }
    )


def _addressed(rng: np.random.Generator, book: Book) -> tuple[Whole, Whole]:
    """The loan and the campaign of every attempt."""
    loans, campaigns = [], []
    for place, each in enumerate(CAMPAIGNS.values()):
        addressed = np.flatnonzero(happens(rng, np.array(each.audience)[book.band]))
        attempts = np.repeat(addressed, 1 + rng.poisson(each.again, addressed.size))
        loans.append(attempts)
        campaigns.append(np.full(attempts.size, place))
    return np.concatenate(loans), np.concatenate(campaigns)


def _results(rng: np.random.Generator, book: Book, campaign: Whole, channel: Whole) -> Whole:
    """The place in RESULTS of what came of each attempt."""
    chosen = list(CHANNELS.values())
    undelivered, reached, persuades = (
        np.array([getattr(each, name) for each in chosen])[channel] for name in ("undelivered", "reached", "persuades")
    )
    reached = reached * _TIER_ANSWERS[book.tier]
    base = np.array([each.paid for each in CAMPAIGNS.values()])[campaign]
    pays = logistic(base + persuades + _BAND[book.band] + _TIER_PAYS[book.tier] + _WAVE * book.pressure)
    promises = logistic(_PROMISES + persuades)
    got = (1 - undelivered) * reached
    chances = [undelivered, (1 - undelivered) * (1 - reached), got * (1 - pays) * (1 - promises)]
    return choose(rng, np.column_stack([*chances, got * (1 - pays) * promises, got * pays]))


def _days(rng: np.random.Generator, period: str, size: int) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    """A working date in the first four weeks of the month for each attempt."""
    first = np.datetime64(datetime.date(int(period[:4]), int(period[5:7]), 1), "D")
    return first + rng.integers(0, 28, size)
