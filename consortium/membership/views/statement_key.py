"""How the own institution takes its statements: in the portal, or sealed to a key of its own."""

from __future__ import annotations

from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from anonymize.errors import PackageError
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import Institution
from consortium.membership.key_forms import StatementKeyForm
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import carry_out, refusal
from sharing.models import StatementKey
from sharing.rules import check_can_choose_delivery
from sharing.services import statement_keys

OWN_KEY: Final = statement_keys.OWN_KEY
PORTAL: Final = statement_keys.PORTAL
_CHOSEN = {
    OWN_KEY: _("Statements of releases that are computed from now on are sealed to your own key."),
    PORTAL: _("Statements of releases that are computed from now on are shown in the portal."),
}


@require_safe
def detail(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = _own(person)
    keys = list(StatementKey.objects.visible_to(person).select_related("registered_by"))
    context = {
        "own_key_only": statement_keys.delivery_of(institution) == OWN_KEY,
        "key": next((key for key in keys if key.ended_at is None), None),
        "former": [key for key in keys if key.ended_at is not None],
        "why_not": refusal(rules.check_can_manage, person, institution),
        "why_not_own_key": refusal(check_can_choose_delivery, institution, OWN_KEY),
    }
    return render(request, "membership/statement_delivery.html", context)


@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = _own(person)
    rules.check_can_manage(person, institution)
    form = StatementKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            statement_keys.register(institution, form.cleaned_data["request"], by=person)
        except PackageError as wrong:
            form.add_error("request", wrong.sentence)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("statement-delivery")
    context = {"form": form, "replaces": institution.statement_keys.in_force().first()}
    return render(request, "membership/statement_key_register.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def choose(request: HttpRequest, delivery: str) -> HttpResponse:
    """First what the choice means, then the choice."""
    person = signed_in(request)
    institution = _own(person)
    rules.check_can_manage(person, institution)
    if delivery not in _CHOSEN:
        raise Http404
    if request.method == "POST":
        return carry_out(
            request,
            reverse("statement-delivery"),
            _CHOSEN[delivery],
            lambda: statement_keys.choose(institution, delivery, by=person),
        )
    why_not = refusal(check_can_choose_delivery, institution, delivery)
    context = {"own_key_only": delivery == OWN_KEY, "why_not": why_not}
    return render(request, "membership/statement_delivery_choose.html", context)


@require_http_methods(["GET", "POST"])
def revoke(request: HttpRequest, kid: str) -> HttpResponse:
    """First what it means, then the end of the key."""
    person = signed_in(request)
    institution = _own(person)
    key = get_object_or_404(StatementKey.objects.visible_to(person), kid=kid)
    rules.check_can_manage(person, institution)
    if request.method == "POST":
        return carry_out(
            request,
            reverse("statement-delivery"),
            _("The key is revoked: no statement is sealed to it any more."),
            lambda: statement_keys.revoke(key, by=person),
        )
    context = {"key": key, "own_key_only": statement_keys.delivery_of(institution) == OWN_KEY}
    return render(request, "membership/statement_key_revoke.html", context)


def _own(person: Person) -> Institution:
    require(person, Permission.INSTITUTION_VIEW)
    return Institution.objects.visible_to(person).get(pk=person.institution_id or 0)
