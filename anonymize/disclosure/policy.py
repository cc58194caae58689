"""The parameters of protection, as a value.

The same parameters serve at the bank, where a contributor is a borrower, and on the platform, where it is an
institution. Nothing in `anonymize.disclosure` reads a parameter from anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class DisclosurePolicy:
    """What a cell needs to be published, and how wide a withheld one must stay.

    `min_contributors` is the least number of distinct contributors; `p_percent` how near, in percent of a contribution,
    another contributor may come to it; `dominance` is (n, k): the n largest, n at most 2, hold no more than k percent;
    `max_share` the share of the largest contributor above which reviewers are warned; `threshold_range` the share of a
    count that stays open around it; `coalition` how many contributors, at most 2, may pool what they hold, 0 where none of
    them ever sees the table; with 2 there must be at least four contributors, or whoever is left stands alone. ValueError for parameters that protect nothing.
    """

    min_contributors: int = 5
    p_percent: float = 10.0
    dominance: tuple[int, float] | None = None
    max_share: float | None = 0.25
    threshold_range: float = 0.1
    coalition: int = 1
    median_minimum: int = 5
    quartiles_minimum: int = 8
    deciles_minimum: int = 20
    lag_months: int = 0

    def __post_init__(self) -> None:
        if self.min_contributors < 1:
            raise ValueError("min_contributors is at least 1")
        if not 0 < self.p_percent <= 100:
            raise ValueError("p_percent lies above 0 and is at most 100")
        if self.dominance is not None and not (self.dominance[0] in (1, 2) and 0 < self.dominance[1] <= 100):
            raise ValueError("dominance is a pair (n, k): n is 1 or 2, k a percentage")
        if self.max_share is not None and not 0 < self.max_share <= 1:
            raise ValueError("max_share lies above 0 and is at most 1")
        if not 0 <= self.threshold_range <= 1:
            raise ValueError("threshold_range lies between 0 and 1")
        if self.coalition not in (0, 1, 2):
            raise ValueError("coalition is 0, 1 or 2")
        if self.coalition == 2 and self.min_contributors <= self.coalition + 1:
            raise ValueError(
                "min_contributors exceeds coalition + 1: beside two who pool their figures there are two more"
            )
        if not 1 <= self.median_minimum <= self.quartiles_minimum <= self.deciles_minimum:
            raise ValueError("median_minimum, quartiles_minimum and deciles_minimum ascend")
        if self.lag_months < 0:
            raise ValueError("lag_months is not negative")

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """The policy of a JSON object; absent members take their defaults, ValueError for unknown ones."""
        unknown = sorted(set(document) - {field.name for field in fields(cls)})
        if unknown:
            raise ValueError(f"unknown disclosure rule: {', '.join(unknown)}")
        members = dict(document)
        if members.get("dominance") is not None:
            count, percent = members["dominance"]
            members["dominance"] = (int(count), float(percent))
        return cls(**members)

    def to_dict(self) -> dict[str, Any]:
        """All parameters as a JSON object, the form that `from_dict` reads."""
        members = {field.name: getattr(self, field.name) for field in fields(self)}
        members["dominance"] = list(self.dominance) if self.dominance else None
        return members

    def amount_width(self, contribution: float) -> float:
        """How far an estimate of this contribution must stay from it, in the unit of the measure."""
        return self.p_percent / 100 * contribution
