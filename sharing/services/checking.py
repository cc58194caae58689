"""Opening and checking a received package: what a vault worker does with one, and how it ends.

A worker claims the row for a while, opens in memory, and decides in one transaction. Killed anywhere, it leaves a row
that is still received; the sweeper queues it again when the claim is over.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
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
from sharing.services import submissions
from sharing.states import SubmissionState

if TYPE_CHECKING:
    import uuid

    from anonymize.template import Template

log = logging.getLogger(__name__)

# A package at which workers die is not tried for ever.
MOST_ATTEMPTS: Final = 5


class CheckingFailed(Exception):
    """Checking stopped unexpectedly; the cause is left out, because its text could hold a figure."""


@dataclass(frozen=True)
class _Claim:
    submission: Submission
    package: bytes = field(repr=False)
    previous: Submission | None
    attempts: int  # before this one


def open_sealed(submission_id: str | uuid.UUID) -> None:
    """Does nothing unless the submission is received and no other worker has it."""
    vault.require_kek()
    claim = _claim(submission_id)
    if claim is not None:
        _decide(claim.submission, _findings(claim))


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
    previous = _previous(submission) if attempts < MOST_ATTEMPTS else None
    if attempts < MOST_ATTEMPTS:
        vault.record_openings([submission], Opening.Purpose.CHECK)
        vault.record_openings([previous] if previous else [], Opening.Purpose.COMPARE)
    return _Claim(submission, blobs.get(submission.blob), previous, attempts)


def _previous(submission: Submission) -> Submission | None:
    """What the institution had accepted for the period before, where a check compares with it."""
    collection = submission.round.collection
    if not needs_previous(collection.template):
        return None
    earlier = Submission.objects.accepted().filter(
        institution=submission.institution, round__collection=collection, round__period__lt=submission.round.period
    )
    latest = earlier.order_by("-round__period").values_list("pk", flat=True).first()
    if latest is None:
        return None
    return Submission.objects.select_related("round__collection", "institution").get(pk=latest)


def _findings(claim: _Claim) -> list[CheckFinding]:
    if claim.attempts >= MOST_ATTEMPTS:
        sentence = "The package could not be checked in several attempts. Seal the cube again and send it."
        return [CheckFinding("cannot-be-checked", "error", sentence)]
    template = claim.submission.round.collection.template
    try:
        cube = _cube(claim.submission, claim.package, template)
    except PackageError as wrong:
        return [CheckFinding(wrong.rule, "error", wrong.sentence)]
    except CubeError as wrong:
        return [CheckFinding(wrong.rule, "error", wrong.sentence, wrong.cell or {})]
    previous = _cube_before(claim.previous, template)
    try:
        return check_cube(cube, template, previous)
    except Exception as unexpected:  # noqa: BLE001  whatever it is, its text must not be kept
        raise _scrubbed(claim.submission, unexpected) from None


def _cube(submission: Submission, package: bytes, template: Template) -> Cube:
    """The cube in memory; PackageError or CubeError when the member has to act."""
    opened = vault.open_one(submission, package)
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


def _cube_before(previous: Submission | None, template: Template) -> Cube | None:
    if previous is None:
        return None
    try:
        return _cube(previous, blobs.get(previous.blob), template)
    except (KeyStoreError, PackageError, CubeError):
        return None  # its key was destroyed when its time was over; then there is nothing to compare with


def _scrubbed(submission: Submission, unexpected: Exception) -> CheckingFailed:
    return CheckingFailed(f"{type(unexpected).__name__} while checking submission {submission.pk}")


@transaction.atomic
def _decide(submission: Submission, findings: Sequence[CheckFinding]) -> None:
    """Findings and the new state together; nothing when somebody decided or withdrew meanwhile."""
    line = submissions.lock_line(submission)
    submission = line.submission
    if submission.state != SubmissionState.RECEIVED:
        return
    Finding.objects.bulk_create(
        Finding(
            submission=submission, rule=each.rule, severity=each.severity, cell=dict(each.cell), sentence=each.sentence
        )
        for each in findings
    )
    if has_errors(list(findings)):
        line.reject()
    elif submission.institution.approves_submissions:
        line.await_approval()
    else:
        line.count()
    record(
        f"submission.{submission.state}",
        by="vault",
        about=submission,
        round=submission.round.public_id,
        findings=len(findings),
    )
    log.info("submission %s %s", submission.pk, submission.state)
