"""With whom a member is compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from consortium.api import Filter, asked, parameters
from consortium.api_auth import caller
from consortium.institutions.models import InstitutionKind, SizeBand
from consortium.institutions.scopes import Scope
from sharing.api.serializers import PeerGroupDocument
from sharing.models import Collection, PeerGroup
from sharing.rules import LONGEST_GROUP_NAME, check_can_define_peer_group
from sharing.services import peer_groups

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


_FILTERS = {"collection": Filter("collection")}


class PeerGroupDefinition(serializers.Serializer[Any]):
    """Whoever has one of the values of every attribute given, and whoever is named, affiliates with them."""

    collection = serializers.SlugField()
    name = serializers.CharField(max_length=LONGEST_GROUP_NAME)
    kind = serializers.ListField(child=serializers.ChoiceField(InstitutionKind.choices), default=list)
    size_band = serializers.ListField(child=serializers.ChoiceField(SizeBand.choices), default=list)
    home_region = serializers.ListField(child=serializers.CharField(max_length=20), default=list)
    institutions = serializers.ListField(child=serializers.CharField(max_length=40), default=list)


@extend_schema(parameters=parameters(_FILTERS))
class PeerGroups(ListAPIView[PeerGroup]):
    """The peer groups of the collections that the caller sees; beside them every release has ALL, all members."""

    scope = {"GET": Scope.COLLECTIONS_READ}
    serializer_class = PeerGroupDocument
    queryset = PeerGroup.objects.none()

    def get_queryset(self) -> QuerySet[PeerGroup]:
        groups = PeerGroup.objects.visible_to(caller(self.request))
        if code := asked(self.request, _FILTERS).get("collection"):
            seen = Collection.objects.visible_to(caller(self.request))
            groups = groups.filter(collections__in=seen.filter(code=code))
        return groups.order_by("family", "position", "code")

    @extend_schema(request=PeerGroupDefinition, responses={201: PeerGroupDocument}, parameters=[])
    def post(self, request: Request) -> Response:
        """Defines a group of the own institution, compared with from the next round that is computed."""
        form = PeerGroupDefinition(data=request.data)
        form.is_valid(raise_exception=True)
        wanted = dict(form.validated_data)
        check_can_define_peer_group(caller(request), wanted["name"])
        seen = Collection.objects.visible_to(caller(request)).filter(code=wanted.pop("collection"))
        collection = get_object_or_404(seen.order_by("-created_at", "-pk")[:1])
        group = peer_groups.define(
            collection,
            wanted["name"],
            attributes={name: wanted[name] for name in peer_groups.ATTRIBUTES},
            institutions=wanted["institutions"],
            by=caller(request),
        )
        return Response(_document(request, group.code), status=201)


class OnePeerGroup(APIView):
    """Retires a group: rounds that are computed from now on are without it."""

    scope = None

    @extend_schema(responses={200: PeerGroupDocument})
    def delete(self, request: Request, code: str) -> Response:
        group = get_object_or_404(PeerGroup.objects.visible_to(caller(request)), code=code)
        peer_groups.retire(group, by=caller(request))
        return Response(_document(request, code))


def _document(request: Request, code: str) -> Any:
    return PeerGroupDocument(PeerGroup.objects.visible_to(caller(request)).get(code=code)).data
