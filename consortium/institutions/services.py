"""Admitting and suspending institutions; their signing keys and API clients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from oauth2_provider.generators import generate_client_secret

from anonymize.errors import KeyStoreError
from anonymize.package import kid_of
from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import ApiClient, Institution, SigningKey
from consortium.institutions.states import InstitutionState

if TYPE_CHECKING:
    from consortium.people.models import Person


@dataclass(frozen=True)
class NewClient:
    """`secret` is shown once; only its digest is kept."""

    client: ApiClient
    secret: str = field(repr=False)


@transaction.atomic
def propose(
    code: str,
    name: str,
    *,
    by: Person,
    kind: str,
    size_band: str,
    name_zh: str = "",
    home_region: str = "",
    affiliate_group: str = "",
    approves_submissions: bool = False,
) -> Institution:
    """An applicant; it can do nothing before it is admitted."""
    rules.check_can_propose(by)
    institution = Institution(
        code=code,
        name=name,
        name_zh=name_zh,
        kind=kind,
        size_band=size_band,
        home_region=home_region,
        affiliate_group=affiliate_group,
        approves_submissions=approves_submissions,
    )
    try:
        with transaction.atomic():
            institution.save()
    except IntegrityError as taken:
        raise Refused(_("Another institution has this code."), rule="code-taken") from taken
    record("institution.proposed", by=by, about=institution)
    return institution


@transaction.atomic
def admit(institution: Institution, *, by: Person) -> Institution:
    institution = _locked(institution)
    rules.check_can_admit(by, institution)
    institution.admitted_at = timezone.now()
    _move(institution, InstitutionState.ACTIVE)
    record("institution.admitted", by=by, about=institution)
    return institution


@transaction.atomic
def suspend(institution: Institution, *, reason: str, by: Person) -> Institution:
    """From here on nobody of the institution sees or sends anything; what it sent before stays."""
    institution = _locked(institution)
    rules.check_can_suspend(by, institution)
    _move(institution, InstitutionState.SUSPENDED)
    record("institution.suspended", by=by, about=institution, reason=reason)
    return institution


@transaction.atomic
def reinstate(institution: Institution, *, by: Person) -> Institution:
    institution = _locked(institution)
    rules.check_can_reinstate(by, institution)
    _move(institution, InstitutionState.ACTIVE)
    record("institution.reinstated", by=by, about=institution)
    return institution


@transaction.atomic
def register_key(institution: Institution, jwk: Mapping[str, Any], *, by: Person) -> SigningKey:
    """Packages signed with the key's private half are the institution's from now on."""
    rules.check_can_manage(by, institution)
    try:
        kid = kid_of(jwk)
    except KeyStoreError as wrong:
        raise Refused(wrong.sentence, rule="invalid-key") from wrong
    public = {name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}
    try:
        with transaction.atomic():
            key = SigningKey.objects.create(institution=institution, kid=kid, jwk={**public, "kid": kid})
    except IntegrityError as taken:
        # Whose it is stays unsaid.
        raise Refused(_("This key is registered already. Make a new one."), rule="key-taken") from taken
    record("signing_key.registered", by=by, about=key, kid=kid)
    return key


@transaction.atomic
def revoke_key(key: SigningKey, *, by: Person) -> SigningKey:
    """Packages that were received before are still the institution's; new ones are refused."""
    key = SigningKey.objects.select_for_update(of=("self",), no_key=True).select_related("institution").get(pk=key.pk)
    rules.check_can_revoke_key(by, key)
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    record("signing_key.revoked", by=by, about=key, kid=key.kid)
    return key


@transaction.atomic
def issue_client(institution: Institution, name: str, *, by: Person) -> NewClient:
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
def revoke_client(client: ApiClient, *, by: Person) -> None:
    """The client and its access tokens are gone at once."""
    rules.check_can_revoke_client(by, client)
    record("api_client.revoked", by=by, about=client, client=client.client_id)
    client.delete()


def _locked(institution: Institution) -> Institution:
    """The row, held against packages that are just being received: their insert needs the institution's key."""
    return Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)


def _move(institution: Institution, state: InstitutionState) -> None:
    institution.move_to(state)
    institution.save(update_fields=["state", "admitted_at"])
