"""The caller's own institution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from consortium.api_auth import caller
from consortium.institutions.models import Institution
from consortium.institutions.scopes import Scope
from sharing.api.serializers import InstitutionDocument

if TYPE_CHECKING:
    from rest_framework.request import Request


class MyInstitution(APIView):
    """The entry of the caller's own institution."""

    scope = Scope.INSTITUTION_READ

    @extend_schema(responses=InstitutionDocument)
    def get(self, request: Request) -> Response:
        return Response(InstitutionDocument(own_institution(request)).data)


def own_institution(request: Request) -> Institution:
    institution = caller(request).institution
    if institution is None:
        raise Http404
    return institution
