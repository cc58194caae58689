"""How an API client shows who it is at the token endpoint, and what its token may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauthlib.oauth2.rfc6749 import errors

from consortium import client_address
from consortium.institutions import client_secrets
from consortium.institutions.models import ApiClient
from consortium.institutions.scopes import Scope
from consortium.limits import services as limits
from consortium.oauth import assertions

# What the log and the answer say is in ASCII: RFC 6749 allows nothing else in error_description.
_NO_CLIENT = "The client is unknown, or this is not its secret."


class TooManyTokens(errors.OAuth2Error):
    """A client asked for tokens more often than it may; the token it has is good for half an hour."""

    error = "temporarily_unavailable"
    status_code = 429

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many tokens were asked for. Use the one you have; ask again in {seconds} seconds.")
        self.seconds = seconds

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.seconds)}


class Validator(OAuth2Validator):
    """Client credentials by secret (two during a change) or signed assertion, from an allowed address."""

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Sets `request.client`; InvalidClientError says why not."""
        client = _proven_client(request)
        if not client.institution.is_active:
            raise errors.InvalidClientError("The institution is not an active member.")
        address = client_address.of_environment(request.headers)
        if not client.may_call_from(address):
            raise errors.InvalidClientError(f"This client may not connect from {address}.")
        standing = limits.spend("token", client.pk)
        if standing.is_exceeded:
            raise TooManyTokens(standing.seconds_left)
        request.client, request.client_id = client, client.client_id
        return True

    def save_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        super().save_token(token, request, *args, **kwargs)
        ApiClient.objects.filter(pk=request.client.pk).update(last_used_at=timezone.now())


class ClientScopes(BaseScopes):
    """Each client has the scopes it was issued with, and all of them when it asks for none."""

    def get_all_scopes(self) -> Mapping[str, str]:
        return {str(scope): str(scope.label) for scope in Scope}

    def get_available_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        return list(application.scopes) if application else []

    def get_default_scopes(self, application: Any = None, request: Any = None, *_: Any, **__: Any) -> list[str]:
        return self.get_available_scopes(application)


def _proven_client(request: Any) -> ApiClient:
    """The client behind exactly one way of showing who it is (RFC 6749, 2.3)."""
    basic = request.headers.get("HTTP_AUTHORIZATION", "")
    assertion, secret = _told(request, "client_assertion"), _told(request, "client_secret")
    if sum(map(bool, (basic, assertion, secret))) > 1:
        raise errors.InvalidRequestError("Show who you are in one way: a secret or an assertion, once.")
    if assertion:
        return _by_assertion(request, assertion)
    client_id, secret = _read_basic(basic) if basic else (_told(request, "client_id"), secret)
    client = client_secrets.by_secret(client_id, secret)
    if client is None:
        raise errors.InvalidClientError(_NO_CLIENT)
    _agree(request, client)
    return client


def _by_assertion(request: Any, assertion: str) -> ApiClient:
    if _told(request, "client_assertion_type") != assertions.TYPE:
        raise errors.InvalidRequestError(f"client_assertion_type must be {assertions.TYPE}.")
    try:
        client = client_secrets.find(assertions.client_id_of(assertion))
        if client is None:
            raise errors.InvalidClientError("The client is unknown.")
        _agree(request, client)
        assertions.prove(client, assertion)
    except assertions.Unproven as wrong:
        raise errors.InvalidClientError(str(wrong)) from wrong
    return client


def _agree(request: Any, client: ApiClient) -> None:
    named = _told(request, "client_id")
    if named and named != client.client_id:
        raise errors.InvalidClientError("client_id is another client's.")


def _told(request: Any, name: str) -> str:
    """A member of the request's body, empty when it is not there."""
    return str(getattr(request, name, None) or "")


def _read_basic(header: str) -> tuple[str, str]:
    """Id and secret; InvalidClientError when the header is none."""
    read = client_secrets.read_basic(header)
    if read is None:
        raise errors.InvalidClientError("The Authorization header is no Basic one.")
    return read
