"""Groups of institutions that count as one contributor."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.administration.forms import AffiliateForm, GroupForm, GroupNameForm
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import AffiliateGroup, Institution
from consortium.institutions.services import affiliates
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal


@require_safe
def group_list(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_VIEW)
    current = Count("affiliations", filter=Q(affiliations__until=None))
    context = {
        "groups": AffiliateGroup.objects.annotate(members=current),
        "may_group": refusal(rules.check_can_group, person) is None,
    }
    return render(request, "administration/affiliates.html", context)


@require_http_methods(["GET", "POST"])
def group_new(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    rules.check_can_group(person)
    form = GroupForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            group = affiliates.create(by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("affiliate-group", group.code)
    context = {"form": form}
    return render(request, "administration/affiliate_group_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def group_detail(request: HttpRequest, group: str) -> HttpResponse:
    """Its members and its history; a POST changes its name."""
    person = signed_in(request)
    require(person, Permission.MEMBER_VIEW)
    found = get_object_or_404(AffiliateGroup, code=group)
    form = GroupNameForm(request.POST or None, instance=found)
    if request.method == "POST" and form.is_valid():
        affiliates.rename(found, by=person, **form.cleaned_data)
        messages.success(request, _("The name is saved."))
        return redirect("affiliate-group", group)
    affiliations = found.affiliations.select_related("institution", "recorded_by")
    context = {
        "group": found,
        "members": [_member(person, each.institution) for each in affiliations if each.until is None],
        "former": [each for each in affiliations if each.until is not None],
        "affiliations": affiliations,
        "form": form,
        "joining": AffiliateForm(person=person),
        "may_group": refusal(rules.check_can_group, person) is None,
    }
    return render(request, "administration/affiliate_group.html", context, status=422 if form.errors else 200)


@require_POST
def group_join(request: HttpRequest, group: str) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_ADMIT)
    found = get_object_or_404(AffiliateGroup, code=group)
    form = AffiliateForm(request.POST, person=person)
    if not form.is_valid():
        return redirect("affiliate-group", group)
    institution = form.cleaned_data["institution"]
    done = _("From now on the institution counts as part of the group.")
    return carry_out(request, _address(group), done, lambda: affiliates.join(institution, found, by=person))


@require_POST
def group_leave(request: HttpRequest, group: str, institution: str) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_ADMIT)
    members = Institution.objects.visible_to(person).filter(affiliate_group=group)
    found = get_object_or_404(members, code=institution)
    done = _("From now on the institution counts alone.")
    return carry_out(request, _address(group), done, lambda: affiliates.leave(found, by=person))


def _member(person: Person, institution: Institution) -> tuple[Institution, Offer]:
    address = reverse("affiliate-leave", args=[institution.affiliate_group, institution.code])
    return institution, Offer(_("Take out"), address, refusal(rules.check_can_leave_group, person, institution))


def _address(code: str) -> str:
    return reverse("affiliate-group", args=[code])
