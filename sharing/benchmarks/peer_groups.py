"""Who is compared with whom: contributors in the groups of each family.

Affiliated institutions are one contributor and sit together: in the group of the affiliate group's head, the
institution whose code is the group's own name, else the first of them by code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from consortium.institutions.models import Institution
from sharing.models import PeerGroup

ALL = "ALL"
NOWHERE = -1


@dataclass(frozen=True)
class Family:
    """A partition of the contributors: `group_of` gives each contributor's index in `groups`, or NOWHERE."""

    code: str
    groups: tuple[str, ...]
    group_of: NDArray[np.int64]


@dataclass(frozen=True)
class Peers:
    """The families over the same contributors, in the contributors' order."""

    contributors: tuple[str, ...]
    families: tuple[Family, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """ALL, then every group of every family."""
        return (ALL, *(group for family in self.families for group in family.groups))

    def rows(self, peer_group: str) -> NDArray[np.int64]:
        """The positions of a peer group's contributors; KeyError when there is no such group."""
        if peer_group == ALL:
            return np.arange(len(self.contributors))
        for family in self.families:
            if peer_group in family.groups:
                return np.flatnonzero(family.group_of == family.groups.index(peer_group))
        raise KeyError(peer_group)

    def of(self, contributor: str) -> tuple[str, ...]:
        """ALL and the groups that a contributor sits in."""
        place = self.contributors.index(contributor)
        found = [family.groups[at] for family in self.families if (at := family.group_of[place]) != NOWHERE]
        return (ALL, *found)


def peers_of(institutions: Iterable[Institution], peer_groups: Sequence[PeerGroup]) -> Peers:
    """The contributors of these institutions in order, and their place in every family."""
    heads = _heads(institutions)
    contributors = tuple(sorted(heads))
    members = [heads[contributor] for contributor in contributors]
    codes = list(dict.fromkeys(group.family for group in peer_groups))
    families = [
        _family(code, [group for group in peer_groups if group.family == code], members) for code in sorted(codes)
    ]
    return Peers(contributors, tuple(families))


def _heads(institutions: Iterable[Institution]) -> dict[str, Institution]:
    heads: dict[str, Institution] = {}
    for institution in sorted(institutions, key=lambda each: (each.code != each.contributor_id, each.code)):
        heads.setdefault(institution.contributor_id, institution)
    return heads


def _family(code: str, groups: Sequence[PeerGroup], members: Sequence[Institution]) -> Family:
    ordered = sorted(groups, key=lambda group: (group.position, group.code))
    places = [
        next((place for place, group in enumerate(ordered) if group.includes(member)), NOWHERE) for member in members
    ]
    return Family(code, tuple(group.code for group in ordered), np.array(places, dtype=np.int64))
