"""What a rate would be at the same mix of cases for all: direct standardisation, with bounds for what is withheld.

Who gets a treatment is not random, and harsh ones get the worse cases. Weighing a treatment's rates by risk tier with
the tiers' shares among all cases takes that one difference away, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sharing.analytics.intervals import Interval

COVERED: Final = 0.999  # shares are rounded sums; less is missing than shows


def standardised(rates: Mapping[str, float | None], shares: Mapping[str, float | None]) -> Interval | None:
    """The least and the greatest standardised rate; equal where all strata are shown. None where hardly half are.

    A stratum without a published rate or share may have any rate from 0 to 1.
    """
    known = [
        (share, rate) for code, share in shares.items() if share is not None and (rate := rates.get(code)) is not None
    ]
    covered = sum(share for share, _rate in known)
    if covered < 0.5:
        return None
    level = sum(share * rate for share, rate in known)
    if covered >= COVERED:
        return Interval(level / covered, level / covered)
    return Interval(level, level + 1 - covered)
