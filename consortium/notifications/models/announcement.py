"""What is still to be told. Written with the change itself, so that neither is there without the other."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AnnouncementQuerySet(models.QuerySet["Announcement"]):
    def forgotten(self) -> Self:
        """Whose message was lost, or whose worker died."""
        given_up = timezone.now() - timedelta(seconds=settings.CONCORD_PATIENCE)
        return self.filter(done_at=None, at__lt=given_up)


class Announcement(models.Model):
    """An event that people and webhooks are to be told of: `round.opened` about the round with this key."""

    event = models.CharField(_("event"), max_length=40)
    about = models.CharField(max_length=40)
    at = models.DateTimeField(_("when"), auto_now_add=True)
    done_at = models.DateTimeField(null=True, blank=True)

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        verbose_name = _("announcement")
        verbose_name_plural = _("announcements")
        indexes = [models.Index(fields=["at"], condition=models.Q(done_at=None), name="announcements_to_make")]

    def __str__(self) -> str:
        return f"{self.event} {self.about}"
