"""The dates of a round and more time for one institution, for whoever manages rounds."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from consortium.errors import Refused
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import carry_out
from sharing.forms import DatesForm, ExtensionForm
from sharing.models import Extension, Round
from sharing.services import deadlines


@require_http_methods(["GET", "POST"])
def dates(request: HttpRequest, public_id: str) -> HttpResponse:
    """When a round is due, how long grace lasts, and when it closes by itself."""
    person, round = _managed(request, public_id)
    now = {name: getattr(round, name) for name in ("due_at", "grace_until", "closes_at")}
    form = DatesForm(request.POST if request.method == "POST" else None, initial=now)
    if request.method == "POST" and form.is_valid():
        try:
            deadlines.reschedule(round, by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("round", public_id)
    context = {"round": round, "form": form}
    return render(request, "sharing/round_dates.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def extensions(request: HttpRequest, public_id: str) -> HttpResponse:
    """Who has more time, and granting it."""
    person, round = _managed(request, public_id)
    form = ExtensionForm(request.POST if request.method == "POST" else None, round=round)
    if request.method == "POST" and form.is_valid():
        try:
            deadlines.extend(round, by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("round-extensions", public_id)
    granted = Extension.objects.visible_to(person).filter(round=round).select_related("institution", "granted_by")
    context = {"round": round, "form": form, "extensions": granted}
    return render(request, "sharing/round_extensions.html", context, status=422 if form.errors else 200)


@require_POST
def end_extension(request: HttpRequest, public_id: str, extension_id: int) -> HttpResponse:
    person, round = _managed(request, public_id)
    extension = get_object_or_404(Extension.objects.visible_to(person), pk=extension_id, round=round)
    return carry_out(
        request,
        reverse("round-extensions", args=[public_id]),
        _("The extension is over."),
        lambda: deadlines.end_extension(extension, by=person),
    )


def _managed(request: HttpRequest, public_id: str) -> tuple[Person, Round]:
    person = signed_in(request)
    require(person, Permission.ROUND_MANAGE)
    visible = Round.objects.visible_to(person).select_related("collection")
    return person, get_object_or_404(visible, public_id=public_id)
