"""What is collected: templates as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from sharing.api.serializers import CollectionLine
from sharing.models import Collection

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class Collections(ListAPIView[Collection]):
    """The collections that the caller's institution contributes to, each version a line."""

    scope = Scope.COLLECTIONS_READ
    serializer_class = CollectionLine
    queryset = Collection.objects.none()

    def get_queryset(self) -> QuerySet[Collection]:
        return Collection.objects.visible_to(caller(self.request)).order_by("code", "-created_at")


@method_decorator(conditional_page, name="dispatch")
class CollectionTemplate(APIView):
    """The template as JSON: the latest version, or the one named. Carries an ETag."""

    scope = Scope.COLLECTIONS_READ

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, code: str, version: str | None = None) -> Response:
        versions = Collection.objects.visible_to(caller(request)).filter(code=code)
        if version is not None:
            return Response(_document(get_object_or_404(versions, version=version)))
        return Response(_document(get_object_or_404(versions.order_by("-created_at", "-pk")[:1])))


def _document(collection: Collection) -> dict[str, Any]:
    document: dict[str, Any] = collection.document
    return document
