"""The membership agreement: its text for everybody, and its acceptance by those who bind an institution."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from consortium.institutions import rules
from consortium.institutions.models import Agreement, AgreementAcceptance
from consortium.institutions.services import agreements
from consortium.membership.forms import AcceptanceForm
from consortium.membership.prose import blocks
from consortium.membership.views.overview import own
from consortium.people.session import signed_in
from consortium.web.offers import carry_out, refusal


@login_not_required
@require_safe
def newest(request: HttpRequest) -> HttpResponse:
    agreement = Agreement.objects.newest()
    if agreement is None:
        raise Http404
    return redirect("agreement", agreement.version)


@login_not_required
@require_safe
def read(request: HttpRequest, agreement_version: int) -> HttpResponse:
    """Every version stays readable, for applicants and for those who left too."""
    agreement = get_object_or_404(Agreement, version=agreement_version)
    versions = Agreement.objects.all()
    context = {"agreement": agreement, "blocks": blocks(agreement.text), "versions": versions}
    return render(request, "membership/agreement.html", context)


@login_not_required
@require_safe
def text(request: HttpRequest, agreement_version: int) -> HttpResponse:
    """Both languages as one file, whose SHA-256 is the one that an acceptance names."""
    agreement = get_object_or_404(Agreement, version=agreement_version)
    name = f"agreement-v{agreement.version}.txt"
    return HttpResponse(
        agreement.document,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
def own_agreements(request: HttpRequest) -> HttpResponse:
    """What is to be accepted, and what was."""
    person = signed_in(request)
    institution = own(person)
    standing = agreements.standing(institution)
    newest = standing.newest
    context = {
        "standing": standing,
        "blocks": blocks(newest.text) if newest and standing.is_due else [],
        "acceptances": AgreementAcceptance.objects.visible_to(person)
        .filter(institution=institution)
        .select_related("agreement"),
        "form": AcceptanceForm(initial={"name": person.name}),
        "why_not": refusal(rules.check_can_accept, person, institution, newest, newest) if newest else None,
    }
    return render(request, "membership/agreements.html", context)


@require_POST
def accept(request: HttpRequest, agreement_version: int) -> HttpResponse:
    person = signed_in(request)
    institution = own(person)
    agreement = get_object_or_404(Agreement, version=agreement_version)
    form = AcceptanceForm(request.POST)
    if not form.is_valid():
        standing = agreements.standing(institution)
        context = {"standing": standing, "blocks": blocks(agreement.text), "form": form}
        return render(request, "membership/agreements.html", context, status=422)
    signed = {field: form.cleaned_data[field] for field in ("name", "position")}
    done = _("Your institution has accepted the agreement.")
    return carry_out(
        request, reverse("agreements"), done, lambda: agreements.accept(agreement, institution, by=person, **signed)
    )
