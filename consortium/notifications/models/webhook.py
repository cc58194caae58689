"""Where an institution's own systems are told, what of, and how that went."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.roles import Permission, may

if TYPE_CHECKING:
    from consortium.people.roles import Actor


class EventType(models.TextChoices):
    """What a webhook may ask for; the value is the `type` of its messages."""

    ROUND_OPENED = "round.opened", _("A round opened")
    ROUND_DUE = "round.due", _("A round is due and nothing is accepted")
    SUBMISSION_RECEIVED = "submission.received", _("A submission was received")
    SUBMISSION_ACCEPTED = "submission.accepted", _("A submission was accepted")
    SUBMISSION_REJECTED = "submission.rejected", _("A submission was rejected")
    SUBMISSION_AWAITING = "submission.awaiting_approval", _("A submission waits for approval")
    RELEASE_PUBLISHED = "release.published", _("A release was published")
    RELEASE_WITHDRAWN = "release.withdrawn", _("A release was withdrawn")
    STATEMENT_READY = "statement.ready", _("The own statement is ready")
    ALERT_RAISED = "alert.raised", _("A warning about published figures was raised")


TEST = "webhook.test"  # sent by button to anybody


def new_message_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def visible_to(self, actor: Actor) -> Self:
        """The own institution's, and nobody else's; the association sees none."""
        if actor.institution_id is None or not may(actor, Permission.INSTITUTION_VIEW):
            return self.none()
        return self.filter(institution=actor.institution_id)

    def active(self) -> Self:
        return self.filter(disabled_at=None)


class Endpoint(models.Model):
    """One address of an institution. `secrets` are wrapped; `former` signs beside the new one until `former_until`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    institution = models.ForeignKey(Institution, models.CASCADE, related_name="webhooks")
    url = models.URLField(_("address"), max_length=400)
    events = ArrayField(models.CharField(max_length=40, choices=EventType.choices), verbose_name=_("events"))
    description = models.CharField(_("description"), max_length=120, blank=True)
    secret = models.TextField()
    former_secret = models.TextField(blank=True)
    former_until = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    disabled_at = models.DateTimeField(_("disabled"), null=True, blank=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("made_at", "pk")
        constraints = [models.UniqueConstraint(fields=["institution", "url"], name="one_webhook_per_address")]

    def __str__(self) -> str:
        """Only the host: the rest of an address may be a secret."""
        return self.host

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None

    @property
    def version(self) -> str:
        """Another one whenever somebody changed what can be changed."""
        chosen = (self.url, self.events, self.description, self.is_active)
        return hashlib.sha256(repr(chosen).encode()).hexdigest()[:32]


class Message(models.Model):
    """What happened, as it is sent: names, ids and addresses, never a figure."""

    id = models.CharField(primary_key=True, max_length=40, default=new_message_id, editable=False)
    type = models.CharField(_("event"), max_length=40)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(_("when"), default=timezone.now)
    once = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ("-at",)
        constraints = [models.UniqueConstraint(fields=["once"], condition=~Q(once=""), name="one_message_per_event")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def visible_to(self, actor: Actor) -> Self:
        return self.filter(endpoint__in=Endpoint.objects.visible_to(actor))

    def due(self) -> Self:
        return self.filter(state=DeliveryState.WAITING, next_at__lte=timezone.now())


class Delivery(models.Model):
    """One message on its way to one endpoint."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="deliveries")
    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries")
    state = models.CharField(_("state"), max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    at = models.DateTimeField(_("when"), default=timezone.now)
    next_at = models.DateTimeField(_("next attempt"), default=timezone.now)  # while one runs: when it is given up

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-at", "-pk")
        constraints = [models.UniqueConstraint(fields=["endpoint", "message"], name="one_delivery_per_endpoint")]
        indexes = [
            models.Index(fields=["next_at"], condition=Q(state=DeliveryState.WAITING), name="deliveries_waiting"),
            models.Index(fields=["endpoint", "-at"], name="deliveries_of_an_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} {self.state}"


class Attempt(models.Model):
    """One request: when, how long, what came back. Of the answer's body at most a kilobyte is kept."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="log")
    at = models.DateTimeField(_("when"), default=timezone.now)
    milliseconds = models.PositiveIntegerField(_("duration in ms"))
    status = models.PositiveSmallIntegerField(_("status code"), null=True, blank=True)
    problem = models.CharField(_("problem"), max_length=40, blank=True)  # a slug; empty when an answer came
    body = models.CharField(_("answer"), max_length=1024, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.status or self.problem}"
