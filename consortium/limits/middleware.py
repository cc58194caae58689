"""Answers tell how much of an allowance is left, whoever counted the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from consortium.limits.services import Standing

_STANDING = "concord.rate_limit"


def note(environment: dict[str, Any], standing: Standing) -> None:
    """The answer to the request whose environment this is (`META`) will carry the standing's headers."""
    environment[_STANDING] = standing


def announced(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        standing: Standing | None = request.META.get(_STANDING)
        if standing is not None:
            for name, value in standing.headers().items():
                response.headers[name] = value
        return response

    return middleware
