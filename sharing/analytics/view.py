"""Which analysis is looked at: a release of its collection, one cell and peer group, read from the page's address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlencode

from anonymize.template import TOTAL, Dimension
from consortium.people.models import Person
from sharing.analytics import reading
from sharing.benchmarks.explorer import ALL
from sharing.benchmarks.selection import Selection
from sharing.models import Release

BACK_TEST: Final = "risk-model"


@dataclass(frozen=True)
class Ranking:
    """Which collection a ranking is of, which dimensions it may rank, and the one that it lays out across at first."""

    collection: str
    ranked: Sequence[str]
    across: str

    def by(self, wanted: str) -> str:
        return wanted if wanted in self.ranked else self.ranked[0]


RANKINGS: Final[Mapping[str, Ranking]] = {
    "treatments": Ranking("treatment", ("TREATMENT", "DPD_AT_START"), "RISK_TIER"),
    "outreach": Ranking("outreach", ("CHANNEL", "CAMPAIGN"), "CAMPAIGN"),
    "service": Ranking("service", ("CHANNEL", "RESPONSE_TIME"), "RESPONSE_TIME"),
}


@dataclass(frozen=True)
class View:
    """`releases` are all published ones, oldest first, `release` the one looked at; `across` is set in rankings alone."""

    selection: Selection
    releases: Sequence[Release]
    release: Release
    across: Dimension | None = None

    @classmethod
    def of_back_test(cls, query: Mapping[str, str], person: Person) -> Self | None:
        """None without a published release that the person may see."""
        return cls._read(query, person, BACK_TEST)

    @classmethod
    def of_ranking(cls, query: Mapping[str, str], person: Person, ranking: Ranking) -> Self | None:
        by = ranking.by(query.get("by", ""))
        return cls._read({**query, "by": by}, person, ranking.collection, query.get("across") or ranking.across)

    @classmethod
    def _read(cls, query: Mapping[str, str], person: Person, collection: str, across: str = "") -> Self | None:
        selection = Selection.read({**query, "collection": collection}, person)
        if selection is None or selection.collection.code != collection:
            return None
        releases = reading.releases(selection.collection, person)
        if not releases:
            return None
        release = next((each for each in releases if each.round.period == query.get("period")), releases[-1])
        return cls(selection, releases, release, _across(selection, across) if across else None)

    @property
    def cut(self) -> tuple[Dimension, ...]:
        return self.selection.cut

    @property
    def ranked(self) -> Dimension:
        """The dimension whose codes are ranked."""
        return self.selection.template.dimension(self.selection.by)

    @property
    def chosen(self) -> dict[str, str]:
        """The codes chosen in other dimensions than the ranked one."""
        return {
            dimension: code
            for dimension, code in self.selection.codes.items()
            if code != TOTAL and not (self.across and dimension == self.selection.by)
        }

    def keys(self) -> dict[str, str]:
        """The key of each code that is ranked."""
        return reading.leaf_keys(self.cut, self.ranked, self.chosen)

    def strata(self) -> dict[str, str]:
        """The key, over all that is ranked, of each part of the dimension that is laid out across."""
        across = self.across
        if across is None:
            return {}
        return {code: reading.key_of(self.cut, {across.id: code}) for code in across.code_list.children(TOTAL)}

    def keys_by_stratum(self) -> dict[str, dict[str, str]]:
        """For each code that is ranked: its key in each stratum."""
        return {
            code: {
                stratum: reading.key_of(self.cut, {self.ranked.id: code, self.across.id: stratum})
                for stratum in self.strata()
            }
            for code in self.ranked.code_list.leaves
            if self.across is not None
        }

    def query(self) -> str:
        """The address's query, with the period, so that a shared view stays what it was."""
        selection = self.selection
        named = {"period": self.release.round.period}
        if self.across is not None:
            named |= {"indicator": selection.indicator.id, "by": selection.by, "across": self.across.id}
        if selection.peer_group != ALL:
            named["peers"] = selection.peer_group
        return urlencode(named | self.chosen)


def _across(selection: Selection, wanted: str) -> Dimension:
    """The dimension asked for, or another one, as none is laid out across itself."""
    others = [dimension for dimension in selection.cut if dimension.id != selection.by]
    return next((dimension for dimension in others if dimension.id == wanted), others[0])
