"""What borrowers of a made-up institution ask for in a quarter, how fast they are answered and how content they are.

Hardship requests and complaints grow with arrears and with a wave; so does the time to an answer, and slow answers and
refusals cost satisfaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from anonymize.simulated.book import Book, Real, Whole, book_of, choose, generator, happens, logistic
from anonymize.simulated.tapes import labels


@dataclass(frozen=True)
class Kind:
    """`rate` is the mean number of requests a loan and quarter, by band of days past due; `wave` what a full wave adds.

    `channels` are weights in the order of CHANNELS; `effort` how much longer than an enquiry it takes; `granted` the
    share of decided requests granted by risk tier, None where nothing is granted.
    """

    label: str
    rate: tuple[float, float, float, float]
    wave: float
    channels: tuple[float, ...]
    effort: float
    granted: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Channel:
    label: str
    hours: float  # median time to the first answer of an enquiry
    rated: float  # share that the borrower rates


KINDS: Mapping[str, Kind] = {
    "ENQUIRY": Kind("咨询", (0.050, 0.12, 0.10, 0.05), 0.2, (30, 26, 5, 28, 11, 0), 1.0),
    "REPAYMENT_CHANGE": Kind("还款变更", (0.015, 0.03, 0.02, 0.01), 0.1, (34, 18, 5, 25, 18, 0), 1.6),
    "HARDSHIP": Kind("纾困申请", (0.004, 0.06, 0.14, 0.08), 1.2, (26, 18, 6, 28, 20, 2), 6.0, (0.66, 0.55, 0.40)),
    "COMPLAINT": Kind("投诉", (0.004, 0.015, 0.03, 0.04), 0.6, (14, 14, 10, 38, 8, 16), 8.0),
}
CHANNELS: Mapping[str, Channel] = {
    "APP": Channel("APP", 1.2, 0.34),
    "WECHAT": Channel("微信", 1.6, 0.32),
    "EMAIL": Channel("电子邮件", 12.0, 0.21),
    "HOTLINE": Channel("客服热线", 0.8, 0.30),
    "BRANCH": Channel("网点", 3.0, 0.19),
    "REGULATOR": Channel("监管转办", 30.0, 0.13),
}
DECISIONS = ("同意", "不同意", "处理中")
RATINGS = ("满意", "一般", "不满意")

_PENDING, _PENDING_IN_A_WAVE = 0.10, 0.10
_GRANTED, _DECLINED, _UNDECIDED = range(3)
_SPREAD_OF_HOURS, _LONGEST_HOURS = 1.1, 960.0
_NEUTRAL = 0.45  # of those who are not satisfied


def requests(loans: pa.Table, period: str, seed: int) -> pa.Table:
    """The requests first answered in a quarter, a row each, from the borrowers on the tape of its last month."""
    book = book_of(loans)
    rng = generator(seed, "service", period)
    loan, kind = _asking(rng, book)
    book = book.take(loan)
    channel = choose(rng, np.array([each.channels for each in KINDS.values()], np.float64)[kind])
    decided = np.array([each.granted is not None for each in KINDS.values()])[kind]
    decision = _decisions(rng, book, kind)
    hours = _hours(rng, book, kind, channel)
    rating = _ratings(rng, channel, hours, decided & (decision == _DECLINED))
    return pa.table(
        {
            **{name: book.loans[name] for name in ("loan_no", "customer_no", "group_no")},
            "quarter": pa.array([period]).take(pa.array(np.zeros(len(loan), np.int64))),
            "request": labels([each.label for each in KINDS.values()], kind),
            "decision": pa.array(np.array(DECISIONS, object)[decision], pa.string(), mask=~decided),
            "channel": labels([each.label for each in CHANNELS.values()], channel),
            "hours_to_answer": pa.array(hours),
            "rating": pa.array(np.array([*RATINGS, None], object)[rating], pa.string()),
        }
    )


def _asking(rng: np.random.Generator, book: Book) -> tuple[Whole, Whole]:
    """The loan and the kind of every request."""
    loans, kinds = [], []
    for place, each in enumerate(KINDS.values()):
        rate = np.array(each.rate)[book.band] * (1 + each.wave * book.pressure)
        asking = np.repeat(np.arange(rate.size), rng.poisson(rate))
        loans.append(asking)
        kinds.append(np.full(asking.size, place))
    return np.concatenate(loans), np.concatenate(kinds)


def _decisions(rng: np.random.Generator, book: Book, kind: Whole) -> Whole:
    granted = np.array([each.granted or (1.0, 1.0, 1.0) for each in KINDS.values()])[kind, book.tier]
    pending = happens(rng, np.full(kind.size, _PENDING + _PENDING_IN_A_WAVE * book.pressure))
    return np.where(pending, _UNDECIDED, np.where(happens(rng, granted), _GRANTED, _DECLINED))


def _hours(rng: np.random.Generator, book: Book, kind: Whole, channel: Whole) -> Real:
    """Hours to the first answer with one decimal: long tails, longer in a wave."""
    median = np.array([each.hours for each in CHANNELS.values()])[channel]
    effort = np.array([each.effort for each in KINDS.values()])[kind]
    hours = median * effort * (1 + 0.6 * book.pressure) * np.exp(_SPREAD_OF_HOURS * rng.standard_normal(kind.size))
    bounded: Real = np.round(np.clip(hours, 0.1, _LONGEST_HOURS), 1)
    return bounded


def _ratings(rng: np.random.Generator, channel: Whole, hours: Real, declined: NDArray[np.bool_]) -> Whole:
    """The place in RATINGS, one more where the borrower gave none."""
    rated = np.array([each.rated for each in CHANNELS.values()])[channel]
    satisfied = logistic(1.5 - 0.45 * np.log1p(hours / 6) - 1.2 * declined)
    chances = [rated * satisfied, rated * (1 - satisfied) * _NEUTRAL, rated * (1 - satisfied) * (1 - _NEUTRAL)]
    return choose(rng, np.column_stack([*chances, 1 - rated]))
