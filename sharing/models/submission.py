"""One institution's sealed answer for one round, what was found in it, and who opened it."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import ApiClient, Institution
from consortium.people.roles import Actor, Permission, may
from consortium.states import HasState
from sharing.models.round import Round
from sharing.states import SUBMISSION_MOVES, SubmissionState


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def visible_to(self, actor: Actor) -> Self:
        """A member sees its own. The association sees progress through rounds, never submissions."""
        if actor.institution_id is None or not may(actor, Permission.SUBMISSION_VIEW):
            return self.none()
        return self.filter(institution=actor.institution_id)

    def accepted(self) -> Self:
        return self.filter(state=SubmissionState.ACCEPTED)

    def undecided(self) -> Self:
        """Received, and not yet opened and checked. A round is computed when it has none."""
        return self.filter(state=SubmissionState.RECEIVED)


class Submission(HasState):
    """A sealed package as it was received. The server keeps ciphertext only."""

    MOVES: ClassVar = SUBMISSION_MOVES

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    round = models.ForeignKey(Round, models.PROTECT, related_name="submissions", verbose_name=_("round"))
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="submissions", verbose_name=_("institution")
    )
    version = models.PositiveIntegerField(_("version"))
    state = models.CharField(
        _("state"), max_length=20, choices=SubmissionState.choices, default=SubmissionState.RECEIVED
    )
    received_at = models.DateTimeField(_("received"))
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    sent_by_client = models.ForeignKey(ApiClient, models.SET_NULL, null=True, blank=True, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    idempotency_key = models.CharField(max_length=200, blank=True)
    signing_kid = models.CharField(_("signed with"), max_length=43)
    rkid = models.CharField(_("sealed to"), max_length=43)
    package_sha256 = models.CharField(_("SHA-256 of the package"), max_length=64)
    package_bytes = models.PositiveIntegerField(_("size of the package in bytes"))
    blob = models.CharField(max_length=200)  # the name under which sharing.blobs keeps the package
    receipt = models.TextField(_("receipt"))
    queued_at = models.DateTimeField(default=timezone.now)  # when a worker was last told
    lease_until = models.DateTimeField(null=True, blank=True)  # a worker is opening it; the sweeper waits until then

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        verbose_name = _("submission")
        verbose_name_plural = _("submissions")
        ordering = ("-received_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["round", "institution"],
                condition=Q(state=SubmissionState.ACCEPTED),
                name="one_accepted_submission_per_round",
            ),
            models.UniqueConstraint(fields=["round", "institution", "version"], name="versions_are_counted"),
            models.UniqueConstraint(fields=["package_sha256"], name="the_same_bytes_are_one_submission"),
            models.UniqueConstraint(
                fields=["institution", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="one_submission_per_idempotency_key",
            ),
        ]
        indexes = [models.Index(fields=["state", "received_at"], name="submission_waiting")]

    def __str__(self) -> str:
        return f"{self.institution_id}/{self.round_id} v{self.version}"


class Finding(models.Model):
    """What a check found: which rule, in which cell, what was expected. Never a figure."""

    class Severity(models.TextChoices):
        ERROR = "error", _("Error")
        WARNING = "warning", _("Warning")

    submission = models.ForeignKey(Submission, models.CASCADE, related_name="findings")
    rule = models.CharField(_("rule"), max_length=60)
    severity = models.CharField(_("severity"), max_length=10, choices=Severity.choices)
    cell = models.JSONField(_("cell"), default=dict)
    sentence = models.TextField(_("what to do"))

    class Meta:
        verbose_name = _("finding")
        verbose_name_plural = _("findings")
        ordering = ("severity", "pk")

    def __str__(self) -> str:
        return self.rule


class Opening(models.Model):
    """A worker opened a package; the member sees every one."""

    class Purpose(models.TextChoices):
        CHECK = "check", _("Checking")
        COMPARE = "compare", _("Comparing with the period after")
        COMPUTE = "compute", _("Computing the release")

    submission = models.ForeignKey(Submission, models.PROTECT, related_name="openings")
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices)
    worker = models.CharField(_("worker"), max_length=120)
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("opening")
        verbose_name_plural = _("openings")
        ordering = ("at",)

    def __str__(self) -> str:
        return f"{self.purpose} {self.at}"
