"""What may follow what, for everything in the cycle. The documentation's diagram is drawn from these tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from consortium.states import Moves


class RoundState(TextChoices):
    PLANNED = "planned", _("Planned")
    OPEN = "open", _("Open")
    CLOSED = "closed", _("Closed")
    COMPUTING = "computing", _("Computing")
    IN_REVIEW = "in_review", _("In review")
    PUBLISHED = "published", _("Published")


ROUND_MOVES: Moves = {
    RoundState.PLANNED: {RoundState.OPEN},
    RoundState.OPEN: {RoundState.CLOSED},
    RoundState.CLOSED: {RoundState.OPEN, RoundState.COMPUTING},
    RoundState.COMPUTING: {RoundState.CLOSED, RoundState.IN_REVIEW},
    RoundState.IN_REVIEW: {RoundState.CLOSED, RoundState.COMPUTING, RoundState.PUBLISHED},
    RoundState.PUBLISHED: {RoundState.CLOSED},  # reopened for a revision; what was published stays visible
}


class SubmissionState(TextChoices):
    RECEIVED = "received", _("Received")
    AWAITING_APPROVAL = "awaiting_approval", _("Awaiting approval")
    ACCEPTED = "accepted", _("Accepted")
    REJECTED = "rejected", _("Rejected")
    SUPERSEDED = "superseded", _("Superseded")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    SENT_BACK = "sent_back", _("Sent back")
    CHECKED = "checked", _("Checked on trial")  # the good end of a trial


SUBMISSION_MOVES: Moves = {
    SubmissionState.RECEIVED: {
        SubmissionState.AWAITING_APPROVAL,
        SubmissionState.ACCEPTED,
        SubmissionState.REJECTED,
        SubmissionState.SUPERSEDED,  # a later version was decided first
        SubmissionState.WITHDRAWN,
        SubmissionState.CHECKED,
    },
    SubmissionState.AWAITING_APPROVAL: {
        SubmissionState.ACCEPTED,
        SubmissionState.SENT_BACK,
        SubmissionState.SUPERSEDED,
        SubmissionState.WITHDRAWN,
    },
    SubmissionState.ACCEPTED: {SubmissionState.SUPERSEDED, SubmissionState.WITHDRAWN},
    SubmissionState.REJECTED: set[str](),
    SubmissionState.SUPERSEDED: set[str](),
    SubmissionState.WITHDRAWN: set[str](),
    SubmissionState.SENT_BACK: set[str](),
    SubmissionState.CHECKED: set[str](),
}


class NoDataState(TextChoices):
    AWAITING_APPROVAL = "awaiting_approval", _("Awaiting approval")
    DECLARED = "declared", _("No data declared")
    SENT_BACK = "sent_back", _("Sent back")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    REPLACED = "replaced", _("Replaced by a package")


NO_DATA_MOVES: Moves = {
    NoDataState.AWAITING_APPROVAL: {
        NoDataState.DECLARED,
        NoDataState.SENT_BACK,
        NoDataState.WITHDRAWN,
        NoDataState.REPLACED,
    },
    NoDataState.DECLARED: {NoDataState.WITHDRAWN, NoDataState.REPLACED},
    NoDataState.SENT_BACK: set[str](),
    NoDataState.WITHDRAWN: set[str](),
    NoDataState.REPLACED: set[str](),
}


class QueryState(TextChoices):
    OPEN = "query_open", _("Waiting for an answer")
    ANSWERED = "answered", _("Answered")
    CLOSED = "query_closed", _("Closed")


QUERY_MOVES: Moves = {
    QueryState.OPEN: {QueryState.ANSWERED, QueryState.CLOSED},
    QueryState.ANSWERED: {QueryState.OPEN, QueryState.CLOSED},  # the statistician asks again
    QueryState.CLOSED: set[str](),
}


class ReleaseState(TextChoices):
    COMPUTING = "computing", _("Computing")
    FAILED = "failed", _("Failed")
    IN_REVIEW = "in_review", _("In review")
    SCHEDULED = "scheduled", _("Under embargo")
    REFUSED = "refused", _("Refused in review")
    PUBLISHED = "published", _("Published")
    WITHDRAWN = "withdrawn", _("Withdrawn")


RELEASE_MOVES: Moves = {
    ReleaseState.COMPUTING: {ReleaseState.IN_REVIEW, ReleaseState.FAILED},
    ReleaseState.FAILED: set[str](),
    ReleaseState.IN_REVIEW: {
        ReleaseState.COMPUTING,  # with other cells withheld
        ReleaseState.SCHEDULED,
        ReleaseState.PUBLISHED,
        ReleaseState.REFUSED,
    },
    ReleaseState.SCHEDULED: {ReleaseState.IN_REVIEW, ReleaseState.PUBLISHED},
    ReleaseState.REFUSED: set[str](),
    ReleaseState.PUBLISHED: {ReleaseState.WITHDRAWN},
    ReleaseState.WITHDRAWN: set[str](),
}


class AlertState(TextChoices):
    OPEN = "alert_open", _("Not acknowledged")
    ACKNOWLEDGED = "acknowledged", _("Acknowledged")
    FOLLOW_UP = "follow_up", _("In follow-up")
    CLOSED = "alert_closed", _("Dealt with")


ALERT_MOVES: Moves = {
    AlertState.OPEN: {AlertState.ACKNOWLEDGED, AlertState.FOLLOW_UP, AlertState.CLOSED},
    AlertState.ACKNOWLEDGED: {AlertState.FOLLOW_UP, AlertState.CLOSED},
    AlertState.FOLLOW_UP: {AlertState.FOLLOW_UP, AlertState.CLOSED},  # handed on, or given more time
    AlertState.CLOSED: set[str](),
}
