"""Who calls the API: a person with a session, or an institution's job with an OAuth access token."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from oauth2_provider.models import AccessToken
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission, IsAuthenticated

from consortium import client_address
from consortium.errors import Forbidden
from consortium.institutions import client_secrets
from consortium.institutions.scopes import Scope
from consortium.limits import services as limits
from consortium.limits.middleware import note
from consortium.people.models import Person
from consortium.people.roles import require_entitled

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from consortium.institutions.models import ApiClient


_IS_REFUSED = "concord.token_refused"


class ClientSecretHasher(PBKDF2PasswordHasher):
    """One iteration. Stretching protects words that people choose; a client secret is 128 random characters that we
    made, which nobody guesses, and a token endpoint that stretches it would be the slowest thing on the platform.
    """

    algorithm = "random_secret"
    iterations = 1


class BearerToken(BaseAuthentication):
    """An access token from `/oauth/token/`; the caller is the API client, which acts for its institution."""

    def authenticate(self, request: Request) -> tuple[ApiClient, AccessToken] | None:
        scheme, _space, written = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = _token(written.strip())
        if token is None:
            _spend_address(request)
            request.META[_IS_REFUSED] = True
            raise exceptions.AuthenticationFailed(_("The access token is unknown or over. Ask for a new one."))
        return token.application, token

    def authenticate_header(self, request: Request) -> str:
        bad = _IS_REFUSED in request.META
        return 'Bearer realm="concord"' + (', error="invalid_token"' if bad else "")


class ClientSecret(BaseAuthentication):
    """An API client's id and secret with each request (RFC 7617), for programs that cannot ask for a token.

    Answers with what such a client's token would be, so that scope and address are checked as they are for one. A client
    that has given us a key never has a secret.
    """

    def authenticate(self, request: Request) -> tuple[ApiClient, AccessToken] | None:
        scheme, _space, _written = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        read = client_secrets.read_basic(request.META["HTTP_AUTHORIZATION"])
        client = client_secrets.by_secret(*read) if read else None
        if client is None:
            _spend_address(request)
            request.META[_IS_REFUSED] = True
            raise exceptions.AuthenticationFailed(_("The client is unknown, or this is not its secret."))
        return client, AccessToken(application=client, scope=" ".join(client.scopes))

    def authenticate_header(self, request: Request) -> str:
        return 'Basic realm="concord", charset="UTF-8"'


class BearerTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself untyped
    """How the API's description names the access token."""

    target_class = BearerToken
    name = "clientCredentials"

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[Any]] | list[dict[str, list[Any]]]:
        scope = scope_of(auto_schema.view, auto_schema.method)
        return {self.name: [scope]} if scope else []

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        flow = {"tokenUrl": reverse("token"), "scopes": {str(scope): str(scope.label) for scope in Scope}}
        return {"type": "oauth2", "flows": {"clientCredentials": flow}}


class InsufficientScope(exceptions.PermissionDenied):
    """The token may do less than was asked (RFC 6750, 3.1)."""

    default_code = "insufficient_scope"

    def __init__(self, scope: str) -> None:
        super().__init__(_("The access token has no scope “%(scope)s”.") % {"scope": scope})
        self.auth_header = f'Bearer realm="concord", error="insufficient_scope", scope="{scope}"'


class IsEntitled(IsAuthenticated):
    """Signed in, with account and institution in force, within the allowance; a job also within its scopes."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not super().has_permission(request, view):
            _spend_address(request)
            return False
        asking = caller(request)
        _spend(request, "person" if isinstance(asking, Person) else "client", asking.pk)
        require_entitled(asking)  # a suspended institution reads why
        if isinstance(request.auth, AccessToken):
            _check_address(request, request.auth.application)
            _check_scope(request, view, request.auth)
        return True


class IsPublic(BasePermission):
    """Open to everybody, as often as an address may ask without saying who it is."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        _spend_address(request)
        return True


def scope_of(view: APIView, method: str) -> str | None:
    """The scope that a view names for a method (`scope = Scope.X` or `{"GET": Scope.X}`); None is for people only."""
    named = getattr(view, "scope", None)
    if isinstance(named, Mapping):
        named = named.get("GET" if method == "HEAD" else method)
    return str(named) if named else None


def caller(request: Request) -> Person | ApiClient:
    """Whoever calls, behind the permission that somebody does."""
    return cast("Person | ApiClient", request.user)


def person(request: Request) -> Person:
    """The person who calls; Forbidden when it is an unattended job."""
    if not isinstance(request.user, Person):
        raise Forbidden(_("This is for a person to do, not for an API client."), rule="people-only")
    return request.user


def _check_address(request: Request, client: ApiClient) -> None:
    address = client_address.of_environment(request.META)
    if not client.may_call_from(address):
        sentence = _("This API client may not call from %(address)s.") % {"address": address}
        raise Forbidden(sentence, rule="address-not-allowed")


def _check_scope(request: Request, view: APIView, token: AccessToken) -> None:
    """A token never has more than its client has now, whatever it was issued with."""
    if request.method not in view.allowed_methods:
        return  # it is answered that there is no such method
    scope = scope_of(view, request.method or "")
    if scope is None:
        raise Forbidden(_("This is for a person to do, not for an API client."), rule="people-only")
    if scope not in token.scope.split() or scope not in token.application.scopes:
        raise InsufficientScope(scope)


def _spend_address(request: Request) -> None:
    _spend(request, "address", client_address.subscriber(client_address.of_environment(request.META)))


def _spend(request: Request, allowance: str, whose: str | int) -> None:
    standing = limits.spend(allowance, whose)
    note(request.META, standing)
    if standing.is_exceeded:
        wait = max(1, standing.seconds_left)
        sentence = _("Too many requests. Ask again in %(seconds)s seconds.") % {"seconds": wait}
        raise TooMany(sentence, wait)


class TooMany(exceptions.APIException):
    """429 with `Retry-After`."""

    status_code = 429
    default_code = "throttled"

    def __init__(self, sentence: str, wait: int) -> None:
        super().__init__(sentence)
        self.wait = wait


def _token(written: str) -> AccessToken | None:
    """One query: the token is found by its digest, as it is stored."""
    digest = hashlib.sha256(written.encode(errors="surrogateescape")).hexdigest()
    found: AccessToken | None = (
        AccessToken.objects.select_related("application__institution")
        .only("expires", "scope", "application", "application__institution")
        .filter(token_checksum=digest, expires__gt=timezone.now())
        .first()
    )
    return found
