"""The log of accepted packages: its head, proofs and leaves for everybody who is signed in, auditors among them.

Nothing here names an institution. What ties a leaf to one is its salt, and only its own institution is told that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from sharing.models import Release, Submission
from sharing.services import log

if TYPE_CHECKING:
    import uuid

    from rest_framework.request import Request

_HASHES = serializers.ListField(child=serializers.CharField())
INCLUSION = inline_serializer(
    "InclusionProof",
    {
        "submission": serializers.UUIDField(),
        "salt": serializers.CharField(),
        "leaf_index": serializers.IntegerField(),
        "path": _HASHES,
        "head": serializers.CharField(),
    },
)
_HEAD = inline_serializer("TreeHead", {"head": serializers.CharField()})
_CONSISTENCY = inline_serializer(
    "ConsistencyProof", {"first": serializers.IntegerField(), "second": serializers.IntegerField(), "path": _HASHES}
)
_ENTRIES = inline_serializer("LogEntries", {"start": serializers.IntegerField(), "leaves": _HASHES})
_COUNTED = inline_serializer("ReleaseProof", {"release": serializers.CharField(), "counted": serializers.CharField()})


class Sizes(serializers.Serializer[Any]):
    """The two sizes of the log between which a proof is asked for."""

    first = serializers.IntegerField()
    second = serializers.IntegerField()


class Range(serializers.Serializer[Any]):
    """Which leaves are asked for: from `start` up to, not with, `end`."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()


class Head(APIView):
    """The log as it stands now: how many leaves, and their root, signed (a JWS)."""

    scope = Scope.LOG_READ

    @extend_schema(responses=_HEAD)
    def get(self, request: Request) -> Response:
        return Response({"head": log.signed_head()})


class Consistency(APIView):
    """The proof that the log of the first size is the beginning of the log of the second (RFC 9162, 2.1.4)."""

    scope = Scope.LOG_READ

    @extend_schema(
        parameters=[OpenApiParameter(name, int, required=True) for name in ("first", "second")], responses=_CONSISTENCY
    )
    def get(self, request: Request) -> Response:
        asked = _asked(Sizes, request)
        return Response({**asked, "path": [each.hex() for each in log.consistency(**asked)]})


class Entries(APIView):
    """The hashes of leaves, in order; from all of them anybody computes the root that the head must have."""

    scope = Scope.LOG_READ

    @extend_schema(
        parameters=[OpenApiParameter(name, int, required=True) for name in ("start", "end")], responses=_ENTRIES
    )
    def get(self, request: Request) -> Response:
        asked = _asked(Range, request)
        return Response({"start": asked["start"], "leaves": [each.hex() for each in log.entries(**asked)]})


class SubmissionProof(APIView):
    """The proof that the own submission is in the log, with the salt of its leaf (RFC 9162, 2.1.3)."""

    scope = Scope.SUBMISSIONS_READ

    @extend_schema(responses=INCLUSION)
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        submission = get_object_or_404(Submission.objects.visible_to(caller(request)), pk=pk)
        return Response(inclusion_document(submission))


class ReleaseProof(APIView):
    """The leaves of all submissions that a release counts, signed (a JWS): each member finds its own among them."""

    scope = Scope.RELEASES_READ

    @extend_schema(responses=_COUNTED)
    def get(self, request: Request, release_id: str) -> Response:
        visible = Release.objects.visible_to(caller(request)).select_related("round")
        release = get_object_or_404(visible, public_id=release_id)
        return Response({"release": release.public_id, "counted": log.signed_counted(release)})


def inclusion_document(submission: Submission) -> dict[str, Any]:
    """A submission's proof as the contract writes it; Refused when it was never accepted."""
    return log.document(submission, log.inclusion(submission))


def _asked(shape: type[serializers.Serializer[Any]], request: Request) -> dict[str, int]:
    form = shape(data=request.query_params)
    form.is_valid(raise_exception=True)
    return dict(form.validated_data)
