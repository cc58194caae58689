"""A later date for one institution, while the round is closed to everybody else too."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.roles import Actor, Permission, may
from sharing.models.round import Round


class ExtensionQuerySet(models.QuerySet["Extension"]):
    def visible_to(self, actor: Actor) -> Self:
        """A member sees its own; the association those of every round that it follows."""
        if actor.institution_id is None:
            return self if may(actor, Permission.ROUND_PROGRESS_VIEW) else self.none()
        if not may(actor, Permission.SUBMISSION_VIEW):
            return self.none()
        return self.filter(institution=actor.institution_id)

    def running(self, at: datetime | None = None) -> Self:
        return self.filter(until__gt=at or timezone.now())


class Extension(models.Model):
    """Until `until` the institution may send, and is on time; granting another replaces it."""

    round = models.ForeignKey(Round, models.PROTECT, related_name="extensions", verbose_name=_("round"))
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="+", verbose_name=_("institution"))
    until = models.DateTimeField(_("until"))
    reason = models.CharField(_("reason"), max_length=500)
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(auto_now=True)

    objects = ExtensionQuerySet.as_manager()

    class Meta:
        verbose_name = _("extension")
        verbose_name_plural = _("extensions")
        ordering = ("-until",)
        constraints = [
            models.UniqueConstraint(fields=["round", "institution"], name="one_extension_per_institution"),
        ]

    def __str__(self) -> str:
        return f"{self.institution_id}/{self.round_id}"

    @property
    def is_running(self) -> bool:
        return self.until > timezone.now()
