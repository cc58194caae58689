"""Who is compared with whom: contributors in the groups of each family.

Affiliated institutions are one contributor and sit together: in the group of the affiliate group's head, the
institution whose code is the group's own name, else the first of them by code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

ALL = "ALL"
NOWHERE = -1


class Member(Protocol):
    """What grouping needs to know of an institution."""

    @property
    def code(self) -> str: ...
    @property
    def contributor_id(self) -> str: ...


class Grouping[M: Member](Protocol):
    """What grouping needs to know of a peer group."""

    @property
    def code(self) -> str: ...
    @property
    def family(self) -> str: ...
    def includes(self, institution: M) -> bool: ...


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

    def rows(self, peer_group: str) -> NDArray[np.int64]:
        """The positions of a peer group's contributors; KeyError when there is no such group."""
        if peer_group == ALL:
            return np.arange(len(self.contributors))
        for family in self.families:
            if peer_group in family.groups:
                return np.flatnonzero(family.group_of == family.groups.index(peer_group))
        raise KeyError(peer_group)

    @property
    def codes(self) -> tuple[str, ...]:
        """ALL, then every group of every family."""
        return (ALL, *(group for family in self.families for group in family.groups))

    def of(self, contributor: str) -> tuple[str, ...]:
        """ALL and the groups that a contributor sits in."""
        place = self.contributors.index(contributor)
        found = [family.groups[at] for family in self.families if (at := family.group_of[place]) != NOWHERE]
        return (ALL, *found)
