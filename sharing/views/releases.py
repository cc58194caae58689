"""Releases: what was published, and the review that comes before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from consortium.people.models import Person
from consortium.people.roles import Permission, may, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal
from sharing import calendar, rules
from sharing.benchmarks import export
from sharing.benchmarks.naming import cell_name, peer_group_names
from sharing.forms import CellsForm, EmbargoForm, NoteForm, ReasonForm
from sharing.models import Release, ReleaseCell
from sharing.models.collection import in_language
from sharing.review import coverage, movements, withheld
from sharing.review.proof import proofs
from sharing.services import releases

A_PAGE = 24
CELLS_A_PAGE = 100
COMING = timedelta(days=60)


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    visible = Release.objects.visible_to(person).select_related("round__collection")
    page = Paginator(visible, A_PAGE).get_page(request.GET.get("page"))
    now = timezone.now()
    coming = [entry for entry in calendar.entries(person, now, now + COMING) if entry.kind == calendar.RELEASE]
    return render(request, "sharing/releases.html", {"page": page, "coming": coming})


@require_safe
def detail(request: HttpRequest, release_id: str) -> HttpResponse:
    """A published release for its readers; a draft, with what its review needs, for reviewers."""
    person = signed_in(request)
    release = _visible(person, release_id)
    context: dict[str, Any] = {
        "release": release,
        "collection": release.round.collection,
        "indicators": _indicators(person, release),
        "vintages": _vintages(person, release),
        "withheld_share": release.withheld / release.cells if release.cells else None,
        "file_formats": export.FORMATS,
    }
    if may(person, Permission.RELEASE_REVIEW):
        context |= _review(person, release)
    return render(request, "sharing/release.html", context)


@require_safe
def figures(request: HttpRequest, release_id: str, format: str) -> HttpResponse:
    """All cells of a release as a file."""
    person = signed_in(request)
    release = _visible(person, release_id)
    if format not in export.MEDIA_TYPES:
        raise Http404
    content = export.release_file(release, format, by=person)
    response = HttpResponse(content, content_type=export.MEDIA_TYPES[format])
    response["Content-Disposition"] = f'attachment; filename="{release.public_id}.{format}"'
    return response


@require_POST
def approve(request: HttpRequest, release_id: str) -> HttpResponse:
    return _act(request, release_id, _("Your approval is recorded."), releases.approve)


@require_POST
def publish(request: HttpRequest, release_id: str) -> HttpResponse:
    return _act(request, release_id, _("The release is published."), releases.publish)


@require_POST
def schedule(request: HttpRequest, release_id: str) -> HttpResponse:
    form = EmbargoForm(request.POST)
    if not form.is_valid():
        return _back_with_errors(request, release_id, form)
    at = form.cleaned_data["at"]
    done = _("The release is published by itself when its embargo ends.")
    return _act(request, release_id, done, partial(releases.schedule, at=at))


@require_POST
def call_off(request: HttpRequest, release_id: str) -> HttpResponse:
    return _act(request, release_id, _("The release is not published; its approvals stand."), releases.call_off)


@require_POST
def note(request: HttpRequest, release_id: str) -> HttpResponse:
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _back_with_errors(request, release_id, form)
    done = _("The note is saved. The draft needs its approvals anew.")
    return _act(request, release_id, done, partial(releases.annotate, note=form.cleaned_data["note"]))


@require_POST
def comment(request: HttpRequest, release_id: str) -> HttpResponse:
    text = request.POST.get("text", "")
    return _act(request, release_id, _("Your comment is there."), partial(releases.comment, text=text))


@require_POST
def withhold(request: HttpRequest, release_id: str) -> HttpResponse:
    """The chosen cells, with those withheld besides before; without any, none is."""
    person = signed_in(request)
    release = _visible(person, release_id)
    before = {(group, key) for group, key in release.also_withhold}
    chosen = {tuple(text.split(" ", 1)) for text in request.POST.getlist("cell") if " " in text}
    cells = {(group, key) for group, key in chosen} | before if chosen else set()
    return carry_out(
        request,
        _address(release),
        _("The draft is computed again. It needs its approvals anew."),
        lambda: releases.withhold_besides(release, cells=cells, by=person),
    )


@require_safe
def cells(request: HttpRequest, release_id: str) -> HttpResponse:
    """Every cell of a release with the reason why it is withheld, for reviewers."""
    person = signed_in(request)
    require(person, Permission.RELEASE_REVIEW)
    release = _visible(person, release_id)
    form = CellsForm(request.GET, release=release)
    chosen = form.chosen()
    rows = withheld.cells(release, chosen["indicator"], chosen["peer_group"], chosen["state"])
    page = Paginator(rows, CELLS_A_PAGE).get_page(request.GET.get("page"))
    template = release.round.collection.template
    indicators = {indicator.id: indicator for indicator in template.indicators}
    groups = peer_group_names(release.round.collection)
    context = {
        "release": release,
        "collection": release.round.collection,
        "form": form,
        "page": page,
        "cells": [
            {
                "row": row,
                "indicator": in_language(dict(indicators[row.indicator].names)),
                "kind": indicators[row.indicator].format,
                "name": cell_name(template, indicators[row.indicator], row.key),
                "peer_group": groups.get(row.peer_group, row.peer_group),
                "reason": withheld.REASONS.get(row.reason, ""),
            }
            for row in page
        ],
        "change": _offer(person, release, "withhold", _("Withhold these besides"), rules.check_can_change_draft),
    }
    return render(request, "sharing/release_cells.html", context)


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


def _back_with_errors(request: HttpRequest, release_id: str, form: Form) -> HttpResponse:
    """To the release's page, with what is wrong as a message."""
    for errors in form.errors.values():
        messages.error(request, " ".join(map(str, errors)))
    return redirect(_address(_visible(signed_in(request), release_id)))


def _visible(person: Person, release_id: str) -> Release:
    visible = Release.objects.visible_to(person).select_related("round__collection", "prepared_by", "published_by")
    return get_object_or_404(visible, public_id=release_id)


def _address(release: Release) -> str:
    return reverse("release", args=[release.public_id])


def _indicators(person: Person, release: Release) -> list[dict[str, Any]]:
    """Each indicator with how many of the cells that the person sees are shown and withheld."""
    counts = {
        row["indicator"]: row
        for row in ReleaseCell.objects.visible_to(person)
        .filter(release=release)
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
    """What a reviewer sees besides: coverage, movements, what is withheld, the proof, and what may be done."""

    def offer(verb: str, label: str | Promise, check: Callable[..., None]) -> Offer:
        return _offer(person, release, verb, label, check)

    before = movements.previous(release)
    return {
        "reviewing": True,
        "approvals": release.approvals.select_related("person"),
        "edits": release.edits.select_related("person"),
        "comments": release.comments.select_related("person"),
        "before": before,
        "coverage": coverage.coverage(release, before),
        "movements": movements.headlines(release),
        "largest": movements.largest(release),
        "changes": movements.revision(release),
        "reasons": list(withheld.REASONS.values()),
        "withheld_by": [
            (_("Indicator"), withheld.by_indicator(release)),
            (_("Peer group"), withheld.by_peer_group(release)),
        ],
        "proofs": proofs(release),
        "remedy": release.audit.get("remedy"),
        "approve": offer("approve", _("Approve"), rules.check_can_approve_release),
        "publish": offer("publish", _("Publish now"), rules.check_can_publish),
        "call_off": offer("call-off", _("Call off"), rules.check_can_call_off),
        "refuse": offer("refuse", _("Refuse"), rules.check_can_refuse),
        "withdraw": offer("withdraw", _("Withdraw"), rules.check_can_withdraw_release),
        "change": offer("note", _("Save the note"), rules.check_can_change_draft),
        "note_form": NoteForm({"note": release.note}),
        "embargo_form": EmbargoForm(),
        "reason_form": ReasonForm(),
    }


def _offer(person: Person, release: Release, verb: str, label: str | Promise, check: Callable[..., None]) -> Offer:
    return Offer(label, reverse(f"release-{verb}", args=[release.public_id]), refusal(check, person, release))


def _vintages(person: Person, release: Release) -> list[Release]:
    """All releases of the round that the person sees, latest first; none when there is no other."""
    found = list(Release.objects.visible_to(person).filter(round=release.round).order_by("-revision"))
    return found if len(found) > 1 else []
