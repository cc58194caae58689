"""What the association asks about the caller's own submissions, and the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from consortium.openapi.bodies import results
from sharing.models import Query, QueryMessage, Submission
from sharing.services import queries
from sharing.texts import LONGEST_MESSAGE

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet
    from rest_framework.request import Request


class QueryMessageDocument(serializers.ModelSerializer[QueryMessage]):
    class Meta:
        model = QueryMessage
        fields = ["is_answer", "text", "cells", "at"]


class QueryDocument(serializers.ModelSerializer[Query]):
    """`handle` is all by which the association knows the contributor."""

    messages = QueryMessageDocument(many=True)

    class Meta:
        model = Query
        fields = ["id", "handle", "rule", "severity", "findings_count", "state", "asked_at", "messages"]


class Answer(serializers.Serializer[Any]):
    """`show_cells` tells the association, too, in which cells the rule is broken."""

    text = serializers.CharField(max_length=LONGEST_MESSAGE)
    show_cells = serializers.BooleanField(required=False, default=False)


class Queries(APIView):
    """What was asked about a submission, newest first."""

    scope = Scope.SUBMISSIONS_READ

    @extend_schema(responses=results(QueryDocument))
    def get(self, request: Request, pk: uuid.UUID) -> Response:
        asked = _visible(request, pk).prefetch_related("messages")
        return Response({"results": QueryDocument(asked, many=True).data})


class Answers(APIView):
    """Where a question is answered."""

    scope = Scope.SUBMISSIONS_WRITE

    @extend_schema(request=Answer, responses={201: QueryDocument})
    def post(self, request: Request, pk: uuid.UUID, query_id: uuid.UUID) -> Response:
        form = Answer(data=request.data)
        query = get_object_or_404(_visible(request, pk), pk=query_id)
        form.is_valid(raise_exception=True)
        query = queries.answer(query, by=caller(request), **form.validated_data)
        return Response(QueryDocument(query).data, status=201)


def _visible(request: Request, submission_id: uuid.UUID) -> QuerySet[Query]:
    """What the own submission is asked; whoever asks has no part in this."""
    actor = caller(request)
    submission = get_object_or_404(Submission.objects.visible_to(actor), pk=submission_id)
    return Query.objects.visible_to(actor).filter(submission=submission)
