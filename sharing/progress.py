"""Who has submitted for a round, never what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from sharing.models import NoData, Round, Submission
from sharing.states import NoDataState, SubmissionState

# What counts most comes first: an accepted version outweighs a rejected correction of it.
_ORDER = (
    SubmissionState.ACCEPTED,
    SubmissionState.AWAITING_APPROVAL,
    SubmissionState.RECEIVED,
    SubmissionState.SENT_BACK,
    SubmissionState.REJECTED,
    SubmissionState.WITHDRAWN,
)
MISSING, LATE = "missing", "late"
_WORDS: dict[str, str | Promise] = {
    MISSING: _("Not yet sent"),
    LATE: _("Late"),
    NoDataState.DECLARED: NoDataState.DECLARED.label,
}


@dataclass(frozen=True)
class Standing:
    """How far one institution is with one round; `at` is when the submission that counts was received."""

    institution: Institution
    state: str
    at: datetime | None

    def get_state_display(self) -> str:
        return state_in_words(self.state)


def state_in_words(state: str) -> str:
    return str(_WORDS.get(state) or SubmissionState(state).label)


def standings(round: Round, person: Person) -> list[Standing]:
    """One standing for each contributor of the round, by name; Forbidden without the permission."""
    require(person, Permission.ROUND_PROGRESS_VIEW)
    sent: dict[int, list[Submission]] = {}
    firm = Submission.objects.firm().filter(round=round)
    for submission in firm.only("institution_id", "state", "received_at", "round_id"):
        sent.setdefault(submission.institution_id, []).append(submission)
    declared = dict(NoData.objects.declared().filter(round=round).values_list("institution", "declared_at"))
    contributors = round.collection.contributors.order_by("name")
    return [
        Standing(institution, NoDataState.DECLARED, declared[institution.pk])
        if institution.pk in declared
        else _standing(institution, sent.get(institution.pk, ()), round)
        for institution in contributors
    ]


def own_state(submissions: Iterable[Submission], round: Round) -> tuple[str, Submission | None]:
    """The state that a member's round is in, and the submission that says so."""
    by_state: dict[str, Submission] = {}
    for submission in sorted(submissions, key=lambda each: each.version):
        if submission.is_trial:
            continue
        by_state[submission.state] = submission
    for state in _ORDER:
        if state in by_state:
            return state, by_state[state]
    return (LATE if round.is_overdue else MISSING), None


def counts(rounds: Iterable[Round], person: Person) -> dict[int, tuple[int, int]]:
    """For each round how many contributors have an accepted submission, and how many are expected."""
    require(person, Permission.ROUND_PROGRESS_VIEW)
    rounds = list(rounds)
    accepted = dict(
        Submission.objects.filter(round__in=rounds, state=SubmissionState.ACCEPTED)
        .values_list("round")
        .annotate(Count("institution", distinct=True))
    )
    expected = dict(
        Institution.objects.filter(collections__in={round.collection_id for round in rounds})
        .values_list("collections")
        .annotate(Count("pk"))
    )
    return {round.pk: (accepted.get(round.pk, 0), expected.get(round.collection_id, 0)) for round in rounds}


def _standing(institution: Institution, submissions: Iterable[Submission], round: Round) -> Standing:
    latest: dict[str, Submission] = {}
    for submission in submissions:
        kept = latest.get(submission.state)
        if kept is None or submission.received_at > kept.received_at:
            latest[submission.state] = submission
    for state in _ORDER:
        if state in latest:
            return Standing(institution, state, latest[state].received_at)
    return Standing(institution, LATE if round.is_overdue else MISSING, None)
