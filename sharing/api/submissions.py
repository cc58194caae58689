"""The caller's institution's own submissions: follow, approve, withdraw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from consortium.api import Filter, asked, parameters
from consortium.api_auth import caller, person
from consortium.institutions.scopes import Scope
from consortium.openapi.bodies import results
from sharing.api.serializers import FindingDocument, SubmissionDocument
from sharing.models import Finding, Submission
from sharing.services import submissions
from sharing.states import SubmissionState
from sharing.texts import LONGEST_REASON

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet
    from rest_framework.request import Request


class Reason(serializers.Serializer[Any]):
    """Why; names things, holds no figure."""

    reason = serializers.CharField(max_length=LONGEST_REASON)


class OptionalReason(serializers.Serializer[Any]):
    """Why, where there is more to say than that it is withdrawn."""

    reason = serializers.CharField(max_length=LONGEST_REASON, required=False, default="", allow_blank=True)


_FILTERS = {
    "round": Filter("round__public_id"),
    "state": Filter("state", SubmissionState),
    "trial": Filter("is_trial", ("true", "false"), "Trials only; without it, whatever may count."),
}


@extend_schema(parameters=parameters(_FILTERS))
class Submissions(ListAPIView[Submission]):
    """The own submissions, newest first; trials only with `trial=true`, and then nothing else."""

    scope = Scope.SUBMISSIONS_READ
    serializer_class = SubmissionDocument
    queryset = Submission.objects.none()

    def get_queryset(self) -> QuerySet[Submission]:
        wanted = asked(self.request, _FILTERS)
        is_trial = wanted.pop("is_trial", "false") == "true"
        return _visible(self.request).filter(is_trial=is_trial, **wanted).order_by("-received_at", "-id")


class OneSubmission(RetrieveAPIView[Submission]):
    """One submission: where it stands, and its receipt."""

    scope = Scope.SUBMISSIONS_READ
    serializer_class = SubmissionDocument
    queryset = Submission.objects.none()

    def get_queryset(self) -> QuerySet[Submission]:
        return _visible(self.request)


class Findings(APIView):
    """What the checks found: rule, cell and what to do; never a figure."""

    scope = Scope.SUBMISSIONS_READ

    @extend_schema(responses=results(FindingDocument))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        findings = Finding.objects.filter(submission=_own(request, pk))
        return Response({"results": FindingDocument(findings, many=True).data})


class ReceiptText(BaseRenderer):
    """The receipt alone: a compact JWS, to which nothing can be added."""

    media_type = "application/jose"
    format = "jose"

    def render(self, data: dict[str, str], *_: object, **__: object) -> bytes:
        return data["receipt"].encode("ascii")


class Receipt(APIView):
    """The signed receipt, as a file or in JSON."""

    scope = Scope.SUBMISSIONS_READ
    renderer_classes = [ReceiptText, JSONRenderer]

    @extend_schema(responses={(200, "application/jose"): OpenApiTypes.STR})
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        return Response({"receipt": _own(request, pk).receipt})


class Approve(APIView):
    """The second person's yes."""

    @extend_schema(request=None, responses=SubmissionDocument)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        submission = _own(request, pk)
        submissions.approve(submission, by=person(request))
        return Response(SubmissionDocument(_own(request, pk)).data)


class SendBack(APIView):
    """The second person's no, with a reason for the sender."""

    @extend_schema(request=Reason, responses=SubmissionDocument)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        submission = _own(request, pk)
        form = Reason(data=request.data)
        form.is_valid(raise_exception=True)
        submissions.send_back(submission, form.validated_data["reason"], by=person(request))
        return Response(SubmissionDocument(_own(request, pk)).data)


class Withdraw(APIView):
    """The submission no longer counts."""

    scope = Scope.SUBMISSIONS_WRITE

    @extend_schema(request=OptionalReason, responses=SubmissionDocument)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        submission = _own(request, pk)
        form = OptionalReason(data=request.data)
        form.is_valid(raise_exception=True)
        submissions.withdraw(submission, form.validated_data["reason"], by=caller(request))
        return Response(SubmissionDocument(_own(request, pk)).data)


def _own(request: Request, pk: uuid.UUID) -> Submission:
    return get_object_or_404(_visible(request), pk=pk)


def _visible(request: Request) -> QuerySet[Submission]:
    found = Submission.objects.visible_to(caller(request)).select_related("round").prefetch_related("remarks")
    return found.annotate(findings_count=Count("findings"))
