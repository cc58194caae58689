"""An institution's word that it has nothing to send for a round, and why."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import ApiClient, Institution
from consortium.people.roles import Actor, Permission, may
from consortium.states import HasState
from sharing.models.round import Round
from sharing.states import NO_DATA_MOVES, NoDataState

STANDING = (NoDataState.AWAITING_APPROVAL, NoDataState.DECLARED)


class NoDataReason(models.TextChoices):
    NO_PORTFOLIO = "no-such-portfolio", _("We have no such portfolio")
    MIGRATION = "system-migration", _("Our systems are being migrated")
    MERGER = "merger", _("A merger or a transfer of the business")
    BELOW_THRESHOLD = "below-threshold", _("Our portfolio is below the threshold")
    OTHER = "other", _("Another reason")


class NoDataQuerySet(models.QuerySet["NoData"]):
    def visible_to(self, actor: Actor) -> Self:
        """A member sees its own; the association sees progress through rounds."""
        if actor.institution_id is None or not may(actor, Permission.SUBMISSION_VIEW):
            return self.none()
        return self.filter(institution=actor.institution_id)

    def declared(self) -> Self:
        return self.filter(state=NoDataState.DECLARED)

    def standing(self) -> Self:
        """Declared, or waiting for the second person's yes."""
        return self.filter(state__in=STANDING)


class NoData(HasState):
    """A declaration counts as an answer. A package that is accepted replaces it."""

    MOVES: ClassVar = NO_DATA_MOVES

    round = models.ForeignKey(Round, models.PROTECT, related_name="no_data", verbose_name=_("round"))
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="+", verbose_name=_("institution"))
    state = models.CharField(_("state"), max_length=20, choices=NoDataState.choices, default=NoDataState.DECLARED)
    reason = models.CharField(_("reason"), max_length=20, choices=NoDataReason.choices)
    text = models.CharField(_("in words"), max_length=500, blank=True)
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    declared_by_client = models.ForeignKey(ApiClient, models.SET_NULL, null=True, blank=True, related_name="+")
    declared_at = models.DateTimeField(_("declared"), auto_now_add=True)
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    remark = models.CharField(_("why it was sent back or withdrawn"), max_length=500, blank=True)

    objects = NoDataQuerySet.as_manager()

    class Meta:
        verbose_name = _("declaration of no data")
        verbose_name_plural = _("declarations of no data")
        ordering = ("-declared_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["round", "institution"], condition=Q(state__in=STANDING), name="one_declaration_stands"
            ),
            models.CheckConstraint(condition=~Q(reason="other") | ~Q(text=""), name="another_reason_is_given_in_words"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | Q(declared_by__isnull=True)
                | ~Q(approved_by=models.F("declared_by")),
                name="no_data_is_approved_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.institution_id}/{self.round_id}"
