"""Computing a release: what a vault worker does between a closed round and a draft in review.

A worker claims the row for a while, opens every accepted package in memory, pools, protects and audits, and writes
cells, statements and audit in one transaction. Killed anywhere before, it leaves a row that is still computing; the
sweeper queues it again when the claim is over. Two workers at once do the same work, and the first to finish counts.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from threading import Event, Thread
from time import perf_counter
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from anonymize.errors import ConcordError, PackageError
from anonymize.template import Template
from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions.models import Institution
from sharing import vault
from sharing.benchmarks.comparison import comparisons
from sharing.benchmarks.crossing import either
from sharing.benchmarks.disclosure import RULE_SET, Protection, protect
from sharing.benchmarks.peer_groups import Peers, peers_of
from sharing.benchmarks.pool import (
    Mask,
    Panel,
    Returns,
    cell_keys,
    gather,
    layout_of,
    panel_of,
    pooled_before_disclosure,
)
from sharing.benchmarks.published import Figures, Pools, publish
from sharing.benchmarks.release_audit import ReleaseAudit, audit_release
from sharing.benchmarks.remedy import Failing, Remedy, masks, smallest_change
from sharing.benchmarks.totals import totals as totals_of
from sharing.models import Release, Submission
from sharing.services import announcing, inputs, ledger, release_audits, release_cells, statement_keys, statements
from sharing.services.coverage import share_of_volume
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
    totals: dict[str, float]
    protection: Protection
    record: dict[str, Any]
    inputs_digest: str
    audit: ReleaseAudit
    ledger: tuple[str, ...]  # the former releases that were reckoned with

    @property
    def ok(self) -> bool:
        """Whether the pattern's own proofs and the audit of the whole release hold."""
        return self.protection.ok and self.audit.ok


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
        _save_or_fail(release, draft)


def _save_or_fail(release: Release, draft: Draft) -> None:
    """A key for statements that its institution did not sign stops the release: nothing is sealed to a stranger."""
    try:
        _save(release, draft)
    except PackageError as forged:
        _fail(release, f"A key for statements is not its institution's. {forged}")


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


def again(release: Release) -> Draft:
    """What the packages that a computed release was made from give now; nothing is written. For the vault alone."""
    vault.require_kek()
    return _draft(release, Submission.objects.filter(pk__in=release.audit["inputs"]))


def _draft(release: Release, of: QuerySet[Submission] | None = None) -> Draft:
    """The draft from the round's accepted submissions, or from these."""
    collection = release.round.collection
    template = collection.template
    chosen = release.round.submissions.accepted() if of is None else of
    submissions = list(chosen.select_related("round__collection", "institution").order_by("institution__code"))
    inputs.group(release.round, submissions)
    institutions = {each.institution.code: each.institution for each in submissions}
    contributor_of = {code: each.contributor_id for code, each in institutions.items()}
    peers = peers_of(institutions.values(), inputs.peer_groups(release.round))
    clock = _Clock()
    returns = gather(layout_of(template), list(institutions), inputs.cubes(submissions, template))
    clock.done("open")
    panel = panel_of(returns, contributor_of)
    pools = pooled_before_disclosure(panel, peers)
    clock.done("pool")
    constraints = ledger.constraints_of(release, submissions, template, panel, peers)
    protection = protect(panel, peers, template.disclosure, MAX_CUT, constraints.isolated, constraints.before)
    clock.done("protect")
    figures = publish(panel, peers, pools, protection, template.disclosure, constraints.corrected)
    audit = audit_release(panel, peers, template.disclosure, figures, constraints.formers)
    clock.done("audit")
    remedy: Remedy | None = None
    if not audit.ok:
        # What the engine's tables could not see is withheld besides, as little of it as the audit asks for.
        remedy = _remedy(audit, panel, peers, pools, constraints)
        if remedy.cells:
            isolated = either(constraints.isolated, masks(remedy.cells, panel.layout))
            protection = protect(panel, peers, template.disclosure, MAX_CUT, isolated, constraints.before)
            figures = publish(panel, peers, pools, protection, template.disclosure, constraints.corrected)
            audit = audit_release(panel, peers, template.disclosure, figures, constraints.formers)
        clock.done("remedy")
    record = _record(template, protection, submissions, peers, clock)
    record["pattern_of"] = constraints.pattern_of
    if of is None:  # of no use to whoever only compares digests
        record["share_of_volume"] = share_of_volume(release, submissions)
        clock.done("coverage")
    if remedy is not None:
        record["remedy" if not audit.ok else "withheld_for_audit"] = remedy.record()
    digest = inputs_digest(submissions, template)
    totals = totals_of(panel, figures)
    return Draft(
        returns,
        contributor_of,
        institutions,
        peers,
        figures,
        totals,
        protection,
        record,
        digest,
        audit,
        constraints.releases,
    )


def _remedy(audit: ReleaseAudit, panel: Panel, peers: Peers, pools: Pools, constraints: ledger.Constraints) -> Remedy:
    """The smallest change that would make the release pass, each trial protected and audited as the release was."""
    policy = audit.policy

    def attempt(besides: Mapping[str, Mask]) -> Failing:
        isolated = either(constraints.isolated, besides)
        protection = protect(panel, peers, policy, MAX_CUT, isolated, constraints.before)
        figures = publish(panel, peers, pools, protection, policy, constraints.corrected)
        return audit_release(panel, peers, policy, figures, constraints.formers).failed_cells()

    return smallest_change(audit.failed_cells(), attempt, panel, peers, policy)


class _Clock:
    """How long each phase took, in seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = perf_counter()

    def done(self, phase: str) -> None:
        now = perf_counter()
        self.seconds[phase] = round(now - self._since, 3)
        self._since = now


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
    template: Template, protection: Protection, submissions: Sequence[Submission], peers: Peers, clock: _Clock
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
        "groups": ledger.groups_record(peers),
        "seconds": clock.seconds,
    }


@transaction.atomic
def _save(release: Release, draft: Draft) -> None:
    """Cells, statements, audit and the new states together; nothing when another worker was first."""
    release = locked(release)
    if release.state != ReleaseState.COMPUTING:
        return
    rows, withheld = release_cells.write(release, draft.figures, cell_keys(draft.returns.layout))
    release_cells.write_totals(release, draft.totals)
    release_audits.keep(release, draft.audit, release_audits.digest_of_cells(release), draft.ledger)
    statements.seal_all(
        release,
        draft.institutions,
        comparisons(draft.returns, draft.contributor_of, draft.peers, draft.figures),
        statement_keys.recipients(draft.institutions.values()),
    )
    release.move_to(ReleaseState.IN_REVIEW)
    release.computed_at = timezone.now()
    release.contributors = len(draft.institutions)
    release.cells, release.withheld = rows, withheld
    release.audit_passed = draft.ok
    release.audit = draft.record
    release.inputs_digest = draft.inputs_digest
    release.lease_until = None
    release.save()
    _move_round(release, RoundState.IN_REVIEW)
    record("release.computed", by="vault", about=release, cells=rows, withheld=withheld, audit=draft.ok)
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
