"""Everybody who has an account or an invitation. One person's page is consortium.membership's."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from consortium.administration.forms import InvitationForm
from consortium.errors import Refused
from consortium.institutions.models import Institution
from consortium.membership.views.people import ASSOCIATION, in_rows
from consortium.people import invitations
from consortium.people.models import Invitation, Person
from consortium.people.roles import Permission, Role, require
from consortium.people.session import signed_in
from consortium.web.offers import refusal

A_PAGE = 50


@require_safe
def people_list(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_VIEW)
    found = Person.objects.visible_to(person).select_related("institution").order_by("institution__name", "name")
    chosen = {field: request.GET.get(field, "").strip() for field in ("q", "role", "state")}
    page = Paginator(_filtered(found, chosen), A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(each, [Role(role).label for role in each.roles]) for each in page],
        "chosen": chosen,
        "roles": Role.choices,
        "invitations": in_rows(Invitation.objects.visible_to(person).pending().select_related("institution")),
        "area": ASSOCIATION,
        "may_invite": refusal(require, person, Permission.MEMBER_ADMIT) is None,
    }
    return render(request, "administration/people.html", context)


def _filtered(found: QuerySet[Person], chosen: dict[str, str]) -> QuerySet[Person]:
    if wanted := chosen["q"]:
        found = found.filter(
            Q(name__icontains=wanted)
            | Q(email__icontains=wanted)
            | Q(institution__name__icontains=wanted)
            | Q(institution__name_zh__icontains=wanted)
        )
    if chosen["role"]:
        found = found.filter(roles__contains=[chosen["role"]])
    if chosen["state"] in ("open", "closed"):
        found = found.filter(is_active=chosen["state"] == "open")
    return found


@require_http_methods(["GET", "POST"])
def person_invite(request: HttpRequest) -> HttpResponse:
    """`?institution=CODE` chooses the institution, and its administrator's role with it."""
    person = signed_in(request)
    require(person, Permission.MEMBER_ADMIT)
    proposed = Institution.objects.visible_to(person).filter(code=request.GET.get("institution", "")).first()
    initial = {"institution": proposed, "roles": [Role.ADMINISTRATOR]} if proposed else {}
    form = InvitationForm(request.POST or None, person=person, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            invitations.invite(by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The invitation is on its way."))
            return redirect("people")
    context = {"form": form}
    return render(request, "administration/person_invite.html", context, status=422 if form.errors else 200)
