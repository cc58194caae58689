"""An API client by the id and secret that it shows, as HTTP Basic or in a form."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import unquote_plus

from django.contrib.auth.hashers import check_password

from consortium.institutions.models import ApiClient


def read_basic(header: str) -> tuple[str, str] | None:
    """Id and secret of an `Authorization: Basic` header, form-encoded as RFC 6749, 2.3.1 asks; None when it is none."""
    scheme, _blank, encoded = header.partition(" ")
    try:
        decoded = b64decode(encoded, validate=True).decode("utf-8") if scheme.lower() == "basic" else ""
    except ValueError:
        decoded = ""
    client_id, colon, secret = decoded.partition(":")
    return (unquote_plus(client_id), unquote_plus(secret)) if colon else None


def find(client_id: str) -> ApiClient | None:
    if not client_id or "\x00" in client_id:
        return None
    found = ApiClient.objects.select_related("institution").filter(client_id=client_id)
    return found.filter(authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS).first()


def by_secret(client_id: str, secret: str) -> ApiClient | None:
    """The client when this is a secret of its that is in force; one that has given us a key has none."""
    client = find(client_id)
    is_proven = client is not None and any(check_password(secret, digest) for digest in client.secrets_in_force)
    return client if is_proven else None
