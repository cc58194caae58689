"""What every answer carries: a strict content policy, the person's language, refusals as pages."""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.cache import patch_vary_headers

from consortium.api import no_such_address
from consortium.errors import Forbidden, Refused
from consortium.people.models import Person

GetResponse = Callable[[HttpRequest], HttpResponse]

# Nothing inline, nothing from elsewhere, no eval. `data:` is for the QR code of the authenticator set-up.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def content_policy(get_response: GetResponse) -> GetResponse:
    """Every answer says what the browser may load and run."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    return middleware


def no_null_characters(get_response: GetResponse) -> GetResponse:
    """PostgreSQL keeps no NUL: an address that holds one is answered before anything is looked up with it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/api/"):  # which judges the parameters of its addresses itself
            return no_such_address(request, request.path) if "\x00" in request.path else get_response(request)
        if request.path.startswith("/sdmx/"):  # which says so in a message of its own kind
            return get_response(request)
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest
        return get_response(request)

    return middleware


def signed_in_pages_stay_private(get_response: GetResponse) -> GetResponse:
    """No shared or disk cache keeps a page that somebody signed in to see."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.user.is_authenticated and "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "private, no-cache"
        return response

    return middleware


def person_language(get_response: GetResponse) -> GetResponse:
    """A person's own language goes before the browser's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if isinstance(request.user, Person) and translation.check_for_language(request.user.language):
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language() or "en"
        response = get_response(request)
        response.headers["Content-Language"] = translation.get_language() or "en"
        patch_vary_headers(response, ("Cookie", "HX-Request"))
        return response

    return middleware


class Refusals:
    """A refusal that no view answered becomes a page with its sentence: 403 for roles, 409 for the rest."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refused):
            return None
        status = 403 if isinstance(exception, Forbidden) else 409
        return render(request, "web/refused.html", {"sentence": exception.sentence}, status=status)
