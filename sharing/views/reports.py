"""The board report of a release, typeset for whoever asks."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from consortium.people.session import signed_in
from sharing.models import Release
from sharing.reports import board


@require_safe
@never_cache
def board_report(request: HttpRequest, release_id: str) -> HttpResponse:
    """PDF of a release that is in force, in `lang`; with the own figures for its institution's people."""
    person = signed_in(request)
    in_force = Release.objects.visible_to(person).published().select_related("round__collection")
    release = get_object_or_404(in_force, public_id=release_id)
    language = request.GET.get("lang", request.LANGUAGE_CODE)
    if language not in board.LANGUAGES:
        raise Http404
    response = HttpResponse(board.pdf(release, person, language), content_type=board.MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{release.public_id}-{language}.pdf"'
    return response
