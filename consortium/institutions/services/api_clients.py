"""Issuing and revoking the OAuth clients of unattended jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction
from oauth2_provider.generators import generate_client_secret

from consortium.audit.services import record
from consortium.institutions import rules
from consortium.institutions.models import ApiClient, Institution

if TYPE_CHECKING:
    from consortium.people.models import Person


@dataclass(frozen=True)
class NewClient:
    """`secret` is shown once; only its digest is kept."""

    client: ApiClient
    secret: str = field(repr=False)


@transaction.atomic
def issue(institution: Institution, name: str, *, by: Person) -> NewClient:
    """An OAuth client for an unattended job (client credentials)."""
    rules.check_can_manage(by, institution)
    secret = generate_client_secret()
    client = ApiClient.objects.create(
        institution=institution,
        name=name,
        client_type=ApiClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,
    )
    record("api_client.issued", by=by, about=client, client=client.client_id)
    return NewClient(client, secret)


@transaction.atomic
def revoke(client: ApiClient, *, by: Person) -> None:
    """The client and its access tokens are gone at once."""
    rules.check_can_revoke_client(by, client)
    record("api_client.revoked", by=by, about=client, client=client.client_id)
    client.delete()
