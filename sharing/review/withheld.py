"""What a draft withholds and why: counts by reason, and the cells one by one. For reviewers alone.

A reader is told that a cell is withheld and never why: the reason itself would say how few or how large.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from sharing.benchmarks.naming import peer_group_names
from sharing.models import Release, ReleaseCell
from sharing.models.collection import in_language

# As CL_CONF_STATUS of SDMX names them.
REASONS: Final[Mapping[str, str | Promise]] = {
    "A": _("Too few contributors"),
    "G": _("One contributor could be estimated"),
    "D": _("Protects another cell"),
}
SHOWN: Final = "shown"


@dataclass(frozen=True)
class Tally:
    """How many of some cells are withheld, by reason in the order of REASONS."""

    name: str
    code: str
    cells: int
    reasons: tuple[int, ...]

    @property
    def named(self) -> list[tuple[str, int]]:
        """Each reason with its count."""
        return list(zip(map(str, REASONS.values()), self.reasons, strict=True))

    @property
    def share(self) -> float:
        return sum(self.reasons) / self.cells


def by_indicator(release: Release) -> list[Tally]:
    template = release.round.collection.template
    names = {indicator.id: in_language(dict(indicator.names)) for indicator in template.indicators}
    return _tallies(release, "indicator", names)


def by_peer_group(release: Release) -> list[Tally]:
    return _tallies(release, "peer_group", peer_group_names(release.round.collection))


def _tallies(release: Release, field: str, names: Mapping[str, str]) -> list[Tally]:
    counts = {letter: Count("pk", filter=Q(withheld=True, reason=letter)) for letter in REASONS}
    rows = ReleaseCell.objects.filter(release=release).values(field).annotate(cells=Count("pk"), **counts)
    order = {code: place for place, code in enumerate(names)}
    return [
        Tally(names.get(row[field], row[field]), row[field], row["cells"], tuple(row[letter] for letter in REASONS))
        for row in sorted(rows, key=lambda row: order.get(row[field], len(order)))
    ]


def cells(release: Release, indicator: str, peer_group: str, state: str) -> QuerySet[ReleaseCell]:
    """The cells chosen; "" chooses all. `state` is a reason's letter, or SHOWN."""
    rows = ReleaseCell.objects.filter(release=release).order_by("indicator", "peer_group", "key")
    if indicator:
        rows = rows.filter(indicator=indicator)
    if peer_group:
        rows = rows.filter(peer_group=peer_group)
    if state == SHOWN:
        rows = rows.filter(withheld=False)
    elif state:
        rows = rows.filter(withheld=True, reason=state)
    return rows
