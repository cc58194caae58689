"""A statistician's question to whoever a finding is about, and the answers. Neither knows the other's name."""

from __future__ import annotations

import uuid
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from consortium.people.roles import Actor, Permission, may
from consortium.states import HasState
from sharing.models.submission import Submission
from sharing.states import QUERY_MOVES, QueryState


class QueryQuerySet(models.QuerySet["Query"]):
    def visible_to(self, actor: Actor) -> Self:
        """A member sees what its own submissions are asked; of the association only whoever reviews releases.

        Not one who reads the audit log too: it names who answers.
        """
        if actor.institution_id is None:
            asks = may(actor, Permission.RELEASE_REVIEW) and not may(actor, Permission.AUDIT_VIEW)
            return self if asks else self.none()
        if not may(actor, Permission.SUBMISSION_VIEW):
            return self.none()
        return self.filter(submission__institution=actor.institution_id)


class Query(HasState):
    """About one rule in one submission. The association knows the submission by its `handle` only."""

    MOVES: ClassVar = QUERY_MOVES

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    submission = models.ForeignKey(Submission, models.PROTECT, related_name="queries")
    handle = models.CharField(_("contributor"), max_length=12)
    rule = models.CharField(_("rule"), max_length=60)
    severity = models.CharField(max_length=10)
    findings_count = models.PositiveIntegerField()
    state = models.CharField(_("state"), max_length=20, choices=QueryState.choices, default=QueryState.OPEN)
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)

    objects = QueryQuerySet.as_manager()

    class Meta:
        verbose_name = _("query")
        verbose_name_plural = _("queries")
        ordering = ("-asked_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["submission", "rule"], condition=~Q(state=QueryState.CLOSED), name="one_open_query_per_rule"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.handle} {self.rule}"


class QueryMessage(models.Model):
    """One message of a thread; which side wrote it is shown, who did only to the own side."""

    query = models.ForeignKey(Query, models.CASCADE, related_name="messages")
    is_answer = models.BooleanField()
    text = models.CharField(_("message"), max_length=2000)
    cells = models.JSONField(default=list)  # of the findings, where the member chose to show them
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("message")
        ordering = ("at", "pk")

    def __str__(self) -> str:
        return f"{self.query_id} {self.at}"
