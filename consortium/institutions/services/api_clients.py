"""Issuing, changing and revoking the OAuth clients of unattended jobs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import AccessToken

from consortium import client_address
from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import assertion_keys, rules
from consortium.institutions.models import ApiClient, Institution, UsedAssertion
from consortium.institutions.scopes import Scope, every_scope
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from consortium.people.models import Person

OVERLAP: Final = timedelta(days=7)  # how long the former secret is accepted beside a new one


@dataclass(frozen=True)
class NewClient:
    """`secret` is shown once; only its digest is kept. It is empty where the client signs assertions."""

    client: ApiClient
    secret: str = field(repr=False)


@transaction.atomic
def issue(
    institution: Institution,
    name: str,
    *,
    by: Person,
    scopes: Iterable[str] | None = None,
    allowed_networks: Iterable[str] = (),
    public_jwk: Mapping[str, Any] | None = None,
) -> NewClient:
    """An OAuth client for an unattended job (client credentials); with a key, it has no secret."""
    institution = Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)
    rules.check_can_manage(by, institution)
    rules.check_has_room_for_client(institution)
    secret = generate_client_secret()
    client = ApiClient.objects.create(
        institution=institution,
        name=name.strip(),
        client_type=ApiClient.CLIENT_CONFIDENTIAL,
        authorization_grant_type=ApiClient.GRANT_CLIENT_CREDENTIALS,
        client_secret=secret,
        scopes=_known(every_scope() if scopes is None else scopes),
        allowed_networks=_read(allowed_networks),
        public_jwk=None if public_jwk is None else assertion_keys.public_jwk(public_jwk),
    )
    record("api_client.issued", by=by, about=client, client=client.client_id, scopes=client.scopes)
    _tell(client, Kind.API_CLIENT_ISSUED, by)
    return NewClient(client, "" if client.uses_key else secret)


@transaction.atomic
def change(
    client: ApiClient,
    *,
    by: Person,
    name: str,
    scopes: Iterable[str],
    allowed_networks: Iterable[str],
    version: str = "",
) -> None:
    """Tokens that it has already lose at once what the client may no longer do.

    Refused when `version` is given and somebody has changed the client since it was that.
    """
    client = _locked(client)
    rules.check_can_manage(by, client.institution)
    rules.check_unchanged(client, version)
    client.name, client.scopes, client.allowed_networks = name.strip(), _known(scopes), _read(allowed_networks)
    client.save(update_fields=["name", "scopes", "allowed_networks"])
    record("api_client.changed", by=by, about=client, client=client.client_id, scopes=client.scopes)
    _tell(client, Kind.API_CLIENT_CHANGED, by)


@transaction.atomic
def renew_secret(client: ApiClient, *, by: Person) -> NewClient:
    """Another secret; the former is accepted for `OVERLAP` more, so that no job stands still."""
    client = _locked(client)
    rules.check_can_renew_secret(by, client)
    secret = generate_client_secret()
    client.previous_secret, client.previous_secret_until = client.client_secret, timezone.now() + OVERLAP
    client.client_secret = secret
    client.save(update_fields=["client_secret", "previous_secret", "previous_secret_until"])
    record("api_client.secret_renewed", by=by, about=client, client=client.client_id)
    _tell(client, Kind.API_CLIENT_CHANGED, by)
    return NewClient(client, secret)


@transaction.atomic
def end_former_secret(client: ApiClient, *, by: Person) -> None:
    """The job has the new secret, or somebody else has the former one: only the new is accepted from now on."""
    client = _locked(client)
    rules.check_can_end_former_secret(by, client)
    client.previous_secret, client.previous_secret_until = "", None
    client.save(update_fields=["previous_secret", "previous_secret_until"])
    end_tokens(AccessToken.objects.filter(application=client))
    record("api_client.former_secret_ended", by=by, about=client, client=client.client_id)


@transaction.atomic
def set_key(client: ApiClient, jwk: Mapping[str, Any], *, by: Person) -> None:
    """From now on the client signs assertions with this key; no secret and no other key is accepted."""
    client = _locked(client)
    rules.check_can_manage(by, client.institution)
    client.public_jwk = assertion_keys.public_jwk(jwk)
    client.previous_secret, client.previous_secret_until = "", None
    client.client_secret = generate_client_secret()  # known to nobody
    client.save(update_fields=["public_jwk", "client_secret", "previous_secret", "previous_secret_until"])
    end_tokens(AccessToken.objects.filter(application=client))
    record("api_client.key_set", by=by, about=client, client=client.client_id, kid=client.public_jwk["kid"])
    _tell(client, Kind.API_CLIENT_CHANGED, by)


@transaction.atomic
def revoke(client: ApiClient, *, by: Person) -> None:
    """The client and its access tokens are gone at once."""
    rules.check_can_revoke_client(by, client)
    record("api_client.revoked", by=by, about=client, client=client.client_id)
    _tell(client, Kind.API_CLIENT_REVOKED, by)
    client.delete()


def end_tokens(tokens: QuerySet[AccessToken]) -> None:
    """Whoever holds one has to ask again, and show who it is."""
    tokens.delete()


def end_tokens_of(institution: Institution) -> None:
    """Nothing that the institution's clients hold is good any more."""
    end_tokens(AccessToken.objects.filter(application__institution=institution))


def forget_used_assertions() -> int:
    """How many were removed because they are over and would be refused for that."""
    gone, _each = UsedAssertion.objects.filter(expires_at__lt=timezone.now()).delete()
    return gone


def _locked(client: ApiClient) -> ApiClient:
    held = ApiClient.objects.select_for_update(of=("self",), no_key=True).select_related("institution")
    return held.get(pk=client.pk)


def _known(scopes: Iterable[str]) -> list[str]:
    """In the order of the page that lists them."""
    wanted = set(scopes)
    if unknown := wanted - set(Scope):
        raise Refused(_("There is no scope %(scope)s.") % {"scope": sorted(unknown)[0]}, rule="unknown-scope")
    if not wanted:
        raise Refused(_("A client that may do nothing is of no use. Choose a scope."), rule="no-scope")
    return [str(scope) for scope in Scope if scope in wanted]


def _read(written: Iterable[str]) -> list[str]:
    """Networks as CIDR writes them; Refused when one is none, or there are too many."""
    found: list[str] = []
    for each in written:
        try:
            (network,) = client_address.networks((each,))
        except ValueError as wrong:
            sentence = _("“%(text)s” is no address or network such as 203.0.113.0/24.") % {"text": each[:60]}
            raise Refused(sentence, rule="no-network") from wrong
        found.append(str(network))
    if len(found) > rules.MOST_NETWORKS:
        raise Refused(
            _("At most %(most)s networks are listed.") % {"most": rules.MOST_NETWORKS}, rule="too-many-networks"
        )
    return list(dict.fromkeys(found))


def _tell(client: ApiClient, kind: Kind, by: Person) -> None:
    told = client.institution.administrators()
    notify(told, kind, address=reverse("api-clients"), client=client.name, name=by.name)
