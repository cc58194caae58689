"""Rounds with their sealing keys, and where packages are sent."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, cast
from urllib.parse import unquote

from django.db.models import OuterRef, Subquery
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import conditional_page
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from anonymize.package import PACKAGE_MEDIA_TYPE, max_package_bytes
from consortium.api import Filter, asked, parameters
from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from sharing.api.parsers import SealedPackage, read_at_most
from sharing.api.serializers import ReceivedDocument, RoundDocument
from sharing.models import CorrectionReason, Extension, Round
from sharing.services import submissions
from sharing.states import RoundState

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

_LONGEST_HEADER = 200  # characters
_FILTERS = {
    "collection": Filter("collection__code"),
    "period": Filter("period", description="As SDMX writes it: 2026-10, 2026-Q3."),
    "state": Filter("state", RoundState),
}


@extend_schema(parameters=parameters(_FILTERS))
class Rounds(ListAPIView[Round]):
    """The rounds that the caller may see, latest period first."""

    scope = Scope.COLLECTIONS_READ
    serializer_class = RoundDocument
    queryset = Round.objects.none()

    def get_queryset(self) -> QuerySet[Round]:
        return _visible(self.request).filter(**asked(self.request, _FILTERS)).order_by("-period", "public_id")


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
        parameters=[
            OpenApiParameter("trial", bool, description="Check and report only; it never counts."),
            OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER),
            OpenApiParameter(
                "Correction-Reason",
                str,
                OpenApiParameter.HEADER,
                enum=CorrectionReason.values,
                description="Why this replaces a version that counted; needed once figures of the round are published.",
            ),
            OpenApiParameter(
                "Correction-Note", str, OpenApiParameter.HEADER, description="In words, percent-encoded UTF-8."
            ),
        ],
    )
    def post(self, request: Request, public_id: str) -> Response:
        rounds = Round.objects.visible_to(caller(request)).select_related("collection").defer("collection__document")
        round = get_object_or_404(rounds, public_id=public_id)
        limit = max_package_bytes(round.collection.size_limit)
        body = cast("IO[bytes] | None", request.data or None)  # an empty dict when there is no body
        package = read_at_most(body, limit, request.META.get("CONTENT_LENGTH")) if body is not None else b""
        received = submissions.receive(
            round,
            package,
            by=caller(request),
            idempotency_key=_header(request, "Idempotency-Key"),
            is_trial=_is_trial(request),
            correction=_correction(request),
        )
        submission = received.submission
        return Response(
            ReceivedDocument(submission).data,
            status=202 if received.is_new else 200,
            headers={"Location": reverse("api:submission", args=[submission.pk])},
        )


def _correction(request: Request) -> submissions.Correction:
    note = unquote(request.headers.get("Correction-Note", ""))
    return submissions.Correction(_header(request, "Correction-Reason"), note)


def _header(request: Request, name: str) -> str:
    """Refused where its end would be lost: two keys that differ only there would be one."""
    said: str = request.headers.get(name, "")
    if len(said) > _LONGEST_HEADER or "\x00" in said:
        raise ValidationError({name: _("At most 200 characters. Nothing was stored.")})
    return said


def _is_trial(request: Request) -> bool:
    """Refused unless it is plainly said: who misspells it must not have sent in earnest."""
    said = request.query_params.get("trial", "false")
    if said not in ("true", "false"):
        raise ValidationError({"trial": _("Say true or false. Nothing was stored.")})
    return said == "true"


def _visible(request: Request) -> QuerySet[Round]:
    actor = caller(request)
    own = Extension.objects.visible_to(actor).filter(round=OuterRef("pk"), institution=actor.institution_id)
    found = Round.objects.visible_to(actor).select_related("collection").prefetch_related("keys")
    return found.annotate(extended_until=Subquery(own.values("until")[:1]))
