"""How far each contributor of a round is: who has submitted and when, never what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from sharing.models import Extension, NoData, Reminder, Round, Submission, Timeliness
from sharing.states import NoDataState, SubmissionState

# In the order of the board, from done to nothing.
ACCEPTED, DECLARED, AWAITING, CHECKING = "accepted", "declared", "awaiting_approval", "received"
REJECTED, WITHDRAWN, TRIAL, SILENT = "rejected", "withdrawn", "trial", "silent"
STATES: Final[dict[str, str | Promise]] = {
    ACCEPTED: _("Accepted"),
    DECLARED: _("No data declared"),
    AWAITING: _("Awaiting approval"),
    CHECKING: _("Being checked"),
    REJECTED: _("Rejected, silent since"),
    WITHDRAWN: _("Withdrawn, silent since"),
    TRIAL: _("Trial only"),
    SILENT: _("Silent"),
}
ANSWERED: Final = frozenset({ACCEPTED, DECLARED})
# Whoever has acted is not called silent, though something is still missing.
UNDER_WAY: Final = frozenset({AWAITING, CHECKING})

IN_GRACE, LATE = "in_grace", "late"
_SHOWN_AS: Final = {
    SubmissionState.ACCEPTED: ACCEPTED,
    SubmissionState.AWAITING_APPROVAL: AWAITING,
    SubmissionState.RECEIVED: CHECKING,
    SubmissionState.REJECTED: REJECTED,
    SubmissionState.SENT_BACK: REJECTED,
    SubmissionState.WITHDRAWN: WITHDRAWN,
}


@dataclass(frozen=True)
class Standing:
    """One contributor. `at` is when what its state says happened; `deadline` the one that holds for it."""

    code: str
    name: str
    name_zh: str
    institution_id: int
    state: str
    at: datetime | None
    timeliness: str  # of what was accepted; "late" or "in_grace" also where nothing was, and the time is over
    deadline: datetime
    is_extended: bool
    last_timeliness: str  # of the period before; empty where nothing was accepted
    was_asked: bool  # there was a period before
    reminded_at: datetime | None

    def __str__(self) -> str:
        is_chinese = (get_language() or "").startswith("zh")
        return self.name_zh if is_chinese and self.name_zh else self.name

    def get_state_display(self) -> str:
        return str(STATES[self.state])

    def get_timeliness_display(self) -> str:
        return _timeliness_in_words(self.timeliness)

    def get_last_timeliness_display(self) -> str:
        return _timeliness_in_words(self.last_timeliness)

    @property
    def has_answered(self) -> bool:
        return self.state in ANSWERED

    @property
    def is_silent(self) -> bool:
        """Nothing accepted, and nothing on its way."""
        return self.state not in ANSWERED | UNDER_WAY

    @property
    def is_late(self) -> bool:
        return not self.has_answered and self.timeliness == LATE


@dataclass(frozen=True)
class Summary:
    """Shares of contributors, each counted once; nothing here weighs how large anybody is."""

    expected: int
    by_state: dict[str, int]
    late: int
    on_time_last: int
    asked_last: int

    @property
    def answered(self) -> int:
        return sum(self.by_state.get(state, 0) for state in ANSWERED)

    @property
    def under_way(self) -> int:
        return sum(self.by_state.get(state, 0) for state in UNDER_WAY)

    @property
    def silent(self) -> int:
        return self.expected - self.answered - self.under_way

    @property
    def coverage(self) -> float | None:
        """The share of expected contributors whose figures are in: no figure is looked at."""
        return self.by_state.get(ACCEPTED, 0) / self.expected if self.expected else None


SORTS: Final[dict[str, Callable[[Standing], Any]]] = {
    "name": lambda standing: standing.name.casefold(),
    "state": lambda standing: (list(STATES).index(standing.state), standing.name.casefold()),
    "at": lambda standing: (standing.at is None, standing.at or standing.deadline, standing.name.casefold()),
    "deadline": lambda standing: (standing.deadline, standing.name.casefold()),
    "last": lambda standing: (standing.last_timeliness, standing.name.casefold()),
}


def standings(round: Round, person: Person) -> list[Standing]:
    """One for each contributor that is a member now, by name; Forbidden without the permission. One query."""
    require(person, Permission.ROUND_PROGRESS_VIEW)
    return every_standing(round)


def every_standing(round: Round) -> list[Standing]:
    """The same for a process, which nobody has to be shown."""
    now = timezone.now()
    return [_standing(row, round, now) for row in _rows(round).order_by("name", "code")]


def summary(standings: Sequence[Standing]) -> Summary:
    return Summary(
        expected=len(standings),
        by_state=dict(Counter(standing.state for standing in standings)),
        late=sum(standing.is_late for standing in standings),
        on_time_last=sum(standing.last_timeliness == Timeliness.ON_TIME for standing in standings),
        asked_last=sum(standing.was_asked for standing in standings),
    )


def chosen(standings: Sequence[Standing], *, wanted: str = "", text: str = "", sort: str = "") -> list[Standing]:
    """Those of a state, the silent or the late, whose name or code holds the text, in an order."""
    kept = [standing for standing in standings if _fits(standing, wanted)]
    if text := text.strip().casefold():
        kept = [s for s in kept if text in f"{s.code} {s.name} {s.name_zh}".casefold()]
    key = SORTS.get(sort.removeprefix("-"))
    return sorted(kept, key=key, reverse=sort.startswith("-")) if key else kept


def _fits(standing: Standing, wanted: str) -> bool:
    if wanted == "late":
        return standing.is_late
    if wanted == "unanswered":
        return standing.is_silent
    return not wanted or standing.state == wanted


def _rows(round: Round) -> Any:
    """Each contributor with what its submissions, declaration, extension and reminders say."""
    mine = {"institution": OuterRef("pk"), "round": round}
    firm = Submission.objects.filter(**mine, is_trial=False)
    accepted = firm.filter(state=SubmissionState.ACCEPTED)
    # What was superseded says nothing by itself: something newer does.
    latest = firm.exclude(state=SubmissionState.SUPERSEDED).order_by("-version")
    trials = Submission.objects.filter(**mine, is_trial=True).order_by("-version")
    declaration = NoData.objects.filter(**mine).standing().order_by("-declared_at")
    before = _before(round)
    return (
        Institution.objects.active()
        .filter(collections=round.collection)
        .annotate(
            accepted_at=Subquery(accepted.values("received_at")[:1]),
            timeliness=Subquery(accepted.values("timeliness")[:1]),
            latest_state=Subquery(latest.values("state")[:1]),
            latest_at=Subquery(latest.annotate(when=Coalesce("decided_at", "received_at")).values("when")[:1]),
            trial_at=Subquery(trials.values("received_at")[:1]),
            declaration=Subquery(declaration.values("state")[:1]),
            declared_at=Subquery(declaration.values("declared_at")[:1]),
            extended_until=Subquery(Extension.objects.filter(**mine).values("until")[:1]),
            reminded_at=Subquery(Reminder.objects.filter(**mine).order_by("-at").values("at")[:1]),
            last_timeliness=Subquery(
                Submission.objects.filter(
                    round=before, institution=OuterRef("pk"), is_trial=False, state=SubmissionState.ACCEPTED
                ).values("timeliness")[:1]
            ),
            before=Subquery(before),
        )
        .values(
            "pk", "code", "name", "name_zh", "accepted_at", "timeliness", "latest_state", "latest_at", "trial_at",
            "declaration", "declared_at", "extended_until", "reminded_at", "last_timeliness", "before",
        )
    )  # fmt: skip


def _before(round: Round) -> QuerySet[Round, Any]:
    """The round of the same collection, in whichever version, that was due before this one."""
    earlier = Round.objects.filter(collection__code=round.collection.code, due_at__lt=round.due_at)
    return earlier.exclude(state="planned").order_by("-due_at").values("pk")[:1]


def _standing(row: dict[str, Any], round: Round, now: datetime) -> Standing:
    state, at = _state_of(row)
    deadline = max(filter(None, (row["extended_until"], round.due_at)))
    timeliness = row["timeliness"] or "" if state == ACCEPTED else _lateness(state, deadline, round, now)
    return Standing(
        code=row["code"],
        name=row["name"],
        name_zh=row["name_zh"],
        institution_id=row["pk"],
        state=state,
        at=at,
        timeliness=timeliness,
        deadline=deadline,
        is_extended=deadline > round.due_at,
        last_timeliness=row["last_timeliness"] or "",
        was_asked=row["before"] is not None,
        reminded_at=row["reminded_at"],
    )


def _state_of(row: dict[str, Any]) -> tuple[str, datetime | None]:
    """What counts most: an accepted version outweighs a rejected correction of it."""
    if row["accepted_at"] is not None:
        return ACCEPTED, row["accepted_at"]
    if row["declaration"] == NoDataState.DECLARED:
        return DECLARED, row["declared_at"]
    if row["declaration"] == NoDataState.AWAITING_APPROVAL:
        return AWAITING, row["declared_at"]
    if row["latest_state"] is not None:
        return _SHOWN_AS[row["latest_state"]], row["latest_at"]
    if row["trial_at"] is not None:
        return TRIAL, row["trial_at"]
    return SILENT, None


def _lateness(state: str, deadline: datetime, round: Round, now: datetime) -> str:
    """Of whoever has not answered. A closed round judges by its closing."""
    now = min(now, round.closed_at) if round.closed_at else now
    if state == DECLARED or now <= deadline:
        return ""
    return IN_GRACE if round.grace_until is not None and now <= round.grace_until else LATE


def _timeliness_in_words(timeliness: str) -> str:
    return str(Timeliness(timeliness).label) if timeliness else ""
