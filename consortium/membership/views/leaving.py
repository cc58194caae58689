"""Where a member's administrator declares that the institution leaves."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from consortium.institutions import rules
from consortium.institutions.services import departures
from consortium.membership.forms import DepartureForm
from consortium.membership.views.overview import departure_of, own
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal


@require_http_methods(["GET", "POST"])
def leaving(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = own(person)
    rules.check_can_manage(person, institution)
    form = DepartureForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = _("Your leaving is declared. The association confirms it.")
        return carry_out(
            request,
            reverse("leaving"),
            done,
            lambda: departures.declare(institution, by=person, **form.cleaned_data),
        )
    departure = departure_of(institution)
    offer = None
    if departure is not None:
        why_not = refusal(rules.check_can_call_off_departure, person, departure)
        offer = Offer(_("Call it off"), reverse("leaving-call-off"), why_not)
    context = {
        "form": form,
        "departure": departure,
        "call_off": offer,
        "days": rules.RECORDS_FOR.days,
        "today": timezone.localdate(),
    }
    return render(request, "membership/leaving.html", context, status=422 if form.errors else 200)


@require_POST
def call_off(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    institution = own(person)
    rules.check_can_manage(person, institution)
    departure = departure_of(institution)
    if departure is None:
        raise Http404
    done = _("Your institution stays.")
    return carry_out(request, reverse("leaving"), done, lambda: departures.call_off(departure, by=person))
