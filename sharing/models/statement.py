"""One institution's own value beside a release, sealed so that nobody else can open it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.roles import Actor, Permission, may
from sharing.models.release import PUBLIC_STATES, Release


class StatementKeyQuerySet(models.QuerySet["StatementKey"]):
    def visible_to(self, actor: Actor) -> Self:
        """A member sees its own keys."""
        if actor.institution_id is None or not may(actor, Permission.INSTITUTION_VIEW):
            return self.none()
        return self.filter(institution=actor.institution_id)

    def in_force(self) -> Self:
        return self.filter(ended_at=None)


class StatementKey(models.Model):
    """The public key that an institution may have its statements sealed to.

    `signature` is the request, signed with a signing key of the institution: whoever has the database cannot put another
    key here that the vault, which verifies it again, would take for the bank's.
    """

    institution = models.ForeignKey(Institution, models.PROTECT, related_name="statement_keys")
    kid = models.CharField(_("key"), max_length=64, unique=True)  # RFC 7638 thumbprint
    suite = models.CharField(_("suite"), max_length=10)
    public_jwk = models.JSONField()
    signature = models.TextField()
    signing_kid = models.CharField(_("signed by"), max_length=64)
    registered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    registered_at = models.DateTimeField(_("registered"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    objects = StatementKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("key for statements")
        verbose_name_plural = _("keys for statements")
        ordering = ("-registered_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["institution"], condition=Q(ended_at=None), name="one_statement_key_in_force"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.institution_id} {self.kid}"


class StatementDelivery(models.Model):
    """How an institution takes the statements of releases that are computed from now on; in the portal without a row."""

    institution = models.OneToOneField(Institution, models.PROTECT, primary_key=True, related_name="statement_delivery")
    own_key_only = models.BooleanField(_("sealed to the own key only"), default=False)
    chosen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    chosen_at = models.DateTimeField(_("chosen"), auto_now=True)

    class Meta:
        verbose_name = _("delivery of statements")
        verbose_name_plural = _("deliveries of statements")

    def __str__(self) -> str:
        return f"{self.institution_id} {'own key' if self.own_key_only else 'portal'}"


class StatementQuerySet(models.QuerySet["Statement"]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.institution_id is None or not may(actor, Permission.STATEMENT_VIEW):
            return self.none()
        return self.filter(institution=actor.institution_id, release__state__in=PUBLIC_STATES)


class Statement(models.Model):
    """Sealed by the vault: to the portal's delivery key in blocks, or whole to a key of the institution's own.

    The private halves of both are not in the database.
    """

    release = models.ForeignKey(Release, models.CASCADE, related_name="statements")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="statements")
    peer_groups = models.JSONField(default=list)  # ALL and those that the institution was in
    sealed = models.BinaryField(null=True)  # of version 1, before there were blocks: one document
    document = models.BinaryField(null=True)  # sealed to `key`: the portal has no block then
    key = models.ForeignKey(StatementKey, models.PROTECT, null=True, related_name="statements")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StatementQuerySet.as_manager()

    class Meta:
        verbose_name = _("statement")
        verbose_name_plural = _("statements")
        constraints = [
            models.UniqueConstraint(fields=["release", "institution"], name="one_statement_per_release"),
            models.CheckConstraint(
                condition=Q(document=None, key=None) | Q(document__isnull=False, key__isnull=False, sealed=None),
                name="a_document_is_sealed_to_a_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.institution_id} {self.release_id}"

    @property
    def is_for_own_key(self) -> bool:
        """Whether only the institution itself can open it, with its own key."""
        return self.key_id is not None


class StatementBlock(models.Model):
    """Own rates of one indicator in one stretch of the release's cells: a series opens no more than it shows."""

    statement = models.ForeignKey(Statement, models.CASCADE, related_name="blocks")
    indicator = models.CharField(max_length=40)
    part = models.PositiveIntegerField()
    sealed = models.BinaryField()

    class Meta:
        verbose_name = _("block of a statement")
        constraints = [
            models.UniqueConstraint(fields=["statement", "indicator", "part"], name="one_block_for_each_part"),
        ]

    def __str__(self) -> str:
        return f"{self.statement_id} {self.indicator} {self.part}"
