"""What a person was told in the portal."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from consortium.notifications.kinds import Kind
from consortium.people.models import Person


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, person: Person) -> Self:
        """Everybody's notices are their own."""
        return self.filter(person=person)

    def unread(self) -> Self:
        return self.filter(read_at=None)


class Notice(models.Model):
    """One sentence to one person, with the address of what it is about."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    kind = models.CharField(_("kind"), max_length=40)  # of kinds.Kind
    address = models.CharField(_("address"), max_length=200)
    facts = models.JSONField(default=dict)
    at = models.DateTimeField(_("when"), auto_now_add=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ("-at", "-pk")
        indexes = [models.Index(fields=["person", "-at"], name="notices_of_a_person")]

    def __str__(self) -> str:
        return self.sentence

    @property
    def sentence(self) -> str:
        """In the language of the page."""
        return str(str(Kind(self.kind).label) % self.facts)
