"""The letters that wait to be sent. The row is the truth; a worker is only told that it is there."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class MailState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")


class MailQuerySet(models.QuerySet["Mail"]):
    def due(self) -> Self:
        return self.filter(state=MailState.WAITING, next_at__lte=timezone.now())


class Mail(models.Model):
    """One letter to one address. Its contents are kept only until it is sent or given up."""

    to = models.EmailField(_("to"))
    template = models.CharField(_("template"), max_length=80)
    subject = models.CharField(_("subject"), max_length=300)
    text = models.TextField()
    html = models.TextField()
    headers = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=MailState.choices, default=MailState.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    at = models.DateTimeField(_("when"), auto_now_add=True)
    next_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        verbose_name = _("letter")
        verbose_name_plural = _("letters")
        ordering = ("-at", "-pk")
        indexes = [models.Index(fields=["next_at"], condition=Q(state=MailState.WAITING), name="mail_waiting")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state=MailState.WAITING) | Q(text="", html="", headers={}),
                name="a_sent_letter_is_not_kept",
            )
        ]

    def __str__(self) -> str:
        return f"{self.template} {self.pk}"
