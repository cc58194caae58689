"""What a revision would give away beside a release of its round that was published before, group by group.

Whoever holds both can subtract them. Where fewer than the minimum of contributors came or went between the two, the
difference is theirs alone, so a cell that the former release published is withheld in the new one. A correction by
an institution that contributes to both shows by how much it corrected itself; whether that tells what it has is solved in
`crossing`. Order statistics and plain means of a cell in which few corrected themselves would show whose rate moved where, so
only the pooled rate is shown again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sharing.benchmarks.crossing import Former
from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.pool import Mask, Panel, Values


def isolated_cells(former: Former, panel: Panel, peers: Peers, minimum: int) -> dict[str, Mask]:
    """For each peer group the cells whose contributors changed by at least one and fewer than `minimum`."""
    found = {}
    for group, shown in _in_both(former, peers):
        count = _counted(group, former, panel, peers, moved=True)
        found[group] = shown & (count > 0) & (count < minimum)
    return found


def corrected_cells(former: Former, panel: Panel, peers: Peers, minimum: int) -> dict[str, Mask]:
    """For each peer group the cells in which at least one and fewer than `minimum` contributors have other figures now."""
    found = {}
    for group, shown in _in_both(former, peers):
        count = _counted(group, former, panel, peers, moved=False)
        found[group] = shown & (count > 0) & (count < minimum)
    return found


def _in_both(former: Former, peers: Peers) -> Iterator[tuple[str, Mask]]:
    for group in peers.codes:
        if group in former.shown and group in former.groups:
            yield group, former.shown[group]


def _counted(group: str, former: Former, panel: Panel, peers: Peers, *, moved: bool) -> NDArray[np.int64]:
    """Over the cut: how many of a group came or went (`moved`), or stayed and corrected themselves."""
    now = {panel.contributors[row]: row for row in peers.rows(group)}
    then = former.groups[group]
    was = {each: row for row, each in enumerate(former.changed.contributors)}
    known = {each: row for row, each in enumerate(panel.contributors)}
    count = np.zeros(panel.layout.shape, dtype=np.int64)
    nothing: Values = np.zeros(panel.values.shape[1:])
    sat = {*now, *then}
    for contributor in sorted((now.keys() ^ then) | (sat & was.keys())):
        after = panel.values[now[contributor]] if contributor in now else nothing
        before = nothing
        if contributor in then:
            before = former.changed.values[was[contributor]] if contributor in was else panel.values[known[contributor]]
        active, were = (after != 0).any(axis=0), (before != 0).any(axis=0)
        count += active != were if moved else active & were & (after != before).any(axis=0)
    return count
