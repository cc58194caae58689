"""One institution's own value beside a release, sealed so that nobody else can open it."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.roles import Actor, Permission, may
from sharing.models.release import Release
from sharing.states import ReleaseState


class StatementQuerySet(models.QuerySet["Statement"]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.institution_id is None or not may(actor, Permission.STATEMENT_VIEW):
            return self.none()
        return self.filter(
            institution=actor.institution_id,
            release__state__in=(ReleaseState.PUBLISHED, ReleaseState.WITHDRAWN),
        )


class Statement(models.Model):
    """Sealed by the vault to the portal's delivery key, whose private half is not in the database."""

    release = models.ForeignKey(Release, models.CASCADE, related_name="statements")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="statements")
    sealed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StatementQuerySet.as_manager()

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        constraints = [models.UniqueConstraint(fields=["release", "institution"], name="one_statement_per_release")]

    def __str__(self) -> str:
        return f"{self.institution_id} {self.release_id}"
