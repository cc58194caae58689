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

# What a trial can be: nothing that counts.
TRIAL_STATES = (SubmissionState.RECEIVED, SubmissionState.CHECKED, SubmissionState.REJECTED)


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def visible_to(self, actor: Actor) -> Self:
        """A member sees its own. The association sees progress through rounds, never submissions."""
        if actor.institution_id is None or not may(actor, Permission.SUBMISSION_VIEW):
            return self.none()
        return self.filter(institution=actor.institution_id)

    def accepted(self) -> Self:
        return self.filter(state=SubmissionState.ACCEPTED)

    def undecided(self) -> Self:
        """Received, and not yet opened and checked. A round is computed when it has no firm one."""
        return self.filter(state=SubmissionState.RECEIVED)

    def firm(self) -> Self:
        """Sent to count: all but trials."""
        return self.filter(is_trial=False)


class Timeliness(models.TextChoices):
    """Against the date that held for the institution when the package was received."""

    ON_TIME = "on_time", _("On time")
    IN_GRACE = "in_grace", _("In grace")
    LATE = "late", _("Late")


class CorrectionReason(models.TextChoices):
    """Why a version replaces one that counted."""

    SOURCE_DATA = "source-data", _("The source data were wrong")
    MAPPING = "mapping", _("The mapping or the calculation was wrong")
    CLASSIFICATION = "classification", _("Loans were classified anew")
    METHOD = "method", _("The method changed")
    QUERY = "query", _("In answer to a question of the association")
    OTHER = "other", _("Another reason")


class Submission(HasState):
    """A sealed package as it was received. The server keeps ciphertext only; of a decided trial not even that."""

    MOVES: ClassVar = SUBMISSION_MOVES

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    round = models.ForeignKey(Round, models.PROTECT, related_name="submissions", verbose_name=_("round"))
    institution = models.ForeignKey(
        Institution, models.PROTECT, related_name="submissions", verbose_name=_("institution")
    )
    is_trial = models.BooleanField(_("on trial"), default=False)
    version = models.PositiveIntegerField(_("version"))  # trials are counted apart
    state = models.CharField(
        _("state"), max_length=20, choices=SubmissionState.choices, default=SubmissionState.RECEIVED
    )
    received_at = models.DateTimeField(_("received"))
    checked_at = models.DateTimeField(_("checked"), null=True, blank=True)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    timeliness = models.CharField(_("timeliness"), max_length=10, choices=Timeliness.choices, blank=True, default="")
    correction = models.CharField(
        _("reason of the correction"), max_length=20, choices=CorrectionReason.choices, blank=True, default=""
    )
    correction_note = models.CharField(_("what was corrected"), max_length=500, blank=True, default="")
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
    # What the vault measured: shares and counts of cells, never a figure. Empty where there was nothing to compare with.
    completeness = models.FloatField(_("completeness"), null=True, blank=True)
    cells_changed = models.PositiveIntegerField(_("cells changed"), null=True, blank=True)
    score = models.PositiveSmallIntegerField(_("quality score"), null=True, blank=True)

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
            models.UniqueConstraint(
                fields=["round", "institution", "is_trial", "version"], name="versions_are_counted"
            ),
            models.UniqueConstraint(fields=["package_sha256", "is_trial"], name="the_same_bytes_are_one_submission"),
            models.CheckConstraint(
                name="a_trial_never_counts",
                condition=Q(is_trial=True, state__in=TRIAL_STATES)
                | (Q(is_trial=False) & ~Q(state=SubmissionState.CHECKED)),
            ),
            models.CheckConstraint(
                name="completeness_is_a_share",
                condition=Q(completeness__isnull=True) | Q(completeness__gte=0, completeness__lte=1),
            ),
            models.CheckConstraint(name="a_score_is_at_most_100", condition=Q(score__isnull=True) | Q(score__lte=100)),
            models.UniqueConstraint(
                fields=["institution", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="one_submission_per_idempotency_key",
            ),
        ]
        indexes = [models.Index(fields=["state", "received_at"], name="submission_waiting")]

    def __str__(self) -> str:
        return f"{self.institution_id}/{self.round_id} v{self.version}"


class Remark(models.Model):
    """Why somebody sent a submission back or withdrew it. People are told to write no figure into it."""

    class Kind(models.TextChoices):
        SENT_BACK = "sent_back", _("Sent back")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    submission = models.ForeignKey(Submission, models.CASCADE, related_name="remarks")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    text = models.CharField(_("reason"), max_length=500, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    by_client = models.ForeignKey(ApiClient, models.SET_NULL, null=True, blank=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("remark")
        verbose_name_plural = _("remarks")
        ordering = ("at",)

    def __str__(self) -> str:
        return self.kind


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
        REVISE = "revise", _("Comparing with the version after")
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
