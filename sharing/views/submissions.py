"""A member's own submissions: what each round asks, what was sent, what was found, who opened it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Count, Prefetch
from django.http import HttpRequest, HttpResponse, JsonResponse
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
from sharing import progress, remedies, rules, timeline
from sharing.forms import PackageForm, ReasonForm, WithdrawalForm
from sharing.models import Extension, NoData, Query, Round, Submission
from sharing.models.round import RoundQuerySet
from sharing.services import log, quality, submissions
from sharing.states import QueryState

A_PAGE = 24
_Row = TypeVar("_Row", NoData, Extension)


@dataclass(frozen=True)
class Duty:
    """A round and how far the own institution is with it."""

    round: Round
    state: str
    submission: Submission | None
    why_not_send: Sentence | None
    declaration: NoData | None = None
    extension: Extension | None = None
    trial: Submission | None = None  # the last one
    questions: int = 0  # that wait for an answer

    def get_state_display(self) -> str:
        return progress.state_in_words(self.state)

    @property
    def has_more_time(self) -> bool:
        return self.extension is not None and self.extension.is_running

    @property
    def due_at(self) -> datetime:
        return self.extension.until if self.extension and self.has_more_time else self.round.due_at


def duties(person: Person, rounds: list[Round]) -> list[Duty]:
    """The rounds are those of `own_rounds`, or some of them. As many queries for many rounds as for one."""
    declared = _by_round(NoData.objects.visible_to(person).standing().filter(round__in=rounds))
    extended = _by_round(Extension.objects.visible_to(person).filter(round__in=rounds))
    asked = Query.objects.visible_to(person).filter(submission__round__in=rounds, state=QueryState.OPEN)
    waiting = dict(asked.values_list("submission__round").order_by().annotate(Count("pk")))
    why_send_nothing = refusal(rules.check_may_send_anything, person)
    found = []
    for round in rounds:
        extension = extended.get(round.pk)
        has_more_time = extension is not None and extension.is_running
        own: list[Submission] = round.own  # type: ignore[attr-defined]
        state, submission = progress.own_state(own, round)
        declaration = declared.get(round.pk)
        trials = [each for each in own if each.is_trial]
        found.append(
            Duty(
                round,
                declaration.state if declaration and submission is None else state,
                submission,
                why_send_nothing or refusal(rules.check_is_open, round.state, has_more_time),
                declaration,
                extension,
                max(trials, key=lambda each: each.version, default=None),
                waiting.get(round.pk, 0),
            )
        )
    return found


def _by_round(rows: Iterable[_Row]) -> dict[int, _Row]:
    return {row.round_id: row for row in rows}


def own_rounds(person: Person) -> RoundQuerySet:
    """Every round that the person's institution is or was asked in, newest first, with its own submissions."""
    own = Prefetch("submissions", Submission.objects.visible_to(person), to_attr="own")
    return Round.objects.visible_to(person).select_related("collection").prefetch_related(own)


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.SUBMISSION_VIEW)
    page = Paginator(own_rounds(person), A_PAGE).get_page(request.GET.get("page"))
    return render(request, "sharing/submissions.html", {"page": page, "duties": duties(person, list(page))})


@require_safe
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    person = signed_in(request)
    return render(request, "sharing/submission.html", _detail(person, _own(person, pk)))


def _detail(person: Person, submission: Submission) -> dict[str, Any]:
    template = submission.round.collection.template
    line = Submission.objects.visible_to(person).filter(round=submission.round_id)
    return {
        "submission": submission,
        "next_step": timeline.next_step(submission),
        "broken": list(remedies.by_rule(submission.findings.all(), template)),
        "moments": timeline.moments(submission, person),
        "versions": line.order_by("is_trial", "-version"),
        "queries": [
            (query, remedies.words_of(query.rule, template)[0])
            for query in Query.objects.visible_to(person).filter(submission=submission)
        ],
        "quality": quality.quality_of(submission) if submission.score is not None else None,
        "is_logged": hasattr(submission, "leaf"),
        **_offers(person, submission),
    }


def _offers(person: Person, submission: Submission) -> dict[str, Any]:
    pk = submission.pk
    return {
        "approve": Offer(
            _("Approve"),
            reverse("submission-approve", args=[pk]),
            refusal(rules.check_can_approve, person, submission),
        ),
        "may_send_back": refusal(rules.check_can_send_back, person, submission, "-") is None,
        "send_back": ReasonForm(prefix="send-back", auto_id="send-back-%s"),
        "withdraw": Offer(
            _("Withdraw"),
            reverse("submission-withdraw", args=[pk]),
            refusal(rules.check_can_withdraw, person, submission),
        ),
        "withdrawal": WithdrawalForm(auto_id="withdraw-%s"),
    }


@require_safe
def proof(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Where the submission is in the log, and what proves it; as a file with `?file`."""
    submission = _own(signed_in(request), pk)
    inclusion = log.inclusion(submission) if hasattr(submission, "leaf") else None
    if "file" not in request.GET or inclusion is None:
        return render(request, "sharing/submission_proof.html", {"submission": submission, "inclusion": inclusion})
    response = JsonResponse(log.document(submission, inclusion))
    response["Content-Disposition"] = f'attachment; filename="proof-{submission.round.public_id}-{pk}.json"'
    return response


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
def send_back(request: HttpRequest, pk: UUID) -> HttpResponse:
    person = signed_in(request)
    submission = _own(person, pk)
    reason = request.POST.get("send-back-reason", "")
    return carry_out(
        request,
        reverse("submission", args=[pk]),
        _("The submission is sent back; its sender is told why."),
        lambda: submissions.send_back(submission, reason, by=person),
    )


@require_POST
def withdraw(request: HttpRequest, pk: UUID) -> HttpResponse:
    person = signed_in(request)
    submission = _own(person, pk)
    form = WithdrawalForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    return carry_out(
        request,
        reverse("submission", args=[pk]),
        _("The submission is withdrawn."),
        lambda: submissions.withdraw(submission, reason, by=person),
    )


@require_http_methods(["GET", "POST"])
def send(request: HttpRequest, public_id: str) -> HttpResponse:
    """Receive a package that was sealed at the bank; it stays sealed here."""
    person = signed_in(request)
    require(person, Permission.SUBMISSION_VIEW)
    round = get_object_or_404(Round.objects.visible_to(person).select_related("collection"), public_id=public_id)
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    counted = Submission.objects.visible_to(person).accepted().filter(round=round).first()
    form = PackageForm(*sent, limit=round.collection.size_limit, corrects=counted is not None)
    if form.is_valid():
        try:
            received = _receive(round, form, person)
        except (PackageError, Refused) as wrong:
            form.add_error("package", str(wrong))
        else:
            return redirect("submission", received.submission.pk)
    context = {
        "round": round,
        "form": form,
        "counted": counted,
        "why_not": refusal(rules.check_can_send, person, round),
    }
    return render(request, "sharing/send.html", context, status=422 if form.errors else 200)


def _receive(round: Round, form: PackageForm, person: Person) -> submissions.Received:
    filled = form.cleaned_data
    return submissions.receive(
        round,
        filled["package"].read(),
        by=person,
        is_trial=filled["manner"] == PackageForm.TRIAL,
        correction=submissions.Correction(filled.get("correction", ""), filled.get("correction_note", "")),
    )


def _own(person: Person, pk: UUID) -> Submission:
    own = Submission.objects.visible_to(person).select_related(
        "round__collection", "institution", "sent_by", "sent_by_client", "approved_by", "leaf"
    )
    return get_object_or_404(own, pk=pk)
