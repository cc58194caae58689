"""How the caller's institution takes its statements: in the portal, or sealed to a key of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from anonymize.package.registration import MAX_CHARACTERS
from consortium.api_auth import caller, person
from consortium.institutions.scopes import Scope
from sharing.api.institutions import own_institution
from sharing.models import StatementKey
from sharing.services import statement_keys

if TYPE_CHECKING:
    from rest_framework.request import Request

    from consortium.institutions.models import Institution


class StatementKeyDocument(serializers.ModelSerializer[StatementKey]):
    """A key that statements may be sealed to; one at most has not ended."""

    jwk = serializers.JSONField(source="public_jwk", read_only=True)

    class Meta:
        model = StatementKey
        fields = ["kid", "suite", "jwk", "signing_kid", "registered_at", "ended_at"]
        read_only_fields = fields


class StatementDeliveryDocument(serializers.Serializer[Any]):
    """`delivery` counts for releases that are computed from now on; `keys` are newest first, ended ones too."""

    delivery = serializers.ChoiceField(statement_keys.DELIVERIES)
    keys = StatementKeyDocument(many=True)


class StatementKeyRegistration(serializers.Serializer[Any]):
    """`request` is what `concord statement key` printed: a JWS that a signing key of the institution made."""

    request = serializers.CharField(max_length=MAX_CHARACTERS)


class StatementDeliveryChoice(serializers.Serializer[Any]):
    delivery = serializers.ChoiceField(statement_keys.DELIVERIES)


class MyStatementKey(APIView):
    """How statements are delivered, and the keys they are sealed to."""

    scope = {"GET": Scope.INSTITUTION_READ}

    @extend_schema(responses=StatementDeliveryDocument)
    def get(self, request: Request) -> Response:
        """The choice, and the keys, newest first."""
        return _answer(request, own_institution(request))

    @extend_schema(request=StatementKeyRegistration, responses={201: StatementDeliveryDocument})
    def post(self, request: Request) -> Response:
        """Registers a key, which ends the one before. It does not change where statements go."""
        institution = own_institution(request)
        wanted = StatementKeyRegistration(data=request.data)
        wanted.is_valid(raise_exception=True)
        statement_keys.register(institution, wanted.validated_data["request"], by=person(request))
        return _answer(request, institution, 201)

    @extend_schema(request=StatementDeliveryChoice, responses=StatementDeliveryDocument)
    def patch(self, request: Request) -> Response:
        """Chooses where the statements of releases go that are computed from now on."""
        institution = own_institution(request)
        wanted = StatementDeliveryChoice(data=request.data)
        wanted.is_valid(raise_exception=True)
        statement_keys.choose(institution, wanted.validated_data["delivery"], by=person(request))
        return _answer(request, institution)

    @extend_schema(responses={200: StatementDeliveryDocument})
    def delete(self, request: Request) -> Response:
        """Revokes the key in force. While `delivery` is `own-key` and there is no key, no statement is made."""
        institution = own_institution(request)
        key = StatementKey.objects.visible_to(caller(request)).in_force().first()
        if key is None:
            raise Http404
        statement_keys.revoke(key, by=person(request))
        return _answer(request, institution)


def _answer(request: Request, institution: Institution, status: int = 200) -> Response:
    document = {
        "delivery": statement_keys.delivery_of(institution),
        "keys": StatementKey.objects.visible_to(caller(request)),
    }
    return Response(StatementDeliveryDocument(document).data, status=status)
