"""The sealing keys of a round, for the association: until when they are kept, and destroying them before."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal
from sharing import retention as rules
from sharing.forms import ReasonForm
from sharing.models import Destruction, Round
from sharing.services import retention


@require_safe
def keys(request: HttpRequest, public_id: str) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.ROUND_PROGRESS_VIEW)
    round = _visible(person, public_id)
    asked = round.destructions.select_related("asked_by", "confirmed_by", "called_off_by")
    waiting = asked.filter(ended_at=None).first()
    context = {
        "round": round,
        "keys": round.keys.order_by("suite"),
        "waiting": waiting,
        "former": asked.exclude(ended_at=None),
        "why_not_ask": refusal(rules.check_can_ask, person, round),
        "form": ReasonForm(),
        "confirm": _offer(person, waiting, "confirm", _("Destroy the keys")) if waiting else None,
        "call_off": _offer(person, waiting, "call-off", _("Call it off")) if waiting else None,
    }
    return render(request, "sharing/round_keys.html", context)


@require_POST
def ask(request: HttpRequest, public_id: str) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.ROUND_MANAGE)
    round = _visible(person, public_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return redirect("round-keys", public_id)
    done = _("A second person has to confirm it.")
    reason = form.cleaned_data["reason"]
    return carry_out(request, _address(round), done, lambda: retention.ask(round, reason=reason, by=person))


@require_POST
def confirm(request: HttpRequest, public_id: str) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.ROUND_MANAGE)
    waiting = _asked(_visible(person, public_id))
    done = _("The keys are destroyed, and the packages with them.")
    return carry_out(request, _address(waiting.round), done, lambda: retention.confirm(waiting, by=person))


@require_POST
def call_off(request: HttpRequest, public_id: str) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.ROUND_MANAGE)
    waiting = _asked(_visible(person, public_id))
    done = _("The keys stay until their time is over.")
    return carry_out(request, _address(waiting.round), done, lambda: retention.call_off(waiting, by=person))


def _visible(person: Person, public_id: str) -> Round:
    return get_object_or_404(Round.objects.visible_to(person).select_related("collection"), public_id=public_id)


def _asked(round: Round) -> Destruction:
    return get_object_or_404(Destruction, round=round, ended_at=None)


def _address(round: Round) -> str:
    return reverse("round-keys", args=[round.public_id])


def _offer(person: Person, waiting: Destruction, verb: str, label: str) -> Offer:
    check = rules.check_can_confirm if verb == "confirm" else rules.check_can_call_off
    address = reverse(f"round-keys-{verb}", args=[waiting.round.public_id])
    return Offer(label, address, refusal(check, person, waiting))
