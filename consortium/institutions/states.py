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
