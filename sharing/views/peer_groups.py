"""With whom releases compare: the groups of each collection, and defining and retiring one's own."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from consortium.errors import Refused
from consortium.people.models import Person
from consortium.people.roles import Permission, may, require
from consortium.people.session import signed_in
from consortium.web.offers import carry_out
from sharing.forms import PeerGroupForm
from sharing.models import Collection, PeerGroup
from sharing.services import peer_groups
from sharing.views.benchmark_tabs import benchmark_tabs


@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """All groups that the person sees; a member defines one here, told at every change whether it fits the rules."""
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    seen = _latest(person)
    form = _form(request, person, seen)
    context: dict[str, Any] = {"form": form, "benchmark_tabs": benchmark_tabs(person, "peer-groups")}
    if form is not None and request.method == "POST":
        if "define" in request.POST and form.is_valid():
            try:
                peer_groups.define(form.collection, form.cleaned_data["name"], by=person, **form.chosen)
            except Refused as refused:
                form.add_error(None, str(refused))
            else:
                return redirect("peer-groups")
        context |= _fit(form)
        if request.htmx:  # type: ignore[attr-defined]
            return render(request, "sharing/_peer_group_fit.html", context)
    context["collections"] = [(each, _groups(each, person)) for each in seen]
    return render(request, "sharing/peer_groups.html", context, status=422 if form and form.errors else 200)


@require_POST
def retire(request: HttpRequest, code: str) -> HttpResponse:
    person = signed_in(request)
    group = get_object_or_404(PeerGroup.objects.visible_to(person), code=code)
    done = _("The peer group is retired. Rounds that are computed from now on are without it.")
    return carry_out(request, reverse("peer-groups"), done, lambda: peer_groups.retire(group, by=person))


def _latest(person: Person) -> list[Collection]:
    """The collections that the person sees, each in its version in force."""
    seen = Collection.objects.visible_to(person).order_by("code", "-created_at", "-pk").distinct("code")
    return list(seen)


def _form(request: HttpRequest, person: Person, seen: list[Collection]) -> PeerGroupForm | None:
    if person.institution_id is None or not seen:
        return None
    asked = request.POST.get("collection") or request.GET.get("collection")
    collection = next((each for each in seen if each.code == asked), seen[0])
    return PeerGroupForm(request.POST if request.method == "POST" else None, collection=collection)


def _fit(form: PeerGroupForm) -> dict[str, Any]:
    """How many institutions are chosen, and the rule that stands in the way, if one does."""
    choice = peer_groups.choose(form.collection, **form.chosen_so_far)
    try:
        peer_groups.check(form.collection, choice)
    except Refused as refused:
        return {"chosen": len(choice.contributors), "why_not": str(refused)}
    return {"chosen": len(choice.contributors), "why_not": ""}


def _groups(collection: Collection, person: Person) -> list[tuple[PeerGroup, bool]]:
    """The groups in force, and whether this person may retire each."""
    groups = PeerGroup.objects.in_force(timezone.now()).filter(collections=collection).select_related("owner")
    manages = may(person, Permission.COLLECTION_MANAGE)
    return [
        (each, each.owner_id is not None and (manages or each.owner_id == person.institution_id)) for each in groups
    ]
