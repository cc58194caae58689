"""What a reader looks at: one indicator of a collection at one cell, beside one peer group, in one view.

A selection is read from a page's address and written back to it, so that a view is shared by its URL. Whatever the
address does not say, or says wrongly, is the default: the first indicator, all codes, all members, over time, as it
is published now. `reference` is the same as a text to keep: "1:collection=delinquency&indicator=DPD30_RATE".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Final, Self
from urllib.parse import parse_qsl, urlencode

from django.db.models import Case, IntegerField, Value, When
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from anonymize.template import TOTAL, Dimension, Indicator, Template
from consortium.people.models import Person
from sharing.benchmarks.explorer import ALL
from sharing.models import Collection

VIEWS: Final = ("series", "distribution", "map", "table", "mix")
TIME: Final = "TIME_PERIOD"  # the small multiples of a heat map: one a period
MAP_FIGURES: Final = ("pooled", "median")
YEAR: Final = "year"
OVER: Final = (YEAR, "period")  # how far back a change is taken apart
_REFERENCE = "1:"  # the version of the addresses that references hold
_SHORT = 16  # codes that a table shows at once


@dataclass(frozen=True)
class Selection:
    collection: Collection
    template: Template
    indicator: Indicator
    peer_group: str
    codes: Mapping[str, str]  # dimension -> code, for every dimension of the cut
    by: str  # the dimension that the table breaks down
    groups: Mapping[str, Mapping[str, str]]  # the collection's peer groups by code, with their names
    view: str = VIEWS[0]
    multiples: str = TIME  # what the heat map shows one of each: TIME or a dimension of the cut
    shows: str = MAP_FIGURES[0]  # the figure in the heat map
    as_of: datetime | None = None  # None for what is published now
    over: str = YEAR

    @classmethod
    def read(cls, query: Mapping[str, str], person: Person) -> Self | None:
        """None when the person sees no collection at all."""
        wanted = Case(When(code=query.get("collection", ""), then=Value(0)), default=1, output_field=IntegerField())
        found = Collection.objects.visible_to(person).annotate(wanted=wanted)
        collection = found.order_by("wanted", "code", "-created_at").first()
        return None if collection is None else cls._of(collection, query)

    @classmethod
    def from_reference(cls, reference: str, person: Person) -> Self | None:
        """The selection that `reference` wrote, for what this person sees; ValueError for another version's."""
        if not reference.startswith(_REFERENCE):
            raise ValueError(f"{reference[:20]!r} is no reference to a view that this version knows.")
        return cls.read(dict(parse_qsl(reference.removeprefix(_REFERENCE))), person)

    @classmethod
    def _of(cls, collection: Collection, query: Mapping[str, str]) -> Self:
        template = collection.template
        indicators = {indicator.id: indicator for indicator in template.indicators}
        indicator = indicators.get(query.get("indicator", ""), template.indicators[0])
        cut = template.cut(indicator)
        codes = {dimension.id: _code(dimension, query.get(dimension.id, "")) for dimension in cut}
        groups = dict(collection.peer_groups.values_list("code", "names"))
        peer_group = query.get("peers", ALL)
        view = query.get("view", "")
        return cls(
            collection=collection,
            template=template,
            indicator=indicator,
            peer_group=peer_group if peer_group in groups else ALL,
            codes=codes,
            by=_breakdown(cut, codes, query.get("by", "")),
            groups=groups,
            view=view if view in _views(cut) else VIEWS[0],
            multiples=_multiples(cut, query.get("multiples", "")),
            shows=shows if (shows := query.get("shows", "")) in MAP_FIGURES else MAP_FIGURES[0],
            as_of=_moment(query.get("as_of", "")),
            over=over if (over := query.get("over", "")) in OVER else YEAR,
        )

    @property
    def views(self) -> tuple[str, ...]:
        """Those that there are for the indicator: a heat map needs two dimensions."""
        return _views(self.cut)

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

    def of_indicator(self, indicator: Indicator) -> Self:
        """All codes of another indicator of the collection, beside all members, over time."""
        cut = self.template.cut(indicator)
        codes = {dimension.id: TOTAL for dimension in cut}
        by = _breakdown(cut, codes, "")
        return replace(self, indicator=indicator, peer_group=ALL, codes=codes, by=by, view=VIEWS[0], multiples=TIME)

    def broken_down(self, by: str) -> Self:
        return replace(self, by=by)

    def seen_as(self, view: str) -> Self:
        return replace(self, view=view)

    def as_now(self) -> Self:
        return replace(self, as_of=None)

    def changed_over(self, over: str) -> Self:
        return replace(self, over=over)

    def mapped(self, *, multiples: str = "", shows: str = "") -> Self:
        """The heat map with other small multiples or another figure."""
        return replace(self, multiples=multiples or self.multiples, shows=shows or self.shows)

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
        if self.view != VIEWS[0]:
            named["view"] = self.view
        if self.multiples != TIME:
            named["multiples"] = self.multiples
        if self.shows != MAP_FIGURES[0]:
            named["shows"] = self.shows
        if self.over != YEAR:
            named["over"] = self.over
        if self.as_of is not None:
            named["as_of"] = self.as_of.isoformat()
        return urlencode(named)

    def address(self) -> str:
        """Where the explorer shows the view."""
        return f"{reverse('benchmarks')}?{self.query()}"

    @property
    def reference(self) -> str:
        """The view as a text that stays the same while the view does: for links, minutes and topics."""
        return _REFERENCE + self.query()


def _code(dimension: Dimension, wanted: str) -> str:
    return wanted if wanted in dimension.code_list.by_id else TOTAL


def _views(cut: tuple[Dimension, ...]) -> tuple[str, ...]:
    return tuple(view for view in VIEWS if view != "map" or len(cut) > 1)


def _multiples(cut: tuple[Dimension, ...], wanted: str) -> str:
    """A dimension that is neither the rows nor the columns of the heat map, else the periods."""
    rows, columns = map_axes(cut) or (None, None)
    others = {dimension.id for dimension in cut} - {rows, columns}
    return wanted if wanted in others else TIME


def map_axes(cut: tuple[Dimension, ...]) -> tuple[str, str] | None:
    """The dimensions of a heat map's rows and columns: the longest code list down, the next across; None for one."""
    longest = sorted(cut, key=lambda dimension: -len(dimension.code_list.codes))
    return (longest[0].id, longest[1].id) if len(longest) > 1 else None


def _moment(text: str) -> datetime | None:
    """The moment that an address names; of a day its end; None where it names none."""
    try:
        if day := parse_date(text):
            return timezone.make_aware(datetime.combine(day, time.max))
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        return None
    return timezone.make_aware(moment) if moment and timezone.is_naive(moment) else moment


def _breakdown(cut: tuple[Dimension, ...], codes: Mapping[str, str], wanted: str) -> str:
    """The dimension asked for, else the first that is still at its total.

    Two codes chosen are as deep as releases usually go: then the last of them, to see it among its siblings.
    """
    if any(dimension.id == wanted for dimension in cut):
        return wanted
    chosen = [dimension.id for dimension in cut if codes[dimension.id] != TOTAL]
    open_ones = [dimension.id for dimension in cut if codes[dimension.id] == TOTAL]
    return chosen[-1] if len(chosen) > 1 or not open_ones else open_ones[0]
