"""Institutions that ask to become members."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar, Self

from django.conf import settings
from django.db import models
from django.utils.translation import get_language, gettext_lazy as _

from consortium.institutions.models.institution import Institution, InstitutionKind, SizeBand
from consortium.institutions.states import APPLICATION_MOVES, ApplicationState
from consortium.people.roles import Permission, may
from consortium.states import HasState

if TYPE_CHECKING:
    from consortium.people.roles import Actor


class ApplicationQuerySet(models.QuerySet["Application"]):
    def visible_to(self, actor: Actor) -> Self:
        """Member services see applications once the address of the contact is proven to be theirs."""
        if not may(actor, Permission.MEMBER_ADMIT):
            return self.none()
        return self.exclude(confirmed_at=None)

    def waiting(self) -> Self:
        return self.filter(state__in=[ApplicationState.CONFIRMED, ApplicationState.IN_REVIEW])


class Application(HasState):
    """What an institution says of itself, and what became of it. The applicant follows it by a link of its own."""

    MOVES: ClassVar = APPLICATION_MOVES

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    state = models.CharField(
        _("state"), max_length=10, choices=ApplicationState.choices, default=ApplicationState.SUBMITTED
    )
    name = models.CharField(_("legal name"), max_length=160)
    name_zh = models.CharField(_("name in Chinese"), max_length=160, blank=True)
    kind = models.CharField(_("kind"), max_length=30, choices=InstitutionKind.choices)
    size_band = models.CharField(_("size"), max_length=10, choices=SizeBand.choices)
    home_region = models.CharField(_("home region"), max_length=20)
    registration_number = models.CharField(_("registration number"), max_length=40, blank=True)
    lei = models.CharField(_("legal entity identifier"), max_length=20, blank=True)
    contact_name = models.CharField(_("contact person"), max_length=120)
    contact_position = models.CharField(_("position"), max_length=120)
    contact_email = models.EmailField(_("e-mail address"))
    reason = models.TextField(_("why you want to join"), max_length=4000)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    source = models.CharField(max_length=64, blank=True)  # keyed digest of the network address it came from
    submitted_at = models.DateTimeField(_("submitted"), auto_now_add=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)
    decision = models.TextField(_("reason of the decision"), max_length=2000, blank=True)
    institution = models.OneToOneField(
        Institution, models.PROTECT, null=True, blank=True, related_name="application", verbose_name=_("institution")
    )

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = _("application")
        verbose_name_plural = _("applications")
        ordering = ("-submitted_at",)
        indexes = [
            models.Index(fields=["source", "-submitted_at"], name="applications_of_a_source"),
            models.Index(fields=["state"], name="applications_by_state"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(state=ApplicationState.ADMITTED) | models.Q(institution__isnull=False),
                name="admitted_applications_have_an_institution",
            ),
        ]

    def __str__(self) -> str:
        if self.name_zh and (get_language() or "").startswith("zh"):
            return self.name_zh
        return self.name


class ApplicationQuestion(models.Model):
    """What member services want to know, and the applicant's answer."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="questions")
    question = models.TextField(_("question"), max_length=2000)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)
    answer = models.TextField(_("answer"), max_length=4000, blank=True)
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("question")
        ordering = ("asked_at", "pk")

    def __str__(self) -> str:
        return f"{self.application_id} {self.pk}"
