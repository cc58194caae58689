"""Which of several is best, and which cannot be told apart: ranks with their uncertainty.

Compared are the members' medians, pair by pair, on the scale of `intervals.Typical`, with Welch's degrees of freedom and
Holm's adjustment over all pairs. Then all statements "this one is better than that one" hold together with 95 % confidence, and so
do the ranks that are left: from one more than the number of those that are better, to as many less than all as are worse
(Al Mohamad, Goeman, van Zwet, Biometrics 78, 2022).

The same members stand behind several rates, so their errors go together and a difference is surer than it is taken to
be here: what is called different is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

from sharing.analytics.intervals import SIGNIFICANT, Typical, holm


@dataclass(frozen=True)
class Ranked:
    """Where one of them may stand: `best` to `worst`, 1 being first. `place` is that of the median alone."""

    code: str
    place: int
    best: int
    worst: int
    beaten: frozenset[str]  # those it is better than


def rank(candidates: Sequence[tuple[str, Typical]], *, higher_is_better: bool) -> list[Ranked]:
    """In the order of their medians, first the best."""
    sign = 1 if higher_is_better else -1
    ordered = sorted(candidates, key=lambda candidate: -sign * candidate[1].centre)
    pairs = list(combinations(range(len(ordered)), 2))
    p_values = holm([_different(ordered[first][1], ordered[second][1]) for first, second in pairs])
    # The first of each pair has the better median.
    beats = {pair for pair, p_value in zip(pairs, p_values, strict=True) if p_value < SIGNIFICANT}
    return [
        Ranked(
            code=code,
            place=at + 1,
            best=1 + sum((other, at) in beats for other in range(at)),
            worst=len(ordered) - sum((at, other) in beats for other in range(at + 1, len(ordered))),
            beaten=frozenset(ordered[other][0] for other in range(at + 1, len(ordered)) if (at, other) in beats),
        )
        for at, (code, _typical) in enumerate(ordered)
    ]


def _different(one: Typical, other: Typical) -> float:
    """The two-sided p-value that two medians are equal; Welch (Biometrika 34, 1947)."""
    from scipy.special import stdtr

    variance = one.error**2 + other.error**2
    gap = abs(one.centre - other.centre)
    if variance == 0:
        return 1.0 if gap == 0 else 0.0
    freedom = variance**2 / (one.error**4 / one.freedom + other.error**4 / other.freedom)
    return float(2 * stdtr(freedom, -gap / sqrt(variance)))
