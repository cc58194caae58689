"""The keys that institutions sign their packages with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models.institution import Institution

if TYPE_CHECKING:
    from datetime import datetime


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    def in_force(self, at: datetime | None = None) -> Self:
        at = at or timezone.now()
        return self.filter(valid_from__lte=at).filter(Q(revoked_at__isnull=True) | Q(revoked_at__gt=at))


class SigningKey(models.Model):
    """The public half of a key that an institution signs its packages with."""

    institution = models.ForeignKey(Institution, models.PROTECT, related_name="signing_keys")
    kid = models.CharField(_("key id"), max_length=43, unique=True)  # RFC 7638 thumbprint
    jwk = models.JSONField(_("public key"))
    valid_from = models.DateTimeField(_("valid from"), default=timezone.now)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    objects = SigningKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("signing key")
        ordering = ("-valid_from",)

    def __str__(self) -> str:
        return self.kid

    @property
    def is_in_force(self) -> bool:
        return self.was_in_force(timezone.now())

    def was_in_force(self, at: datetime) -> bool:
        return self.valid_from <= at and (self.revoked_at is None or self.revoked_at > at)
