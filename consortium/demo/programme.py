"""Which rounds the demo runs, in which order, and how far each of them gets. No Django here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from anonymize.periods import before, period_of

MAIN = "delinquency"  # a year of it; of the others one or two recent periods
COLLECTIONS = (MAIN, "migration", "vintage", "risk-model", "treatment", "outreach", "service")


class End(StrEnum):
    """Where the demo leaves a round."""

    PUBLISHED = "published"
    EMBARGOED = "embargoed"
    IN_REVIEW = "in_review"
    OPEN = "open"


@dataclass(frozen=True)
class Planned:
    collection: str
    period: str
    end: End = End.PUBLISHED

    @property
    def round_id(self) -> str:
        return f"{self.collection}-{self.period}"


def programme(months: Sequence[str]) -> list[Planned]:
    """The rounds in order, for months that end with the current one.

    What is left open comes last: nobody waits for it.
    """
    *published, last, current = months
    quarter = before(_quarter_of(current))  # the last one that is over
    return [
        *(Planned(MAIN, month) for month in published),
        Planned(MAIN, last, End.IN_REVIEW),
        Planned("migration", before(last)),
        Planned("migration", last, End.EMBARGOED),
        Planned("vintage", quarter),
        Planned("risk-model", quarter),
        Planned("treatment", quarter),
        Planned("service", quarter),
        Planned("outreach", last),
        Planned("outreach", current, End.OPEN),
        Planned(MAIN, current, End.OPEN),
    ]


def _quarter_of(month: str) -> str:
    quarter = period_of(month, "Q")
    if quarter is None:
        raise ValueError(f"{month} is no month.")
    return quarter
