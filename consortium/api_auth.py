"""Who calls the API: a person with a session, or an institution's job with an OAuth access token."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from oauth2_provider.models import AccessToken
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import IsAuthenticated

from consortium.errors import Forbidden
from consortium.people.models import Person
from consortium.people.roles import require_entitled

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from consortium.institutions.models import ApiClient


class ClientSecretHasher(PBKDF2PasswordHasher):
    """One iteration. Stretching protects words that people choose; a client secret is 128 random characters that we
    made, which nobody guesses, and a token endpoint that stretches it would be the slowest thing on the platform.
    """

    algorithm = "random_secret"
    iterations = 1


class BearerToken(BaseAuthentication):
    """An access token from `/oauth/token/`; the caller is the API client, which acts for its institution."""

    def authenticate(self, request: Request) -> tuple[ApiClient, str] | None:
        scheme, _space, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        client = _client_of(token.strip())
        if client is None:
            raise exceptions.AuthenticationFailed(_("The access token is unknown or over. Ask for a new one."))
        return client, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="concord"'


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself untyped
    """How the API's description names the access token."""

    target_class = BearerToken
    name = "clientCredentials"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        scopes = cast("dict[str, str]", settings.OAUTH2_PROVIDER["SCOPES"])
        flow = {"tokenUrl": reverse("token"), "scopes": {name: str(text) for name, text in scopes.items()}}
        return {"type": "oauth2", "flows": {"clientCredentials": flow}}


class IsEntitled(IsAuthenticated):
    """Signed in, with account and institution in force."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            return False
        require_entitled(caller(request))  # a suspended institution reads why
        return True


def caller(request: Request) -> Person | ApiClient:
    """Whoever calls, behind the permission that somebody does."""
    return cast("Person | ApiClient", request.user)


def person(request: Request) -> Person:
    """The person who calls; Forbidden when it is an unattended job."""
    if not isinstance(request.user, Person):
        raise Forbidden(_("This is for a person to do, not for an API client."), rule="people-only")
    return request.user


def _client_of(token: str) -> ApiClient | None:
    """One query: the token is found by its digest, as it is stored."""
    found = (
        AccessToken.objects.select_related("application__institution")
        .only("expires", "application__id", "application__name", "application__client_id", "application__institution")
        .filter(token_checksum=hashlib.sha256(token.encode()).hexdigest(), expires__gt=timezone.now())
        .first()
    )
    return found.application if found else None
