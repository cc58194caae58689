"""Rounds with their sealing keys, and where packages are sent."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, cast

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from anonymize.package import PACKAGE_MEDIA_TYPE, max_package_bytes
from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from sharing.api.parsers import SealedPackage, read_at_most
from sharing.api.serializers import ReceivedDocument, RoundDocument
from sharing.models import Round
from sharing.services import submissions

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

_FILTERS = {"collection": "collection__code", "period": "period", "state": "state"}


@extend_schema(parameters=[OpenApiParameter(name, str) for name in _FILTERS])
class Rounds(ListAPIView[Round]):
    """The rounds that the caller may see, latest period first."""

    scope = Scope.COLLECTIONS_READ
    serializer_class = RoundDocument
    queryset = Round.objects.none()

    def get_queryset(self) -> QuerySet[Round]:
        wanted = {
            field: self.request.query_params[name]
            for name, field in _FILTERS.items()
            if name in self.request.query_params
        }
        return _visible(self.request).filter(**wanted).order_by("-period", "public_id")


@method_decorator(conditional_page, name="dispatch")
class OneRound(RetrieveAPIView[Round]):
    """One round; carries an ETag."""

    scope = Scope.COLLECTIONS_READ
    serializer_class = RoundDocument
    queryset = Round.objects.none()
    lookup_field = "public_id"

    def get_queryset(self) -> QuerySet[Round]:
        return _visible(self.request)


class Packages(APIView):
    """Where sealed packages go: 202 with a signed receipt, 200 when the same bytes were received before."""

    scope = Scope.SUBMISSIONS_WRITE
    parser_classes = [SealedPackage]

    @extend_schema(
        request={PACKAGE_MEDIA_TYPE: OpenApiTypes.BINARY},
        responses={200: ReceivedDocument, 202: ReceivedDocument},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def post(self, request: Request, public_id: str) -> Response:
        rounds = Round.objects.visible_to(caller(request)).select_related("collection").defer("collection__document")
        round = get_object_or_404(rounds, public_id=public_id)
        limit = max_package_bytes(round.collection.size_limit)
        body = cast("IO[bytes] | None", request.data or None)  # an empty dict when there is no body
        package = read_at_most(body, limit, request.META.get("CONTENT_LENGTH")) if body is not None else b""
        key = request.headers.get("Idempotency-Key", "")[:200]
        received = submissions.receive(round, package, by=caller(request), idempotency_key=key)
        submission = received.submission
        return Response(
            {"id": str(submission.pk), "state": submission.state, "receipt": submission.receipt},
            status=202 if received.is_new else 200,
            headers={"Location": reverse("api:submission", args=[submission.pk])},
        )


def _visible(request: Request) -> QuerySet[Round]:
    return Round.objects.visible_to(caller(request)).select_related("collection").prefetch_related("keys")
