"""The API's description (OpenAPI 3.1): made once in a process, because anybody may ask for it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from consortium.api_auth import IsPublic

if TYPE_CHECKING:
    from rest_framework.request import Request

MEDIA_TYPE = "application/vnd.oai.openapi+json"


class _OpenApi(JSONRenderer):
    media_type = MEDIA_TYPE


class Description(APIView):
    """The same for everybody, in English, as the contract is."""

    authentication_classes = ()
    permission_classes = (IsPublic,)
    renderer_classes = (_OpenApi, JSONRenderer)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        return HttpResponse(_text(), content_type=MEDIA_TYPE, headers={"Cache-Control": "public, max-age=3600"})


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """It does not change while a process lives."""
    with translation.override("en"):
        made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


@lru_cache(maxsize=1)
def _text() -> str:
    return json.dumps(document(), indent=2)
