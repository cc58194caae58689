"""Accounts: a person belongs to one institution or to the association, and is invited by somebody in charge."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.institutions.models import Institution
from consortium.people.roles import ASSOCIATION_ROLES, MEMBER_ROLES, Actor, Permission, Role, may


class PersonManager(BaseUserManager["Person"]):
    def visible_to(self, actor: Actor) -> models.QuerySet[Person]:
        """The association's staff see everybody; a member sees its own people."""
        if may(actor, Permission.MEMBER_VIEW):
            return self.all()
        own = actor.is_entitled and actor.institution_id is not None
        return self.filter(institution=actor.institution_id) if own else self.none()

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Person:
        person = self.model(email=self.normalize_email(email), **fields)
        person.set_password(password)
        person.save()
        return person

    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(email__iexact=username)


class Person(AbstractBaseUser):  # type: ignore[django-manager-missing]  # ApiClient has an untyped base
    """One account; `institution` is empty for the association's own people."""

    email = models.EmailField(_("e-mail address"))
    name = models.CharField(_("name"), max_length=120)
    institution = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, related_name="people", verbose_name=_("institution")
    )
    roles = ArrayField(models.CharField(max_length=30, choices=Role.choices), verbose_name=_("roles"))
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    is_active = models.BooleanField(_("active"), default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    objects = PersonManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_person_per_email"),
            models.CheckConstraint(
                name="roles_fit_the_side",
                condition=models.Q(institution__isnull=True, roles__contained_by=sorted(ASSOCIATION_ROLES))
                | models.Q(institution__isnull=False, roles__contained_by=sorted(MEMBER_ROLES)),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_entitled(self) -> bool:
        """Whether the account, and the institution it acts for, are in force."""
        return self.is_active and (self.institution is None or self.institution.is_active)

    @property
    def is_association(self) -> bool:
        return self.institution_id is None


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def visible_to(self, actor: Actor) -> Self:
        """Those who may invite: the association's member services all, a member's administrator its own."""
        if may(actor, Permission.MEMBER_ADMIT):
            return self
        own = may(actor, Permission.INSTITUTION_MANAGE) and actor.institution_id is not None
        return self.filter(institution=actor.institution_id) if own else self.none()

    def pending(self) -> Self:
        """Neither taken up nor revoked; its link may be over, and can be sent anew."""
        return self.filter(accepted_at=None, revoked_at=None)


class Invitation(models.Model):
    """An account that waits for its owner. The link is mailed; only its digest is kept."""

    email = models.EmailField(_("e-mail address"))
    name = models.CharField(_("name"), max_length=120)
    institution = models.ForeignKey(
        Institution, models.PROTECT, null=True, blank=True, related_name="invitations", verbose_name=_("institution")
    )
    roles = ArrayField(models.CharField(max_length=30, choices=Role.choices), verbose_name=_("roles"))
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    token_sha256 = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(Person, models.PROTECT, related_name="+", verbose_name=_("invited by"))
    invited_at = models.DateTimeField(_("invited"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"))
    accepted_at = models.DateTimeField(_("accepted"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    person = models.OneToOneField(Person, models.PROTECT, null=True, blank=True, related_name="invitation")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("-invited_at",)
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                condition=models.Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="one_pending_invitation_per_email",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_over(self) -> bool:
        """Whether the link that was sent last no longer opens anything."""
        return self.expires_at <= timezone.now()
