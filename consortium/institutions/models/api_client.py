"""The unattended jobs that act for an institution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _
from oauth2_provider.models import AbstractApplication

from consortium.institutions.models.institution import Institution
from consortium.people.roles import Role

if TYPE_CHECKING:
    from collections.abc import Sequence


class ApiClient(AbstractApplication):
    """An unattended job of an institution: an OAuth client that acts for it."""

    institution = models.ForeignKey(Institution, models.CASCADE, related_name="api_clients")

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
