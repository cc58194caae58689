"""Whom intake tells of what. A notice names the round and the rule of the game, never what was found or a figure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.urls import reverse

from consortium.notifications.kinds import Kind
from consortium.notifications.models import EventType
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Permission, may
from sharing.services import announcing
from sharing.states import NoDataState, SubmissionState

if TYPE_CHECKING:
    from sharing.models import Extension, NoData, Query, Round, Submission

_DECIDED = {
    SubmissionState.ACCEPTED: Kind.SUBMISSION_ACCEPTED,
    SubmissionState.REJECTED: Kind.SUBMISSION_REJECTED,
    SubmissionState.SENT_BACK: Kind.SUBMISSION_SENT_BACK,
    SubmissionState.WITHDRAWN: Kind.SUBMISSION_WITHDRAWN,
    SubmissionState.CHECKED: Kind.SUBMISSION_CHECKED,
}

_MESSAGES = {
    SubmissionState.ACCEPTED: EventType.SUBMISSION_ACCEPTED,
    SubmissionState.REJECTED: EventType.SUBMISSION_REJECTED,
    SubmissionState.AWAITING_APPROVAL: EventType.SUBMISSION_AWAITING,
}


def received(submission: Submission) -> None:
    """Told by the vault when it begins to check, so that an acknowledgement waits for nobody's mail."""
    announcing.submission_changed(submission, EventType.SUBMISSION_RECEIVED)
    if not submission.is_trial:
        _tell(_senders(submission.institution_id, but=submission.sent_by_id), Kind.SUBMISSION_RECEIVED, submission)


def decided(submission: Submission, *, but: object = None, findings: int = 0) -> None:
    """What became of a submission, to its sender and the others who send; to approvers when it is their turn."""
    if type := _MESSAGES.get(SubmissionState(submission.state)):
        announcing.submission_changed(submission, type)
    actor = but.pk if isinstance(but, Person) else None
    if submission.state == SubmissionState.AWAITING_APPROVAL:
        # Its sender may hold both roles, and still does not approve.
        approvers = _able(submission.institution_id, Permission.SUBMISSION_APPROVE, but=submission.sent_by_id)
        _tell(approvers, Kind.SUBMISSION_AWAITING_APPROVAL, submission)
        return
    kind = _DECIDED.get(SubmissionState(submission.state))
    if kind is None:
        return
    if submission.is_trial and submission.sent_by is not None:
        _tell([submission.sent_by], kind if findings == 0 else Kind.SUBMISSION_TRIAL_FINDINGS, submission)
        return
    if submission.is_trial:
        return  # a job reads the answer that it waits for
    if kind == Kind.SUBMISSION_ACCEPTED and findings:
        kind = Kind.SUBMISSION_FINDINGS
    _tell(_senders(submission.institution_id, but=actor), kind, submission)


def declared(declaration: NoData, *, but: object = None) -> None:
    """No data: approvers are asked, or whoever sends is told what became of it."""
    actor = but.pk if isinstance(but, Person) else None
    if declaration.state == NoDataState.AWAITING_APPROVAL:
        people = _able(declaration.institution_id, Permission.SUBMISSION_APPROVE, but=declaration.declared_by_id)
        kind = Kind.NO_DATA_AWAITING_APPROVAL
    else:
        people, kind = _senders(declaration.institution_id, but=actor), Kind.NO_DATA_DECIDED
    address = reverse("no-data", args=[declaration.round.public_id])
    notify(people, kind, address=address, **_round(declaration.round))


def extended(extension: Extension) -> None:
    until = extension.until.date().isoformat()
    notify(
        _senders(extension.institution_id),
        Kind.EXTENSION_GRANTED,
        address=reverse("submissions"),
        due=until,
        **_round(extension.round),
    )


def asked(query: Query) -> None:
    """The contributor's people; who asks is not named."""
    people = _senders(query.submission.institution_id)
    notify(people, Kind.QUERY_ASKED, address=_query(query), **_round(query.submission.round))


def answered(query: Query) -> None:
    """Every statistician who wrote in the thread; who answers is named by the handle alone."""
    writers = Person.objects.filter(pk__in=query.messages.filter(is_answer=False).values("by"))
    people = (person for person in writers if may(person, Permission.RELEASE_REVIEW))
    notify(people, Kind.QUERY_ANSWERED, address=_query(query), handle=query.handle, **_round(query.submission.round))


def closed(query: Query) -> None:
    people = _senders(query.submission.institution_id)
    notify(people, Kind.QUERY_CLOSED, address=_query(query), **_round(query.submission.round))


def _tell(people: Iterable[Person], kind: Kind, submission: Submission) -> None:
    # Work may be done twice; telling is not.
    once = f"{submission.pk}/{kind}"
    notify(people, kind, address=reverse("submission", args=[submission.pk]), once=once, **_round(submission.round))


def _senders(institution_id: int, *, but: int | None = None) -> list[Person]:
    """Whoever sends or approves for the institution, without the one who acts."""
    return _able(institution_id, Permission.SUBMISSION_WITHDRAW, but=but)


def _able(institution_id: int, permission: Permission, *, but: int | None = None) -> list[Person]:
    people = Person.objects.filter(institution=institution_id, is_active=True).select_related("institution")
    return [person for person in people if person.pk != but and may(person, permission)]


def _round(round: Round) -> dict[str, Any]:
    return {"collection": round.collection.document["name"], "period": round.period}


def _query(query: Query) -> str:
    return reverse("query", args=[query.pk])
