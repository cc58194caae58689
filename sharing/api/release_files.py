"""The files of a release over the API: the list, each file, and the signed manifest."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from anonymize.package.manifest import MANIFEST_NAME
from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from sharing.models import Release
from sharing.release_files import ReleaseFiles
from sharing.views.release_files import attachment

_FILES: dict[str, Any] = {
    "type": "object",
    "required": ["release", "state", "content", "files", "manifest"],
    "properties": {
        "release": {"type": "string"},
        "state": {"enum": ["published", "withdrawn"]},
        "content": {
            "enum": ["all", "headlines"],
            "description": "Which cells the files hold: all of them, or the headlines of a round not answered.",
        },
        "files": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "media_type", "bytes", "sha256", "href"],
                "properties": {
                    "name": {"type": "string"},
                    "media_type": {"type": "string"},
                    "bytes": {"type": "integer"},
                    "sha256": {"type": "string"},
                    "href": {"type": "string"},
                },
            },
        },
        "manifest": {"type": "string", "description": "The manifest, a compact JWS over what this answer says."},
    },
}


class Files(APIView):
    """The files of a release with their digests, and the manifest that the consortium signs over them."""

    scope = Scope.RELEASES_READ

    @extend_schema(responses={(200, "application/json"): _FILES})
    def get(self, request: Request, release_id: str) -> Response:
        files = _files(request, release_id)
        entries = [
            {**asdict(each), "href": reverse("api:release-file", args=[release_id, each.name])}
            for each in files.entries()
        ]
        return Response(
            {
                "release": release_id,
                "state": files.release.state,
                "content": files.content,
                "files": entries,
                "manifest": files.signed(),
            }
        )


class OneFile(APIView):
    """One file of a release by its name; `manifest.jws` is the signed manifest."""

    scope = Scope.RELEASES_READ

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, release_id: str, name: str) -> HttpResponse:
        files = _files(request, release_id)
        if name == MANIFEST_NAME:
            return attachment(files.signed().encode(), "application/jose", f"{release_id}.{MANIFEST_NAME}")
        content = files.write(name)
        if content is None:
            raise Http404
        return attachment(content, files.media_type(name), name)


def _files(request: Request, release_id: str) -> ReleaseFiles:
    visible = Release.objects.visible_to(caller(request)).select_related("round__collection")
    files = ReleaseFiles.of(get_object_or_404(visible, public_id=release_id), by=caller(request))
    if files is None:
        raise Http404
    return files
