"""Sealing in the browser: the page, and the Excel form of a round. Figures never come here, only what is sealed."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from anonymize.cube import XLSX
from consortium.institutions.models import Institution, SigningKey
from consortium.people.models import Person
from consortium.people.roles import Permission, Role, may, require
from consortium.people.session import signed_in
from consortium.web.offers import refusal
from sharing import rules
from sharing.excel_form import excel_form
from sharing.forms import PackageForm
from sharing.models import CorrectionReason, Round
from sharing.sealing_words import WORDS
from sharing.states import ReleaseState, SubmissionState
from sharing.template_facts import facts_of


@require_safe
def page(request: HttpRequest, public_id: str) -> HttpResponse:
    person = signed_in(request)
    round = _round(person, public_id)
    institution = person.institution
    why_not = refusal(rules.check_can_send, person, round)
    counted = round.submissions.filter(institution=institution, state=SubmissionState.ACCEPTED, is_trial=False)
    needs_reason = round.releases.filter(state=ReleaseState.PUBLISHED).exists() and counted.exists()
    context = {
        "round": round,
        "why_not": why_not,
        "form": PackageForm(limit=round.collection.size_limit),
        "facts": {**_facts(person, round), "isOpen": why_not is None},
        "reasons": CorrectionReason.choices if needs_reason else [],
        "approvers": _approvers(institution, person) if institution and institution.approves_submissions else None,
        "may_register": may(person, Permission.INSTITUTION_MANAGE),
        "protection": round.collection.template.protection,
    }
    return render(request, "sharing/seal.html", context)


@require_safe
def template(request: HttpRequest, public_id: str) -> HttpResponse:
    """The round's Excel form; it holds no figure of anybody."""
    round = _round(signed_in(request), public_id)
    response = HttpResponse(excel_form(round.collection.template, round.period), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{round.public_id}.xlsx"'
    return response


def _round(person: Person, public_id: str) -> Round:
    require(person, Permission.SUBMISSION_VIEW)
    return get_object_or_404(Round.objects.visible_to(person).select_related("collection"), public_id=public_id)


def _facts(person: Person, round: Round) -> dict[str, Any]:
    """What the script is told: the template, where to send, which keys count, and its sentences."""
    keys = SigningKey.objects.filter(institution=person.institution_id)
    return {
        "template": facts_of(round.collection.template, round.period),
        "round": round.public_id,
        "institution": person.institution.code if person.institution else "",
        "audience": settings.CONCORD_AUDIENCE,
        "limit": round.collection.size_limit,
        "inForce": list(keys.in_force().values_list("kid", flat=True)),
        "registered": list(keys.values_list("kid", flat=True)),
        "addresses": {
            "round": reverse("api:round", args=[round.public_id]),
            "packages": reverse("api:packages", args=[round.public_id]),
            "keys": reverse("api:keys"),
            "jwks": "/.well-known/jwks.json",
            "submissions": reverse("submissions"),
        },
        "words": {name: str(sentence) for name, sentence in WORDS.items()},
    }


def _approvers(institution: Institution, sender: Person) -> list[str]:
    """Who may give the second pair of eyes to what this person sends."""
    others = Person.objects.filter(institution=institution, is_active=True, roles__contains=[Role.APPROVER])
    return [str(each) for each in others.exclude(pk=sender.pk).order_by("name")]
