"""The membership agreement: its versions, and who accepted which for their institution."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy as _

from consortium.institutions.models.institution import Institution
from consortium.people.roles import Permission, may

if TYPE_CHECKING:
    from datetime import date

    from consortium.people.roles import Actor

_BETWEEN = "\n\n" + "=" * 72 + "\n\n"


class AgreementQuerySet(models.QuerySet["Agreement"]):
    def newest(self) -> Agreement | None:
        return self.order_by("-version").first()

    def binding(self, on: date | None = None) -> Agreement | None:
        """The newest version that everybody must have accepted by now; None before the first such day."""
        return self._binding(on or timezone.localdate()).first()

    def accepted_by(self, institution_id: int) -> bool:
        """Whether the institution accepted the version that binds by now, or a newer one; True where none binds."""
        newer = AgreementAcceptance.objects.filter(
            institution=institution_id, agreement__version__gte=models.OuterRef("version")
        )
        binding = self._binding(timezone.localdate()).annotate(is_accepted=models.Exists(newer))
        return binding.values_list("is_accepted", flat=True).first() is not False

    def _binding(self, on: date) -> Self:
        return self.filter(accept_by__lt=on).order_by("-version")


class Agreement(models.Model):
    """One version, in both languages. A trigger refuses to change or remove it."""

    version = models.PositiveIntegerField(_("version"), unique=True)
    text_en = models.TextField(_("English text"))
    text_zh = models.TextField(_("Chinese text"))
    effective_on = models.DateField(_("effective on"))
    accept_by = models.DateField(_("to be accepted by"))  # the last day on which sending needs no acceptance
    sha256 = models.CharField(_("SHA-256"), max_length=64)  # of `document` in UTF-8
    issued_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    issued_at = models.DateTimeField(_("issued"), auto_now_add=True)

    objects = AgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership agreement")
        ordering = ("-version",)
        constraints = [
            models.CheckConstraint(
                condition=Q(accept_by__gte=F("effective_on")), name="agreements_are_accepted_after_they_take_effect"
            )
        ]

    def __str__(self) -> str:
        return f"agreement v{self.version}"

    @property
    def document(self) -> str:
        """Both texts as they are downloaded and digested."""
        return f"{self.text_en}{_BETWEEN}{self.text_zh}\n"

    @property
    def text(self) -> str:
        """In the language of the page."""
        return self.text_zh if (get_language() or "").startswith("zh") else self.text_en

    def digest(self) -> str:
        return hashlib.sha256(self.document.encode()).hexdigest()


class AcceptanceQuerySet(models.QuerySet["AgreementAcceptance"]):
    def visible_to(self, actor: Actor) -> Self:
        """The association's staff see who accepted what; a member sees its own."""
        if may(actor, Permission.MEMBER_VIEW):
            return self
        own = may(actor, Permission.INSTITUTION_VIEW)
        return self.filter(institution=actor.institution_id) if own else self.none()


class AgreementAcceptance(models.Model):
    """A named person's yes for the institution. A trigger refuses to change or remove it."""

    agreement = models.ForeignKey(Agreement, models.PROTECT, related_name="acceptances")
    institution = models.ForeignKey(Institution, models.PROTECT, related_name="acceptances")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    name = models.CharField(_("full name"), max_length=120)
    position = models.CharField(_("position"), max_length=120)
    sha256 = models.CharField(_("SHA-256"), max_length=64)  # of what was accepted
    accepted_at = models.DateTimeField(_("accepted"), auto_now_add=True)

    objects = AcceptanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("acceptance")
        ordering = ("-accepted_at",)
        constraints = [
            models.UniqueConstraint(fields=["agreement", "institution"], name="one_acceptance_of_each_agreement")
        ]

    def __str__(self) -> str:
        return f"{self.institution_id} accepts {self.agreement_id}"
