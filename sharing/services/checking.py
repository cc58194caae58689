"""Opening and checking a received package: what a vault worker does with one, and how it ends.

A worker claims the row for a while, opens in memory, and decides in one transaction. Killed anywhere, it leaves a row
that is still received; the sweeper queues it again when the claim is over.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from anonymize.checks import Finding as CheckFinding, check_cube, has_errors, needs_previous
from anonymize.cube import Cube, CubeError, read_cube
from anonymize.errors import KeyStoreError, PackageError
from consortium.audit.services import record
from sharing import blobs, vault
from sharing.models import Finding, Opening, Submission
from sharing.services import submissions, telling
from sharing.services.comparing import cells_changed, completeness
from sharing.states import SubmissionState

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

    from anonymize.package import SealingKeyPair
    from anonymize.template import Template

    Keys = Mapping[str, SealingKeyPair]

log = logging.getLogger(__name__)

# A package at which workers die is not tried for ever.
MOST_ATTEMPTS: Final = 5


class CheckingFailed(Exception):
    """Checking stopped unexpectedly; the cause is left out, because its text could hold a figure."""


@dataclass(frozen=True)
class _Claim:
    submission: Submission
    package: bytes = field(repr=False)
    previous: Submission | None  # what counts for the period before
    replaced: Submission | None  # the version that counts until this one does
    attempts: int  # before this one


@dataclass(frozen=True)
class _Checked:
    """What was found, and what was measured beside it; None where there was nothing to compare with."""

    findings: Sequence[CheckFinding]
    completeness: float | None = None
    cells_changed: int | None = None


def open_sealed(submission_id: str | uuid.UUID) -> None:
    """Does nothing unless the submission is received and no other worker has it."""
    keys = vault.unwrap_for(submission_id)
    claim = _claim(submission_id)
    if claim is not None:
        _decide(claim.submission, _checked(claim, keys))


@transaction.atomic
def _claim(submission_id: str | uuid.UUID) -> _Claim | None:
    """The row for this worker alone for a while, with what will be opened on record."""
    now = timezone.now()
    submission = (
        Submission.objects.undecided()
        .select_for_update(of=("self",), no_key=True)  # whoever waits here finds the claim, or the row free
        .select_related("round__collection", "institution")
        .filter(Q(lease_until=None) | Q(lease_until__lt=now), pk=submission_id)
        .first()
    )
    if submission is None:
        return None
    was_tried = submission.lease_until is not None
    attempts = submission.openings.filter(purpose=Opening.Purpose.CHECK).count() if was_tried else 0
    submission.lease_until = now + timedelta(seconds=settings.CONCORD_PATIENCE)
    submission.save(update_fields=["lease_until"])
    is_tried = attempts < MOST_ATTEMPTS
    previous = _previous(submission) if is_tried else None
    replaced = _replaced(submission) if is_tried else None
    if is_tried:
        vault.record_openings([submission], Opening.Purpose.CHECK)
        vault.record_openings([previous] if previous else [], Opening.Purpose.COMPARE)
        vault.record_openings([replaced] if replaced else [], Opening.Purpose.REVISE)
    telling.received(submission)
    return _Claim(submission, blobs.get(submission.blob), previous, replaced, attempts)


def _replaced(submission: Submission) -> Submission | None:
    """The version that a correction is compared with; a trial changes none."""
    if submission.is_trial:
        return None
    counted = Submission.objects.accepted().filter(
        round=submission.round, institution=submission.institution, version__lt=submission.version
    )
    return counted.select_related("round__collection", "institution").first()


def _previous(submission: Submission) -> Submission | None:
    """What the institution had accepted for the period before, where a check compares with it."""
    collection = submission.round.collection
    if not needs_previous(collection.template):
        return None
    earlier = Submission.objects.accepted().filter(
        institution=submission.institution, round__collection=collection, round__period__lt=submission.round.period
    )
    latest = earlier.order_by("-round__period").values_list("pk", "blob").first()
    if latest is None or not latest[1]:
        return None  # there is none, or its time is over and its package gone
    return Submission.objects.select_related("round__collection", "institution").get(pk=latest[0])


def _checked(claim: _Claim, keys: Keys) -> _Checked:
    if claim.attempts >= MOST_ATTEMPTS:
        sentence = "The package could not be checked in several attempts. Seal the cube again and send it."
        return _Checked([CheckFinding("cannot-be-checked", "error", sentence)])
    template = claim.submission.round.collection.template
    try:
        cube = _cube(claim.submission, claim.package, template, keys)
    except PackageError as wrong:
        return _Checked([CheckFinding(wrong.rule, "error", wrong.sentence)])
    except CubeError as wrong:
        return _Checked([CheckFinding(wrong.rule, "error", wrong.sentence, wrong.cell or {})])
    previous, replaced = _cube_before(claim.previous, template, keys), _cube_before(claim.replaced, template, keys)
    try:
        return _Checked(
            check_cube(cube, template, previous),
            completeness(cube, previous) if previous else None,
            cells_changed(cube, replaced, template) if replaced else None,
        )
    except Exception as unexpected:  # noqa: BLE001  whatever it is, its text must not be kept
        raise _scrubbed(claim.submission, unexpected) from None


def _cube(submission: Submission, package: bytes, template: Template, keys: Keys) -> Cube:
    """The cube in memory; PackageError or CubeError when the member has to act."""
    opened = vault.open_one(submission, package, keys)
    try:
        return read_cube(
            opened.plaintext,
            template,
            opened.media_type,
            period=submission.round.period,
            institution=submission.institution.code,
        )
    except CubeError:
        raise
    except Exception as unexpected:  # noqa: BLE001  whatever it is, its text must not be kept
        raise _scrubbed(submission, unexpected) from None


def _cube_before(previous: Submission | None, template: Template, keys: Keys) -> Cube | None:
    if previous is None:
        return None
    try:
        return _cube(previous, blobs.get(previous.blob), template, keys)
    except (FileNotFoundError, KeyStoreError, PackageError, CubeError):
        return None  # it was destroyed when its time was over, perhaps just now; then there is nothing to compare with


def _scrubbed(submission: Submission, unexpected: Exception) -> CheckingFailed:
    return CheckingFailed(f"{type(unexpected).__name__} while checking submission {submission.pk}")


@transaction.atomic
def _decide(submission: Submission, checked: _Checked) -> None:
    """Findings and the new state together; nothing when somebody decided or withdrew meanwhile."""
    line = submissions.lock_line(submission)
    submission, findings = line.submission, checked.findings
    if submission.state != SubmissionState.RECEIVED:
        return
    submission.completeness, submission.cells_changed = checked.completeness, checked.cells_changed
    if submission.is_trial:
        _forget_package(submission)
    Finding.objects.bulk_create(
        Finding(
            submission=submission, rule=each.rule, severity=each.severity, cell=dict(each.cell), sentence=each.sentence
        )
        for each in findings
    )
    if has_errors(list(findings)):
        line.reject()
    elif submission.is_trial:
        line.end_trial()
    elif submission.institution.approves_submissions:
        line.await_approval()
    else:
        line.count()
    record(
        f"{'trial' if submission.is_trial else 'submission'}.{submission.state}",
        by="vault",
        about=submission,
        round=submission.round.public_id,
        findings=len(findings),
    )
    telling.decided(submission, findings=len(findings))
    log.info("submission %s %s", submission.pk, submission.state)


def _forget_package(submission: Submission) -> None:
    """A trial's package has done its work. What a crash leaves is nobody's, and removed as such."""
    name, submission.blob = submission.blob, ""
    transaction.on_commit(partial(blobs.remove, name))
