"""The rounds board: where each round stands and who has submitted, never what."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.errors import Refused
from consortium.people.models import Person
from consortium.people.roles import Permission, may, require
from consortium.people.session import signed_in
from consortium.web.offers import Offer, carry_out, refusal
from sharing import board, board_file, progress, rules
from sharing.forms import RoundForm
from sharing.models import Release, Round
from sharing.services import releases, rounds
from sharing.states import RoundState
from sharing.views.reminders import ReminderRuleForm, may_change_rule, rule_of

A_PAGE = 24
STANDINGS = 50
FILTERS = (
    ("", gettext_lazy("Everybody")),
    ("unanswered", gettext_lazy("Silent, whatever came before")),
    ("late", gettext_lazy("Late")),
)
COLUMNS = (
    ("name", gettext_lazy("Institution")),
    ("state", gettext_lazy("State")),
    ("at", gettext_lazy("Since")),
    ("deadline", gettext_lazy("Due")),
    ("last", gettext_lazy("Last period")),
)


@dataclass(frozen=True)
class Step:
    label: str
    is_done: bool
    is_current: bool


def steps(round: Round) -> list[Step]:
    """The states of a round in order, with the one it is in."""
    order = list(RoundState)
    now = order.index(RoundState(round.state))
    last = len(order) - 1
    return [
        Step(str(state.label), position < now or now == last, position == now and now != last)
        for position, state in enumerate(order)
    ]


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.ROUND_PROGRESS_VIEW)
    visible = Round.objects.visible_to(person).select_related("collection")
    page = Paginator(visible, A_PAGE).get_page(request.GET.get("page"))
    counts = progress.counts(page, person)
    rows = [(round, *counts[round.pk]) for round in page]
    plan = Offer(_("Plan a round"), reverse("round-plan"), refusal(require, person, Permission.ROUND_MANAGE))
    return render(request, "sharing/rounds.html", {"page": page, "rows": rows, "plan": plan})


@require_safe
def detail(request: HttpRequest, public_id: str) -> HttpResponse:
    """The progress board of a round: counts, and a table that can be filtered, sorted and paged."""
    person = signed_in(request)
    require(person, Permission.ROUND_PROGRESS_VIEW)
    round = _visible(person, public_id)
    everybody = board.standings(round, person)
    asked = {name: request.GET.get(name, "") for name in ("wanted", "text", "sort")}
    may_remind = refusal(rules.check_can_remind, person, round) is None
    context = {
        "round": round,
        "steps": steps(round),
        "summary": board.summary(everybody),
        "page": Paginator(board.chosen(everybody, **asked), STANDINGS).get_page(request.GET.get("page")),
        "asked": asked,
        "filters": [*FILTERS, *board.STATES.items()],
        "columns": _columns(asked["sort"]),
        "releases": Release.objects.visible_to(person).filter(round=round).order_by("-revision"),
        "offers": _offers(person, round),
        "manages": may(person, Permission.ROUND_MANAGE),
        "reviews": may(person, Permission.RELEASE_REVIEW),
        "may_remind": may_remind,
        "rule": ReminderRuleForm(initial=rule_of(round.collection)) if may_change_rule(person) else None,
    }
    return render(request, "sharing/round.html", context)


@require_safe
def standings_file(request: HttpRequest, public_id: str) -> HttpResponse:
    """The board as CSV, whole or as it is filtered."""
    person = signed_in(request)
    require(person, Permission.ROUND_PROGRESS_VIEW)
    round = _visible(person, public_id)
    asked = {name: request.GET.get(name, "") for name in ("wanted", "text", "sort")}
    text = board_file.csv_of(board.chosen(board.standings(round, person), **asked))
    headers = {"Content-Disposition": f'attachment; filename="{round.public_id}-progress.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


def _columns(sort: str) -> list[tuple[str, object, str, str]]:
    """Each column with what sorting by it asks for, and how it is sorted now."""
    now, is_down = sort.removeprefix("-"), sort.startswith("-")
    return [
        (name, title, f"-{name}" if now == name and not is_down else name, _order(name == now, is_down))
        for name, title in COLUMNS
    ]


def _order(is_sorted: bool, is_down: bool) -> str:
    return ("descending" if is_down else "ascending") if is_sorted else ""


@require_http_methods(["GET", "POST"])
def plan(request: HttpRequest) -> HttpResponse:
    person = signed_in(request)
    require(person, Permission.ROUND_MANAGE)
    form = RoundForm(request.POST or None, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            round = rounds.plan(by=person, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("round", round.public_id)
    return render(request, "sharing/round_plan.html", {"form": form}, status=422 if form.errors else 200)


@require_POST
def move(request: HttpRequest, public_id: str, verb: str) -> HttpResponse:
    """Open, close, reopen or compute a round."""
    person = signed_in(request)
    round = _visible(person, public_id)
    act, done = {
        "open": (rounds.open, _("The round is open.")),
        "close": (rounds.close, _("The round is closed.")),
        "reopen": (rounds.reopen, _("The round is open again.")),
        "compute": (releases.start, _("The release is being computed.")),
    }[verb]
    return carry_out(request, reverse("round", args=[public_id]), done, lambda: act(round, by=person))


def _visible(person: Person, public_id: str) -> Round:
    return get_object_or_404(Round.objects.visible_to(person).select_related("collection"), public_id=public_id)


def _offers(person: Person, round: Round) -> list[Offer]:
    """What may follow the state that the round is in."""

    def offer(verb: str, label: str, why_not: object) -> Offer:
        return Offer(label, reverse(f"round-{verb}", args=[round.public_id]), why_not)  # type: ignore[arg-type]

    every = {
        "open": offer("open", _("Open the round"), refusal(rules.check_can_open, person, round)),
        "close": offer("close", _("Close the round"), refusal(rules.check_can_close, person, round)),
        "compute": offer("compute", _("Compute the release"), refusal(rules.check_can_start_release, person, round)),
        "reopen": offer("reopen", _("Reopen the round"), refusal(rules.check_can_reopen, person, round)),
    }
    fitting = {
        RoundState.PLANNED: ("open",),
        RoundState.OPEN: ("close",),
        RoundState.CLOSED: ("compute", "reopen"),
        RoundState.PUBLISHED: ("reopen",),
    }
    return [every[verb] for verb in fitting.get(RoundState(round.state), ())]
