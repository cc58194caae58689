"""The files of a release: what there are, their digests, and the signed manifest."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from anonymize.package.manifest import MANIFEST_NAME
from consortium.people.session import signed_in
from sharing.models import Release
from sharing.release_files import LABELS, ReleaseFiles


@require_safe
def listing(request: HttpRequest, release_id: str) -> HttpResponse:
    files = _files(request, release_id)
    rows = [(entry, LABELS[entry.name.partition(".")[2]]) for entry in files.entries()]
    context = {
        "release": files.release,
        "rows": rows,
        "content": files.content,
        "manifest": MANIFEST_NAME,
        "replaces": files.release.corrects,
    }
    return render(request, "sharing/release_files.html", context)


@require_safe
def download(request: HttpRequest, release_id: str, name: str) -> HttpResponse:
    files = _files(request, release_id)
    if name == MANIFEST_NAME:
        return attachment(files.signed().encode(), "application/jose", f"{files.release.public_id}.{MANIFEST_NAME}")
    content = files.write(name)
    if content is None:
        raise Http404
    return attachment(content, files.media_type(name), name)


def attachment(content: bytes, media_type: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _files(request: HttpRequest, release_id: str) -> ReleaseFiles:
    person = signed_in(request)
    visible = Release.objects.visible_to(person).select_related("round__collection")
    files = ReleaseFiles.of(get_object_or_404(visible, public_id=release_id), by=person)
    if files is None:
        raise Http404
    return files
