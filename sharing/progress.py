"""Who has submitted for a round, never what."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Count
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from sharing.models import Round, Submission
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
    LATE: _("Overdue"),
    NoDataState.DECLARED: NoDataState.DECLARED.label,
}


def state_in_words(state: str) -> str:
    return str(_WORDS.get(state) or SubmissionState(state).label)


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
        Institution.objects.active()
        .filter(collections__in={round.collection_id for round in rounds})
        .values_list("collections")
        .annotate(Count("pk"))
    )
    return {round.pk: (accepted.get(round.pk, 0), expected.get(round.collection_id, 0)) for round in rounds}
