"""Who may do what to what in the cycle, and why not. A rule raises; it never answers yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden, Refused
from consortium.people.roles import Actor, Permission, require
from sharing.benchmarks.periods import first_day_after
from sharing.states import ReleaseState, RoundState, SubmissionState

if TYPE_CHECKING:
    from datetime import datetime

    from anonymize.template import Template
    from consortium.people.models import Person
    from sharing.models import Collection, Release, Round, Statement, Submission

APPROVALS_NEEDED = 2


# Collections


def check_can_define(person: Person, template: Template, latest: Collection | None) -> None:
    """A collection starts anywhere; after that its versions only rise."""
    require(person, Permission.COLLECTION_MANAGE)
    if latest is not None and _version(template.version) <= _version(latest.version):
        raise Refused(
            _("A new version of a collection must be higher than the one in force."), rule="version-not-higher"
        )


def check_can_invite_contributors(person: Person) -> None:
    require(person, Permission.COLLECTION_MANAGE)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


# Rounds


def check_can_plan(person: Person, opens_at: datetime, due_at: datetime) -> None:
    require(person, Permission.ROUND_MANAGE)
    if due_at <= opens_at:
        raise Refused(_("A round is due after it opens."), rule="due-before-opening")


def check_can_open(person: Person, round: Round) -> None:
    require(person, Permission.ROUND_MANAGE)
    if round.state != RoundState.PLANNED:
        raise Refused(_("Only a planned round can be opened."), rule="round-not-planned")


def check_can_close(person: Person, round: Round) -> None:
    require(person, Permission.ROUND_MANAGE)
    if round.state != RoundState.OPEN:
        raise Refused(_("Only an open round can be closed."), rule="round-not-open")


def check_can_reopen(person: Person, round: Round) -> None:
    require(person, Permission.ROUND_MANAGE)
    if round.state not in (RoundState.CLOSED, RoundState.PUBLISHED):
        raise Refused(_("Only a closed or published round can be reopened."), rule="round-not-closed")


# Submissions


def check_can_send(actor: Actor, round: Round) -> None:
    """Whether the actor's institution may send a package for the round now."""
    require(actor, Permission.SUBMISSION_SEND)
    institution_id = actor.institution_id
    if institution_id is None or not round.collection.contributors.filter(pk=institution_id).exists():
        raise Forbidden(
            _("Your institution does not contribute to this collection. Nothing was stored."), rule="not-a-contributor"
        )
    check_is_open(round.state)


def check_is_open(state: str) -> None:
    """Being late is no obstacle: an open round takes packages until somebody closes it."""
    if state == RoundState.PLANNED:
        raise Refused(_("This round is not open yet. Nothing was stored."), rule="round-not-open")
    if state != RoundState.OPEN:
        raise Refused(
            _("This round is closed. Ask the association to reopen it. Nothing was stored."), rule="round-closed"
        )


def check_can_approve(person: Person, submission: Submission) -> None:
    """The second pair of eyes: another person of the same institution, while the round is open."""
    require(person, Permission.SUBMISSION_APPROVE)
    check_is_own(person, submission)
    if submission.state != SubmissionState.AWAITING_APPROVAL:
        raise Refused(_("This submission is not waiting for approval."), rule="not-awaiting-approval")
    if submission.sent_by_id == person.pk:
        raise Refused(_("A submission is approved by someone other than its sender."), rule="own-submission")
    if submission.round.state != RoundState.OPEN:
        raise Refused(_("Its round is closed, so it can no longer be approved."), rule="round-closed")


def check_can_withdraw(actor: Actor, submission: Submission) -> None:
    require(actor, Permission.SUBMISSION_WITHDRAW)
    check_is_own(actor, submission)
    if not submission.may_move_to(SubmissionState.WITHDRAWN):
        raise Refused(
            _("This submission no longer counts, so there is nothing to withdraw."), rule="nothing-to-withdraw"
        )
    if submission.round.state != RoundState.OPEN:
        raise Refused(_("A submission can be withdrawn only while its round is open."), rule="round-closed")


def check_is_own(actor: Actor, submission: Submission) -> None:
    if actor.institution_id is None or actor.institution_id != submission.institution_id:
        raise Forbidden(_("This submission belongs to another institution."), rule="not-yours")


# Releases


def check_can_start_release(person: Person, round: Round) -> None:
    """A closed round whose packages are all decided, once its period and the lag after it are over."""
    require(person, Permission.RELEASE_COMPUTE)
    if round.state != RoundState.CLOSED:
        raise Refused(_("Only a closed round can be computed."), rule="round-not-closed")
    if round.submissions.filter(state=SubmissionState.RECEIVED).exists():
        raise Refused(_("Packages of this round are still being checked."), rule="still-checking")
    if not round.submissions.filter(state=SubmissionState.ACCEPTED).exists():
        raise Refused(_("No submission of this round was accepted."), rule="nothing-accepted")
    template = round.collection.template
    if timezone.now().date() < first_day_after(round.period, template.frequency, template.disclosure.lag_months):
        raise Refused(_("The reference period is too recent to be released."), rule="too-recent")


def check_can_approve_release(person: Person, release: Release) -> None:
    require(person, Permission.RELEASE_APPROVE)
    if release.state != ReleaseState.IN_REVIEW:
        raise Refused(_("Only a release in review can be approved."), rule="release-not-in-review")
    if release.prepared_by_id == person.pk:
        raise Refused(_("A release is approved by someone other than its preparer."), rule="own-release")
    if not release.audit_passed:
        raise Refused(_("A release whose audit failed cannot be approved."), rule="audit-failed")
    if release.approvals.filter(person=person).exists():
        raise Refused(_("You have approved this release already."), rule="approved-already")


def check_can_publish(person: Person, release: Release) -> None:
    require(person, Permission.RELEASE_PUBLISH)
    if release.state != ReleaseState.IN_REVIEW:
        raise Refused(_("Only a release in review can be published."), rule="release-not-in-review")
    if release.prepared_by_id == person.pk:
        raise Refused(_("A release is published by someone other than its preparer."), rule="own-release")
    if not release.audit_passed:
        raise Refused(_("A release whose audit failed cannot be published."), rule="audit-failed")
    if release.approvals.count() < APPROVALS_NEEDED:
        raise Refused(_("A release needs the approval of two people before it is published."), rule="approvals-missing")


def check_can_refuse(person: Person, release: Release) -> None:
    require(person, Permission.RELEASE_REVIEW)
    if release.state != ReleaseState.IN_REVIEW:
        raise Refused(_("Only a release in review can be refused."), rule="release-not-in-review")


def check_can_withdraw_release(person: Person, release: Release) -> None:
    require(person, Permission.RELEASE_PUBLISH)
    if release.state != ReleaseState.PUBLISHED:
        raise Refused(_("Only a published release can be withdrawn."), rule="release-not-published")


def check_has_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused(_("Give a reason; it stays visible with the release."), rule="reason-missing")


def check_can_open_statement(actor: Actor, statement: Statement) -> None:
    require(actor, Permission.STATEMENT_VIEW)
    if actor.institution_id is None or actor.institution_id != statement.institution_id:
        raise Forbidden(_("This statement belongs to another institution."), rule="not-yours")
