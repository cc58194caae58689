"""The API clients of the own institution: issuing, changing, renewing secrets, revoking."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.errors import Forbidden, Refused
from consortium.institutions import rules
from consortium.institutions.models import ApiClient, Institution
from consortium.institutions.scopes import Scope
from consortium.institutions.services import api_clients
from consortium.membership.client_forms import ChangeForm, ClientKeyForm, IssueForm
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    person = _administrator(request)
    context = {
        "clients": ApiClient.objects.visible_to(person).order_by("name", "pk"),
        "why_not": refusal(rules.check_has_room_for_client, _own(person)),
        "token_endpoint": settings.CONCORD_URL + reverse("token"),
    }
    return render(request, "membership/api_clients.html", context)


@never_cache
@sensitive_variables("issued")
@require_http_methods(["GET", "POST"])
def issue(request: HttpRequest) -> HttpResponse:
    """The secret is in the answer to the POST and nowhere else, so no address shows it again."""
    person = _administrator(request)
    form = IssueForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            issued = api_clients.issue(_own(person), by=person, **form.cleaned_data)
        except Forbidden:
            raise
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return _shown_once(request, issued)
    return render(request, "membership/api_client_issue.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, client: int) -> HttpResponse:
    """A client, and the form that changes what it may do."""
    person = _administrator(request)
    found = _visible(person, client)
    form = ChangeForm(request.POST if request.method == "POST" else None, client=found)
    if request.method == "POST" and form.is_valid():
        return _change(request, found, form, person)
    return _page(request, found, person, form, ClientKeyForm())


@require_POST
def set_key(request: HttpRequest, client: int) -> HttpResponse:
    person = _administrator(request)
    found = _visible(person, client)
    form = ClientKeyForm(request.POST)
    if not form.is_valid():
        return _page(request, found, person, ChangeForm(client=found), form)
    return carry_out(
        request,
        reverse("api-client", args=[found.pk]),
        _("The key is registered. The client signs with it from now on."),
        lambda: api_clients.set_key(found, form.cleaned_data["public_jwk"], by=person),
    )


@never_cache
@sensitive_variables("issued")
@require_POST
def renew_secret(request: HttpRequest, client: int) -> HttpResponse:
    person = _administrator(request)
    found = _visible(person, client)
    if refusal(rules.check_can_renew_secret, person, found):
        return carry_out(
            request, reverse("api-client", args=[found.pk]), "", lambda: rules.check_can_renew_secret(person, found)
        )
    issued = api_clients.renew_secret(found, by=person)
    return _shown_once(request, issued)


@require_POST
def end_former_secret(request: HttpRequest, client: int) -> HttpResponse:
    person = _administrator(request)
    found = _visible(person, client)
    return carry_out(
        request,
        reverse("api-client", args=[found.pk]),
        _("Only the new secret is accepted from now on."),
        lambda: api_clients.end_former_secret(found, by=person),
    )


@require_POST
def revoke(request: HttpRequest, client: int) -> HttpResponse:
    person = _administrator(request)
    found = _visible(person, client)
    return carry_out(
        request,
        reverse("api-clients"),
        _("The client is revoked, and its tokens with it."),
        lambda: api_clients.revoke(found, by=person),
    )


def _administrator(request: HttpRequest) -> Person:
    person = signed_in(request)
    require(person, Permission.INSTITUTION_MANAGE)
    return person


def _own(person: Person) -> Institution:
    return Institution.objects.visible_to(person).get(code=person.institution.code if person.institution else "")


def _visible(person: Person, pk: int) -> ApiClient:
    return get_object_or_404(ApiClient.objects.visible_to(person).select_related("institution"), pk=pk)


def _change(request: HttpRequest, client: ApiClient, form: ChangeForm, person: Person) -> HttpResponse:
    return carry_out(
        request,
        reverse("api-client", args=[client.pk]),
        _("The client is changed. Tokens that it has follow at once."),
        lambda: api_clients.change(client, by=person, **form.cleaned_data),
    )


def _page(
    request: HttpRequest, client: ApiClient, person: Person, form: ChangeForm, key_form: ClientKeyForm
) -> HttpResponse:
    context = {
        "client": client,
        "scopes": [scope.label for scope in Scope if scope in client.scopes],
        "form": form,
        "key_form": key_form,
        "renew": Offer(
            _("Make another secret"),
            reverse("api-client-secret", args=[client.pk]),
            refusal(rules.check_can_renew_secret, person, client),
        ),
        "end_former": Offer(_("End the former secret"), reverse("api-client-former-secret", args=[client.pk])),
        "revoke": Offer(_("Revoke"), reverse("api-client-revoke", args=[client.pk])),
        "token_endpoint": settings.CONCORD_URL + reverse("token"),
    }
    failed = bool(form.errors or key_form.errors)
    return render(request, "membership/api_client.html", context, status=422 if failed else 200)


def _shown_once(request: HttpRequest, issued: api_clients.NewClient) -> HttpResponse:
    context = {
        "client": issued.client,
        "secret": issued.secret,
        "token_endpoint": settings.CONCORD_URL + reverse("token"),
    }
    return render(request, "membership/api_client_issued.html", context)
