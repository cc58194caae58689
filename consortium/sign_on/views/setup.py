"""An administrator sets up the institution's own directory."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.errors import Forbidden, Refused
from consortium.institutions.models import Institution
from consortium.institutions.rules import check_can_manage
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.sign_on import rules, services
from consortium.sign_on.forms import EnforceForm, OpenIdForm, SamlForm
from consortium.sign_on.models import Protocol, SignOn
from consortium.web.offers import carry_out, refusal


@require_safe
def sign_on(request: HttpRequest) -> HttpResponse:
    """What is set up, and what to do next."""
    person, institution = _looking(request)
    found = SignOn.objects.filter(institution=institution).select_related("break_glass", "institution").first()
    may_change = refusal(check_can_manage, person, institution) is None
    context: dict[str, Any] = {
        "sign_on": found,
        "addresses": _our_addresses(request, institution),
        "may_change": may_change,
        "why_not_on": refusal(rules.check_can_switch_on, person, found) if found else None,
    }
    if found and found.is_on and not found.is_enforced and may_change:
        context["enforcement"] = EnforceForm(sign_on=found)
    return render(request, "sign_on/setup.html", context)


@require_http_methods(["GET", "POST"])
def openid(request: HttpRequest) -> HttpResponse:
    return _configure(request, Protocol.OIDC)


@require_http_methods(["GET", "POST"])
def saml(request: HttpRequest) -> HttpResponse:
    return _configure(request, Protocol.SAML)


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    person, institution = _looking(request)
    found, on = _existing(institution), request.POST.get("on") == "yes"
    done = _("Single sign-on is on.") if on else _("Single sign-on is off.")
    return carry_out(request, reverse("sign-on"), done, lambda: services.switch(found, on=on, by=person))


@require_POST
def enforce(request: HttpRequest) -> HttpResponse:
    person, institution = _in_charge(request)
    found = _existing(institution)
    form = EnforceForm(request.POST, sign_on=found)
    if not form.is_valid():
        return redirect("sign-on")
    way_back: Person = form.cleaned_data["break_glass"]
    done = _("Your people sign in through your directory only.")
    return carry_out(
        request, reverse("sign-on"), done, lambda: services.enforce(found, break_glass=way_back, by=person)
    )


@require_POST
def stop_enforcing(request: HttpRequest) -> HttpResponse:
    person, institution = _in_charge(request)
    found = _existing(institution)
    done = _("Passwords open accounts again.")
    return carry_out(request, reverse("sign-on"), done, lambda: services.stop_enforcing(found, by=person))


def _configure(request: HttpRequest, protocol: Protocol) -> HttpResponse:
    person, institution = _in_charge(request)
    form = _form(institution, protocol, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        keep = services.use_openid if protocol == Protocol.OIDC else services.use_saml
        try:
            keep(institution, by=person, **form.cleaned_data)
        except Forbidden:
            raise
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("sign-on")
    context = {"form": form, "protocol": protocol, "addresses": _our_addresses(request, institution)}
    return render(request, "sign_on/configure.html", context, status=422 if form.errors else 200)


def _form(institution: Institution, protocol: Protocol, data: Any) -> forms.Form:
    found = SignOn.objects.filter(institution=institution, protocol=protocol).first()
    initial: dict[str, Any] = {}
    if found:
        initial = {
            "issuer": found.issuer,
            "client_id": found.client_id,
            "domains": " ".join(found.domain_names),
            "trusts_second_factor": found.trusts_second_factor,
        }
    return (OpenIdForm if protocol == Protocol.OIDC else SamlForm)(data, initial=initial)


def _looking(request: HttpRequest) -> tuple[Person, Institution]:
    person = signed_in(request)
    require(person, Permission.RECORDS_VIEW)
    institution = get_object_or_404(Institution, pk=person.institution_id)
    rules.check_may_see(person, institution)
    return person, institution


def _in_charge(request: HttpRequest) -> tuple[Person, Institution]:
    person = signed_in(request)
    require(person, Permission.INSTITUTION_MANAGE)
    institution = get_object_or_404(Institution, pk=person.institution_id)
    check_can_manage(person, institution)
    return person, institution


def _existing(institution: Institution) -> SignOn:
    return get_object_or_404(SignOn.objects.select_related("institution"), institution=institution)


def _our_addresses(request: HttpRequest, institution: Institution) -> dict[str, str]:
    """What the institution enters at its directory."""
    slug = institution.code.lower()
    names = {"callback": "sign-on-oidc-callback", "metadata": "saml_metadata", "acs": "saml_acs"}
    return {key: request.build_absolute_uri(reverse(name, args=[slug])) for key, name in names.items()}
