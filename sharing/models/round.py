"""One reference period of a collection, and the keys its packages are sealed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.states import HasState
from sharing.models.collection import Collection
from sharing.states import ROUND_MOVES, RoundState

if TYPE_CHECKING:
    from consortium.people.roles import Actor


class RoundQuerySet(models.QuerySet["Round"]):
    def visible_to(self, actor: Actor) -> Self:
        rounds = self.filter(collection__in=Collection.objects.visible_to(actor))
        if actor.institution_id is not None:
            return rounds.exclude(state=RoundState.PLANNED)
        return rounds

    def open(self) -> Self:
        return self.filter(state=RoundState.OPEN)


class Round(HasState):
    """One reference period of a collection; `public_id` is what packages name as their subject."""

    MOVES: ClassVar = ROUND_MOVES

    collection = models.ForeignKey(Collection, models.PROTECT, related_name="rounds", verbose_name=_("collection"))
    public_id = models.CharField(_("id"), max_length=60, unique=True)
    period = models.CharField(_("reference period"), max_length=10)
    state = models.CharField(_("state"), max_length=12, choices=RoundState.choices, default=RoundState.PLANNED)
    opens_at = models.DateTimeField(_("opens"))
    due_at = models.DateTimeField(_("due"))
    grace_until = models.DateTimeField(_("grace until"), null=True, blank=True)
    closes_at = models.DateTimeField(_("closes by itself"), null=True, blank=True)  # empty: when somebody closes it
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    objects = RoundQuerySet.as_manager()

    class Meta:
        verbose_name = _("round")
        verbose_name_plural = _("rounds")
        # Periods of months and quarters do not sort as text: "2026-Q3" would come after "2026-11".
        ordering = ("-due_at", "collection__code")
        constraints = [
            models.UniqueConstraint(fields=["collection", "period"], name="one_round_per_period"),
            models.CheckConstraint(condition=Q(due_at__gt=models.F("opens_at")), name="due_after_opening"),
            models.CheckConstraint(
                condition=Q(grace_until__isnull=True) | Q(grace_until__gte=models.F("due_at")), name="grace_after_due"
            ),
            models.CheckConstraint(
                condition=Q(closes_at__isnull=True) | Q(closes_at__gte=models.F("due_at")), name="closes_after_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.collection} {self.period}"

    @property
    def is_overdue(self) -> bool:
        return self.state == RoundState.OPEN and timezone.now() > self.due_at


class RoundKey(models.Model):
    """A sealing key of a round. The private half is wrapped by the vault's key-encryption key, or destroyed."""

    round = models.ForeignKey(Round, models.PROTECT, related_name="keys")
    rkid = models.CharField(_("key id"), max_length=43, unique=True)
    suite = models.CharField(_("suite"), max_length=10)
    public_jwk = models.JSONField(_("public key"))
    signature = models.TextField(_("the consortium's signature over the key"))
    wrapped_private = models.BinaryField(null=True)
    kek = models.CharField(_("wrapped by"), max_length=120, blank=True, default="")  # the id of the key-encryption key
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(_("destroyed"), null=True, blank=True)

    class Meta:
        verbose_name = _("sealing key")
        constraints = [
            models.UniqueConstraint(fields=["round", "suite"], name="one_sealing_key_per_suite"),
            models.CheckConstraint(
                name="a_destroyed_key_is_gone",
                condition=Q(destroyed_at__isnull=True, wrapped_private__isnull=False)
                | Q(destroyed_at__isnull=False, wrapped_private__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.rkid


class Destruction(models.Model):
    """One person asks to destroy a round's keys before their time; a second one confirms, or somebody calls it off."""

    round = models.ForeignKey(Round, models.PROTECT, related_name="destructions")
    reason = models.TextField(_("reason"))
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    called_off_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("destruction of keys")
        ordering = ("-asked_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["round"], condition=Q(ended_at__isnull=True), name="one_destruction_asked_for_per_round"
            ),
            models.CheckConstraint(
                name="two_people_destroy",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=models.F("asked_by")),
            ),
        ]

    def __str__(self) -> str:
        return str(self.round_id)
