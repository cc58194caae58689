"""What a reader looks at: one indicator of a collection at one cell, beside one peer group.

A selection is read from a page's address and written back to it, so that a view is shared by its URL. Whatever the
address does not say, or says wrongly, is the default: the first indicator, all codes, all members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlencode

from anonymize.template import TOTAL, Dimension, Indicator, Template
from consortium.people.models import Person
from sharing.benchmarks.explorer import ALL
from sharing.models import Collection

_SHORT = 16  # codes that a table shows at once


@dataclass(frozen=True)
class Selection:
    collection: Collection
    template: Template
    indicator: Indicator
    peer_group: str
    codes: Mapping[str, str]  # dimension -> code, for every dimension of the cut
    by: str  # the dimension that the table breaks down

    @classmethod
    def read(cls, query: Mapping[str, str], person: Person) -> Self | None:
        """None when the person sees no collection at all."""
        collections = Collection.objects.visible_to(person)
        wanted = collections.filter(code=query.get("collection", ""))
        collection = (wanted or collections).order_by("code", "-created_at").first()
        return None if collection is None else cls._of(collection, query)

    @classmethod
    def _of(cls, collection: Collection, query: Mapping[str, str]) -> Self:
        template = collection.template
        indicators = {indicator.id: indicator for indicator in template.indicators}
        indicator = indicators.get(query.get("indicator", ""), template.indicators[0])
        cut = template.cut(indicator)
        codes = {dimension.id: _code(dimension, query.get(dimension.id, "")) for dimension in cut}
        groups = {ALL, *collection.peer_groups.values_list("code", flat=True)}
        peer_group = query.get("peers", ALL)
        return cls(
            collection=collection,
            template=template,
            indicator=indicator,
            peer_group=peer_group if peer_group in groups else ALL,
            codes=codes,
            by=_breakdown(cut, codes, query.get("by", "")),
        )

    @property
    def cut(self) -> tuple[Dimension, ...]:
        return self.template.cut(self.indicator)

    @property
    def key(self) -> str:
        """The SDMX series key of the cell: "SME.CN-ZJ._T"."""
        return ".".join(self.codes.values())

    def at(self, dimension: str, code: str) -> Self:
        """The same selection at another code of one dimension."""
        return replace(self, codes={**self.codes, dimension: code})

    def broken_down(self, by: str) -> Self:
        return replace(self, by=by)

    def down(self, dimension: str, code: str) -> Self:
        """The view that a row of the table leads to: at its code, broken down further where that is possible."""
        there = self.at(dimension, code)
        if self.template.dimension(dimension).code_list.children(code):
            return there
        return there.broken_down(_breakdown(self.cut, there.codes, ""))

    def breakdown(self) -> list[tuple[str, int, Self]]:
        """The rows of the table: codes of the dimension, their depth in the hierarchy, and their selections.

        A long code list shows the way down to the chosen code and what is right below it, or beside it for a leaf.
        """
        code_list = self.template.dimension(self.by).code_list
        shown = set(code_list.ids)
        if len(shown) > _SHORT:
            chosen = self.codes[self.by]
            above = code_list.ancestors(chosen)
            below = code_list.children(chosen) or code_list.children(above[1])
            shown = {*above, *below}
        return [
            (code, len(code_list.ancestors(code)) - 1, self.at(self.by, code))
            for code in code_list.ids
            if code in shown
        ]

    def wider(self) -> list[Self]:
        """The same view one step up along each dimension that is not at its total."""
        found = []
        for dimension in self.cut:
            parent = dimension.code_list.by_id[self.codes[dimension.id]].parent
            if parent is not None:
                found.append(self.at(dimension.id, parent))
        return found

    def query(self) -> str:
        """The address's query: only what differs from the default, in a stable order."""
        named = {"collection": self.collection.code, "indicator": self.indicator.id}
        if self.peer_group != ALL:
            named["peers"] = self.peer_group
        named |= {dimension: code for dimension, code in self.codes.items() if code != TOTAL}
        if self.by != _breakdown(self.cut, self.codes, ""):
            named["by"] = self.by
        return urlencode(named)


def _code(dimension: Dimension, wanted: str) -> str:
    return wanted if wanted in dimension.code_list.by_id else TOTAL


def _breakdown(cut: tuple[Dimension, ...], codes: Mapping[str, str], wanted: str) -> str:
    """The dimension asked for, else the first that is still at its total.

    Two codes chosen are as deep as releases usually go: then the last of them, to see it among its siblings.
    """
    if any(dimension.id == wanted for dimension in cut):
        return wanted
    chosen = [dimension.id for dimension in cut if codes[dimension.id] != TOTAL]
    open_ones = [dimension.id for dimension in cut if codes[dimension.id] == TOTAL]
    return chosen[-1] if len(chosen) > 1 or not open_ones else open_ones[0]
