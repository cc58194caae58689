"""What a revision would give away beside the release it replaces.

Whoever holds both can subtract them. Where fewer than the minimum of contributors came or went between the two, the
difference is theirs alone, so a cell that the former release published is withheld in the new one. A correction by
an institution that contributes to both shows by how much it corrected itself, not what it has.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.pool import Mask, Panel


def isolated_cells(
    before: Panel, after: Panel, peers: Peers, published: Mapping[str, Mask], minimum: int
) -> dict[str, Mask]:
    """For each peer group the cells whose contributors changed by at least one and fewer than `minimum`.

    Both panels have the contributors of `peers`; `published` says what the former release showed in a group.
    """
    changed = _active(before) != _active(after)
    found = {}
    for group, shown in published.items():
        count = changed[peers.rows(group)].sum(axis=0)
        found[group] = shown & (count > 0) & (count < minimum)
    return found


def _active(panel: Panel) -> Mask:
    """[contributor, *cut]: it contributes to at least one part."""
    active: Mask = np.any(panel.values != 0, axis=1)
    return active
