"""The token endpoint and its description."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from oauth2_provider.views import TokenView

from consortium import client_address
from consortium.api import problem
from consortium.institutions.assertion_keys import EVERY_ALGORITHM
from consortium.institutions.scopes import Scope
from consortium.limits import services as limits
from consortium.limits.middleware import note


# Said again because `dispatch` is our own: a job has no cookie that could be forged.
@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(login_not_required, name="dispatch")
class Token(TokenView):
    """Client credentials for an access token.

    Who fails waits when his address has failed too often; who shows who he is never does, so that nobody who shares a
    gateway with a member, or floods it, keeps the member's jobs out. Secrets and signatures are not to be guessed.
    """

    http_method_names = ["post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST":
            return problem(405, "method-not-allowed", _("A token is asked for with POST."), headers={"Allow": "POST"})
        try:
            response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        except (BadRequest, MultiPartParserError, SuspiciousOperation, UnicodeError):
            document = {"error": "invalid_request", "error_description": "The request's body cannot be read."}
            response = JsonResponse(document, status=400)
        response.headers["Content-Type"] = "application/json"  # oauthlib forgets it for some refusals
        response.headers["Cache-Control"] = "no-store"
        if response.status_code in {400, 401}:
            standing = limits.spend("address", client_address.subscriber(client_address.of(request)))
            note(request.META, standing)
            return too_many(standing) if standing.is_exceeded else response
        return response


def too_many(standing: limits.Standing) -> HttpResponse:
    """429, with the seconds after which to ask again."""
    wait = str(max(1, standing.seconds_left))
    sentence = _("Too many requests. Ask again in %(seconds)s seconds.") % {"seconds": wait}
    return problem(429, "throttled", sentence, headers={"Retry-After": wait})


@login_not_required
@require_safe
@cache_control(public=True, max_age=3600)
def metadata(request: HttpRequest) -> HttpResponse:
    """What a client needs to know of the token endpoint (RFC 8414)."""
    return JsonResponse(
        {
            "issuer": settings.CONCORD_URL,
            "token_endpoint": settings.CONCORD_URL + reverse("token"),
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
            "token_endpoint_auth_signing_alg_values_supported": list(EVERY_ALGORITHM),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "scopes_supported": [str(scope) for scope in Scope],
            "service_documentation": settings.CONCORD_URL + reverse("api:reference"),
        }
    )
