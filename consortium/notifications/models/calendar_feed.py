"""The subscription of a person's own calendar to due dates."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


def new_number() -> str:
    return secrets.token_hex(8)


class CalendarFeed(models.Model):
    """The link is made of this row and the platform's secret: a new number makes the old link useless."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="calendar_feed")
    number = models.CharField(max_length=16, default=new_number)
    made_at = models.DateTimeField(_("made"), auto_now=True)

    class Meta:
        verbose_name = _("calendar link")
        verbose_name_plural = _("calendar links")

    def __str__(self) -> str:
        return f"{self.person_id}"
