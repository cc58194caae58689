"""What a person was told in the portal, and how it is mailed to them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.dateformat import format as format_date
from django.utils.formats import get_format
from django.utils.translation import get_language, gettext_lazy as _

from consortium.notifications.kinds import Kind, Topic, topic_of
from consortium.people.models import Person

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Channel(models.TextChoices):
    """When a notice is mailed; in the portal it always is."""

    AT_ONCE = "at_once", _("At once")
    DIGEST = "digest", _("Once a day")
    OFF = "off", _("Not by e-mail")


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, person: Person) -> Self:
        """Everybody's notices are their own."""
        return self.filter(person=person)

    def unread(self) -> Self:
        return self.filter(read_at=None)

    def about(self, topic: str) -> Self:
        return self.filter(kind__in=[kind for kind in Kind.values if topic_of(kind) == topic])

    def to_mail(self, channel: Channel) -> Self:
        return self.filter(mail=channel, mailed_at=None)


class Notice(models.Model):
    """One sentence to one person, with the address of what it is about."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    kind = models.CharField(_("kind"), max_length=40)  # of kinds.Kind
    address = models.CharField(_("address"), max_length=200)
    facts = models.JSONField(default=dict)
    once = models.CharField(max_length=200, blank=True, default="")  # the event, where it may be told twice
    at = models.DateTimeField(_("when"), auto_now_add=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    mail = models.CharField(_("mail"), max_length=10, choices=Channel.choices, default=Channel.OFF)
    mailed_at = models.DateTimeField(_("mailed"), null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        ordering = ("-at", "-pk")
        indexes = [
            models.Index(fields=["person", "-at"], name="notices_of_a_person"),
            models.Index(fields=["person"], condition=Q(read_at=None), name="notices_unread"),
            models.Index(
                fields=["mail", "person"], condition=Q(mailed_at=None) & ~Q(mail=Channel.OFF), name="notices_to_mail"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["person", "once"], condition=~Q(once=""), name="told_once"),
        ]

    def __str__(self) -> str:
        return self.sentence

    def get_absolute_url(self) -> str:
        """Opening it there marks it as read."""
        return reverse("notice", args=[self.pk])

    @property
    def sentence(self) -> str:
        """In the language of the page."""
        if self.kind not in Kind.values:
            return self.kind
        words = _Words((name, _in_words(fact)) for name, fact in self.facts.items())
        return str(str(Kind(self.kind).label) % words)

    @property
    def remark(self) -> str:
        """What somebody added in their own words."""
        return str(self.facts.get("remark", ""))

    @property
    def topic(self) -> Topic:
        return topic_of(self.kind)


class _Words(dict[str, str]):
    """What a sentence names; a fact that an old notice does not have is a gap, not a failure."""

    def __missing__(self, name: str) -> str:
        return "…"


def _in_words(fact: Any) -> str:
    """A name in the language of the page when it has one for each; a day as the language writes it."""
    if isinstance(fact, Mapping):
        chinese = (get_language() or "").startswith("zh")
        return str((chinese and fact.get("zh-Hans")) or fact.get("en", ""))
    if isinstance(fact, str) and _DAY.fullmatch(fact):
        with suppress(ValueError):  # somebody may be called 2026-99-99
            return format_date(date.fromisoformat(fact), get_format("DATE_FORMAT"))
    return str(fact)


class Preference(models.Model):
    """When a person wants the notices of a topic by mail; without a row, at once."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notice_preferences")
    topic = models.CharField(_("topic"), max_length=20, choices=Topic.choices)
    mail = models.CharField(_("mail"), max_length=10, choices=Channel.choices)

    class Meta:
        verbose_name = _("mail preference")
        verbose_name_plural = _("mail preferences")
        constraints = [models.UniqueConstraint(fields=["person", "topic"], name="one_preference_per_topic")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.topic} {self.mail}"
