"""Answers tell how much of an allowance is left, whoever counted the request."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from consortium.limits.services import Standing

_STANDING = "rate_limit_standing"


def note(request: HttpRequest, standing: Standing) -> None:
    """The answer to the request will carry the standing's headers."""
    setattr(request, _STANDING, standing)


def announced(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        standing: Standing | None = getattr(request, _STANDING, None)
        if standing is not None:
            for name, value in standing.headers().items():
                response.headers[name] = value
        return response

    return middleware
