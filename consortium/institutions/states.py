"""How an institution comes, is suspended and leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from consortium.states import Moves


class InstitutionState(TextChoices):
    APPLICANT = "applicant", _("Applicant")
    ACTIVE = "active", _("Active")
    SUSPENDED = "suspended", _("Suspended")
    LEFT = "left", _("Left")


INSTITUTION_MOVES: Moves = {
    InstitutionState.APPLICANT: {InstitutionState.ACTIVE, InstitutionState.LEFT},
    InstitutionState.ACTIVE: {InstitutionState.SUSPENDED, InstitutionState.LEFT},
    InstitutionState.SUSPENDED: {InstitutionState.ACTIVE, InstitutionState.LEFT},
    InstitutionState.LEFT: set[str](),
}


class ApplicationState(TextChoices):
    SUBMITTED = "submitted", _("Waiting for the e-mail to be confirmed")
    CONFIRMED = "confirmed", _("New")
    IN_REVIEW = "in_review", _("In review")
    ADMITTED = "admitted", _("Admitted")
    DECLINED = "declined", _("Declined")
    WITHDRAWN = "withdrawn", _("Withdrawn")


APPLICATION_MOVES: Moves = {
    ApplicationState.SUBMITTED: {ApplicationState.CONFIRMED, ApplicationState.WITHDRAWN},
    ApplicationState.CONFIRMED: {ApplicationState.IN_REVIEW, ApplicationState.WITHDRAWN},
    ApplicationState.IN_REVIEW: {
        ApplicationState.ADMITTED,
        ApplicationState.DECLINED,
        ApplicationState.WITHDRAWN,
    },
    ApplicationState.ADMITTED: set[str](),
    ApplicationState.DECLINED: set[str](),
    ApplicationState.WITHDRAWN: set[str](),
}


class DepartureState(TextChoices):
    DECLARED = "declared", _("Declared")
    CONFIRMED = "confirmed", _("Confirmed")
    CALLED_OFF = "called_off", _("Called off")
    DONE = "done", _("Done")


DEPARTURE_MOVES: Moves = {
    DepartureState.DECLARED: {DepartureState.CONFIRMED, DepartureState.CALLED_OFF},
    DepartureState.CONFIRMED: {DepartureState.DONE, DepartureState.CALLED_OFF},
    DepartureState.CALLED_OFF: set[str](),
    DepartureState.DONE: set[str](),
}
