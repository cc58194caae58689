"""The caller's institution's word that it has no data for a round."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from sharing.models import NoData, NoDataReason, Round
from sharing.services import no_data
from sharing.texts import LONGEST_REASON

if TYPE_CHECKING:
    from rest_framework.request import Request


class NoDataDocument(serializers.ModelSerializer[NoData]):
    """`remark` is why the approver sent the declaration back."""

    round = serializers.CharField(source="round.public_id")

    class Meta:
        model = NoData
        fields = ["round", "state", "reason", "text", "declared_at", "decided_at", "remark"]


class Declaration(serializers.Serializer[Any]):
    """`text` is needed where the reason is `other`."""

    reason = serializers.ChoiceField(NoDataReason.choices)
    text = serializers.CharField(max_length=LONGEST_REASON, required=False, default="", allow_blank=True)


class OwnNoData(APIView):
    """Declares that there is no data, tells what became of the last declaration, or withdraws it."""

    scope = Scope.SUBMISSIONS_WRITE

    @extend_schema(responses=NoDataDocument)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(NoDataDocument(_last(request, public_id)).data)

    @extend_schema(request=Declaration, responses={201: NoDataDocument})
    def post(self, request: Request, public_id: str) -> Response:
        form = Declaration(data=request.data)
        form.is_valid(raise_exception=True)
        declaration = no_data.declare(_round(request, public_id), by=caller(request), **form.validated_data)
        return Response(NoDataDocument(declaration).data, status=201)

    @extend_schema(responses=NoDataDocument)
    def delete(self, request: Request, public_id: str) -> Response:
        withdrawn = no_data.withdraw(_last(request, public_id), by=caller(request))
        return Response(NoDataDocument(withdrawn).data)


def _round(request: Request, public_id: str) -> Round:
    visible = Round.objects.visible_to(caller(request)).select_related("collection")
    return get_object_or_404(visible, public_id=public_id)


def _last(request: Request, public_id: str) -> NoData:
    own = NoData.objects.visible_to(caller(request)).filter(round=_round(request, public_id))
    declaration = own.select_related("round__collection").first()
    if declaration is None:
        raise Http404
    return declaration
