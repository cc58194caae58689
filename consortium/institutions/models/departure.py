"""An institution that is leaving, and a request to end the approval by a second person."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models.institution import Institution
from consortium.institutions.states import DEPARTURE_MOVES, DepartureState
from consortium.states import HasState


class Departure(HasState):
    """Declared by the member's administrator, confirmed by the association, done on its day."""

    MOVES: ClassVar = DEPARTURE_MOVES

    institution = models.ForeignKey(Institution, models.PROTECT, related_name="departures")
    state = models.CharField(_("state"), max_length=10, choices=DepartureState.choices, default=DepartureState.DECLARED)
    leaves_on = models.DateField(_("leaves on"))
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    declared_at = models.DateTimeField(_("declared"), auto_now_add=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)

    class Meta:
        verbose_name = _("departure")
        ordering = ("-declared_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["institution"],
                condition=Q(state__in=[DepartureState.DECLARED, DepartureState.CONFIRMED]),
                name="one_departure_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.institution_id} leaves on {self.leaves_on}"


class ApprovalWaiver(models.Model):
    """An administrator asks that submissions leave without a second person's approval; a second person must agree."""

    institution = models.OneToOneField(Institution, models.PROTECT, related_name="approval_waiver")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)

    class Meta:
        verbose_name = _("request to end the approval by a second person")

    def __str__(self) -> str:
        return str(self.institution_id)
