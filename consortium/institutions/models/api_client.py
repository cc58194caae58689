"""The unattended jobs that act for an institution."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractApplication

from consortium import client_address
from consortium.institutions.models.institution import Institution
from consortium.institutions.scopes import every_scope
from consortium.people.roles import Permission, Role, may

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consortium.people.roles import Actor


class ApiClientQuerySet(models.QuerySet["ApiClient"]):
    def visible_to(self, actor: Actor) -> Self:
        """An institution's clients are its administrators' to see, and nobody else's."""
        if not may(actor, Permission.INSTITUTION_MANAGE) or actor.institution_id is None:
            return self.none()
        return self.filter(institution=actor.institution_id)


class ApiClient(AbstractApplication):
    """An unattended job of an institution: an OAuth client that acts for it.

    It shows who it is with its secret or, once `public_jwk` is there, with assertions signed by that key and in no
    other way.
    """

    institution = models.ForeignKey(Institution, models.CASCADE, related_name="api_clients")
    scopes: models.Field[Any, Any] = ArrayField(
        models.CharField(max_length=40), default=every_scope, verbose_name=_("scopes")
    )
    allowed_networks: models.Field[Any, Any] = ArrayField(
        models.CharField(max_length=50), default=list, blank=True, verbose_name=_("allowed addresses")
    )
    public_jwk = models.JSONField(_("public key"), null=True, blank=True)
    previous_secret = models.CharField(max_length=255, blank=True, default="")  # a digest, as client_secret
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)  # when it last asked for a token

    objects = ApiClientQuerySet.as_manager()

    class Meta(AbstractApplication.Meta):
        swappable = "OAUTH2_PROVIDER_APPLICATION_MODEL"
        verbose_name = _("API client")

    # What signed-in code asks of whoever acts; see consortium.people.roles.Actor.
    is_authenticated = True
    is_anonymous = False
    is_association = False

    @property
    def roles(self) -> Sequence[str]:
        """A job sends and follows up; approving and managing stay with people."""
        return (Role.SUBMITTER,)

    @property
    def is_entitled(self) -> bool:
        return bool(self.institution.is_active)

    @property
    def uses_key(self) -> bool:
        return self.public_jwk is not None

    @property
    def secrets_in_force(self) -> list[str]:
        """The digests of the secrets that are accepted now: after a change the former too, for a while."""
        if self.uses_key:
            return []
        until = self.previous_secret_until
        former = [self.previous_secret] if self.previous_secret and until and until > timezone.now() else []
        return [self.client_secret, *former]

    @property
    def version(self) -> str:
        """Another one whenever somebody changed what the client may do."""
        chosen = (self.name, self.scopes, self.allowed_networks)
        return hashlib.sha256(repr(chosen).encode()).hexdigest()[:32]

    @property
    def has_two_secrets(self) -> bool:
        return len(self.secrets_in_force) > 1

    def may_call_from(self, address: str) -> bool:
        """An empty list allows every address."""
        return not self.allowed_networks or client_address.is_allowed(address, self.allowed_networks)


class UsedAssertion(models.Model):
    """A client's signed assertion that was accepted: it is accepted once."""

    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)  # SHA-256 of its `jti`
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "digest"], name="an_assertion_is_used_once")]

    def __str__(self) -> str:
        return self.digest
