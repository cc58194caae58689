"""Which cells of a release are asked for: codes by column, as an address or a command gives them."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from consortium.errors import Refused
from sharing.models import Release, ReleaseCell

INDICATOR, PEER_GROUP = "INDICATOR", "PEER_GROUP"
_RULE = "unknown-filter"


@dataclass(frozen=True)
class CellFilter:
    """None takes every indicator or peer group; `key` is a pattern of the series key, None for every cell."""

    indicators: Sequence[str] | None = None
    peer_groups: Sequence[str] | None = None
    key: str | None = None

    @classmethod
    def read(cls, query: Mapping[str, Sequence[str]], release: Release) -> Self:
        """From codes by column name, in either case of letters; Refused for a name or code that there is not.

        Whoever mistypes a filter would else take the whole release for a part of it.
        """
        wanted = {name.upper(): list(codes) for name, codes in query.items()}
        template = release.round.collection.template
        cut = template.cut(template.indicators[0])
        known = {INDICATOR, PEER_GROUP, *(dimension.id for dimension in cut)}
        for name in sorted(wanted.keys() - known):
            raise Refused(_("Cells cannot be chosen by %(name)s.") % {"name": name}, rule=_RULE)
        _check_codes(INDICATOR, wanted, [indicator.id for indicator in template.indicators])
        if PEER_GROUP in wanted:
            _check_codes(PEER_GROUP, wanted, _peer_groups(release))
        for dimension in cut:
            _check_codes(dimension.id, wanted, dimension.code_list.by_id)
        places = [wanted.get(dimension.id) for dimension in cut]
        return cls(
            indicators=wanted.get(INDICATOR),
            peer_groups=wanted.get(PEER_GROUP),
            key=_pattern(places) if any(places) else None,
        )

    def choose(self, cells: QuerySet[ReleaseCell]) -> QuerySet[ReleaseCell]:
        if self.indicators is not None:
            cells = cells.filter(indicator__in=self.indicators)
        if self.peer_groups is not None:
            cells = cells.filter(peer_group__in=self.peer_groups)
        return cells if self.key is None else cells.filter(key__regex=self.key)

    def takes(self, indicator: str, peer_group: str, key: str) -> bool:
        return (
            (self.indicators is None or indicator in self.indicators)
            and (self.peer_groups is None or peer_group in self.peer_groups)
            and (self.key is None or re.match(self.key, key) is not None)
        )


EVERY_CELL = CellFilter()


def _peer_groups(release: Release) -> set[str]:
    """As they were when the release was computed."""
    return set(ReleaseCell.objects.filter(release=release).values_list("peer_group", flat=True).distinct())


def _check_codes(name: str, wanted: Mapping[str, Sequence[str]], known: Container[str]) -> None:
    for code in wanted.get(name, ()):
        if code not in known:
            raise Refused(_("%(name)s has no code %(code)s.") % {"name": name, "code": code}, rule=_RULE)


def _pattern(places: Sequence[Sequence[str] | None]) -> str:
    """A regular expression that Python and PostgreSQL read alike: "^(CAR|SME)\\.([^.]+)\\.(_T)$"."""
    parts = ("|".join(map(re.escape, codes)) if codes else "[^.]+" for codes in places)
    return "^" + r"\.".join(f"({part})" for part in parts) + "$"
