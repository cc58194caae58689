"""How much of a change of a pooled rate comes from the rates of its parts, and how much from their weights (the mix).

A pooled rate is the weighted sum of its parts' rates, R = sum s_i r_i with s_i the part's share of the denominator, so

    R' - R = sum (s_i + s_i') / 2 (r_i' - r_i)  +  sum (r_i + r_i') / 2 (s_i' - s_i),

rate first, mix second: the symmetric decomposition of Kitagawa (1955, "Components of a Difference Between Two Rates"),
exact, and the same whichever of the two releases is taken first. As the shares add up to one, a constant may be taken
from the rates of the second sum; taken is the mean of the two pooled rates, so that a part that grows counts as
worsening the mix only if its rate is above the pool's.

Everything is reckoned from published figures, so it says nothing that whoever reads the two releases could not reckon too.
What is withheld in either of them is in one `rest`: the change less what the known parts add. So is what stands in the
pooled rate and in no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum


@dataclass(frozen=True)
class Published:
    """What a release publishes of a cell: its pooled rate and weight, None where they are withheld."""

    pooled: float | None
    weight: float | None


@dataclass(frozen=True)
class Contribution:
    """What one part adds to the change, in fractions of one."""

    code: str
    rate: float
    mix: float


@dataclass(frozen=True)
class Decomposition:
    """A change of a pooled rate as the sum of its parts': `rate` and `mix` and `rest` add up to `change`."""

    change: float
    parts: tuple[Contribution, ...]
    rest: float
    unknown: tuple[str, ...]  # the parts of which something is withheld

    @property
    def rate(self) -> float:
        """What the rates of the known parts add."""
        return fsum(each.rate for each in self.parts)

    @property
    def mix(self) -> float:
        """What the weights of the known parts add."""
        return fsum(each.mix for each in self.parts)


def decompose(
    before: Mapping[str, Published], now: Mapping[str, Published], total: str, parts: Sequence[str]
) -> Decomposition | None:
    """The change of the cell `total` between two releases by its `parts`, which must share out its denominator.

    The cells of both releases are by code. A part that neither has is nothing; one that only one of them has counts as
    unknown. None where the total's rate or weight is not published in both.
    """
    whole_then, whole_now = _known(before.get(total)), _known(now.get(total))
    if whole_then is None or whole_now is None:
        return None
    (rate_then, weight_then), (rate_now, weight_now) = whole_then, whole_now
    level = (rate_then + rate_now) / 2
    found, unknown = [], []
    for code in parts:
        if code not in before and code not in now:
            continue
        then, later = _known(before.get(code)), _known(now.get(code))
        if then is None or later is None:
            unknown.append(code)
            continue
        share_then, share_now = then[1] / weight_then, later[1] / weight_now
        found.append(
            Contribution(
                code,
                rate=(share_then + share_now) / 2 * (later[0] - then[0]),
                mix=((then[0] + later[0]) / 2 - level) * (share_now - share_then),
            )
        )
    change = rate_now - rate_then
    rest = fsum([change, *(-each.rate for each in found), *(-each.mix for each in found)])
    return Decomposition(change, tuple(found), rest, tuple(unknown))


def _known(cell: Published | None) -> tuple[float, float] | None:
    """Rate and weight; None where something is withheld, absent, or of no weight."""
    if cell is None or cell.pooled is None or not cell.weight:
        return None
    return cell.pooled, cell.weight
