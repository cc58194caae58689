"""Who may do what to what in the cycle, and why not. A rule raises; it never answers yes or no."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden, Refused
from consortium.institutions.services.agreements import check_is_accepted
from consortium.people.roles import Actor, Permission, may, require, require_entitled
from sharing.benchmarks.periods import first_day_after
from sharing.models.alert import Outcome
from sharing.models.no_data import NoDataReason
from sharing.models.submission import CorrectionReason
from sharing.retention import check_can_be_opened
from sharing.states import AlertState, NoDataState, QueryState, ReleaseState, RoundState, SubmissionState
from sharing.texts import LONGEST_REASON, check_has_words, check_is_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from anonymize.template import Template
    from consortium.institutions.models import Institution
    from consortium.people.models import Person
    from sharing.models import (
        AlertHandling,
        Collection,
        Extension,
        NoData,
        PeerGroup,
        Query,
        Release,
        Round,
        Statement,
        StatementKey,
        Submission,
    )

APPROVALS_NEEDED = 2
LONGEST_EMBARGO = timedelta(days=90)
FEWEST_TO_ASK_AMONG = 5
LONGEST_GROUP_NAME = 60
LONGEST_OWNER = 120


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


def check_can_define_peer_group(actor: Actor, name: str) -> None:
    """Members define groups for themselves; whether one fits is checked with its institutions."""
    require(actor, Permission.RELEASE_VIEW)
    if actor.institution_id is None:
        raise Forbidden(_("Only members define peer groups of their own."), rule="no-member")
    check_is_text(name)
    if not name.strip() or len(name.strip()) > LONGEST_GROUP_NAME:
        raise Refused(_("Give the peer group a name of at most 60 characters."), rule="group-name")


def check_can_retire_peer_group(actor: Actor, group: PeerGroup) -> None:
    """By its owner, or by whoever manages collections; once."""
    require_entitled(actor)
    if group.owner_id is None:
        raise Refused(_("This peer group is the association's and stays."), rule="not-custom")
    if group.owner_id != actor.institution_id and not may(actor, Permission.COLLECTION_MANAGE):
        raise Forbidden(_("A peer group is retired by the institution that defined it."), rule="not-the-owner")
    if group.retired_at is not None:
        raise Refused(_("This peer group is retired already."), rule="retired-already")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


# Rounds


def check_can_plan(person: Person, opens_at: datetime, due_at: datetime) -> None:
    require(person, Permission.ROUND_MANAGE)
    if due_at <= opens_at:
        raise Refused(_("A round is due after it opens."), rule="due-before-opening")


def check_dates(due_at: datetime, grace_until: datetime | None, closes_at: datetime | None) -> None:
    """Due, then the end of grace, then closing by itself; the last two where there are any."""
    if grace_until is not None and grace_until < due_at:
        raise Refused(_("Grace ends after the round is due."), rule="grace-before-due")
    if closes_at is not None and closes_at < (grace_until or due_at):
        raise Refused(_("A round closes by itself only when its due date and grace are over."), rule="closes-too-early")


def check_can_reschedule(person: Person, round: Round) -> None:
    require(person, Permission.ROUND_MANAGE)
    if round.state not in (RoundState.PLANNED, RoundState.OPEN):
        raise Refused(_("Dates change only while a round is planned or open."), rule="round-not-open")


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
    check_can_be_opened(round)


# Reminders

MOST_REMINDER_DAYS = 10


def check_can_remind(person: Person, round: Round) -> None:
    require(person, Permission.ROUND_MANAGE)
    if round.state != RoundState.OPEN:
        raise Refused(_("Only contributors of an open round are reminded."), rule="round-not-open")


def check_can_change_reminders(person: Person, days: Iterable[int]) -> None:
    """The days count from the due date; more of them would only teach people not to read."""
    require(person, Permission.COLLECTION_MANAGE)
    chosen = set(days)
    if len(chosen) > MOST_REMINDER_DAYS or any(not -60 <= day <= 60 for day in chosen):
        raise Refused(
            _("There are ten days of reminders at most, each within 60 of the due date."), rule="reminder-days"
        )


# Submissions


def check_can_send(actor: Actor, round: Round) -> None:
    """Whether the actor's institution may send a package for the round now."""
    require(actor, Permission.SUBMISSION_SEND)
    institution_id = actor.institution_id
    if institution_id is None or not round.collection.contributors.filter(pk=institution_id).exists():
        raise Forbidden(
            _("Your institution does not contribute to this collection. Nothing was stored."), rule="not-a-contributor"
        )
    check_may_send_anything(actor)
    if round.state != RoundState.OPEN:
        check_is_open(round.state, has_extension(round, institution_id))


def check_may_send_anything(actor: Actor) -> None:
    """What does not depend on the round: asked once for a list of rounds that the institution contributes to."""
    require(actor, Permission.SUBMISSION_SEND)
    if actor.institution_id is not None:
        check_is_accepted(actor.institution_id)


def check_is_open(state: str, has_extension: bool = False) -> None:
    """Being late is no obstacle: an open round takes packages until it closes, and from whom has an extension after."""
    if state == RoundState.PLANNED:
        raise Refused(_("This round is not open yet. Nothing was stored."), rule="round-not-open")
    if state == RoundState.CLOSED and has_extension:
        return
    if state != RoundState.OPEN:
        raise Refused(
            _("This round is closed. Ask the association to reopen it. Nothing was stored."), rule="round-closed"
        )


def has_extension(round: Round, institution_id: int | None) -> bool:
    """Whether a later date holds for the institution, and has not passed."""
    return institution_id is not None and round.extensions.running().filter(institution=institution_id).exists()


def is_open_to(round: Round, institution_id: int | None) -> bool:
    return round.state == RoundState.OPEN or (round.state == RoundState.CLOSED and has_extension(round, institution_id))


def check_correction(round: Round, reason: str, note: str) -> None:
    """Members act upon what is published: what changes it afterwards is explained."""
    if reason and reason not in CorrectionReason.values:
        raise Refused(
            _("There is no such reason for a correction. Nothing was stored."), rule="correction-reason-unknown"
        )
    if len(note) > LONGEST_REASON or "\x00" in note:
        raise Refused(_("The note is no text of at most 500 characters. Nothing was stored."), rule="reason-too-long")
    if reason == CorrectionReason.OTHER and not note.strip():
        raise Refused(_("Say in words what was corrected. Nothing was stored."), rule="correction-note-missing")
    if not reason and round.releases.filter(state=ReleaseState.PUBLISHED).exists():
        raise Refused(
            _("Figures of this round are published, so a correction needs its reason. Nothing was stored."),
            rule="correction-reason-missing",
        )


def check_can_approve(person: Person, submission: Submission) -> None:
    """The second pair of eyes: another person of the same institution, while the round is open to it."""
    require(person, Permission.SUBMISSION_APPROVE)
    check_is_own(person, submission)
    if submission.state != SubmissionState.AWAITING_APPROVAL:
        raise Refused(_("This submission is not waiting for approval."), rule="not-awaiting-approval")
    if submission.sent_by_id == person.pk:
        raise Refused(_("A submission is approved by someone other than its sender."), rule="own-submission")
    if not is_open_to(submission.round, submission.institution_id):
        raise Refused(_("Its round is closed, so it can no longer be approved."), rule="round-closed")


def check_can_send_back(person: Person, submission: Submission, reason: str) -> None:
    require(person, Permission.SUBMISSION_APPROVE)
    check_is_own(person, submission)
    if submission.state != SubmissionState.AWAITING_APPROVAL:
        raise Refused(_("This submission is not waiting for approval."), rule="not-awaiting-approval")
    if submission.sent_by_id == person.pk:
        raise Refused(_("Your own submission is not sent back: withdraw it."), rule="own-submission")
    check_has_words(reason)


def check_can_withdraw(actor: Actor, submission: Submission) -> None:
    require(actor, Permission.SUBMISSION_WITHDRAW)
    check_is_own(actor, submission)
    if submission.is_trial:
        raise Refused(_("A trial never counts, so there is nothing to withdraw."), rule="nothing-to-withdraw")
    if not submission.may_move_to(SubmissionState.WITHDRAWN):
        raise Refused(
            _("This submission no longer counts, so there is nothing to withdraw."), rule="nothing-to-withdraw"
        )
    if not is_open_to(submission.round, submission.institution_id):
        raise Refused(_("A submission can be withdrawn only while its round is open."), rule="round-closed")


def check_is_own(actor: Actor, answer: Submission | NoData) -> None:
    if actor.institution_id is None or actor.institution_id != answer.institution_id:
        raise Forbidden(_("This submission belongs to another institution."), rule="not-yours")


# Declarations of no data


def check_can_declare_no_data(actor: Actor, round: Round, reason: str, text: str) -> None:
    """Nothing counts or waits for the round yet; whoever has sent withdraws first."""
    check_can_declare_for(actor, round)
    check_is_text(text)
    if reason not in NoDataReason.values:
        raise Refused(_("There is no such reason for having no data."), rule="no-data-reason-unknown")
    if reason == NoDataReason.OTHER and not text.strip():
        raise Refused(_("Say in words why there is no data."), rule="reason-missing")
    if len(text) > LONGEST_REASON:
        raise Refused(_("The reason is longer than 500 characters."), rule="reason-too-long")


def check_can_declare_for(actor: Actor, round: Round) -> None:
    check_can_send(actor, round)
    firm = round.submissions.filter(institution=actor.institution_id, is_trial=False)
    if firm.filter(
        state__in=(SubmissionState.RECEIVED, SubmissionState.AWAITING_APPROVAL, SubmissionState.ACCEPTED)
    ).exists():
        raise Refused(_("You have sent a package for this round. Withdraw it first."), rule="submission-stands")
    if round.no_data.standing().filter(institution=actor.institution_id).exists():
        raise Refused(_("You have declared already that there is no data."), rule="declared-already")


def check_can_approve_no_data(person: Person, declaration: NoData) -> None:
    require(person, Permission.SUBMISSION_APPROVE)
    check_is_own(person, declaration)
    if declaration.state != NoDataState.AWAITING_APPROVAL:
        raise Refused(_("This declaration is not waiting for approval."), rule="not-awaiting-approval")
    if declaration.declared_by_id == person.pk:
        raise Refused(_("A declaration is approved by someone other than its sender."), rule="own-submission")
    if not is_open_to(declaration.round, declaration.institution_id):
        raise Refused(_("Its round is closed, so it can no longer be approved."), rule="round-closed")


def check_can_withdraw_no_data(actor: Actor, declaration: NoData) -> None:
    require(actor, Permission.SUBMISSION_WITHDRAW)
    check_is_own(actor, declaration)
    if not declaration.may_move_to(NoDataState.WITHDRAWN):
        raise Refused(_("This declaration no longer counts."), rule="nothing-to-withdraw")
    if not is_open_to(declaration.round, declaration.institution_id):
        raise Refused(_("A declaration can be withdrawn only while its round is open."), rule="round-closed")


# Extensions


def check_can_extend(person: Person, round: Round, institution: Institution, until: datetime, reason: str) -> None:
    """A later date for one contributor, while nothing is computed."""
    require(person, Permission.ROUND_MANAGE)
    if round.state not in (RoundState.OPEN, RoundState.CLOSED):
        raise Refused(
            _("An extension is granted while the round is open, or closed and not computed."), rule="round-not-open"
        )
    check_can_be_opened(round)
    if not round.collection.contributors.filter(pk=institution.pk).exists():
        raise Refused(_("This institution does not contribute to the collection."), rule="not-a-contributor")
    if until <= timezone.now() or until <= round.due_at:
        raise Refused(_("An extension ends in the future, and after the round is due."), rule="extension-too-early")
    check_has_words(reason)


def check_can_end_extension(person: Person, extension: Extension) -> None:
    require(person, Permission.ROUND_MANAGE)
    if not extension.is_running:
        raise Refused(_("This extension is over already."), rule="extension-over")


# Releases


def check_can_start_release(person: Person, round: Round) -> None:
    """A closed round whose packages are all decided, once its period and the lag after it are over."""
    require(person, Permission.RELEASE_COMPUTE)
    if round.state != RoundState.CLOSED:
        raise Refused(_("Only a closed round can be computed."), rule="round-not-closed")
    check_can_be_opened(round)
    if round.state == RoundState.CLOSED and round.extensions.running().exists():
        raise Refused(
            _("An institution has more time for this round. Wait until it is over, or end it first."),
            rule="extension-running",
        )
    if round.submissions.filter(state=SubmissionState.RECEIVED, is_trial=False).exists():
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
    if release.edits.filter(person=person).exists():
        raise Refused(_("You have changed this draft, so two others approve it."), rule="changed-it")
    if release.approvals.filter(person=person).exists():
        raise Refused(_("You have approved this release already."), rule="approved-already")
    if not release.note and release.corrects is not None:
        raise Refused(
            _("This release replaces a published one. Write the note that tells readers what was corrected first."),
            rule="note-missing",
        )


def check_can_change_draft(person: Person, release: Release) -> None:
    require(person, Permission.RELEASE_COMPUTE)
    if release.state != ReleaseState.IN_REVIEW:
        raise Refused(_("Only a release in review can be changed."), rule="release-not-in-review")


def check_are_cells(release: Release, cells: Iterable[tuple[str, str]]) -> None:
    """Each of them is a cell of the draft."""
    known = set(release.cells_of_release.values_list("peer_group", "key").distinct())
    unknown = sorted(set(cells) - known - {(group, key) for group, key in release.also_withhold})
    if unknown:
        raise Refused(
            _("The release has no cell %(cell)s.") % {"cell": " ".join(unknown[0])},
            rule="unknown-cell",
        )


def check_can_comment_release(person: Person) -> None:
    require(person, Permission.RELEASE_REVIEW)


def check_can_schedule(person: Person, release: Release, at: datetime) -> None:
    check_can_publish(person, release)
    if at <= timezone.now():
        raise Refused(_("The embargo ends in the future. To publish now, publish it."), rule="embargo-in-the-past")
    if at > timezone.now() + LONGEST_EMBARGO:
        raise Refused(_("The embargo ends within ninety days."), rule="embargo-too-long")


def check_can_call_off(person: Person, release: Release) -> None:
    require(person, Permission.RELEASE_PUBLISH)
    if release.state != ReleaseState.SCHEDULED:
        raise Refused(_("This release is not under embargo."), rule="release-not-scheduled")


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


def check_is_own_statement(actor: Actor, statement: Statement) -> None:
    require(actor, Permission.STATEMENT_VIEW)
    if actor.institution_id is None or actor.institution_id != statement.institution_id:
        raise Forbidden(_("This statement belongs to another institution."), rule="not-yours")


def check_can_open_statement(actor: Actor, statement: Statement) -> None:
    check_is_own_statement(actor, statement)
    if statement.is_for_own_key:
        raise Refused(
            _(
                "This statement is sealed to your institution's own key, so the portal cannot open it. Fetch it and open "
                "it with concord statement open."
            ),
            rule="delivered-to-own-key",
        )


def check_can_fetch_sealed(statement: Statement) -> None:
    if not statement.is_for_own_key:
        raise Refused(
            _(
                "This statement is not sealed to a key of your institution's own: it was computed while statements were "
                "delivered in the portal. Read it there, or as JSON."
            ),
            rule="delivered-in-portal",
        )


def check_statement_key_is_in_force(key: StatementKey) -> None:
    if key.ended_at is not None:
        raise Refused(_("This key has ended already."), rule="key-not-in-force")


def check_can_choose_delivery(institution: Institution, delivery: str) -> None:
    """Whoever wants its own key needs one, or the next statement would go nowhere."""
    if delivery == "own-key" and not institution.statement_keys.in_force().exists():
        raise Refused(_("There is no key for statements in force. Register one first."), rule="no-statement-key")


# Questions about findings


def check_can_see_findings(person: Person, contributors: int) -> None:
    """Among a few, a rule that warned tells whose figures they are; so does the audit log, which names who answers."""
    _check_may_ask(person)
    if contributors < FEWEST_TO_ASK_AMONG:
        raise Refused(
            _("What was found is shown once %(number)s submissions count, so that nobody is recognised.")
            % {"number": FEWEST_TO_ASK_AMONG},
            rule="too-few-to-ask",
        )


def _check_may_ask(person: Person) -> None:
    require(person, Permission.RELEASE_REVIEW)
    if may(person, Permission.AUDIT_VIEW):
        raise Forbidden(
            _("Whoever reads the audit log could tell whose findings these are, so somebody else asks."),
            rule="reads-audit-log",
        )


def check_can_ask_again(person: Person, query: Query) -> None:
    _check_may_ask(person)
    _check_is_not_closed(query)


def check_can_close_query(person: Person, query: Query) -> None:
    require(person, Permission.RELEASE_REVIEW)
    _check_is_not_closed(query)


def check_can_answer(actor: Actor, query: Query) -> None:
    require(actor, Permission.SUBMISSION_WITHDRAW)
    check_is_own(actor, query.submission)
    _check_is_not_closed(query)


def _check_is_not_closed(query: Query) -> None:
    if query.state == QueryState.CLOSED:
        raise Refused(_("This question is closed."), rule="query-closed")


# Warnings


def check_can_acknowledge(actor: Actor, handling: AlertHandling) -> None:
    _check_handles(actor, handling)
    if handling.state != AlertState.OPEN:
        raise Refused(_("This warning is acknowledged already."), rule="alert-acknowledged")


def check_can_follow_up(actor: Actor, handling: AlertHandling, owner: str) -> None:
    """Again while it is followed up: handed on, or with more time."""
    check_can_change_follow_up(actor, handling)
    check_is_text(owner)
    if not owner.strip() or len(owner) > LONGEST_OWNER:
        raise Refused(_("Name who follows it up, in at most 120 characters."), rule="alert-owner")


def check_can_change_follow_up(actor: Actor, handling: AlertHandling) -> None:
    _check_handles(actor, handling)
    _check_is_not_dealt_with(handling)


def check_can_close_alert(actor: Actor, handling: AlertHandling, outcome: str) -> None:
    check_can_change_follow_up(actor, handling)
    if outcome not in Outcome.values:
        raise Refused(_("Say what the warning turned out to be."), rule="alert-outcome")


def _check_handles(actor: Actor, handling: AlertHandling) -> None:
    """Each party for itself: a member its own handling, the association's people theirs."""
    require(actor, Permission.ALERT_HANDLE)
    if handling.institution_id != actor.institution_id:
        raise Forbidden(_("This is another party's handling of the warning."), rule="not-yours")


def _check_is_not_dealt_with(handling: AlertHandling) -> None:
    if handling.state == AlertState.CLOSED:
        raise Refused(_("This warning is dealt with already."), rule="alert-closed")
