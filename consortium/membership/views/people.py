"""A person's account as those in charge see it: a member's administrator, and the association's member services.

Both have the same pages at their own addresses; `area` says whose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.errors import Forbidden, Refused
from consortium.membership.forms import OwnInvitationForm, RolesForm
from consortium.membership.views.overview import own
from consortium.people import invitations, rules, services
from consortium.people.models import Invitation, Person
from consortium.people.roles import Permission, Role, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal

OWN: Final = "own-"
ASSOCIATION: Final = ""


@require_safe
def own_people(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = own(person)
    found = Person.objects.visible_to(person).filter(institution=institution).order_by("-is_active", "name")
    context = {
        "rows": [(each, [Role(role).label for role in each.roles]) for each in found],
        "invitations": in_rows(Invitation.objects.visible_to(person).pending()),
        "area": OWN,
        "why_not_invite": refusal(rules.check_in_charge, person, institution.pk),
    }
    return render(request, "membership/people.html", context)


@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = own(person)
    require(person, Permission.INSTITUTION_MANAGE)
    form = OwnInvitationForm(request.POST or None, initial={"language": person.language})
    if request.method == "POST" and form.is_valid():
        try:
            invitations.invite(institution=institution, by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The invitation is on its way."))
            return redirect("own-people")
    return render(request, "membership/person_invite.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def person_detail(request: HttpRequest, person_id: int, area: str) -> HttpResponse:
    """Roles, and whether the account is open; a POST changes the roles."""
    by = signed_in(request)
    person = _visible(by, person_id, area)
    rules.check_in_charge(by, person.institution_id)
    form = RolesForm(request.POST or None, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_roles(person, form.cleaned_data["roles"], by=by)
        except Forbidden:
            raise
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The roles are changed."))
            return redirect(f"{area}person", person_id)
    context = {
        "person": person,
        "form": form,
        "area": area,
        "frame": "web/institution_base.html" if area else "administration/frame.html",
        "offer": _account_offer(by, person, area),
        "why_not_roles": refusal(rules.check_can_change_roles, by, person, person.roles),
    }
    return render(request, "membership/person.html", context, status=422 if form.errors else 200)


@require_POST
def close(request: HttpRequest, person_id: int, area: str) -> HttpResponse:
    by = signed_in(request)
    person = _visible(by, person_id, area)
    done = _("The account is closed.")
    return _back(request, person, area, done, lambda: services.close_account(person, by=by))


@require_POST
def reopen(request: HttpRequest, person_id: int, area: str) -> HttpResponse:
    by = signed_in(request)
    person = _visible(by, person_id, area)
    done = _("The account is open again.")
    return _back(request, person, area, done, lambda: services.reopen_account(person, by=by))


@require_POST
def resend(request: HttpRequest, invitation_id: int, area: str) -> HttpResponse:
    by = signed_in(request)
    invitation = get_object_or_404(Invitation.objects.visible_to(by), pk=invitation_id)
    done = _("A new link is on its way; the one before no longer works.")
    return carry_out(request, reverse(f"{area}people"), done, lambda: invitations.resend(invitation, by=by))


@require_POST
def revoke(request: HttpRequest, invitation_id: int, area: str) -> HttpResponse:
    by = signed_in(request)
    invitation = get_object_or_404(Invitation.objects.visible_to(by), pk=invitation_id)
    done = _("The invitation is revoked: its link no longer works.")
    return carry_out(request, reverse(f"{area}people"), done, lambda: invitations.revoke(invitation, by=by))


def in_rows(found: QuerySet[Invitation]) -> list[tuple[Invitation, list[str]]]:
    """Invitations with their roles in words."""
    return [(each, [str(Role(role).label) for role in each.roles]) for each in found.select_related("invited_by")]


def _visible(by: Person, pk: int, area: str) -> Person:
    people = Person.objects.visible_to(by).select_related("institution")
    # A member's area shows its own people only, whatever else a reader may see.
    return get_object_or_404(people.filter(institution=by.institution_id) if area else people, pk=pk)


def _account_offer(by: Person, person: Person, area: str) -> Offer:
    if person.is_active:
        address = reverse(f"{area}person-close", args=[person.pk])
        return Offer(_("Close the account"), address, refusal(rules.check_can_close_account, by, person))
    address = reverse(f"{area}person-reopen", args=[person.pk])
    return Offer(_("Open the account again"), address, refusal(rules.check_can_reopen_account, by, person))


def _back(
    request: HttpRequest, person: Person, area: str, done: str | Promise, act: Callable[[], object]
) -> HttpResponse:
    return carry_out(request, reverse(f"{area}person", args=[person.pk]), done, act)
