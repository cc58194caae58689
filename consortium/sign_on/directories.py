"""Signing in through an institution's own directory: whom it may bring in, and nobody else.

A directory never opens an account and is never connected to one: at every sign-in the address it vouches for is looked up
among the people of its own institution. So no directory can bring in another institution's people or the association's,
whatever it claims.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp
from django import conf
from django.contrib import messages
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from consortium.people.models import Person
from consortium.sign_on import identities, oidc
from consortium.sign_on.models import Protocol, SignOn
from consortium.sign_on.outbound import Outside

if TYPE_CHECKING:
    from allauth.socialaccount.models import SocialLogin

log = logging.getLogger(__name__)

PROVIDERS: Final = {Protocol.OIDC: "openid_connect", Protocol.SAML: "saml"}
METHOD: Final = "socialaccount"  # how django-allauth notes it in the session


class Gone(SocialApp.DoesNotExist, ValueError):
    """No such directory, or it was switched off meanwhile: then a sign-in that is under way begins anew."""


class Directories(DefaultSocialAccountAdapter):
    """django-allauth's providers are ours by institution; nothing about them is kept in its own tables."""

    def list_apps(self, request: HttpRequest | None, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        """The one that is asked for, while it is on. `provider` is `oidc-harbour`; of SAML, `saml` and the slug."""
        if provider == "saml" and client_id:
            return _apps(Protocol.SAML, str(client_id))
        protocol, _dash, slug = str(provider or "").partition("-")
        return _apps(Protocol(protocol), slug) if protocol in Protocol and slug else []

    def get_app(self, request: HttpRequest | None, provider: Any, client_id: Any = None) -> SocialApp:
        found = self.list_apps(request, provider, client_id)
        if not found:
            raise Gone
        return found[0]

    def get_requests_session(self) -> Outside:
        return Outside()

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Person:
        """Only the address counts; names are kept as an administrator wrote them."""
        person: Person = sociallogin.user
        person.email = data.get("email") or ""
        return person

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Put the invited person of this institution in the place of whom the directory describes, or refuse."""
        app = sociallogin.provider.app
        person = invited(app.settings["sign_on"], sociallogin.user.email)
        if person is None or sociallogin.state.get("process") != "login":
            log.warning("single sign-on refused: nobody of institution %s", app.settings["institution"])
            sentence = _("Your directory knows you, but nobody invited you under this address. Ask your administrator.")
            messages.error(request, sentence)
            raise ImmediateHttpResponse(redirect("account_login"))
        if not _is_answer(sociallogin):
            self.on_authentication_error(request, sociallogin.provider)
        if person.is_active and not identities.is_the_same(app.settings["sign_on"], person, sociallogin.account.uid):
            sentence = _("Your directory has another account with this address than before. Ask your administrator.")
            messages.error(request, sentence)
            raise ImmediateHttpResponse(redirect("account_login"))
        sociallogin.user = person

    def on_authentication_error(self, request: HttpRequest, provider: Any, **details: Any) -> None:
        """One sentence whatever failed: what exactly is in our log, without what the directory sent."""
        log.warning("single sign-on failed: %s, %s", provider, type(details.get("exception")).__name__)
        sentence = _(
            "Signing in through your institution failed. Nothing was changed; try again, or ask your administrator."
        )
        messages.error(request, sentence)
        raise ImmediateHttpResponse(redirect("account_login"))


def _is_answer(login: SocialLogin) -> bool:
    return not isinstance(login.provider, oidc.Directory) or oidc.answers(login)


def app_of(sign_on: SignOn) -> SocialApp:
    """The directory as django-allauth reads it; never saved."""
    local: bool = conf.settings.CONCORD_SIGN_ON_LOCAL
    settings: dict[str, Any] = {"sign_on": sign_on.pk, "institution": sign_on.institution.code}
    if sign_on.protocol == Protocol.OIDC:
        settings |= {"server_url": sign_on.issuer, "oauth_pkce_enabled": True, "scope": ["openid", "email"]}
    else:
        settings |= {"idp": _identity_provider(sign_on), "advanced": {**_STRICT, "allow_single_label_domains": local}}
    return SocialApp(
        provider=PROVIDERS[Protocol(sign_on.protocol)],
        provider_id=f"{sign_on.protocol}-{sign_on.slug}",
        name=str(sign_on.institution),
        client_id=sign_on.client_id if sign_on.protocol == Protocol.OIDC else sign_on.slug,
        secret=sign_on.secret,
        settings=settings,
    )


def invited(sign_on_id: int, email: str) -> Person | None:
    """The person of the directory's institution who has this address, in one of its domains."""
    domain = email.rpartition("@")[2].lower()
    sign_on = SignOn.objects.filter(pk=sign_on_id, is_on=True, domains__name=domain).first() if domain else None
    if sign_on is None:
        return None
    return Person.objects.filter(institution=sign_on.institution_id, email__iexact=email).first()


def for_address(email: str) -> SignOn | None:
    """The sign-on of the institution whose domain an e-mail address has, while it is on."""
    domain = email.strip().rpartition("@")[2].lower()
    return SignOn.objects.select_related("institution").filter(is_on=True, domains__name=domain).first()


def checked_second_factor(request: HttpRequest) -> bool:
    """Whether this session came through a directory that asks for a second factor itself."""
    if not isinstance(request.user, Person):
        return False
    return trusted(request, request.user)


def trusted(request: HttpRequest, person: Person) -> bool:
    """The same while signing in, when the request is nobody's yet."""
    records = get_authentication_records(request, person)
    if not any(record["method"] == METHOD for record in records):
        return False
    return SignOn.objects.filter(institution=person.institution_id, is_on=True, trusts_second_factor=True).exists()


_STRICT: Final = {
    "strict": True,
    "want_assertion_signed": True,
    "reject_deprecated_algorithm": True,
    "reject_idp_initiated_sso": True,
    "want_name_id": True,
    "want_attribute_statement": False,
}


def _apps(protocol: Protocol, slug: str) -> list[SocialApp]:
    found = SignOn.objects.select_related("institution").filter(
        protocol=protocol, institution__code__iexact=slug, is_on=True
    )
    return [app_of(sign_on) for sign_on in found]


def _identity_provider(sign_on: SignOn) -> dict[str, Any]:
    return {
        "entity_id": sign_on.entity_id,
        "sso_url": sign_on.sso_url,
        "x509cert": sign_on.certificates[0] if sign_on.certificates else "",
    }
