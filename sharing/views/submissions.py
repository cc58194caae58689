"""A member's own submissions: what each round asks, what was sent, what was found, who opened it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anonymize.errors import PackageError
from consortium.errors import Refused, Sentence
from consortium.people.models import Person
from consortium.people.roles import Permission, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal
from sharing import progress, rules
from sharing.forms import PackageForm
from sharing.models import Round, Submission
from sharing.services import submissions

A_PAGE = 24


@dataclass(frozen=True)
class Duty:
    """A round and how far the own institution is with it."""

    round: Round
    state: str
    submission: Submission | None
    why_not_send: Sentence | None

    def get_state_display(self) -> str:
        return progress.state_in_words(self.state)


def duties(person: Person, rounds: list[Round]) -> list[Duty]:
    """The rounds must come with the person's own submissions prefetched as `own`."""
    found = []
    for round in rounds:
        state, submission = progress.own_state(round.own, round)  # type: ignore[attr-defined]
        found.append(Duty(round, state, submission, refusal(rules.check_can_send, person, round)))
    return found


def own_rounds(person: Person) -> list[Round]:
    """Every round that the person's institution is or was asked in, newest first, with its own submissions."""
    own = Prefetch("submissions", Submission.objects.visible_to(person), to_attr="own")
    return list(Round.objects.visible_to(person).select_related("collection").prefetch_related(own))


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.SUBMISSION_VIEW)
    page = Paginator(own_rounds(person), A_PAGE).get_page(request.GET.get("page"))
    return render(request, "sharing/submissions.html", {"page": page, "duties": duties(person, list(page))})


@require_safe
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    person = signed_in(request)
    submission = _own(person, pk)
    context = {
        "submission": submission,
        "findings": submission.findings.all(),
        "openings": submission.openings.all(),
        "versions": Submission.objects.visible_to(person).filter(round=submission.round_id).order_by("-version"),
        "approve": Offer(
            _("Approve"),
            reverse("submission-approve", args=[pk]),
            refusal(rules.check_can_approve, person, submission),
        ),
        "withdraw": Offer(
            _("Withdraw"),
            reverse("submission-withdraw", args=[pk]),
            refusal(rules.check_can_withdraw, person, submission),
        ),
    }
    return render(request, "sharing/submission.html", context)


@require_safe
def receipt(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The signed receipt as it was issued: a compact JWS."""
    submission = _own(signed_in(request), pk)
    response = HttpResponse(submission.receipt, content_type="application/jose")
    response["Content-Disposition"] = f'attachment; filename="receipt-{submission.round.public_id}-{pk}.jws"'
    return response


@require_POST
def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    person = signed_in(request)
    submission = _own(person, pk)
    return carry_out(
        request,
        reverse("submission", args=[pk]),
        _("The submission is approved and counts."),
        lambda: submissions.approve(submission, by=person),
    )


@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    person = signed_in(request)
    submission = _own(person, pk)
    return carry_out(
        request,
        reverse("submission", args=[pk]),
        _("The submission is withdrawn."),
        lambda: submissions.withdraw(submission, by=person),
    )


@require_http_methods(["GET", "POST"])
def send(request: HttpRequest, public_id: str) -> HttpResponse:
    """Receive a package that was sealed at the bank; it stays sealed here."""
    person = signed_in(request)
    require(person, Permission.SUBMISSION_VIEW)
    round = get_object_or_404(Round.objects.visible_to(person).select_related("collection"), public_id=public_id)
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    form = PackageForm(*sent, limit=round.collection.size_limit)
    if form.is_valid():
        try:
            received = submissions.receive(round, form.cleaned_data["package"].read(), by=person)
        except (PackageError, Refused) as wrong:
            form.add_error("package", str(wrong))
        else:
            return redirect("submission", received.submission.pk)
    context = {"round": round, "form": form, "why_not": refusal(rules.check_can_send, person, round)}
    return render(request, "sharing/send.html", context, status=422 if form.errors else 200)


def _own(person: Person, pk: UUID) -> Submission:
    own = Submission.objects.visible_to(person).select_related(
        "round__collection", "institution", "sent_by", "sent_by_client", "approved_by"
    )
    return get_object_or_404(own, pk=pk)
