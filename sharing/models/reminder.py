"""That an institution was reminded of a round."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.roles import Actor, Permission, may
from sharing.models.round import Round


class ReminderQuerySet(models.QuerySet["Reminder"]):
    def visible_to(self, actor: Actor) -> Self:
        """Whoever follows the progress of rounds; a member has its notices."""
        return self if may(actor, Permission.ROUND_PROGRESS_VIEW) else self.none()


class Reminder(models.Model):
    """One a day at most, whether somebody asked for it or a rule did (`by` is empty)."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="reminders", verbose_name=_("round"))
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="+", verbose_name=_("institution"))
    on = models.DateField(_("day"))
    at = models.DateTimeField(_("when"), auto_now_add=True)
    escalated = models.BooleanField(_("approvers and administrators too"), default=False)
    remark = models.CharField(_("remark"), max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    objects = ReminderQuerySet.as_manager()

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ("-at",)
        constraints = [
            models.UniqueConstraint(fields=["round", "institution", "on"], name="one_reminder_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.institution_id}/{self.round_id} {self.on}"
