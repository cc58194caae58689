"""Who did what, to what, when: append-only and hash-chained."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from consortium.people.roles import Actor, Permission, may


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible_to(self, actor: Actor) -> Self:
        return self if may(actor, Permission.AUDIT_VIEW) else self.none()


class Entry(models.Model):
    """One recorded event. `digest` covers the entry and the one before it, so a change anywhere shows.

    Entries name things and never hold a figure. A trigger refuses UPDATE and DELETE.
    """

    at = models.DateTimeField(_("when"))
    event = models.CharField(_("event"), max_length=60)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    institution = models.ForeignKey("institutions.Institution", models.PROTECT, null=True, blank=True, related_name="+")
    actor = models.CharField(_("who"), max_length=160)  # as it was then: a person, an API client, a process
    about_type = models.CharField(max_length=60, blank=True)
    about_id = models.CharField(max_length=60, blank=True)
    about = models.CharField(_("about"), max_length=200, blank=True)
    details = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, unique=True)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ("-pk",)
        indexes = [
            models.Index(fields=["about_type", "about_id"], name="audit_about"),
            models.Index(fields=["institution", "-id"], name="audit_institution"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.about}"
