"""Questions about findings: the association asks a handle, the contributor answers. Neither sees a name."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.errors import Forbidden, Refused
from consortium.people.models import Person
from consortium.people.roles import Permission, may, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal
from sharing import remedies, rules
from sharing.forms import AnswerForm, MessageForm
from sharing.models import Query, QueryMessage, Round
from sharing.services import queries
from sharing.states import RoundState

A_PAGE = 24


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """What was asked: of the own institution, or, for whoever reviews releases, of everybody."""
    person = signed_in(request)
    require(person, Permission.SUBMISSION_VIEW if person.institution_id else Permission.RELEASE_REVIEW)
    visible = Query.objects.visible_to(person).select_related("submission__round__collection")
    page = Paginator(visible, A_PAGE).get_page(request.GET.get("page"))
    for query in page:
        query.title = _title(query)  # type: ignore[attr-defined]
    context = {"page": page, "asks": person.institution_id is None, "rounds": _rounds(person)}
    return render(request, "sharing/queries.html", context)


@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, query_id: UUID) -> HttpResponse:
    """One thread; what is written here goes to the other side."""
    person = signed_in(request)
    visible = Query.objects.visible_to(person).select_related("submission__round__collection", "submission")
    query = get_object_or_404(visible, pk=query_id)
    answers = person.institution_id is not None
    check = rules.check_can_answer if answers else rules.check_can_ask_again
    form = (AnswerForm if answers else MessageForm)(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        return _written(request, person, query, form)
    context = {
        "query": query,
        "title": _title(query),
        "remedy": remedies.words_of(query.rule, query.submission.round.collection.template)[1],
        "thread": [_Shown(message, person) for message in query.messages.select_related("by")],
        "answers": answers,
        "form": form,
        "why_not": refusal(check, person, query),
        "close": None
        if answers
        else Offer(
            _("Close the question"),
            reverse("query-close", args=[query_id]),
            refusal(rules.check_can_close_query, person, query),
        ),
    }
    return render(request, "sharing/query.html", context)


def _written(request: HttpRequest, person: Person, query: Query, form: MessageForm) -> HttpResponse:
    address = reverse("query", args=[query.pk])
    if not form.is_valid():
        require(person, Permission.SUBMISSION_WITHDRAW if person.institution_id else Permission.RELEASE_REVIEW)
        messages.error(request, _("Write a sentence of at most 2,000 characters."))
        return redirect(address)
    if person.institution_id is None:
        text = form.cleaned_data["text"]
        return carry_out(
            request, address, _("Your question is sent."), lambda: queries.ask_again(query, text, by=person)
        )
    return carry_out(
        request, address, _("Your answer is sent."), lambda: queries.answer(query, by=person, **form.cleaned_data)
    )


@require_POST
def close(request: HttpRequest, query_id: UUID) -> HttpResponse:
    person = signed_in(request)
    query = get_object_or_404(Query.objects.visible_to(person), pk=query_id)
    return carry_out(
        request,
        reverse("query", args=[query_id]),
        _("The question is closed."),
        lambda: queries.close(query, by=person),
    )


@require_http_methods(["GET", "POST"])
def findings(request: HttpRequest, public_id: str) -> HttpResponse:
    """What was found in a round, by handle and rule; from here a contributor is asked."""
    person = signed_in(request)
    require(person, Permission.RELEASE_REVIEW)
    visible = Round.objects.visible_to(person).select_related("collection")
    round = get_object_or_404(visible, public_id=public_id)
    if request.method == "POST":
        return _ask(request, person, round)
    context: dict[str, object] = {"round": round}
    try:
        found = queries.found_in(round, person)
    except Forbidden:
        raise
    except Refused as refused:
        context["why_not"] = refused.sentence
    else:
        template = round.collection.template
        context["found"] = [(each, remedies.words_of(each.rule, template)[0]) for each in found]
        context["form"] = MessageForm()
    return render(request, "sharing/round_findings.html", context)


def _ask(request: HttpRequest, person: Person, round: Round) -> HttpResponse:
    handle, _comma, rule = request.POST.get("about", "").partition(",")
    text = request.POST.get("text", "")
    return carry_out(
        request,
        reverse("round-findings", args=[round.public_id]),
        _("Your question is sent. Neither side sees the other's name."),
        lambda: queries.ask(round, handle, rule, text, by=person),
    )


class _Shown:
    """A message as a person may see it: names only of the own side."""

    def __init__(self, message: QueryMessage, person: Person) -> None:
        self.message = message
        is_own = message.is_answer == (person.institution_id is not None)
        self.who = message.by.name if is_own and message.by else ""
        template = message.query.submission.round.collection.template
        self.cells = [remedies.cell_in_words(cell, template) for cell in message.cells]


def _title(query: Query) -> object:
    return remedies.words_of(query.rule, query.submission.round.collection.template)[0]


def _rounds(person: Person) -> list[Round]:
    """Where a statistician may ask: rounds that are not yet published."""
    if not may(person, Permission.RELEASE_REVIEW):
        return []
    active = Round.objects.visible_to(person).exclude(state__in=(RoundState.PLANNED, RoundState.PUBLISHED))
    return list(active.select_related("collection")[:A_PAGE])
