"""How sure is sure enough: the numbers behind warnings, tuned on simulated years (docs/early-warning.md)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WarningPolicy:
    """Surprises are in standard deviations of one step ahead; changes are fractions of the figure itself."""

    tail: float = 0.01  # one value in a hundred lies beyond the limit by chance
    false_share: float = 0.1  # of the levels that are raised in a period
    allowance: float = 0.5  # of each period's surprise before it adds up
    decision: float = 5.0  # what has added up when a trend is raised
    least_change: float = 0.05  # a smaller one is nobody's concern
    back_for: int = 2  # periods within the limit that end an episode
    accepted_after: int = 12  # periods after which a new level is the level
    window: int = 36  # periods that are looked at
    replayed: int = 24  # the last of them, which are judged; those before only teach
    front: int = 3  # regions that cross their limits within `front_within` periods: a wave spreads
    front_within: int = 3


USUAL = WarningPolicy()
