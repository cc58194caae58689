"""What happened to a submission, in order, and what its people do next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from sharing import rules
from sharing.models import Release
from sharing.states import ReleaseState, RoundState, SubmissionState

if TYPE_CHECKING:
    from datetime import datetime

    from consortium.people.models import Person
    from sharing.models import Submission


@dataclass(frozen=True)
class Moment:
    """`note` is what a person wrote about it; `address` leads to what came of it."""

    icon: str
    text: str
    at: datetime
    note: str = ""
    address: str = ""


def moments(submission: Submission, person: Person) -> list[Moment]:
    """Received, opened, checked, approved, counted, released: each with its time."""
    found = [Moment("submissions", _received(submission), submission.received_at)]
    found += [
        Moment(
            "open",
            _("Opened by the vault: %(purpose)s (%(worker)s)")
            % {"purpose": opening.get_purpose_display(), "worker": opening.worker},
            opening.at,
        )
        for opening in submission.openings.all()
    ]
    if submission.checked_at:
        found.append(Moment("audit", _("Checked"), submission.checked_at))
    found += _decisions(submission)
    found += _released(submission, person)
    return sorted(found, key=lambda moment: moment.at)


def next_step(submission: Submission) -> str:
    """One sentence for whoever looks after the submission."""
    if submission.is_trial:
        return _of_trial(submission)
    return {
        SubmissionState.RECEIVED: _(
            "The vault checks it; this takes a few seconds to minutes. Nothing has to be done."
        ),
        SubmissionState.AWAITING_APPROVAL: _(
            "The checks are passed. A second person of your institution approves it before it counts."
        ),
        SubmissionState.ACCEPTED: _accepted(submission),
        SubmissionState.REJECTED: _(
            "This version does not count. Correct what was found below and send the round again: a correction is a new "
            "version."
        ),
        SubmissionState.SUPERSEDED: _("A later version counts in its place. Nothing has to be done."),
        SubmissionState.WITHDRAWN: _(
            "It was withdrawn and does not count. Send again, or declare that there is no data."
        ),
        SubmissionState.SENT_BACK: _("Its approver sent it back and says why below. Correct it and send it again."),
    }[SubmissionState(submission.state)]


def _of_trial(submission: Submission) -> str:
    if submission.state == SubmissionState.RECEIVED:
        return _("The vault checks the trial; it will not count, whatever is found.")
    if submission.state == SubmissionState.REJECTED:
        return _("In earnest it would be rejected. Correct what was found below and try again.")
    return _("In earnest it would pass the checks. This was a trial and does not count: send the package to submit it.")


def _accepted(submission: Submission) -> str:
    if rules.is_open_to(submission.round, submission.institution_id):
        return _("It counts. Until the round closes a correction may take its place.")
    if submission.round.state == RoundState.PUBLISHED:
        return _("It counts in what is published. To correct it, ask the association to reopen the round.")
    return _("It counts. The round is closed and will be computed.")


def _received(submission: Submission) -> str:
    if submission.sent_by:
        return _("Received from %(who)s") % {"who": submission.sent_by}
    if submission.sent_by_client:
        return _("Received from the API client “%(who)s”") % {"who": submission.sent_by_client.name}
    return _("Received")


def _decisions(submission: Submission) -> list[Moment]:
    decided = []
    if submission.approved_by and submission.decided_at:
        approved = _("Approved by %(who)s") % {"who": submission.approved_by}
        decided.append(Moment("person", approved, submission.decided_at))
    leaf = getattr(submission, "leaf", None)
    if leaf is not None and submission.decided_at:
        counted = _("Counted, and entered in the log as leaf %(index)s") % {"index": leaf.index}
        decided.append(Moment("check", counted, submission.decided_at))
    for remark in submission.remarks.select_related("by", "by_client"):
        who = remark.by or (remark.by_client.name if remark.by_client else "")
        text = f"{remark.get_kind_display()} · {who}" if who else remark.get_kind_display()
        decided.append(Moment("down", text, remark.at, note=remark.text))
    return decided


def _released(submission: Submission, person: Person) -> list[Moment]:
    shown = (ReleaseState.PUBLISHED, ReleaseState.WITHDRAWN)
    releases = Release.objects.visible_to(person).filter(round=submission.round, state__in=shown)
    return [
        Moment("releases", _("Counted in release %(id)s") % {"id": release.public_id}, release.published_at)
        for release in releases
        if release.published_at and str(submission.pk) in release.audit.get("inputs", ())
    ]
