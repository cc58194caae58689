"""Institutions that belong together and count as one contributor, and since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import get_language, gettext_lazy as _

from consortium.institutions.models.institution import CODE, Institution

if TYPE_CHECKING:
    from datetime import datetime


class AffiliateGroup(models.Model):
    """A mother and its daughters; `code` is what they contribute as."""

    code = models.CharField(_("code"), max_length=40, unique=True, validators=[CODE])
    name = models.CharField(_("name"), max_length=160)
    name_zh = models.CharField(_("name in Chinese"), max_length=160, blank=True)

    class Meta:
        verbose_name = _("affiliate group")
        verbose_name_plural = _("affiliate groups")
        ordering = ("code",)

    def __str__(self) -> str:
        if self.name_zh and (get_language() or "").startswith("zh"):
            return self.name_zh
        return self.name


class AffiliationQuerySet(models.QuerySet["Affiliation"]):
    def valid(self, at: datetime) -> Self:
        return self.filter(since__lte=at).filter(Q(until__isnull=True) | Q(until__gt=at))

    def current(self) -> Self:
        return self.filter(until__isnull=True)


class Affiliation(models.Model):
    """An institution in a group, from `since` until `until` (still, when that is empty). Rows are never removed."""

    group = models.ForeignKey(AffiliateGroup, models.PROTECT, related_name="affiliations")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="affiliations")
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    objects = AffiliationQuerySet.as_manager()

    class Meta:
        verbose_name = _("affiliation")
        ordering = ("-since", "-pk")
        constraints = [
            models.UniqueConstraint(
                fields=["institution"], condition=Q(until__isnull=True), name="one_affiliate_group_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="affiliations_end_after_they_begin"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.institution_id} in {self.group_id}"
