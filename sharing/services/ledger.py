"""The release ledger: everything ever published of a round, and what it forbids the next release of that round.

A release that was replaced or withdrawn stays visible, and whoever read it keeps what it showed. So each one counts, with
the inputs and the members of the peer groups that it had *then* (`audit["inputs"]`, `audit["groups"]`). The packages
that came or went since are opened again, in memory, by the vault worker that computes the release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from anonymize.template import Template
from sharing.benchmarks.peer_groups import Peers, peers_of
from sharing.benchmarks.pool import Mask, Panel, cell_keys, gather, layout_of, panel_of
from sharing.benchmarks.revisions import isolated_cells
from sharing.models import Release, ReleaseCell, Submission
from sharing.services import inputs


@dataclass(frozen=True)
class Constraints:
    """For peer groups, masks over the cut: what the release withholds, and what it shows the pooled rate of at most.

    `isolated` cells would give somebody away beside what is published; in `corrected` ones fewer contributors than the
    minimum corrected themselves, so mean, trimmed mean and quantiles, which a single correction moves, are not shown.
    """

    isolated: Mapping[str, Mask] = field(default_factory=dict)
    corrected: Mapping[str, Mask] = field(default_factory=dict)


def constraints_of(
    release: Release, submissions: Sequence[Submission], template: Template, panel: Panel, peers: Peers
) -> Constraints:
    """What the difference to any release of the round that was ever published would give away.

    `panel` and `peers` are those of the release that is computed from these submissions.
    """
    isolated: dict[str, Mask] = {}
    for former in release.round.releases.exclude(published_at=None).order_by("revision"):
        for group, mask in _isolated_beside(former, release, submissions, template).items():
            isolated[group] = isolated[group] | mask if group in isolated else mask
    return Constraints(isolated)


def groups_record(peers: Peers) -> dict[str, list[str]]:
    """The contributors of every peer group, as `audit["groups"]` keeps them."""
    return {code: [peers.contributors[row] for row in peers.rows(code)] for code in peers.codes}


def _isolated_beside(
    former: Release, release: Release, submissions: Sequence[Submission], template: Template
) -> dict[str, Mask]:
    counted = {str(each.pk): each for each in submissions}
    gone = set(former.audit["inputs"]) - set(counted)
    new = set(counted) - set(former.audit["inputs"])
    before = list(
        Submission.objects.filter(pk__in=gone)
        .select_related("round__collection", "institution")
        .order_by("institution__code")
    )
    inputs.group(release.round, before)
    after = [each for key, each in counted.items() if key in new]
    # Affiliates of whoever changed did not change, but are part of the same contributor.
    touched = {each.institution.contributor_id for each in (*before, *after)}
    same = [each for key, each in counted.items() if key not in new and each.institution.contributor_id in touched]
    institutions = {each.institution.code: each.institution for each in (*before, *after, *same)}
    if not institutions:
        return {}
    contributor_of = {code: each.contributor_id for code, each in institutions.items()}
    peers = peers_of(institutions.values(), list(release.round.collection.peer_groups.all()))
    layout = layout_of(template)
    panels = [
        panel_of(gather(layout, list(institutions), inputs.cubes([*each, *same], template)), contributor_of)
        for each in (before, after)
    ]
    shown = _published(former, peers, cell_keys(layout), layout.shape)
    return isolated_cells(panels[0], panels[1], peers, shown, template.disclosure.min_contributors)


def _published(former: Release, peers: Peers, keys: list[str], shape: tuple[int, ...]) -> dict[str, Mask]:
    """For each peer group the cells of which the former release published any indicator."""
    place = {key: position for position, key in enumerate(keys)}
    found = {group: np.zeros(len(keys), dtype=np.bool_) for group in peers.codes}
    rows = ReleaseCell.objects.filter(release=former, withheld=False, peer_group__in=peers.codes)
    for group, key in rows.values_list("peer_group", "key").distinct():
        found[group][place[key]] = True
    return {group: mask.reshape(shape) for group, mask in found.items()}
