"""Member institutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import get_language, gettext_lazy as _

from consortium.institutions.states import INSTITUTION_MOVES, InstitutionState
from consortium.people.roles import Permission, Role, may
from consortium.states import HasState

if TYPE_CHECKING:
    from consortium.people.models import Person
    from consortium.people.roles import Actor


CODE = RegexValidator(r"^[A-Z0-9][A-Z0-9_-]{0,39}$")


class InstitutionKind(models.TextChoices):
    NATIONAL_BANK = "national_bank", _("National bank")
    CITY_BANK = "city_bank", _("City commercial bank")
    RURAL_BANK = "rural_bank", _("Rural bank")
    CONSUMER_FINANCE = "consumer_finance", _("Consumer finance company")
    CREDIT_UNION = "credit_union", _("Credit union")
    OTHER = "other", _("Other lender")


class SizeBand(models.TextChoices):
    SMALL = "small", _("Small")
    MEDIUM = "medium", _("Medium")
    LARGE = "large", _("Large")


class InstitutionQuerySet(models.QuerySet["Institution"]):
    def active(self) -> Self:
        return self.filter(state=InstitutionState.ACTIVE)

    def visible_to(self, actor: Actor) -> Self:
        """The association's staff see all members; a member sees itself."""
        if may(actor, Permission.MEMBER_VIEW):
            return self
        return self.filter(pk=actor.institution_id) if actor.is_entitled else self.none()


class Institution(HasState):  # type: ignore[django-manager-missing]  # ApiClient has an untyped base
    """A member of the consortium (SDMX data provider)."""

    MOVES: ClassVar = INSTITUTION_MOVES

    code = models.CharField(_("code"), max_length=40, unique=True, validators=[CODE])
    name = models.CharField(_("name"), max_length=160)
    name_zh = models.CharField(_("name in Chinese"), max_length=160, blank=True)
    kind = models.CharField(_("kind"), max_length=30, choices=InstitutionKind.choices)
    size_band = models.CharField(_("size"), max_length=10, choices=SizeBand.choices)
    home_region = models.CharField(_("home region"), max_length=20, blank=True)
    registration_number = models.CharField(_("registration number"), max_length=40, blank=True, default="")
    lei = models.CharField(_("legal entity identifier"), max_length=20, blank=True, default="")
    # The code of the group it belongs to today. services.affiliates keeps it beside the history.
    affiliate_group = models.CharField(_("affiliate group"), max_length=40, blank=True)
    state = models.CharField(
        _("state"), max_length=10, choices=InstitutionState.choices, default=InstitutionState.APPLICANT
    )
    state_reason = models.CharField(_("reason"), max_length=500, blank=True, default="")  # of a suspension
    approves_submissions = models.BooleanField(_("submissions need a second person's approval"), default=False)
    admitted_at = models.DateTimeField(_("admitted"), null=True, blank=True)
    left_at = models.DateTimeField(_("left"), null=True, blank=True)

    objects = InstitutionQuerySet.as_manager()

    class Meta:
        verbose_name = _("institution")
        verbose_name_plural = _("institutions")
        ordering = ("code",)

    def __str__(self) -> str:
        if self.name_zh and (get_language() or "").startswith("zh"):
            return self.name_zh
        return self.name

    @property
    def is_active(self) -> bool:
        return self.state == InstitutionState.ACTIVE

    def administrators(self) -> models.QuerySet[Person]:
        """Those whose accounts are open."""
        return self.people.filter(is_active=True, roles__contains=[Role.ADMINISTRATOR])

    @property
    def contributor_id(self) -> str:
        """Affiliated institutions count as one contributor."""
        return self.affiliate_group or self.code
