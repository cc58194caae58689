"""The keys that institutions sign their packages with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models.institution import Institution
from consortium.people.roles import Permission, may

if TYPE_CHECKING:
    from datetime import datetime

    from consortium.people.roles import Actor


class SigningKeyQuerySet(models.QuerySet["SigningKey"]):
    def visible_to(self, actor: Actor) -> Self:
        """A member sees its own keys."""
        if actor.institution_id is None or not may(actor, Permission.INSTITUTION_VIEW):
            return self.none()
        return self.filter(institution=actor.institution_id)

    def in_force(self, at: datetime | None = None) -> Self:
        at = at or timezone.now()
        over = Q(revoked_at__lte=at) | Q(ends_at__lte=at)
        return self.filter(valid_from__lte=at).exclude(over)


class SigningKey(models.Model):
    """The public half of a key that an institution signs its packages with.

    It ends by itself at `ends_at`, once another has replaced it, or at once when it is revoked.
    """

    class Revocation(models.TextChoices):
        ROUTINE = "routine", _("No longer needed")
        COMPROMISED = "compromised", _("Somebody else may have it")

    institution = models.ForeignKey(Institution, models.PROTECT, related_name="signing_keys")
    kid = models.CharField(_("key id"), max_length=43, unique=True)  # RFC 7638 thumbprint
    jwk = models.JSONField(_("public key"))
    valid_from = models.DateTimeField(_("valid from"), default=timezone.now)
    ends_at = models.DateTimeField(_("ends"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revocation = models.CharField(_("why revoked"), max_length=12, choices=Revocation.choices, blank=True, default="")
    registered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("registered by"),
    )
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("revoked by")
    )
    replaces = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="successor", verbose_name=_("replaces")
    )

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
        return self.valid_from <= at and not any(
            end is not None and end <= at for end in (self.revoked_at, self.ends_at)
        )
