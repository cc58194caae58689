"""Declaring that there is nothing to send for a round, and what became of the declaration."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from consortium.errors import Refused
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal
from sharing import rules
from sharing.forms import NoDataForm, ReasonForm
from sharing.models import NoData, Round
from sharing.services import no_data


@require_http_methods(["GET", "POST"])
def declare(request: HttpRequest, public_id: str) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.SUBMISSION_VIEW)
    round = _round(person, public_id)
    form = NoDataForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            no_data.declare(round, by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            form = NoDataForm()
    context = {"round": round, "form": form, **_context(person, round)}
    return render(request, "sharing/no_data.html", context, status=422 if form.errors else 200)


@require_POST
def act(request: HttpRequest, public_id: str, verb: str) -> HttpResponse:
    """Approve, send back or withdraw what stands."""
    person = signed_in(request)
    standing = NoData.objects.visible_to(person).standing().filter(round=_round(person, public_id))
    declaration = get_object_or_404(standing.select_related("round__collection", "institution"))
    reason = request.POST.get("reason", "")
    service, done = {
        "approve": (lambda: no_data.approve(declaration, by=person), _("The declaration is approved.")),
        "send-back": (lambda: no_data.send_back(declaration, reason, by=person), _("The declaration is sent back.")),
        "withdraw": (lambda: no_data.withdraw(declaration, by=person), _("The declaration is withdrawn.")),
    }[verb]
    return carry_out(request, reverse("no-data", args=[public_id]), done, service)


def _context(person: Person, round: Round) -> dict[str, object]:
    own = NoData.objects.visible_to(person).filter(round=round)
    declarations = list(own.select_related("declared_by", "declared_by_client", "approved_by"))
    standing = next((each for each in declarations if each.state in ("declared", "awaiting_approval")), None)
    context: dict[str, object] = {
        "declarations": declarations,
        "standing": standing,
        "why_not": refusal(rules.check_can_declare_for, person, round),
    }
    if standing is not None:
        standing.round = round
        for verb, label, check in (
            ("approve", _("Approve"), rules.check_can_approve_no_data),
            ("withdraw", _("Withdraw"), rules.check_can_withdraw_no_data),
        ):
            address = reverse(f"no-data-{verb}", args=[round.public_id])
            context[verb] = Offer(label, address, refusal(check, person, standing))
        context["may_send_back"] = refusal(rules.check_can_approve_no_data, person, standing) is None
        context["send_back"] = ReasonForm()
    return context


def _round(person: Person, public_id: str) -> Round:
    visible = Round.objects.visible_to(person).select_related("collection")
    if person.institution_id is None:
        visible = visible.none()
    return get_object_or_404(visible, public_id=public_id)
