"""The association's pages: members, their people, the audit log."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.administration.forms import InstitutionForm, InvitationForm, SuspensionForm
from consortium.audit.models import Entry
from consortium.audit.services import verify_chain
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import Institution
from consortium.institutions.services import institutions
from consortium.institutions.states import InstitutionState
from consortium.people import services as people
from consortium.people.models import Person
from consortium.people.roles import Permission, Role, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal

A_PAGE = 50


@require_safe
def institution_list(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_VIEW)
    found = (
        Institution.objects.visible_to(person)
        .order_by("code")
        .annotate(people_count=Count("people", filter=Q(people__is_active=True)))
    )
    if wanted := request.GET.get("q", "").strip():
        found = found.filter(Q(name__icontains=wanted) | Q(name_zh__icontains=wanted) | Q(code__icontains=wanted))
    context = {
        "page": Paginator(found, A_PAGE).get_page(request.GET.get("page")),
        "wanted": wanted,
        "may_propose": refusal(rules.check_can_propose, person) is None,
    }
    return render(request, "administration/institutions.html", context)


@require_http_methods(["GET", "POST"])
def institution_propose(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    rules.check_can_propose(person)
    form = InstitutionForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            institution = institutions.propose(by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("institution", institution.code)
    context = {"form": form}
    return render(request, "administration/institution_propose.html", context, status=422 if form.errors else 200)


@require_safe
def institution_detail(request: HttpRequest, institution: str) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_VIEW)
    member = _visible(person, institution)
    context = {
        "institution": member,
        "members": member.people.all(),
        "keys": member.signing_keys.all(),
        "collections": member.collections.all(),
        "offer": _next_step(person, member),
        "suspension": SuspensionForm(),
        "why_not_suspend": refusal(rules.check_can_suspend, person, member),
    }
    return render(request, "administration/institution.html", context)


@require_POST
def institution_admit(request: HttpRequest, institution: str) -> HttpResponse:
    person = signed_in(request)
    member = _visible(person, institution)
    done = _("The institution is admitted.")
    return carry_out(request, _address(institution), done, lambda: institutions.admit(member, by=person))


@require_POST
def institution_suspend(request: HttpRequest, institution: str) -> HttpResponse:
    person = signed_in(request)
    member = _visible(person, institution)
    reason = SuspensionForm(request.POST)
    if not reason.is_valid():
        return redirect("institution", institution)
    done = _("The institution is suspended.")
    return carry_out(
        request,
        _address(institution),
        done,
        lambda: institutions.suspend(member, reason=reason.cleaned_data["reason"], by=person),
    )


@require_POST
def institution_reinstate(request: HttpRequest, institution: str) -> HttpResponse:
    person = signed_in(request)
    member = _visible(person, institution)
    done = _("The institution is reinstated.")
    return carry_out(request, _address(institution), done, lambda: institutions.reinstate(member, by=person))


@require_safe
def people_list(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_VIEW)
    found = Person.objects.visible_to(person).select_related("institution").order_by("institution__name", "name")
    if wanted := request.GET.get("q", "").strip():
        found = found.filter(Q(name__icontains=wanted) | Q(email__icontains=wanted))
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    rows = [(each, [Role(role).label for role in each.roles]) for each in page]
    may_invite = refusal(require, person, Permission.MEMBER_ADMIT) is None
    context = {"page": page, "rows": rows, "wanted": wanted, "may_invite": may_invite}
    return render(request, "administration/people.html", context)


@require_http_methods(["GET", "POST"])
def person_invite(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_ADMIT)
    form = InvitationForm(request.POST or None, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            people.invite(by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("people")
    context = {"form": form}
    return render(request, "administration/person_invite.html", context, status=422 if form.errors else 200)


@require_safe
def audit_log(request: HttpRequest) -> HttpResponse:
    """Everything that happened; nothing that is confidential. The page's part of the chain is checked as it is shown."""
    person = signed_in(request)
    require(person, Permission.AUDIT_VIEW)
    entries = Entry.objects.visible_to(person)
    if wanted := request.GET.get("q", "").strip():
        entries = entries.filter(Q(event__icontains=wanted) | Q(about__icontains=wanted) | Q(actor__icontains=wanted))
    page = Paginator(entries, A_PAGE).get_page(request.GET.get("page"))
    oldest = min((entry.pk for entry in page), default=1)
    context = {"page": page, "wanted": wanted, "broken": verify_chain(start=oldest - 1)}
    return render(request, "administration/audit_log.html", context)


def _visible(person: Person, code: str) -> Institution:
    return get_object_or_404(Institution.objects.visible_to(person), code=code)


def _address(code: str) -> str:
    return reverse("institution", args=[code])


def _next_step(person: Person, institution: Institution) -> Offer | None:
    """Admit an applicant, reinstate a suspended member."""
    if institution.state == InstitutionState.APPLICANT:
        address = reverse("institution-admit", args=[institution.code])
        return Offer(_("Admit"), address, refusal(rules.check_can_admit, person, institution))
    if institution.state == InstitutionState.SUSPENDED:
        address = reverse("institution-reinstate", args=[institution.code])
        return Offer(_("Reinstate"), address, refusal(rules.check_can_reinstate, person, institution))
    return None
