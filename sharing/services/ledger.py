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
from sharing.benchmarks.crossing import Former, crossed, either
from sharing.benchmarks.peer_groups import Peers, peers_of
from sharing.benchmarks.pool import Layout, Mask, Panel, cell_keys, gather, layout_of, panel_of
from sharing.benchmarks.remedy import masks
from sharing.benchmarks.revisions import corrected_cells, isolated_cells
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
    before: Mapping[str, Mask] = field(default_factory=dict)  # withheld in the release of the period before
    pattern_of: str = ""  # that release's public id
    releases: tuple[str, ...] = ()  # the public ids of the releases that were reckoned with
    formers: tuple[Former, ...] = ()  # these releases, for the audit


def constraints_of(
    release: Release,
    submissions: Sequence[Submission],
    template: Template,
    panel: Panel,
    peers: Peers,
    *,
    max_cut: int = 2,
) -> Constraints:
    """What all releases of the round that were ever published forbid this one, and what its reviewers do.

    `panel` and `peers` are those of the release that is computed from these submissions.
    """
    policy = template.disclosure
    earlier = release.round.releases.filter(revision__lt=release.revision)
    published = list(earlier.exclude(published_at=None).order_by("revision"))
    formers = [_former(each, release, submissions, template) for each in published]
    isolated = _by_reviewers(release, panel.layout)
    corrected: dict[str, Mask] = {}
    for former in formers:
        isolated = either(isolated, isolated_cells(former, panel, peers, policy.min_contributors))
        corrected = either(corrected, corrected_cells(former, panel, peers, policy.min_contributors))
    if formers:
        isolated = either(isolated, crossed(panel, peers, policy, max_cut, formers))
    last = _release_before(release)
    return Constraints(
        isolated,
        corrected,
        before=_withheld(last, panel.layout) if last else {},
        pattern_of=last.public_id if last else "",
        releases=tuple(each.public_id for each in published),
        formers=tuple(formers),
    )


def _release_before(release: Release) -> Release | None:
    """The published release of the period before; of a release that is computed again, the one it had then."""
    recorded = release.audit.get("pattern_of")
    if recorded is not None:
        return Release.objects.filter(public_id=recorded).first()
    earlier = Release.objects.published().filter(
        round__collection__code=release.round.collection.code, round__due_at__lt=release.round.due_at
    )
    return earlier.order_by("-round__due_at").first()


def _withheld(release: Release, layout: Layout) -> dict[str, Mask]:
    """What a release withheld of any indicator."""
    cells = ReleaseCell.objects.filter(release=release, withheld=True).values_list("peer_group", "key").distinct()
    return masks(cells, layout)


def groups_record(peers: Peers) -> dict[str, list[str]]:
    """The contributors of every peer group, as `audit["groups"]` keeps them."""
    return {code: [peers.contributors[row] for row in peers.rows(code)] for code in peers.codes}


def _by_reviewers(release: Release, layout: Layout) -> dict[str, Mask]:
    """The cells that reviewers want withheld besides."""
    return masks(((group, key) for group, key, *_indicators in release.also_withhold), layout)


def _former(former: Release, release: Release, submissions: Sequence[Submission], template: Template) -> Former:
    """What a published release had, with the figures of everybody who came, went or sent anew since."""
    then = set(former.audit["inputs"])
    counted = {str(each.pk) for each in submissions}
    was = list(
        Submission.objects.filter(pk__in=then)
        .select_related("round__collection", "institution")
        .order_by("institution__code")
    )
    inputs.group(release.round, was)
    gone = [each for each in was if str(each.pk) not in counted]
    new = [each for each in submissions if str(each.pk) not in then]
    # Affiliates of whoever changed did not change, but are part of the same contributor.
    touched = {each.institution.contributor_id for each in (*gone, *new)}
    changed = [each for each in was if each.institution.contributor_id in touched]
    layout = layout_of(template)
    by_indicator = _published(former, cell_keys(layout), layout.shape)
    shown: dict[str, Mask] = {}
    for (_indicator, group), mask in by_indicator.items():
        shown = either(shown, {group: mask})
    return Former(
        groups=_members(former, release, was),
        shown=shown,
        by_indicator=by_indicator,
        changed=panel_of(
            gather(layout, [each.institution.code for each in changed], inputs.cubes(changed, template)),
            {each.institution.code: each.institution.contributor_id for each in changed},
        ),
    )


def _members(former: Release, release: Release, was: Sequence[Submission]) -> dict[str, frozenset[str]]:
    """Who sat in which group of a release; of one from before this was recorded, as its contributors would sit today."""
    recorded = former.audit.get("groups")
    if recorded is None:
        recorded = groups_record(peers_of([each.institution for each in was], inputs.peer_groups(release.round)))
    return {group: frozenset(members) for group, members in recorded.items()}


def _published(former: Release, keys: list[str], shape: tuple[int, ...]) -> dict[tuple[str, str], Mask]:
    """For each indicator and peer group the cells that a release published."""
    place = {key: position for position, key in enumerate(keys)}
    found: dict[tuple[str, str], Mask] = {}
    rows = ReleaseCell.objects.filter(release=former, withheld=False)
    for indicator, group, key in rows.values_list("indicator", "peer_group", "key"):
        mask = found.setdefault((indicator, group), np.zeros(len(keys), dtype=np.bool_))
        mask[place[key]] = True
    return {name: mask.reshape(shape) for name, mask in found.items()}
