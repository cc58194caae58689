"""Warnings for a member's own systems: about published figures, and about its own, which nobody else is told of."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from consortium.api import Filter, asked, parameters
from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from consortium.openapi.bodies import results
from sharing.alert_words import Teller
from sharing.models import Alert, AlertHandling, AlertKind, AlertStep, Outcome
from sharing.rules import LONGEST_OWNER
from sharing.services import alerts, own_alerts
from sharing.texts import LONGEST_REASON

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request

_FILTERS = {
    "collection": Filter("collection"),
    "period": Filter("period", description="The last period that it holds in, as SDMX writes it: 2026-10, 2026-Q3."),
    "kind": Filter("kind", AlertKind),
}
_FIGURES = ("figure", "value", "expected", "limit", "history", "crossings")


class AlertStepDocument(serializers.ModelSerializer[AlertStep]):
    """What the caller's institution did."""

    class Meta:
        model = AlertStep
        fields = ["state", "note", "at"]


class HandlingDocument(serializers.Serializer[Any]):
    """What the caller's institution makes of the warning; nobody else's."""

    state = serializers.CharField()
    owner = serializers.CharField()
    due = serializers.DateField(allow_null=True)
    outcome = serializers.CharField()
    steps = serializers.SerializerMethodField()

    def get_steps(self, handling: Any) -> list[dict[str, Any]]:
        return list(AlertStepDocument(handling.steps.all(), many=True).data) if handling.pk else []


class AlertDocument(serializers.ModelSerializer[Alert]):
    """`figures` are published ones and what is expected from their history; rates are fractions of one."""

    sentence = serializers.SerializerMethodField()
    figures = serializers.SerializerMethodField()
    release = serializers.CharField(source="release.public_id")
    handling = serializers.SerializerMethodField()

    class Meta:
        model = Alert
        fields = [
            "id",
            "collection",
            "indicator",
            "peer_group",
            "key",
            "dimension",
            "kind",
            "severity",
            "since",
            "period",
            "release",
            "raised_at",
            "ended_at",
            "ending",
            "sentence",
            "figures",
            "handling",
        ]

    def get_sentence(self, alert: Alert) -> str:
        teller: Teller = self.context.get("teller") or Teller()
        return teller.published(alert).sentence

    def get_figures(self, alert: Alert) -> dict[str, Any]:
        return {name: alert.facts[name] for name in _FIGURES if name in alert.facts}

    def get_handling(self, alert: Alert) -> dict[str, Any]:
        kept = getattr(alert, "own_handling", None)
        handling = alerts.handling_of(alert, caller(self.context["request"])) if kept is None else _first(kept)
        return dict(HandlingDocument(handling).data)


class Note(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=LONGEST_REASON, required=False, allow_blank=True, default="")


class FollowUpBody(Note):
    owner = serializers.CharField(max_length=LONGEST_OWNER)
    due = serializers.DateField(required=False, allow_null=True, default=None)


class CloseBody(Note):
    outcome = serializers.ChoiceField(choices=Outcome.choices)


class OwnAction(serializers.Serializer[Any]):
    """What to do about which own warning: in the body, so that no log of addresses tells of one."""

    alert = serializers.UUIDField()
    action = serializers.ChoiceField(choices=["acknowledge", "follow-up", "close"])
    owner = serializers.CharField(max_length=LONGEST_OWNER, required=False)
    due = serializers.DateField(required=False, allow_null=True)
    outcome = serializers.ChoiceField(choices=Outcome.choices, required=False)
    note = serializers.CharField(max_length=LONGEST_REASON, required=False, allow_blank=True)


class OwnStepDocument(serializers.Serializer[Any]):
    state = serializers.CharField()
    note = serializers.CharField()
    at = serializers.DateTimeField()


class OwnAlertDocument(serializers.Serializer[Any]):
    """A warning about an own series; `figures` are the own ones, of a distance logarithms of times the peer median."""

    id = serializers.UUIDField()
    collection = serializers.CharField()
    indicator = serializers.CharField()
    key = serializers.CharField()
    kind = serializers.ChoiceField(choices=AlertKind.choices)
    severity = serializers.CharField()
    since = serializers.CharField()
    period = serializers.CharField()
    is_over = serializers.BooleanField()
    state = serializers.CharField()
    owner = serializers.CharField()
    due = serializers.CharField()
    outcome = serializers.CharField()
    steps = OwnStepDocument(many=True)
    sentence = serializers.CharField()
    figures = serializers.JSONField()


@extend_schema(parameters=parameters(_FILTERS))
class Alerts(ListAPIView[Alert]):
    """Warnings about published figures that the caller may see, latest first."""

    scope = Scope.ALERTS_READ
    serializer_class = AlertDocument
    queryset = Alert.objects.none()

    def get_queryset(self) -> QuerySet[Alert]:
        own = AlertHandling.objects.of_party(caller(self.request).institution_id).prefetch_related("steps")
        found = _visible(self.request).filter(**asked(self.request, _FILTERS)).order_by("-period", "pk")
        return found.prefetch_related(Prefetch("handlings", queryset=own, to_attr="own_handling"))

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "teller": Teller()}


class OneAlert(RetrieveAPIView[Alert]):
    """One warning."""

    scope = Scope.ALERTS_READ
    serializer_class = AlertDocument
    queryset = Alert.objects.none()
    lookup_url_kwarg = "alert_id"

    def get_queryset(self) -> QuerySet[Alert]:
        return _visible(self.request)


class Acknowledge(APIView):
    """Somebody has seen it."""

    scope = Scope.ALERTS_WRITE

    @extend_schema(request=Note, responses=AlertDocument)
    def post(self, request: Request, alert_id: uuid.UUID) -> Response:
        alert, given = _given(request, alert_id, Note)
        alerts.acknowledge(alert, by=caller(request), **given)
        return _answer(request, alert)


class FollowUp(APIView):
    """Somebody looks into it, until a day."""

    scope = Scope.ALERTS_WRITE

    @extend_schema(request=FollowUpBody, responses=AlertDocument)
    def post(self, request: Request, alert_id: uuid.UUID) -> Response:
        alert, given = _given(request, alert_id, FollowUpBody)
        alerts.follow_up(alert, by=caller(request), **given)
        return _answer(request, alert)


class Close(APIView):
    """What it turned out to be."""

    scope = Scope.ALERTS_WRITE

    @extend_schema(request=CloseBody, responses=AlertDocument)
    def post(self, request: Request, alert_id: uuid.UUID) -> Response:
        alert, given = _given(request, alert_id, CloseBody)
        alerts.close(alert, by=caller(request), **given)
        return _answer(request, alert)


class OwnAlerts(APIView):
    """Warnings about the own series, looked over as far as there are statements. Nobody else can read them."""

    scope = Scope.STATEMENTS_READ

    @extend_schema(responses=results(OwnAlertDocument))
    def get(self, request: Request) -> Response:
        teller = Teller()
        found = [_own(alert, teller) for alert in own_alerts.look(caller(request))]
        return Response({"results": OwnAlertDocument(found, many=True).data})


class OwnAlertActions(APIView):
    """Where an own warning is acknowledged, followed up or closed."""

    scope = Scope.ALERTS_WRITE

    @extend_schema(request=OwnAction, responses=OwnAlertDocument)
    def post(self, request: Request) -> Response:
        form = OwnAction(data=request.data)
        form.is_valid(raise_exception=True)
        given, by = form.validated_data, caller(request)
        named, note = str(given["alert"]), given.get("note", "")
        if given["action"] == "acknowledge":
            changed = own_alerts.acknowledge(named, by=by, note=note)
        elif given["action"] == "follow-up":
            changed = own_alerts.follow_up(named, owner=given.get("owner", ""), due=given.get("due"), by=by, note=note)
        else:
            changed = own_alerts.close(named, outcome=given.get("outcome", ""), by=by, note=note)
        return Response(OwnAlertDocument(_own(changed, Teller())).data)


def _first(handlings: Sequence[AlertHandling]) -> AlertHandling:
    """The party's own one, or that it has done nothing."""
    return handlings[0] if handlings else AlertHandling()


def _own(alert: own_alerts.OwnAlert, teller: Teller) -> dict[str, Any]:
    figures = {name: alert.facts[name] for name in _FIGURES if name in alert.facts}
    return {**asdict(alert), "sentence": teller.own(alert).sentence, "figures": figures}


def _given(request: Request, alert_id: uuid.UUID, body: type[Note]) -> tuple[Alert, dict[str, Any]]:
    alert = get_object_or_404(_visible(request), pk=alert_id)
    form = body(data=request.data)
    form.is_valid(raise_exception=True)
    return alert, form.validated_data


def _answer(request: Request, alert: Alert) -> Response:
    return Response(AlertDocument(alert, context={"request": request}).data)


def _visible(request: Request) -> QuerySet[Alert]:
    return Alert.objects.visible_to(caller(request)).select_related("release")
