"""How an institution's people sign in through its own directory."""

from __future__ import annotations

from typing import Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from consortium.at_rest import unseal
from consortium.institutions.models import Institution
from consortium.people.models import Person

PURPOSE: Final = "sign-on secrets"


class Protocol(models.TextChoices):
    OIDC = "oidc", "OpenID Connect"
    SAML = "saml", "SAML 2.0"


class SignOn(models.Model):
    """One institution's directory: an OpenID provider or a SAML identity provider."""

    institution = models.OneToOneField(Institution, models.PROTECT, related_name="sign_on")
    protocol = models.CharField(_("protocol"), max_length=4, choices=Protocol.choices)
    # OpenID Connect
    issuer = models.URLField(_("issuer"), max_length=300, blank=True)
    client_id = models.CharField(_("client id"), max_length=200, blank=True)
    sealed_secret = models.TextField(blank=True)
    # SAML
    entity_id = models.CharField(_("entity id"), max_length=500, blank=True)
    sso_url = models.URLField(_("sign-on address"), max_length=500, blank=True)
    certificates = ArrayField(models.TextField(), default=list)

    is_on = models.BooleanField(_("offered on the sign-in page"), default=False)
    trusts_second_factor = models.BooleanField(_("the directory asks for a second factor itself"), default=False)
    is_enforced = models.BooleanField(_("the only way to sign in"), default=False)
    break_glass = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    set_up_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("single sign-on")
        verbose_name_plural = _("single sign-ons")
        constraints = [
            models.CheckConstraint(
                name="enforced_only_while_on_and_with_a_way_back",
                condition=models.Q(is_enforced=False) | models.Q(is_on=True, break_glass__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return str(self.institution)

    @property
    def slug(self) -> str:
        """The institution's name in the addresses that its directory is told."""
        return str(self.institution.code.lower())

    @property
    def secret(self) -> str:
        return unseal(self.sealed_secret, PURPOSE) if self.sealed_secret else ""

    @property
    def domain_names(self) -> list[str]:
        return [domain.name for domain in self.domains.all()]


class Identity(models.Model):
    """The account of the directory with which a person came first. It is theirs, and no colleague's, from then on."""

    sign_on = models.ForeignKey(SignOn, models.CASCADE, related_name="identities")
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    subject = models.CharField(_("name in the directory"), max_length=191)  # what django-allauth takes
    since = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("directory account")
        verbose_name_plural = _("directory accounts")
        constraints = [
            models.UniqueConstraint("sign_on", "person", name="one_directory_account_per_person"),
            models.UniqueConstraint("sign_on", "subject", name="one_person_per_directory_account"),
        ]

    def __str__(self) -> str:
        return self.subject


class EmailDomain(models.Model):
    """What follows the @ in the addresses of an institution's people; no two institutions have the same."""

    sign_on = models.ForeignKey(SignOn, models.CASCADE, related_name="domains")
    name = models.CharField(_("e-mail domain"), max_length=253)

    class Meta:
        verbose_name = _("e-mail domain")
        verbose_name_plural = _("e-mail domains")
        ordering = ("name",)
        constraints = [models.UniqueConstraint(Lower("name"), name="one_institution_per_domain")]

    def __str__(self) -> str:
        return self.name
