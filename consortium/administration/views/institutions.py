"""Members: who they are, whether they are active, and how they leave."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.administration.forms import CorrectionForm, EndingForm, InstitutionForm, SuspensionForm
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import Departure, Institution, InstitutionKind
from consortium.institutions.services import agreements, departures, institutions
from consortium.institutions.states import InstitutionState
from consortium.membership.views.overview import departure_of
from consortium.people.models import Person
from consortium.people.roles import Permission, require
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
    chosen = {field: request.GET.get(field, "").strip() for field in ("q", "state", "kind")}
    context = {
        "page": Paginator(_filtered(found, chosen), A_PAGE).get_page(request.GET.get("page")),
        "chosen": chosen,
        "states": InstitutionState.choices,
        "kinds": InstitutionKind.choices,
        "may_propose": refusal(rules.check_can_propose, person) is None,
    }
    return render(request, "administration/institutions.html", context)


def _filtered(found: QuerySet[Institution], chosen: dict[str, str]) -> QuerySet[Institution]:
    if wanted := chosen["q"]:
        found = found.filter(
            Q(name__icontains=wanted)
            | Q(name_zh__icontains=wanted)
            | Q(code__icontains=wanted)
            | Q(affiliate_group__icontains=wanted)
            | Q(registration_number__iexact=wanted)
            | Q(lei__iexact=wanted)
        )
    for field in ("state", "kind"):
        if chosen[field]:
            found = found.filter(**{field: chosen[field]})
    return found


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
    departure = departure_of(member)
    context = {
        "institution": member,
        "members": member.people.all(),
        "invitations": member.invitations.pending(),
        "keys": member.signing_keys.all(),
        "collections": member.collections.all(),
        "agreement": agreements.standing(member),
        "affiliations": member.affiliations.select_related("group"),
        "application": getattr(member, "application", None),
        "offer": _next_step(person, member),
        "suspension": SuspensionForm(),
        "why_not_suspend": refusal(rules.check_can_suspend, person, member),
        "ending": EndingForm(prefix="ending"),
        "may_end": refusal(rules.check_can_end_membership, person, member) is None,
        "may_correct": refusal(rules.check_can_correct, person, member) is None,
        "may_admit": refusal(require, person, Permission.MEMBER_ADMIT) is None,
        "departure": departure,
        **(_departure_offers(person, departure) if departure else {}),
    }
    return render(request, "administration/institution.html", context)


@require_http_methods(["GET", "POST"])
def institution_correct(request: HttpRequest, institution: str) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.MEMBER_ADMIT)
    member = _visible(person, institution)
    form = CorrectionForm(request.POST or None, instance=member)
    if request.method == "POST" and form.is_valid():
        try:
            institutions.correct(member, by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("The details are saved."))
            return redirect("institution", institution)
    context = {"form": form, "code": institution}
    return render(request, "administration/institution_correct.html", context, status=422 if form.errors else 200)


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


@require_POST
def institution_end(request: HttpRequest, institution: str) -> HttpResponse:
    """The association lets go of a suspended member."""
    person = signed_in(request)
    member = _visible(person, institution)
    reason = EndingForm(request.POST, prefix="ending")
    if not reason.is_valid():
        return redirect("institution", institution)
    done = _("The membership is ended.")
    return carry_out(
        request,
        _address(institution),
        done,
        lambda: departures.end_membership(member, reason=reason.cleaned_data["reason"], by=person),
    )


@require_POST
def departure_confirm(request: HttpRequest, institution: str) -> HttpResponse:
    person = signed_in(request)
    departure = _departure(_visible(person, institution))
    done = _("The departure is confirmed.")
    return carry_out(request, _address(institution), done, lambda: departures.confirm(departure, by=person))


@require_POST
def departure_call_off(request: HttpRequest, institution: str) -> HttpResponse:
    person = signed_in(request)
    departure = _departure(_visible(person, institution))
    require(person, Permission.MEMBER_ADMIT)
    done = _("The departure is called off.")
    return carry_out(request, _address(institution), done, lambda: departures.call_off(departure, by=person))


def _visible(person: Person, code: str) -> Institution:
    return get_object_or_404(Institution.objects.visible_to(person), code=code)


def _departure(institution: Institution) -> Departure:
    departure = departure_of(institution)
    if departure is None:
        raise Http404
    return departure


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


def _departure_offers(person: Person, departure: Departure) -> dict[str, Offer]:
    code = departure.institution.code
    return {
        "confirm_departure": Offer(
            _("Confirm"),
            reverse("departure-confirm", args=[code]),
            refusal(rules.check_can_confirm_departure, person, departure),
        ),
        "call_off_departure": Offer(
            _("Call it off"),
            reverse("departure-call-off", args=[code]),
            refusal(rules.check_can_call_off_departure, person, departure),
        ),
    }
