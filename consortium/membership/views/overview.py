"""The own institution at a glance, and whether its submissions need a second person."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from consortium.institutions import rules
from consortium.institutions.models import ApprovalWaiver, Departure, Institution
from consortium.institutions.services import agreements, four_eyes
from consortium.institutions.states import DepartureState
from consortium.people.models import Person
from consortium.people.roles import MEMBER_ROLES, Permission, Role, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal


@require_safe
def own_institution(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = own(person)
    context = {
        "institution": institution,
        "duties_of": _who_does_what(person),
        "people_count": institution.people.filter(is_active=True).count(),
        "agreement": agreements.standing(institution),
        "affiliates": _affiliates(institution),
        "approval": _approval_offer(person, institution),
        "departure": departure_of(institution),
        **_waiver(person, institution),
    }
    return render(request, "membership/overview.html", context)


def own(person: Person) -> Institution:
    """The person's institution; Forbidden for those who have none."""
    require(person, Permission.INSTITUTION_VIEW)
    return Institution.objects.visible_to(person).get()


def departure_of(institution: Institution) -> Departure | None:
    """Under way, when the institution is leaving."""
    under_way = (DepartureState.DECLARED, DepartureState.CONFIRMED)
    return institution.departures.filter(state__in=under_way).select_related("declared_by", "institution").first()


@require_POST
def require_approval(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = own(person)
    done = _("Submissions need a second person's approval from now on.")
    return _back(request, done, lambda: four_eyes.require_approval(institution, by=person))


@require_POST
def ask_for_waiver(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = own(person)
    done = _("A second person must agree: an approver or another administrator. They are told.")
    return _back(request, done, lambda: four_eyes.ask_for_waiver(institution, by=person))


@require_POST
def confirm_waiver(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    waiver = _waiver_of(own(person))
    done = _("Submissions leave without a second person's approval from now on.")
    return _back(request, done, lambda: four_eyes.confirm_waiver(waiver, by=person))


@require_POST
def refuse_waiver(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    waiver = _waiver_of(own(person))
    done = _("The request is ended: submissions still need a second person's approval.")
    return _back(request, done, lambda: four_eyes.refuse_waiver(waiver, by=person))


def _back(request: HttpRequest, done: str | Promise, act: Callable[[], object]) -> HttpResponse:
    return carry_out(request, reverse("own-institution"), done, act)


def _waiver_of(institution: Institution) -> ApprovalWaiver:
    waiver = ApprovalWaiver.objects.filter(institution=institution).select_related("institution").first()
    if waiver is None:
        raise Http404
    return waiver


def _approval_offer(person: Person, institution: Institution) -> Offer:
    if institution.approves_submissions:
        why_not = refusal(rules.check_can_ask_for_waiver, person, institution)
        return Offer(_("Ask to end this"), reverse("waiver-ask"), why_not)
    why_not = refusal(rules.check_can_require_approval, person, institution)
    return Offer(_("Require a second person's approval"), reverse("approval-require"), why_not)


def _waiver(person: Person, institution: Institution) -> dict[str, object]:
    waiver = ApprovalWaiver.objects.filter(institution=institution).select_related("asked_by", "institution").first()
    if waiver is None:
        return {}
    return {
        "waiver": waiver,
        "confirm": Offer(
            _("Confirm"), reverse("waiver-confirm"), refusal(rules.check_can_confirm_waiver, person, waiver)
        ),
        "refuse": Offer(
            _refusing(person, waiver), reverse("waiver-refuse"), refusal(rules.check_can_refuse_waiver, person, waiver)
        ),
    }


def _refusing(person: Person, waiver: ApprovalWaiver) -> str:
    return _("Take it back") if waiver.asked_by_id == person.pk else _("Refuse")


def _affiliates(institution: Institution) -> list[Institution]:
    """The other members of its group: they count as one contributor with it, so it may know who they are."""
    if not institution.affiliate_group:
        return []
    same = Institution.objects.filter(affiliate_group=institution.affiliate_group)
    return list(same.exclude(pk=institution.pk).order_by("code"))


def _who_does_what(person: Person) -> list[tuple[str, list[Person]]]:
    """Every role of a member with the people who have it."""
    people = list(Person.objects.visible_to(person).filter(is_active=True))
    members = (role for role in Role if role in MEMBER_ROLES)
    return [(str(role.label), [each for each in people if role in each.roles]) for role in members]
