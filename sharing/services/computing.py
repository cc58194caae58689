"""Computing a release: what a vault worker does between a closed round and a draft in review.

A worker claims the row for a while, opens every accepted package in memory, pools, protects and audits, and writes
cells, statements and audit in one transaction. Killed anywhere before, it leaves a row that is still computing; the
sweeper queues it again when the claim is over. Two workers at once do the same work, and the first to finish counts.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from threading import Event, Thread
from time import perf_counter
from typing import Any, Final

import numpy as np
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Min, Q
from django.utils import timezone

from anonymize.cube import Cube, read_cube
from anonymize.errors import ConcordError
from anonymize.template import Template
from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions.models import Institution
from consortium.institutions.services import affiliates
from sharing import vault
from sharing.benchmarks.comparison import comparisons
from sharing.benchmarks.disclosure import RULE_SET, Protection, protect
from sharing.benchmarks.peer_groups import Peers, peers_of
from sharing.benchmarks.pool import Mask, Returns, cell_keys, gather, layout_of, panel_of, pooled_before_disclosure
from sharing.benchmarks.published import Figures, publish
from sharing.benchmarks.revisions import isolated_cells
from sharing.models import Release, ReleaseCell, Submission
from sharing.services import announcing, release_cells, statements
from sharing.services.releases import locked
from sharing.states import ReleaseState, RoundState

log = logging.getLogger(__name__)

# A release at which workers die is not tried for ever.
MOST_ATTEMPTS: Final = 5
# Two breakdowns at once: product by region, or product in a peer group.
MAX_CUT: Final = 2


class ComputingFailed(Exception):
    """Computing stopped unexpectedly; the cause is left out, because its text could hold a figure."""


@dataclass(frozen=True)
class Draft:
    """All that is written of a computed release."""

    returns: Returns
    contributor_of: dict[str, str]
    institutions: dict[str, Institution]
    peers: Peers
    figures: list[Figures]
    protection: Protection
    record: dict[str, Any]
    inputs_digest: str


def compute(release_id: int) -> None:
    """Does nothing unless the release is computing and no other worker has it."""
    vault.require_kek()
    release = _claim(release_id)
    if release is None:
        return
    if release.audit.get("attempts", 0) > MOST_ATTEMPTS:
        _fail(release, "The release could not be computed in several attempts.")
        return
    try:
        with _keeping_the_claim(release.pk):
            draft = _draft(release)
    except (ConcordError, Refused) as known:
        _fail(release, str(known))
    except (DatabaseError, InterfaceError):
        raise  # the database was away: the sweeper tries again
    except Exception as unexpected:  # noqa: BLE001  whatever it is, its text must not be kept
        _fail(release, f"Computing stopped unexpectedly ({type(unexpected).__name__}).")
        raise ComputingFailed(f"{type(unexpected).__name__} while computing {release.public_id}") from None
    else:
        _save(release, draft)


@transaction.atomic
def _claim(release_id: int) -> Release | None:
    now = timezone.now()
    release = (
        Release.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        .select_related("round__collection")
        .filter(Q(lease_until=None) | Q(lease_until__lt=now), pk=release_id, state=ReleaseState.COMPUTING)
        .first()
    )
    if release is not None:
        release.audit = {"attempts": release.audit.get("attempts", 0) + 1}
        release.lease_until = _lease()
        release.save(update_fields=["audit", "lease_until"])
    return release


def _lease() -> Any:
    return timezone.now() + timedelta(seconds=settings.CONCORD_PATIENCE)


@contextmanager
def _keeping_the_claim(release_id: int) -> Iterator[None]:
    """Renew the worker's claim from a thread of its own: one phase may take longer than a claim lasts."""
    done = Event()
    keeper = Thread(target=_renew, args=(release_id, done), name="claim", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _renew(release_id: int, done: Event) -> None:
    while not done.wait(settings.CONCORD_PATIENCE / 3):
        try:
            Release.objects.filter(pk=release_id).update(lease_until=_lease())
        except (DatabaseError, InterfaceError):
            log.warning("the claim on release %s could not be renewed", release_id)
        finally:
            connection.close()


def _draft(release: Release) -> Draft:
    collection = release.round.collection
    template = collection.template
    submissions = list(
        release.round.submissions.accepted()
        .select_related("round__collection", "institution")
        .order_by("institution__code")
    )
    _group(release, submissions)
    institutions = {each.institution.code: each.institution for each in submissions}
    contributor_of = {code: each.contributor_id for code, each in institutions.items()}
    peers = peers_of(institutions.values(), list(collection.peer_groups.all()))
    clock = _Clock()
    returns = gather(layout_of(template), list(institutions), _cubes(submissions, template))
    clock.done("open")
    panel = panel_of(returns, contributor_of)
    pools = pooled_before_disclosure(panel, peers)
    clock.done("pool")
    isolated = _isolated(release, submissions, template)
    protection = protect(panel, peers, template.disclosure, MAX_CUT, isolated)
    clock.done("protect")
    figures = publish(panel, peers, pools, protection, template.disclosure)
    record = _record(template, protection, submissions, clock)
    digest = inputs_digest(submissions, template)
    return Draft(returns, contributor_of, institutions, peers, figures, protection, record, digest)


def _group(release: Release, submissions: Sequence[Submission]) -> None:
    """Who counts as one is what it was when the round's first release was begun: a revision and a recomputation group
    alike, whatever became of the groups meanwhile.
    """
    begun = release.round.releases.aggregate(first=Min("started_at"))["first"]
    affiliates.as_grouped([each.institution for each in submissions], begun)


class _Clock:
    """How long each phase took, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = perf_counter()

    def done(self, phase: str) -> None:
        now = perf_counter()
        self.seconds[phase] = round(now - self._since, 3)
        self._since = now


def _cubes(submissions: list[Submission], template: Template) -> Iterator[Cube]:
    """One cube after another, in memory only."""
    for opened in vault.open_all(submissions):
        yield read_cube(
            opened.plaintext,
            template,
            opened.media_type,
            period=opened.submission.round.period,
            institution=opened.submission.institution.code,
        )


def _isolated(release: Release, submissions: Sequence[Submission], template: Template) -> dict[str, Mask]:
    """What the difference to any release of the round that was ever published would give away.

    A release that was replaced or withdrawn stays visible, and whoever read it keeps what it showed.
    """
    found: dict[str, Mask] = {}
    for former in release.round.releases.exclude(published_at=None).order_by("revision"):
        for group, mask in _isolated_beside(former, release, submissions, template).items():
            found[group] = found[group] | mask if group in found else mask
    return found


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
    _group(release, before)
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
        panel_of(gather(layout, list(institutions), _cubes([*each, *same], template)), contributor_of)
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


def inputs_digest(submissions: Iterable[Submission], template: Template) -> str:
    """SHA-256 over the packages in order, the template and the code's version: what the release follows from."""
    digest = hashlib.sha256()
    for package in sorted(each.package_sha256 for each in submissions):
        digest.update(package.encode())
    digest.update(_template_digest(template).encode())
    digest.update(version("concord").encode())
    return digest.hexdigest()


def _template_digest(template: Template) -> str:
    canonical = json.dumps(template.source, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _record(
    template: Template, protection: Protection, submissions: Sequence[Submission], clock: _Clock
) -> dict[str, Any]:
    """The audit record for staff: rules, versions, counts and statuses; no figure and no cell."""
    return {
        "rule_set": RULE_SET,
        "rules": template.disclosure.to_dict(),
        "max_cut": MAX_CUT,
        "template": {"id": template.id, "version": template.version, "sha256": _template_digest(template)},
        "code": version("concord"),
        **protection.record(template.disclosure),
        "inputs": sorted(str(each.pk) for each in submissions),
        "affiliates": {
            each.institution.code: each.institution.affiliate_group
            for each in submissions
            if each.institution.affiliate_group
        },
        "seconds": clock.seconds,
    }


@transaction.atomic
def _save(release: Release, draft: Draft) -> None:
    """Cells, statements, audit and the new states together; nothing when another worker was first."""
    release = locked(release)
    if release.state != ReleaseState.COMPUTING:
        return
    rows, withheld = release_cells.write(release, draft.figures, cell_keys(draft.returns.layout))
    statements.seal_all(
        release,
        draft.institutions,
        comparisons(draft.returns, draft.contributor_of, draft.peers, draft.figures),
    )
    release.move_to(ReleaseState.IN_REVIEW)
    release.computed_at = timezone.now()
    release.contributors = len(draft.institutions)
    release.cells, release.withheld = rows, withheld
    release.audit_passed = draft.protection.ok
    release.audit = draft.record
    release.inputs_digest = draft.inputs_digest
    release.lease_until = None
    release.save()
    _move_round(release, RoundState.IN_REVIEW)
    record("release.computed", by="vault", about=release, cells=rows, withheld=withheld, audit=draft.protection.ok)
    announcing.announce("release.in_review", release)
    log.info("release %s computed: %s cells", release.public_id, rows)


@transaction.atomic
def _fail(release: Release, sentence: str) -> None:
    """The draft is over, with the sentence for staff; its round is closed again."""
    release = locked(release)
    if release.state != ReleaseState.COMPUTING:
        return
    release.move_to(ReleaseState.FAILED)
    release.reason = sentence
    release.lease_until = None
    release.save(update_fields=["state", "reason", "lease_until"])
    _move_round(release, RoundState.CLOSED)
    record("release.failed", by="vault", about=release)
    log.warning("release %s failed", release.public_id)


def _move_round(release: Release, state: RoundState) -> None:
    release.round.move_to(state)
    release.round.save(update_fields=["state"])
