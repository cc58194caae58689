"""Receiving a sealed package; approving, sending back and withdrawing a submission. Opening it is in `checking`.

A package that was acknowledged is on disk and in the table; whatever is killed afterwards, the sweeper finds the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from anonymize.package import Envelope, Receipt, issue_receipt, max_package_bytes, package_digest, verify
from consortium.audit.services import record
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import ApiClient, Institution, SigningKey
from consortium.institutions.states import InstitutionState
from consortium.people.models import Person
from consortium.signing import receipt_key
from sharing import blobs, rules, tasks, texts
from sharing.models import NoData, Remark, Round, RoundKey, Submission
from sharing.services import log, quality, telling
from sharing.services.deadlines import timeliness
from sharing.states import NoDataState, RoundState, SubmissionState


@dataclass(frozen=True)
class Received:
    """`is_new` is false when the same bytes had been received before."""

    submission: Submission
    is_new: bool


@dataclass(frozen=True)
class Correction:
    """Why a version replaces one that counted; `reason` is a `CorrectionReason` or empty."""

    reason: str = ""
    note: str = ""


def receive(
    round: Round,
    package: bytes,
    *,
    by: Person | ApiClient,
    idempotency_key: str = "",
    is_trial: bool = False,
    correction: Correction = Correction(),
) -> Received:
    """The submission that the package is, with its signed receipt.

    Raises PackageError or Refused, and then nothing was stored. The same bytes are the same submission, also after
    the round has closed: whoever lost the answer may ask again. On trial and in earnest they are two.
    """
    institution = by.institution
    if institution is None:
        raise Forbidden(_("Only a member institution sends packages. Nothing was stored."), rule="not-a-contributor")
    digest = package_digest(package)
    if known := _known(round, institution, digest, idempotency_key, is_trial):
        return Received(known, is_new=False)
    rules.check_can_send(by, round)
    corrects = not is_trial and _counts_one(round, institution)
    if corrects:
        rules.check_correction(round, correction.reason, correction.note)
    envelope = _verified(round, institution, package)
    # A trial's package is removed once it is checked; the same bytes in earnest must not go with it.
    blob = blobs.put(f"{round.public_id}.trial" if is_trial else round.public_id, digest, package)
    now = timezone.now()
    submission = Submission(
        round=round,
        institution=institution,
        is_trial=is_trial,
        received_at=now,
        timeliness=timeliness(round, institution.pk, now),
        correction=correction.reason if corrects else "",
        correction_note=correction.note.strip() if corrects else "",
        sent_by=by if isinstance(by, Person) else None,
        sent_by_client=by if isinstance(by, ApiClient) else None,
        idempotency_key=idempotency_key,
        signing_kid=envelope.kid,
        rkid=envelope.rkid,
        package_sha256=digest,
        package_bytes=len(package),
        blob=blob,
    )
    try:
        _acknowledge(submission, by)
    except IntegrityError:
        # The same package, or another with the same key, came in beside this one.
        if known := _known(round, institution, digest, idempotency_key, is_trial):
            return Received(known, is_new=False)
        raise
    return Received(submission, is_new=True)


def _counts_one(round: Round, institution: Institution) -> bool:
    return Submission.objects.accepted().filter(round=round, institution=institution).exists()


def _known(
    round: Round, institution: Institution, digest: str, idempotency_key: str, is_trial: bool
) -> Submission | None:
    """What was received with these bytes; Refused when the key stands for other bytes."""
    same_bytes = Q(package_sha256=digest, round=round, is_trial=is_trial)
    same_key = Q(idempotency_key=idempotency_key) if idempotency_key else Q()
    known = list(Submission.objects.filter(same_bytes | same_key, institution=institution))
    for submission in known:
        if (submission.package_sha256, submission.round_id, submission.is_trial) == (digest, round.pk, is_trial):
            return submission
    if known:
        raise Refused(
            _("This Idempotency-Key was used for another package. Nothing was stored."), rule="idempotency-key-reused"
        )
    return None


def _verified(round: Round, institution: Institution, package: bytes) -> Envelope:
    keys = SigningKey.objects.filter(institution=institution)
    in_force = {key.kid: key.jwk for key in keys if key.is_in_force}
    return verify(
        package,
        keys=in_force,
        revoked={key.kid for key in keys} - in_force.keys(),
        audience=settings.CONCORD_AUDIENCE,
        round_id=round.public_id,
        institution=institution.code,
        rkids=set(RoundKey.objects.filter(round=round).values_list("rkid", flat=True)),
        max_bytes=max_package_bytes(round.collection.size_limit),
    )


@transaction.atomic
def _acknowledge(submission: Submission, by: Person | ApiClient) -> None:
    """Row, receipt and audit entry together; then a worker is told."""
    _hold_institution(submission)
    _hold_round(submission)
    line = Submission.objects.filter(
        round=submission.round, institution=submission.institution, is_trial=submission.is_trial
    )
    submission.version = (line.aggregate(last=Max("version"))["last"] or 0) + 1
    submission.receipt = issue_receipt(_receipt(submission), receipt_key(), is_trial=submission.is_trial)
    submission.save(force_insert=True)
    event = "trial.received" if submission.is_trial else "submission.received"
    record(event, by=by, about=submission, round=submission.round.public_id)
    transaction.on_commit(partial(tasks.send, tasks.open_submission, str(submission.pk)))


def _hold_institution(submission: Submission) -> None:
    """Its packages are acknowledged one after another, and it is not suspended meanwhile."""
    senders = Institution.objects.select_for_update(no_key=True).filter(pk=submission.institution_id)
    if senders.values_list("state", flat=True).get() != InstitutionState.ACTIVE:
        raise Forbidden(_("Your institution is suspended. Nothing was stored."), rule="not-entitled")


def _hold_round(submission: Submission) -> None:
    """It is not closed meanwhile; many packages may hold it at once.

    The insert would take the same lock only at commit, when the audit chain is held already: too late, and a deadlock.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM sharing_round WHERE id = %s FOR KEY SHARE", [submission.round_id])
        (state,) = cursor.fetchone()
    if state != RoundState.OPEN:
        rules.check_is_open(state, rules.has_extension(submission.round, submission.institution_id))


def _receipt(submission: Submission) -> Receipt:
    return Receipt(
        consortium=settings.CONCORD_AUDIENCE,
        submission=str(submission.pk),
        institution=submission.institution.code,
        round_id=submission.round.public_id,
        version=submission.version,
        sha256=submission.package_sha256,
        bytes=submission.package_bytes,
        received_at=submission.received_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


@transaction.atomic
def approve(submission: Submission, *, by: Person) -> Submission:
    """The submission counts, and takes the place of the one that counted before."""
    line = lock_line(submission)
    submission = line.submission
    rules.check_can_approve(by, submission)
    submission.approved_by = by
    line.count()
    record("submission.approved", by=by, about=submission, round=submission.round.public_id)
    telling.decided(submission, but=by)
    return submission


@transaction.atomic
def send_back(submission: Submission, reason: str, *, by: Person) -> Submission:
    """The approver's no: the submission will not count, and its sender reads why."""
    submission = lock_line(submission).submission
    rules.check_can_send_back(by, submission, reason)
    submission.move_to(SubmissionState.SENT_BACK)
    submission.decided_at = timezone.now()
    submission.save(update_fields=["state", "decided_at"])
    _remark(submission, Remark.Kind.SENT_BACK, reason, by)
    record("submission.sent_back", by=by, about=submission, round=submission.round.public_id)
    telling.decided(submission, but=by)
    return submission


@transaction.atomic
def withdraw(submission: Submission, reason: str = "", *, by: Person | ApiClient) -> Submission:
    """The submission no longer counts; none that it replaced comes back."""
    submission = lock_line(submission).submission
    rules.check_can_withdraw(by, submission)
    submission.move_to(SubmissionState.WITHDRAWN)
    submission.save(update_fields=["state"])
    _remark(submission, Remark.Kind.WITHDRAWN, reason, by)
    record("submission.withdrawn", by=by, about=submission, round=submission.round.public_id)
    telling.decided(submission, but=by)
    return submission


def _remark(submission: Submission, kind: Remark.Kind, text: str, by: Person | ApiClient) -> None:
    Remark.objects.create(
        submission=submission,
        kind=kind,
        text=text.strip()[: texts.LONGEST_REASON],
        by=by if isinstance(by, Person) else None,
        by_client=by if isinstance(by, ApiClient) else None,
    )


@dataclass(frozen=True)
class Line:
    """A submission, with all other firm ones that its institution sent for the round; every row is locked."""

    submission: Submission
    others: list[Submission]

    def count(self) -> None:
        """Accept the submission in place of the former, and log it; one that a later one overtook is superseded at once.

        The log's lock comes after all rows' and before the audit chain's.
        """
        if any(
            each.version > self.submission.version and each.state == SubmissionState.ACCEPTED for each in self.others
        ):
            _move(self.submission, SubmissionState.SUPERSEDED)
        else:
            self._supersede_earlier(SubmissionState.ACCEPTED, SubmissionState.AWAITING_APPROVAL)
            self.submission.score = quality.score_of(self.submission)
            _move(self.submission, SubmissionState.ACCEPTED)
            self._replace_declaration()
            log.append(self.submission)

    def await_approval(self) -> None:
        """What was accepted before counts until somebody approves this one."""
        self._supersede_earlier(SubmissionState.AWAITING_APPROVAL)
        _move(self.submission, SubmissionState.AWAITING_APPROVAL)

    def reject(self) -> None:
        _move(self.submission, SubmissionState.REJECTED)

    def end_trial(self) -> None:
        """A trial that passed the checks: it changes nothing else."""
        _move(self.submission, SubmissionState.CHECKED)

    def _supersede_earlier(self, *states: SubmissionState) -> None:
        for each in self.others:
            if each.version < self.submission.version and each.state in states:
                each.move_to(SubmissionState.SUPERSEDED)
                each.save(update_fields=["state"])

    def _replace_declaration(self) -> None:
        own = NoData.objects.standing().filter(
            round=self.submission.round_id, institution=self.submission.institution_id
        )
        for declaration in own.select_for_update():
            declaration.move_to(NoDataState.REPLACED)
            declaration.decided_at = timezone.now()
            declaration.save(update_fields=["state", "decided_at"])


def lock_line(submission: Submission) -> Line:
    """The line of a submission, locked in the order of versions. A trial stands alone.

    The round is locked against closing too, so that nothing is approved or withdrawn behind a computation's back.
    """
    round = Round.objects.select_for_update(no_key=True).get(pk=submission.round_id)
    firm = Q(is_trial=False, round=round, institution=submission.institution_id)
    of_line = Q(pk=submission.pk) if submission.is_trial else firm
    rows = Submission.objects.select_for_update(no_key=True).filter(of_line)
    line = list(rows.order_by("version"))
    (own,) = (each for each in line if each.pk == submission.pk)
    own.round, own.institution = round, submission.institution
    return Line(own, [each for each in line if each is not own])


def _move(submission: Submission, state: SubmissionState) -> None:
    now = timezone.now()
    submission.move_to(state)
    submission.checked_at = submission.checked_at or now
    submission.decided_at = now
    submission.lease_until = None
    submission.save(
        update_fields=[
            "state",
            "checked_at",
            "decided_at",
            "lease_until",
            "approved_by",
            "blob",
            "completeness",
            "cells_changed",
            "score",
        ]
    )
