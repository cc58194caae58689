"""With whom a member is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView

from consortium.api import Filter, asked, parameters
from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from sharing.api.serializers import PeerGroupDocument
from sharing.models import Collection, PeerGroup

if TYPE_CHECKING:
    from django.db.models import QuerySet


_FILTERS = {"collection": Filter("collection")}


@extend_schema(parameters=parameters(_FILTERS))
class PeerGroups(ListAPIView[PeerGroup]):
    """The peer groups of the collections that the caller sees; beside them every release has ALL, all members."""

    scope = Scope.COLLECTIONS_READ
    serializer_class = PeerGroupDocument
    queryset = PeerGroup.objects.none()

    def get_queryset(self) -> QuerySet[PeerGroup]:
        groups = PeerGroup.objects.visible_to(caller(self.request))
        if code := asked(self.request, _FILTERS).get("collection"):
            seen = Collection.objects.visible_to(caller(self.request))
            groups = groups.filter(collections__in=seen.filter(code=code))
        return groups.order_by("family", "position", "code")
