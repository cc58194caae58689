"""With whom a member is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView

from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from sharing.api.serializers import PeerGroupDocument
from sharing.models import Collection, PeerGroup

if TYPE_CHECKING:
    from django.db.models import QuerySet


@extend_schema(parameters=[OpenApiParameter("collection", str)])
class PeerGroups(ListAPIView[PeerGroup]):
    """The peer groups of the collections that the caller sees; beside them every release has ALL, all members."""

    scope = Scope.COLLECTIONS_READ
    serializer_class = PeerGroupDocument
    queryset = PeerGroup.objects.none()

    def get_queryset(self) -> QuerySet[PeerGroup]:
        groups = PeerGroup.objects.visible_to(caller(self.request))
        if code := self.request.query_params.get("collection"):
            seen = Collection.objects.visible_to(caller(self.request))
            groups = groups.filter(collections__in=seen.filter(code=code))
        return groups.order_by("family", "position", "code")
