"""From the sign-in page to an institution's directory, and back."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter as accounts
from allauth.core.internal import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from onelogin.saml2.errors import OneLogin_Saml2_Error
from requests import RequestException

from consortium.sign_on import directories
from consortium.sign_on.forms import StartForm
from consortium.sign_on.models import Protocol, SignOn
from consortium.sign_on.oidc import DirectoryClient

_LIMITS = {"start": "30/m/ip"}


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """The address tells the institution; the page then leads to its directory.

    A page and no redirect, because the content policy lets no form end anywhere but here.
    """
    if request.user.is_authenticated:
        return redirect("home")
    form = StartForm(request.POST or None)
    target = request.POST.get("next") or request.GET.get("next", "")
    context: dict[str, Any] = {"form": form, "next": target if accounts().is_safe_url(target) else ""}
    if request.method == "POST" and form.is_valid():
        if not ratelimit.consume(request, app="consortium.sign_on", action="start", config=_LIMITS):
            return cast("HttpResponse", ratelimit.respond_429(request))
        sign_on = directories.for_address(form.cleaned_data["email"])
        address = _directory_address(request, sign_on, context["next"]) if sign_on else ""
        if sign_on and address:
            context |= {"sign_on": sign_on, "address": address, "host": urlsplit(address).hostname}
            page = render(request, "sign_on/leave.html", context)
            page["Refresh"] = f"0;url={address}"
            return page
        sentence = _("Your directory does not answer. Try again later.") if sign_on else _nobodys()
        form.add_error(None, sentence)
    return render(request, "sign_on/start.html", context, status=422 if form.errors else 200)


@login_not_required
@never_cache
@require_safe
def oidc_callback(request: HttpRequest, slug: str) -> HttpResponse:
    """Where an OpenID provider sends the browser back to."""
    provider_id = f"{Protocol.OIDC}-{slug}"
    if not get_adapter().list_apps(request, provider=provider_id):
        return redirect("account_login")
    client = DirectoryClient(request, provider_id)
    try:
        return cast("HttpResponse", OAuth2CallbackView.adapter_view(client)(request))
    except (
        OAuth2Error,
        RequestException,
        ValueError,
        ImproperlyConfigured,
    ) as wrong:  # outside of where the library looks for them
        return cast("HttpResponse", render_authentication_error(request, client.get_provider(), exception=wrong))


def _nobodys() -> str:
    return _("No institution signs in with this address. Use your password.")


def _directory_address(request: HttpRequest, sign_on: SignOn, target: str) -> str:
    """Where the directory asks who it is; empty when it cannot be asked."""
    provider = directories.app_of(sign_on).get_provider(request)
    try:
        answer = provider.redirect(request, "login", next_url=target or None)
    except (OAuth2Error, OneLogin_Saml2_Error, RequestException):
        return ""
    return str(answer["Location"])
