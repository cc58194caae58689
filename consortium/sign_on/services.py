"""Setting up, enforcing and ending an institution's single sign-on."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from consortium.at_rest import seal
from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions.models import Institution
from consortium.institutions.rules import check_can_manage
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Role
from consortium.sign_on import discovery, rules
from consortium.sign_on.models import PURPOSE, EmailDomain, Protocol, SignOn

if TYPE_CHECKING:
    from consortium.sign_on.discovery import IdentityProvider


def use_openid(
    institution: Institution,
    *,
    by: Person,
    issuer: str,
    client_id: str,
    secret: str,
    domains: Collection[str],
    trusts_second_factor: bool = False,
) -> SignOn:
    """Keep an OpenID provider, after asking it whether it is one. An empty secret keeps the one there is."""
    check_can_manage(by, institution)
    issuer = issuer.rstrip("/")
    discovery.openid_configuration(issuer)
    with transaction.atomic():
        sign_on = _locked(institution)
        rules.check_can_change(sign_on)
        if not secret and not (sign_on.sealed_secret and sign_on.issuer == issuer):
            # A kept secret never goes to an address that it was not entered for.
            raise Refused(_("Enter the client secret too."), rule="no-secret")
        # Providers name the same person otherwise to another client.
        same = (sign_on.protocol, sign_on.issuer, sign_on.client_id) == (Protocol.OIDC, issuer, client_id)
        sign_on.protocol, sign_on.issuer, sign_on.client_id = Protocol.OIDC, issuer, client_id
        sign_on.entity_id, sign_on.sso_url, sign_on.certificates = "", "", []
        if secret:
            sign_on.sealed_secret = seal(secret, PURPOSE)
        return _keep(sign_on, domains, trusts_second_factor, by=by, is_same_directory=same)


def use_saml(
    institution: Institution,
    *,
    by: Person,
    metadata: str,
    domains: Collection[str],
    trusts_second_factor: bool = False,
) -> SignOn:
    """Keep a SAML identity provider from its metadata: XML, or the https address of it."""
    check_can_manage(by, institution)
    provider: IdentityProvider = discovery.saml_metadata(metadata)
    with transaction.atomic():
        sign_on = _locked(institution)
        rules.check_can_change(sign_on)
        same = (sign_on.protocol, sign_on.entity_id) == (Protocol.SAML, provider.entity_id)
        sign_on.protocol, sign_on.issuer, sign_on.client_id, sign_on.sealed_secret = Protocol.SAML, "", "", ""
        sign_on.entity_id, sign_on.sso_url = provider.entity_id, provider.sso_url
        sign_on.certificates = list(provider.certificates)
        return _keep(sign_on, domains, trusts_second_factor, by=by, is_same_directory=same)


@transaction.atomic
def switch(sign_on: SignOn, *, on: bool, by: Person) -> None:
    """Offer it on the sign-in page, or no longer; ending it ends that it is the only way."""
    sign_on = _locked(sign_on.institution)
    if on:
        rules.check_can_switch_on(by, sign_on)
    else:
        check_can_manage(by, sign_on.institution)
    sign_on.is_on = on
    if not on:
        sign_on.is_enforced, sign_on.break_glass = False, None
    sign_on.save()
    _record_and_tell("sign_on.switched_on" if on else "sign_on.switched_off", sign_on, by=by)


@transaction.atomic
def enforce(sign_on: SignOn, *, break_glass: Person, by: Person) -> None:
    """From now on passwords open nothing, except for one administrator: the way in when the directory fails."""
    check_can_manage(by, sign_on.institution)
    sign_on = _locked(sign_on.institution)
    rules.check_can_enforce(sign_on, break_glass)
    sign_on.is_enforced, sign_on.break_glass = True, break_glass
    sign_on.save()
    _record_and_tell("sign_on.enforced", sign_on, by=by)


@transaction.atomic
def stop_enforcing(sign_on: SignOn, *, by: Person) -> None:
    check_can_manage(by, sign_on.institution)
    sign_on = _locked(sign_on.institution)
    sign_on.is_enforced, sign_on.break_glass = False, None
    sign_on.save()
    _record_and_tell("sign_on.not_enforced", sign_on, by=by)


def _locked(institution: Institution) -> SignOn:
    """The institution's row is locked first: two first set-ups at once are one after the other."""
    institution = Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)
    sign_on = SignOn.objects.filter(institution=institution).first() or SignOn()
    sign_on.institution = institution  # as it is now
    return sign_on


def _keep(
    sign_on: SignOn, domains: Collection[str], trusts_second_factor: bool, *, by: Person, is_same_directory: bool
) -> SignOn:
    wanted = sorted({domain.lower() for domain in domains})
    rules.check_domains_are_ours(sign_on.institution, wanted)
    sign_on.trusts_second_factor, sign_on.set_up_by = trusts_second_factor, by
    sign_on.is_on = sign_on.is_on and not sign_on.institution.approves_submissions
    sign_on.save()
    if not is_same_directory:
        sign_on.identities.all().delete()
    try:
        with transaction.atomic():
            sign_on.domains.exclude(name__in=wanted).delete()
            known = set(sign_on.domain_names)
            EmailDomain.objects.bulk_create(
                EmailDomain(sign_on=sign_on, name=each) for each in wanted if each not in known
            )
    except IntegrityError as taken:
        raise Refused(_("Another institution uses one of these e-mail domains."), rule="domain-taken") from taken
    _record_and_tell("sign_on.configured", sign_on, by=by, protocol=sign_on.protocol, domains=wanted)
    return sign_on


def _record_and_tell(event: str, sign_on: SignOn, *, by: Person, **details: object) -> None:
    record(event, by=by, about=sign_on, institution=sign_on.institution, **details)
    told = sign_on.institution.people.filter(is_active=True, roles__overlap=[Role.ADMINISTRATOR, Role.APPROVER])
    notify(told, Kind.SIGN_ON_CHANGED, address=reverse("sign-on"), who=by.name)
