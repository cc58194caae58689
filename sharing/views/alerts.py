"""Warnings: about published figures, and about our own, which are known to our institution alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from consortium.people.models import Person
from consortium.people.roles import Permission, may, require
from consortium.people.session import signed_in
from consortium.web.offers import carry_out, refusal
from sharing import alert_words, charts, rules
from sharing.alert_forms import AcknowledgeForm, AlertFilterForm, CloseForm, FollowUpForm
from sharing.alert_words import Teller
from sharing.models import Alert, AlertHandling, ReleaseCell, Watch
from sharing.services import alerts, own_alerts
from sharing.services.own_alerts import OwnAlert
from sharing.states import AlertState
from sharing.warnings import charts as warning_charts

A_PAGE = 20
FORMS = {"acknowledge": AcknowledgeForm, "follow-up": FollowUpForm, "close": CloseForm}


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Warnings about published figures that the person sees, and how waves spread."""
    person = signed_in(request)
    require(person, Permission.RELEASE_VIEW)
    form = AlertFilterForm(request.GET)
    found = form.filtered(Alert.objects.visible_to(person), person)
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    teller = Teller()
    states = dict(
        AlertHandling.objects.visible_to(person).filter(alert__in=page.object_list).values_list("alert", "state")
    )
    for alert in page:
        alert.told = teller.published(alert)  # type: ignore[attr-defined]
        alert.handling = AlertHandling(state=states.get(alert.pk, AlertState.OPEN))  # type: ignore[attr-defined]
    context = {
        "page": page,
        "form": form,
        "fronts": _fronts(teller, person),
        "has_own": person.institution_id is not None,
    }
    return render(request, "sharing/alerts.html", context)


@require_safe
def detail(request: HttpRequest, alert_id: UUID) -> HttpResponse:
    person = signed_in(request)
    alert = get_object_or_404(Alert.objects.visible_to(person), pk=alert_id)
    handling, told = alerts.handling_of(alert, person), Teller().published(alert)
    context: dict[str, Any] = {
        "alert": alert,
        "told": told,
        "handling": handling,
        "steps": handling.steps.select_related("person", "client") if handling.pk else [],
        "actions": _actions(person, handling, lambda verb: reverse(f"alert-{verb}", args=[alert_id])),
    }
    points = _points(alert, person)
    if points:
        spec = warning_charts.course(points, told.kind_of_figure, words=told.sentence)
        context["points"] = list(reversed(points))
        context["chart"] = {"spec": spec, "themes": {name: charts.theme(name) for name in ("light", "dark")}}
    if alert.dimension:
        context["fronts"] = alert_words.fronts(
            Teller(), alert.collection, [{"indicator": alert.indicator, "dimension": alert.dimension, **alert.facts}]
        )
    return render(request, "sharing/alert.html", context)


@require_POST
def act(request: HttpRequest, alert_id: UUID, verb: str) -> HttpResponse:
    """Acknowledge, follow up or close, for the own party."""
    person = signed_in(request)
    require(person, Permission.ALERT_HANDLE)
    alert = get_object_or_404(Alert.objects.visible_to(person), pk=alert_id)
    services: dict[str, Callable[..., object]] = {
        "acknowledge": alerts.acknowledge,
        "follow-up": alerts.follow_up,
        "close": alerts.close,
    }
    return _carry_out(
        request, reverse("alert", args=[alert_id]), verb, lambda **given: services[verb](alert, by=person, **given)
    )


@require_http_methods(["GET", "POST"])
def ours(request: HttpRequest) -> HttpResponse:
    """Our own series: looked over when somebody of ours asks. One address for all, so that no log tells of a warning."""
    person = signed_in(request)
    if person.institution_id is None:
        raise Http404
    require(person, Permission.STATEMENT_VIEW)
    if request.method == "POST":
        return _act_on_ours(request, person)
    teller = Teller()
    cards = [_Card(alert, teller, person) for alert in own_alerts.look(person)]
    return render(request, "sharing/alerts_ours.html", {"cards": cards, "sealed_away": own_alerts.sealed_away(person)})


def _act_on_ours(request: HttpRequest, person: Person) -> HttpResponse:
    alert_id, verb = request.POST.get("alert", ""), request.POST.get("verb", "")
    if verb not in FORMS:
        raise Http404
    services: dict[str, Callable[..., object]] = {
        "acknowledge": own_alerts.acknowledge,
        "follow-up": own_alerts.follow_up,
        "close": own_alerts.close,
    }
    return _carry_out(
        request, reverse("own-alerts"), verb, lambda **given: services[verb](alert_id, by=person, **given)
    )


class _Card:
    """An own warning with its words and what may be done about it."""

    def __init__(self, alert: OwnAlert, teller: Teller, person: Person) -> None:
        self.alert, self.told = alert, teller.own(alert)
        self.handling = AlertHandling(institution_id=person.institution_id, state=alert.state, outcome=alert.outcome)
        self.actions = _actions(person, self.handling, lambda _verb: reverse("own-alerts"), prefix=alert.id)


def _carry_out(request: HttpRequest, address: str, verb: str, act: Callable[..., object]) -> HttpResponse:
    form = FORMS[verb](request.POST)
    if not form.is_valid():
        messages.error(request, _("Nothing was changed: check what you wrote."))
        return redirect(address)
    return carry_out(request, address, _("It is written down."), lambda: act(**form.cleaned_data))


def _actions(
    person: Person, handling: AlertHandling, address: Callable[[str], str], prefix: str = ""
) -> list[dict[str, Any]]:
    """The forms of what the person may do now; none where the rules refuse."""
    if not may(person, Permission.ALERT_HANDLE):
        return []
    checks: dict[str, Callable[..., None]] = {
        "acknowledge": rules.check_can_acknowledge,
        "follow-up": rules.check_can_change_follow_up,
        "close": rules.check_can_change_follow_up,
    }
    return [
        {
            "verb": verb,
            "form": FORMS[verb](auto_id=f"id_{prefix}_{verb}_%s"),
            "address": address(verb),
            "label": FORMS[verb].label,
        }
        for verb, check in checks.items()
        if refusal(check, person, handling) is None
    ]


def _points(alert: Alert, person: Person) -> list[list[Any]]:
    """The course in the periods whose cell the person sees: of others it gave nothing, so it sees nothing."""
    course = alert.facts.get("course", [])
    seen = ReleaseCell.objects.visible_to(person).filter(
        indicator=alert.indicator,
        peer_group=alert.peer_group,
        key=alert.key,
        release__round__collection__code=alert.collection,
    )
    periods = set(seen.values_list("release__round__period", flat=True))
    return [point for point in course if point[0] in periods]


def _fronts(teller: Teller, person: Person) -> list[dict[str, Any]]:
    """How waves spread, where the person sees the cells of the release that they were found in."""
    found = []
    waves = Alert.objects.visible_to(person).lasting().exclude(dimension="")
    seen = {(alert.collection, alert.indicator, alert.dimension) for alert in waves}
    for watched in Watch.objects.filter(collection__in={code for code, *_rest in seen}).order_by("collection"):
        shown = [each for each in watched.fronts if (watched.collection, each["indicator"], each["dimension"]) in seen]
        found += alert_words.fronts(teller, watched.collection, shown)
    return found
