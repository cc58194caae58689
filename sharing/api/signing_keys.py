"""The keys that the caller's institution signs its packages with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from consortium.api_auth import caller, person
from consortium.institutions.models import SigningKey
from consortium.institutions.scopes import Scope
from consortium.institutions.services import signing_keys
from sharing.api.institutions import own_institution
from sharing.api.serializers import KeyRegistration, SigningKeyDocument

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


class Revocation(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(SigningKey.Revocation.choices, default=SigningKey.Revocation.ROUTINE)


class _OfInstitution(GenericAPIView[SigningKey]):
    scope = {"GET": Scope.INSTITUTION_READ}
    serializer_class = SigningKeyDocument
    queryset = SigningKey.objects.none()

    def get_queryset(self) -> QuerySet[SigningKey]:
        own_institution(self.request)  # 404 at the association
        mine = SigningKey.objects.visible_to(caller(self.request)).select_related("replaces")
        return mine.order_by("-valid_from", "-pk")


class MyKeys(_OfInstitution):
    """The signing keys of the institution, newest first, with those that have ended or were revoked."""

    @extend_schema(responses=SigningKeyDocument(many=True))
    def get(self, request: Request) -> Response:
        """The keys, newest first."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @extend_schema(request=KeyRegistration, responses={201: SigningKeyDocument})
    def post(self, request: Request) -> Response:
        """Registers a key. Its administrator sends what `concord key` printed: a request that the new key signed."""
        wanted = KeyRegistration(data=request.data)
        wanted.is_valid(raise_exception=True)
        key = signing_keys.register(
            own_institution(request),
            wanted.validated_data["request"],
            replaces=wanted.validated_data.get("replaces"),
            by=person(request),
        )
        return Response(self.get_serializer(key).data, status=201)


class MyKey(_OfInstitution):
    """One signing key of the institution."""

    def get(self, request: Request, kid: str) -> Response:
        return Response(self.get_serializer(get_object_or_404(self.get_queryset(), kid=kid)).data)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "reason",
                str,
                enum=SigningKey.Revocation.values,
                description="Why; `compromised` when somebody else may have it. `routine` unless given.",
            )
        ],
        responses={200: SigningKeyDocument},
    )
    def delete(self, request: Request, kid: str) -> Response:
        """Revokes a key at once. Its row stays, and so do the packages that it signed before."""
        asked = Revocation(data=request.query_params)
        asked.is_valid(raise_exception=True)
        key = get_object_or_404(self.get_queryset(), kid=kid)
        reason = SigningKey.Revocation(asked.validated_data["reason"])
        revoked = signing_keys.revoke(key, by=person(request), reason=reason)
        return Response(self.get_serializer(revoked).data)
