"""The caller's own institution and its signing keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListCreateAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from consortium.api_auth import caller, person
from consortium.institutions.models import Institution, SigningKey
from consortium.institutions.services import signing_keys
from sharing.api.serializers import InstitutionDocument, SigningKeyDocument

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer


class MyInstitution(APIView):
    @extend_schema(responses=InstitutionDocument)
    def get(self, request: Request) -> Response:
        return Response(InstitutionDocument(_own(request)).data)


class MyKeys(ListCreateAPIView[SigningKey]):
    """The signing keys of the institution, revoked ones too; its administrator registers a new one (`{"jwk": ...}`)."""

    serializer_class = SigningKeyDocument
    queryset = SigningKey.objects.none()

    def get_queryset(self) -> QuerySet[SigningKey]:
        return SigningKey.objects.filter(institution=_own(self.request)).order_by("-valid_from", "-pk")

    def perform_create(self, serializer: BaseSerializer[SigningKey]) -> None:
        serializer.instance = signing_keys.register(
            _own(self.request), serializer.validated_data["jwk"], by=person(self.request)
        )


def _own(request: Request) -> Institution:
    institution = caller(request).institution
    if institution is None:
        raise Http404
    return institution
