"""The webhooks of the caller's institution, and what was sent to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.shortcuts import get_object_or_404
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from consortium.api_auth import caller, person
from consortium.institutions.scopes import Scope
from consortium.notifications import webhooks
from consortium.notifications.models import Attempt, Delivery, Endpoint, EventType
from sharing.api.institutions import own_institution

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag of what is changed: 412 when somebody else was faster.",
)


class WebhookDocument(serializers.ModelSerializer[Endpoint]):
    """`active` is false once it was switched off; `failing_since` is null while the address answers."""

    active = serializers.BooleanField(source="is_active", read_only=True)
    events = serializers.ListField(child=serializers.ChoiceField(EventType.choices))

    class Meta:
        model = Endpoint
        fields = ["id", "url", "description", "events", "active", "made_at", "failing_since"]
        read_only_fields = ["id", "made_at", "failing_since"]


class WebhookWithSecret(WebhookDocument):
    """`secret` is answered once, when it is made."""

    secret = serializers.CharField()

    class Meta(WebhookDocument.Meta):
        fields = [*WebhookDocument.Meta.fields, "secret"]


class NewWebhook(serializers.Serializer[Any]):
    url = serializers.CharField(max_length=400)
    events = serializers.ListField(child=serializers.ChoiceField(EventType.choices), min_length=1, max_length=20)
    description = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class WebhookChange(serializers.Serializer[Any]):
    """Whatever is given is changed."""

    url = serializers.CharField(max_length=400, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(EventType.choices), min_length=1, max_length=20, required=False
    )
    description = serializers.CharField(max_length=120, required=False, allow_blank=True)
    active = serializers.BooleanField(required=False)


class AttemptDocument(serializers.ModelSerializer[Attempt]):
    """`status` is null when no answer came; then `problem` says why. `body` is the answer's first kilobyte."""

    class Meta:
        model = Attempt
        fields = ["at", "milliseconds", "status", "problem", "body"]


class DeliveryDocument(serializers.ModelSerializer[Delivery]):
    """`message` is what the message carried as `webhook-id`."""

    message = serializers.CharField(source="message_id")
    type = serializers.CharField(source="message.type")
    attempts = AttemptDocument(source="log", many=True)

    class Meta:
        model = Delivery
        fields = ["id", "message", "type", "state", "at", "next_at", "attempts"]


class _OfInstitution(GenericAPIView[Any]):
    scope = {"GET": Scope.INSTITUTION_READ}
    serializer_class: type[serializers.BaseSerializer[Any]] = WebhookDocument
    queryset = Endpoint.objects.none()

    def get_queryset(self) -> QuerySet[Endpoint]:
        own_institution(self.request)  # 404 at the association
        return Endpoint.objects.visible_to(caller(self.request)).order_by("made_at", "pk")

    def one(self, webhook_id: UUID) -> Endpoint:
        return get_object_or_404(self.get_queryset(), pk=webhook_id)

    def deliveries_of(self, endpoint: Endpoint) -> QuerySet[Delivery]:
        return endpoint.deliveries.select_related("message").prefetch_related("log").order_by("-at", "-pk")


class Webhooks(_OfInstitution):
    """The webhooks of the institution, oldest first."""

    @extend_schema(responses=WebhookDocument(many=True))
    def get(self, request: Request) -> Response:
        """Every webhook; its secret is not among what is shown."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=NewWebhook, responses={201: WebhookWithSecret})
    def post(self, request: Request) -> Response:
        """Adds a webhook. Its secret is in this answer and in no other."""
        wanted = NewWebhook(data=request.data)
        wanted.is_valid(raise_exception=True)
        made = webhooks.add(own_institution(request), by=person(request), **wanted.validated_data)
        return _with_secret(made, 201)


class OneWebhook(_OfInstitution):
    """One webhook of the institution."""

    def get(self, request: Request, webhook_id: UUID) -> Response:
        """The webhook without its secret. Carries an ETag."""
        return self._answer(self.one(webhook_id))

    @extend_schema(request=WebhookChange, parameters=[_IF_MATCH])
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        """Changes address, events or description, or switches it on or off."""
        endpoint = self.one(webhook_id)
        wanted = WebhookChange(data=request.data)
        wanted.is_valid(raise_exception=True)
        version = _version(request, endpoint)
        return self._answer(webhooks.change(endpoint, by=person(request), version=version, **wanted.validated_data))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        """Removes the webhook with its log; what waited for it is not sent."""
        webhooks.remove(self.one(webhook_id), by=person(request))
        return Response(status=204)

    def _answer(self, endpoint: Endpoint) -> Response:
        return Response(self.get_serializer(endpoint).data, headers={"ETag": f'"{endpoint.version}"'})


class WebhookSecret(_OfInstitution):
    """The secret that messages are signed with."""

    @extend_schema(request=None, responses={200: WebhookWithSecret})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """A new secret; for a day messages carry a signature with each of the two."""
        return _with_secret(webhooks.rotate(self.one(webhook_id), by=person(request)), 200)


class WebhookTest(_OfInstitution):
    """Trying whether messages arrive."""

    serializer_class = DeliveryDocument

    @extend_schema(request=None, responses={202: DeliveryDocument})
    def post(self, request: Request, webhook_id: UUID) -> Response:
        """Queues a message of the type `webhook.test`; its outcome is in the deliveries."""
        delivery = webhooks.test(self.one(webhook_id), by=person(request))
        return Response(DeliveryDocument(delivery).data, status=202)


class Deliveries(_OfInstitution):
    """What was sent to a webhook in the last 30 days, newest first."""

    serializer_class = DeliveryDocument

    @extend_schema(responses=DeliveryDocument(many=True))
    def get(self, request: Request, webhook_id: UUID) -> Response:
        """Every delivery with its attempts."""
        page = self.paginate_queryset(self.deliveries_of(self.one(webhook_id)))
        return self.get_paginated_response(DeliveryDocument(page, many=True).data)


class Redeliver(_OfInstitution):
    """Sending something once more."""

    serializer_class = DeliveryDocument

    @extend_schema(request=None, responses={202: DeliveryDocument})
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        """Queues the same message, with the same id, from its first attempt on."""
        delivery = get_object_or_404(self.deliveries_of(self.one(webhook_id)), pk=delivery_id)
        webhooks.redeliver(delivery, by=person(request))
        delivery.refresh_from_db()
        return Response(DeliveryDocument(delivery).data, status=202)


def _version(request: Request, endpoint: Endpoint) -> str:
    """The version that If-Match asks for (RFC 9110, 13.1.1), as services take it: empty when any will do."""
    named = request.headers.get("If-Match", "").strip()
    if named in {"", "*"}:
        return ""
    return endpoint.version if f'"{endpoint.version}"' in parse_etags(named) else "some other"


def _with_secret(made: webhooks.NewSecret, status: int) -> Response:
    document = {**WebhookDocument(made.endpoint).data, "secret": made.secret}
    return Response(document, status=status, headers={"Cache-Control": "no-store"})
