"""SAML as django-allauth does it, kept from what breaks it; single logout is not offered."""

from __future__ import annotations

import base64
import binascii
import re
from http import HTTPStatus
from typing import Any, Final, cast

from allauth.core.internal import ratelimit
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.saml import utils, views as allauth_views
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from allauth.socialaccount.sessions import LoginSession
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from lxml.etree import LxmlError
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml
from onelogin.saml2.errors import OneLogin_Saml2_Error
from onelogin.saml2.settings import OneLogin_Saml2_Settings

from consortium.sign_on.models import Protocol, SignOn

LARGEST: Final = 256 * 1024  # bytes of a response
_LIMITS: Final = {"sign_on": "30/m/ip"}
_CERTIFICATE: Final = re.compile(rb"X509Certificate>([A-Za-z0-9+/=\s]+)<")


class Directory(SAMLProvider):
    def extract_uid(self, data: Any) -> str:
        """What stays the same at every sign-in: a persistent name, else only the address (a transient name is new)."""
        named = self._extract(data).get("uid")
        if named is None and data.get_nameid_format() == Saml.NAMEID_PERSISTENT:
            named = data.get_nameid()
        return str(named or str(self.extract_common_fields(data).get("email") or "").strip().lower())


provider_classes = [Directory]


@csrf_exempt
@login_not_required
@require_POST
def acs(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Takes what the browser carries from the identity provider; it is kept for one request, in which it is judged."""
    if len(request.body) > LARGEST or "SAMLResponse" not in request.POST:
        return HttpResponse(status=HTTPStatus.BAD_REQUEST)
    if not ratelimit.consume(request, app="consortium.sign_on", action="sign_on", config=_LIMITS):
        return cast("HttpResponse", ratelimit.respond_429(request))
    _on(organization_slug)
    answer: HttpResponse = allauth_views.acs(request, organization_slug=organization_slug)
    return answer


@method_decorator(login_not_required, name="dispatch")
class Finish(allauth_views.FinishACSView):
    """Judges the response; whatever it does to the libraries, the answer is a refusal."""

    def dispatch(self, request: HttpRequest, organization_slug: str) -> HttpResponse:
        self.request = request
        try:
            answer: HttpResponse = super().dispatch(request, organization_slug)
        except (
            LxmlError,
            OneLogin_Saml2_Error,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            PermissionDenied,
            ImproperlyConfigured,  # the directory's name for the person is longer than the library takes
        ) as wrong:
            provider = self.get_provider(organization_slug)
            return cast("HttpResponse", render_authentication_error(request, provider, exception=wrong))
        return answer

    def get_provider(self, organization_slug: str) -> Any:
        """With the certificate that the response names, if it is one of the identity provider's own."""
        provider = super().get_provider(organization_slug)
        certificates = _on(organization_slug).certificates
        named = _certificate_named(self.request)
        if named in certificates:
            provider.app.settings["idp"]["x509cert"] = named
        return provider


@login_not_required
@require_safe
def metadata(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """What the institution gives its identity provider, also before it has set up anything here."""
    ours = utils.build_sp_config(request, {}, organization_slug)
    del ours["singleLogoutService"]
    config = {"strict": True, "sp": ours, "security": {"wantAssertionsSigned": True, "allowSingleLabelDomains": True}}
    settings = OneLogin_Saml2_Settings(config, sp_validation_only=True)
    return HttpResponse(settings.get_sp_metadata(), content_type="application/samlmetadata+xml")


@csrf_exempt
@login_not_required
def logout(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """An address that the library needs to exist. Signing out here is enough; nobody else signs people out."""
    raise Http404


def _on(slug: str) -> SignOn:
    found = SignOn.objects.filter(protocol=Protocol.SAML, is_on=True, institution__code__iexact=slug).first()
    if found is None:
        raise Http404
    return found


def _certificate_named(request: HttpRequest) -> str:
    kept = LoginSession(request, "saml_acs_session", "saml-acs-session").store.get("request", "")
    if not kept:
        return ""
    try:
        response = base64.b64decode(_posted(kept))
    except (binascii.Error, ValueError):
        return ""
    found = _CERTIFICATE.search(response)
    return "".join(found.group(1).decode().split()) if found else ""


def _posted(kept: str) -> str:
    from allauth.core.internal.httpkit import deserialize_request

    return str(deserialize_request(kept, HttpRequest()).POST.get("SAMLResponse", ""))
