"""What a simulated bank's models say of its loans: score, predicted probability of default, five-category class.

The models were fitted in calm times. They know product, province, risk tier and how far behind a loan is, each with a
little luck; they know nothing of a wave, so that in one they predict too few defaults.
"""

from __future__ import annotations

import numpy as np

from anonymize.simulated.institutions import InstitutionProfile
from anonymize.simulated.loans import Portfolio, Real, Whole, chances
from anonymize.simulated.market import DEFAULTED, PREPAID, PRODUCTS

HORIZON = 12  # months
RISK_CLASSES = ("正常", "关注", "次级", "可疑", "损失")
LOSS = 4

_LUCK = 0.30  # standard deviation of a model's error, in log odds
# Twenty points double the odds; 600 points are odds of 50 to 1.
_POINTS_TO_DOUBLE, _BASE_SCORE, _BASE_ODDS = 20, 600, 50
# Class by months behind. Cards: 1-90 days special mention, to 120 substandard, to 180 doubtful, then loss; other loans
# are at least substandard after 90 days, and the oldest are doubtful or a loss.
_CLASS_OF_CARD = np.array([0, 1, 1, 1, 2, 3, 3, 4])
_CLASS_OF_LOAN = np.array([0, 1, 1, 1, 2, 2, 2, 3])
_LOST_IN = 3  # one of so many of the oldest loans


def predicted_pd(portfolio: Portfolio, profile: InstitutionProfile) -> Real:
    """The probability of default within twelve months as the bank's model has it; 1 for what is in default."""
    calm = _calm_default(profile)
    known = calm[portfolio.product, portfolio.province, portfolio.tier, np.minimum(portfolio.behind, DEFAULTED - 1)]
    odds = known / (1 - known) * np.exp(_LUCK * portfolio.luck)
    predicted: Real = np.where(portfolio.behind >= DEFAULTED, 1.0, odds / (1 + odds))
    return predicted.round(4)


def score(portfolio: Portfolio, profile: InstitutionProfile) -> Whole:
    """The application score: what was known when the loan was granted."""
    calm = _calm_default(profile)[portfolio.product, portfolio.province, portfolio.tier, 0]
    odds_of_good = (1 - calm) / calm * np.exp(-_LUCK * portfolio.luck)
    points: Real = _BASE_SCORE + _POINTS_TO_DOUBLE * np.log2(odds_of_good / _BASE_ODDS)
    return points.round().astype(np.int64)


def risk_class(portfolio: Portfolio, behind: Whole) -> Whole:
    """The index of the five-category class that a loan has when it is so many months behind."""
    card = portfolio.product == PRODUCTS.index("CARD")
    found = np.where(card, _CLASS_OF_CARD[behind], _CLASS_OF_LOAN[behind])
    oldest = (behind == _CLASS_OF_LOAN.size - 1) & (portfolio.loan % _LOST_IN == 0)
    return np.where(oldest, LOSS, found)


def _calm_default(profile: InstitutionProfile) -> Real:
    """The chance of default within twelve calm months by product, province, tier and months behind (below default)."""
    entry, roll, cure = chances(profile, np.zeros((len(PRODUCTS), len(profile.provinces))))
    kept = 1 - PREPAID  # what is current may be paid back, and is then out of reach
    default = np.zeros((*entry.shape, DEFAULTED + 1))
    default[..., DEFAULTED] = 1.0
    for _ in range(HORIZON):
        before = default.copy()
        default[..., 0] = entry * before[..., 1] + (1 - entry) * kept * before[..., 0]
        for behind in range(1, DEFAULTED):
            on, back = roll[:, :, None, behind], cure[:, :, None, behind]
            default[..., behind] = (
                on * before[..., behind + 1] + back * kept * before[..., 0] + (1 - on - back) * before[..., behind]
            )
    return default[..., :DEFAULTED]
