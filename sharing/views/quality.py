"""How good the own institution's answers are, beside those of its peers."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from sharing.models import Collection, Submission
from sharing.services import quality


@dataclass(frozen=True)
class Standing:
    """One collection: the own rolling score, the latest answer's parts, and the others' distribution."""

    collection: Collection
    score: int | None
    latest: Submission | None
    parts: quality.Quality | None
    peers: quality.Peers | None


@require_safe
def own(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.SUBMISSION_VIEW)
    institution_id = person.institution_id or 0
    standings = []
    latest_versions = {each.code: each for each in Collection.objects.visible_to(person).order_by("created_at")}
    for collection in latest_versions.values():
        scores = quality.rolling(collection.code)
        accepted = Submission.objects.visible_to(person).accepted().filter(round__collection__code=collection.code)
        latest = accepted.select_related("round__collection").order_by("-round__due_at").first()
        standings.append(
            Standing(
                collection,
                scores.get(institution_id),
                latest,
                quality.quality_of(latest) if latest and latest.score is not None else None,
                quality.peers(scores, institution_id),
            )
        )
    context = {"standings": standings, "rounds": quality.ROUNDS, "fewest": quality.FEWEST_PEERS}
    return render(request, "sharing/quality.html", context)
