"""Warnings about published series, and what each party does about them. Own series are in `OwnWatch`, sealed."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import ApiClient, Institution
from consortium.people.roles import Actor, Permission, may
from consortium.states import HasState
from sharing.models.release import Release, ReleaseCell
from sharing.states import ALERT_MOVES, AlertState


class AlertKind(models.TextChoices):
    LEVEL = "level", _("Level")
    TREND = "trend", _("Trend")
    OUTLIER = "outlier", _("Outlier beside peers")
    SPREAD = "spread", _("Spread")


class Severity(models.TextChoices):
    ELEVATED = "elevated", _("Elevated")
    SEVERE = "severe", _("Severe")


class Outcome(models.TextChoices):
    REAL = "real", _("Real")
    FALSE_ALARM = "false_alarm", _("False alarm")
    EXPLAINED = "explained", _("Explained by something else")


class Ending(models.TextChoices):
    BACK = "back", _("Back within its limits")
    REVISED = "revised", _("Gone with a correction of the figures")


class AlertQuerySet(models.QuerySet["Alert"]):
    def visible_to(self, actor: Actor) -> Self:
        """Whoever sees the cell in the release that the warning stands on."""
        same = {name: OuterRef(name) for name in ("release", "indicator", "peer_group", "key")}
        return self.filter(Exists(ReleaseCell.objects.visible_to(actor).filter(**same)))

    def lasting(self) -> Self:
        return self.filter(ended_at=None)

    def unattended(self, actor: Actor) -> Self:
        """Lasting ones that the actor's party has not acknowledged yet."""
        handled = AlertHandling.objects.of_party(actor.institution_id)
        return self.lasting().exclude(handlings__in=handled)


class Alert(models.Model):
    """One episode of one published cell beyond what its history leads to expect.

    `facts` hold published figures and what follows from them alone. Of a spread `dimension` says along what, and `key`
    is the cell that was first.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.CharField(_("collection"), max_length=40)  # its code: a series outlives its template's version
    indicator = models.CharField(max_length=40)
    peer_group = models.CharField(max_length=40)
    key = models.CharField(max_length=160)
    dimension = models.CharField(max_length=40, blank=True, default="")
    kind = models.CharField(_("kind"), max_length=10, choices=AlertKind.choices)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity.choices)
    since = models.CharField(_("since"), max_length=10)
    period = models.CharField(_("period"), max_length=10)  # the last one that it holds in
    release = models.ForeignKey(Release, models.PROTECT, related_name="alerts")
    facts = models.JSONField(default=dict)
    raised_at = models.DateTimeField(_("raised"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    ending = models.CharField(_("why it ended"), max_length=10, choices=Ending.choices, blank=True, default="")

    objects = AlertQuerySet.as_manager()

    class Meta:
        verbose_name = _("warning")
        verbose_name_plural = _("warnings")
        ordering = ("-period", "-severity", "-raised_at", "pk")
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "indicator", "peer_group", "key"],
                condition=Q(ended_at=None, dimension=""),
                name="one_warning_per_episode",
            ),
            models.UniqueConstraint(
                fields=["collection", "indicator", "peer_group", "dimension"],
                condition=Q(ended_at=None) & ~Q(dimension=""),
                name="one_warning_per_wave",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ending="") | (Q(ended_at__isnull=False) & ~Q(ending="")),
                name="a_warning_ends_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.collection} {self.indicator} {self.key} {self.since}"


class AlertHandlingQuerySet(models.QuerySet["AlertHandling"]):
    def of_party(self, institution_id: int | None) -> Self:
        """None is the association."""
        return self.filter(institution=institution_id)

    def visible_to(self, actor: Actor) -> Self:
        """The own party's: what a member makes of a warning is its own business."""
        return self.of_party(actor.institution_id) if may(actor, Permission.RELEASE_VIEW) else self.none()


class AlertHandling(HasState):
    """What one party does about a warning: a member, or the association where `institution` is null."""

    MOVES: ClassVar = ALERT_MOVES

    alert = models.ForeignKey(Alert, models.CASCADE, related_name="handlings")
    institution = models.ForeignKey(Institution, models.CASCADE, null=True, blank=True, related_name="+")
    state = models.CharField(_("state"), max_length=20, choices=AlertState.choices, default=AlertState.OPEN)
    owner = models.CharField(_("who follows it up"), max_length=120, blank=True, default="")
    due = models.DateField(_("until"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome.choices, blank=True, default="")

    objects = AlertHandlingQuerySet.as_manager()

    class Meta:
        verbose_name = _("handling of a warning")
        constraints = [
            models.UniqueConstraint(
                fields=["alert", "institution"], nulls_distinct=False, name="one_handling_per_party"
            ),
            models.CheckConstraint(
                condition=(Q(state=AlertState.CLOSED) & ~Q(outcome="")) | (~Q(state=AlertState.CLOSED) & Q(outcome="")),
                name="closed_with_an_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} {self.state}"


class AlertStep(models.Model):
    """One thing that was done about a warning; what was done stays."""

    handling = models.ForeignKey(AlertHandling, models.CASCADE, related_name="steps")
    state = models.CharField(max_length=20, choices=AlertState.choices)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    client = models.ForeignKey(ApiClient, models.SET_NULL, null=True, blank=True, related_name="+")
    note = models.CharField(_("note"), max_length=2000, blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("step")
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.handling_id} {self.state}"


class Watch(models.Model):
    """What was watched last of a collection: which releases, and how waves spread in them; published figures alone."""

    collection = models.CharField(max_length=40, unique=True)
    releases = models.JSONField(default=list)  # ids of those in force then
    fronts = models.JSONField(default=list)
    looked_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("watch")

    def __str__(self) -> str:
        return self.collection


class OwnWatch(models.Model):
    """What an institution's own series showed when its people last looked, and what they did about it.

    Sealed to the portal's delivery key, padded, written whether or not there is a warning: the row says nothing.
    """

    institution = models.ForeignKey(Institution, models.CASCADE, related_name="+")
    collection = models.CharField(max_length=40)
    sealed = models.BinaryField()

    class Meta:
        verbose_name = _("watch of own series")
        constraints = [models.UniqueConstraint(fields=["institution", "collection"], name="one_own_watch")]

    def __str__(self) -> str:
        return f"{self.institution_id} {self.collection}"
