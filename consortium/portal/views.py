"""Home: what I owe, what is new, how we stand. The association sees where its rounds and releases stand."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consortium.institutions import rules as institution_rules
from consortium.institutions.models import Application, Institution
from consortium.people.models import Person
from consortium.people.roles import Permission, may
from consortium.people.session import signed_in
from consortium.portal.owed import owed
from consortium.portal.standing import standings
from consortium.web.offers import refusal
from sharing import progress
from sharing.models import Release, Round, Submission
from sharing.states import ReleaseState, RoundState, SubmissionState
from sharing.views.submissions import duties, own_rounds

NEWEST = 5


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    if not person.is_entitled:
        may_read = refusal(institution_rules.check_can_read_records, person) is None
        return render(request, "portal/suspended.html", {"may_read_records": may_read})
    context: dict[str, Any] = {"news": _news(person), "owed": owed(person)}
    if person.institution_id is not None:
        context |= {"standings": standings(person), **_owed(person)}
        return render(request, "portal/home_member.html", context)
    return render(request, "portal/home_association.html", {**context, **_board(person)})


def _news(person: Person) -> list[Release]:
    releases = Release.objects.visible_to(person).published().select_related("round__collection").defer("audit")
    return list(releases.order_by("-published_at")[:NEWEST])


def _owed(person: Person) -> dict[str, Any]:
    """Open rounds without an accepted answer, and what waits for this person's approval."""
    waiting: list[Submission] = []
    if may(person, Permission.SUBMISSION_APPROVE):
        visible = Submission.objects.visible_to(person).select_related("round__collection")
        waiting = list(visible.filter(state=SubmissionState.AWAITING_APPROVAL, round__state=RoundState.OPEN))
    asked = duties(person, list(own_rounds(person).open()))
    return {"duties": [duty for duty in asked if duty.submission not in waiting], "waiting": waiting}


def _board(person: Person) -> dict[str, Any]:
    """Rounds in progress and releases in review, for those whose work they are."""
    context: dict[str, Any] = {}
    if may(person, Permission.ROUND_PROGRESS_VIEW):
        active = list(
            Round.objects.visible_to(person).exclude(state=RoundState.PUBLISHED).select_related("collection")[:12]
        )
        counts = progress.counts(active, person)
        context["rounds"] = [(round, *counts[round.pk]) for round in active]
    if may(person, Permission.RELEASE_REVIEW):
        visible = Release.objects.visible_to(person).select_related("round__collection")
        context["reviews"] = list(visible.filter(state=ReleaseState.IN_REVIEW))
    if may(person, Permission.MEMBER_VIEW):
        context["members"] = Institution.objects.visible_to(person).active().count()
        context["applications"] = Application.objects.visible_to(person).waiting().count()
    if may(person, Permission.RELEASE_VIEW):
        context["standings"] = standings(person)
    return context
