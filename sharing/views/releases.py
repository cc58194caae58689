"""Releases: what was published, and the review that comes before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from consortium.people.models import Person
from consortium.people.roles import Permission, may, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal
from sharing import rules
from sharing.benchmarks import export, review
from sharing.forms import ReasonForm
from sharing.models import Release, ReleaseCell
from sharing.models.collection import in_language
from sharing.services import releases

A_PAGE = 24


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    visible = Release.objects.visible_to(person).select_related("round__collection")
    page = Paginator(visible, A_PAGE).get_page(request.GET.get("page"))
    return render(request, "sharing/releases.html", {"page": page})


@require_safe
def detail(request: HttpRequest, release_id: str) -> HttpResponse:
    """A published release for its readers; a draft, with what its review needs, for reviewers."""
    person = signed_in(request)
    release = _visible(person, release_id)
    context: dict[str, Any] = {
        "release": release,
        "collection": release.round.collection,
        "indicators": _indicators(release),
        "withheld_share": release.withheld / release.cells if release.cells else None,
        "file_formats": export.FORMATS,
    }
    if may(person, Permission.RELEASE_REVIEW):
        context |= _review(person, release)
    return render(request, "sharing/release.html", context)


@require_safe
def figures(request: HttpRequest, release_id: str, format: str) -> HttpResponse:
    """All cells of a release as a file."""
    release = _visible(signed_in(request), release_id)
    if format not in export.MEDIA_TYPES:
        raise Http404
    response = HttpResponse(export.release_file(release, format), content_type=export.MEDIA_TYPES[format])
    response["Content-Disposition"] = f'attachment; filename="{release.public_id}.{format}"'
    return response


@require_POST
def approve(request: HttpRequest, release_id: str) -> HttpResponse:
    return _act(request, release_id, _("Your approval is recorded."), releases.approve)


@require_POST
def publish(request: HttpRequest, release_id: str) -> HttpResponse:
    return _act(request, release_id, _("The release is published."), releases.publish)


@require_POST
def refuse(request: HttpRequest, release_id: str) -> HttpResponse:
    return _act_with_reason(request, release_id, _("The release is refused."), releases.refuse)


@require_POST
def withdraw(request: HttpRequest, release_id: str) -> HttpResponse:
    return _act_with_reason(
        request, release_id, _("The release is withdrawn. It stays visible as such."), releases.withdraw
    )


def _act(request: HttpRequest, release_id: str, done: str | Promise, act: Callable[..., object]) -> HttpResponse:
    person = signed_in(request)
    release = _visible(person, release_id)
    return carry_out(request, _address(release), done, lambda: act(release, by=person))


def _act_with_reason(
    request: HttpRequest, release_id: str, done: str | Promise, act: Callable[..., object]
) -> HttpResponse:
    person = signed_in(request)
    release = _visible(person, release_id)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return redirect(_address(release))
    reason = form.cleaned_data["reason"]
    return carry_out(request, _address(release), done, lambda: act(release, reason=reason, by=person))


def _visible(person: Person, release_id: str) -> Release:
    visible = Release.objects.visible_to(person).select_related("round__collection", "prepared_by", "published_by")
    return get_object_or_404(visible, public_id=release_id)


def _address(release: Release) -> str:
    return reverse("release", args=[release.public_id])


def _indicators(release: Release) -> list[dict[str, Any]]:
    """Each indicator with how many of its cells are shown and withheld."""
    counts = {
        row["indicator"]: row
        for row in ReleaseCell.objects.filter(release=release)
        .values("indicator")
        .annotate(cells=Count("pk"), withheld=Count("pk", filter=Q(withheld=True)))
    }
    code = release.round.collection.code
    return [
        {
            "name": in_language(dict(indicator.names)),
            "address": f"{reverse('benchmarks')}?collection={code}&indicator={indicator.id}",
            **counts[indicator.id],
            "share": counts[indicator.id]["withheld"] / counts[indicator.id]["cells"],
        }
        for indicator in release.round.collection.template.indicators
        if indicator.id in counts
    ]


def _review(person: Person, release: Release) -> dict[str, Any]:
    """What a reviewer sees besides: the proof, the movements, the approvals and what may be done."""

    def offer(verb: str, label: str, check: Callable[..., None]) -> Offer:
        return Offer(label, reverse(f"release-{verb}", args=[release.public_id]), refusal(check, person, release))

    return {
        "reviewing": True,
        "approvals": release.approvals.select_related("person"),
        "movements": review.movements(release),
        "proofs": review.proofs(release),
        "approve": offer("approve", _("Approve"), rules.check_can_approve_release),
        "publish": offer("publish", _("Publish"), rules.check_can_publish),
        "refuse": offer("refuse", _("Refuse"), rules.check_can_refuse),
        "withdraw": offer("withdraw", _("Withdraw"), rules.check_can_withdraw_release),
        "reason_form": ReasonForm(),
    }
