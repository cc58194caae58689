"""What every answer of the API has in common: problems (RFC 9457), pages with Link headers, entity tags."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError as NoSuchValue,
)
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions
from rest_framework.fields import CharField, ChoiceField, DateTimeField, IntegerField
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import set_rollback

from anonymize.errors import PackageError
from consortium.errors import Forbidden, Refused

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from rest_framework.request import Request

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
TITLES: Mapping[int, str] = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Refused by a rule",
    411: "Length required",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Unsupported media type",
    422: "Cannot be processed",
    429: "Too many requests",
    500: "Server error",
    503: "Not available",
}
# Rules whose status says more than that something was refused.
_STATUSES: Mapping[str, int] = {
    "too-large": 413,
    "unknown-filter": 400,
    "no-such-tree": 400,
    "changed-meanwhile": 412,
    "idempotency-key-reused": 422,
    "invalid-key": 422,
    "webhook-address": 422,
    "webhook-not-https": 422,
    "webhook-port": 422,
    "webhook-private": 422,
    "webhook-unresolved": 422,
}


def problem(
    status: int, rule: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> HttpResponse:
    """A problem document; `rule` is a stable slug for machines, `detail` the sentence for people."""
    title = TITLES.get(status, "Problem")
    document = {"type": f"urn:concord:problem:{rule}", "title": title, "status": status, "detail": detail, "rule": rule}
    text = json.dumps({**document, **more}, ensure_ascii=False, cls=DjangoJSONEncoder)
    # A lone surrogate of the request's, which UTF-8 cannot write, becomes the escape that it came as.
    content = text.encode(errors="backslashreplace")
    return HttpResponse(content, status=status, content_type=PROBLEM, headers=dict(headers or {}))


def answer_exception(exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Every exception of an API view as a problem; an unexpected one is logged and tells nothing."""
    set_rollback()
    if isinstance(exception, Refused):
        status = 403 if isinstance(exception, Forbidden) else _STATUSES.get(exception.rule, 409)
        return problem(status, exception.rule, str(exception))
    if isinstance(exception, PackageError):
        more: dict[str, Any] = {"member": exception.member} if exception.member else {}
        return problem(_STATUSES.get(exception.rule, 422), exception.rule, exception.sentence, **more)
    if isinstance(exception, Http404):
        return problem(404, "not-found", _("There is nothing here, or not for you."))
    if isinstance(exception, PermissionDenied):
        return problem(403, "forbidden", _("You may not do this."))
    if isinstance(exception, RequestDataTooBig):
        return problem(413, "too-large", _("The request's body is too large. Nothing was changed."))
    if isinstance(exception, SuspiciousOperation):
        return problem(400, "invalid", _("The request has too many parameters, or some that cannot be read."))
    if isinstance(exception, exceptions.APIException):
        return _of_framework(exception)
    if isinstance(exception, (OperationalError, InterfaceError)):
        return database_away()
    log.error("API call failed: %s", type(exception).__name__, exc_info=exception)
    return problem(500, "server-error", _("Something failed on our side. Nothing was changed; try again later."))


def database_away() -> HttpResponse:
    """The database restarts or cannot be reached: whoever asks again soon gets the answer."""
    sentence = _("The database cannot be reached at the moment. Try again shortly.")
    return problem(503, "database-away", sentence, headers={"Retry-After": "5"})


def stated_lengths(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Middleware: a body sent in chunks, whose length nobody states, is refused: Django would read none at all."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH"):
            return problem(411, "length-required", _("State the body's length in Content-Length. Nothing was stored."))
        return get_response(request)

    return middleware


class DatabaseAway:
    """Middleware: the same answer where no API view was asked, for pages and for tokens."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return database_away() if isinstance(exception, (OperationalError, InterfaceError)) else None


def _of_framework(exception: exceptions.APIException) -> HttpResponse:
    headers: dict[str, str] = {}
    if challenge := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(exception, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait) + 1)
    if isinstance(exception, exceptions.ValidationError):
        return problem(400, "invalid", _("Some members are missing or wrong."), errors=exception.detail)
    rule = str(exception.default_code).replace("_", "-")
    return problem(exception.status_code, rule, str(exception.detail), headers=headers)


@csrf_exempt
@login_not_required
def no_such_address(request: HttpRequest, rest: str) -> HttpResponse:
    """An address of the API that does not exist is a problem too, not a page."""
    return problem(404, "not-found", _("There is nothing here, or not for you."))


@dataclass(frozen=True)
class Filter:
    """A query parameter of a list: the field it compares, and its words where they are few."""

    field: str
    words: Iterable[str] = ()
    description: str = ""

    def read(self, value: str) -> str:
        """The value; ValidationError when no row can have it."""
        if self.words:
            return str(ChoiceField([str(word) for word in self.words]).run_validation(value))
        return str(CharField(max_length=200).run_validation(value))


@dataclass(frozen=True)
class MomentFilter(Filter):
    """A query parameter that is a moment (RFC 3339)."""

    def read(self, value: str) -> datetime:  # type: ignore[override]
        return cast("datetime", DateTimeField().run_validation(value))


Filters = Mapping[str, Filter]


def asked(request: Request, filters: Filters) -> dict[str, Any]:
    """What a list is filtered by, as field and value; 400 for a name or a value that there is none of."""
    found: dict[str, Any] = {}
    wrong = {}
    for name, value in request.query_params.items():
        try:
            if name in filters:
                found[filters[name].field] = filters[name].read(str(value))
            elif name not in {Pages.page_size_query_param, Pages.cursor_query_param}:
                raise exceptions.ValidationError([_("There is no such parameter.")])  # noqa: TRY301
        except exceptions.ValidationError as error:
            wrong[name[:200]] = error.detail
    if wrong:
        raise exceptions.ValidationError(wrong)
    return found


def parameters(filters: Filters) -> list[OpenApiParameter]:
    """The filters as the API describes them."""
    return [
        OpenApiParameter(name, str, enum=[str(word) for word in each.words] or None, description=each.description)
        for name, each in filters.items()
    ]


class Pages(CursorPagination):
    """`{"results": [...]}`; the neighbours' addresses are in the Link header (RFC 8288)."""

    page_size = 100
    max_page_size = 1000
    page_size_query_param = "limit"

    def get_page_size(self, request: Any) -> int:
        """What `limit` asks for; 400 when it is no number from 1 to 1,000."""
        value = request.query_params.get(self.page_size_query_param)
        if value is None:
            return self.page_size
        field = IntegerField(min_value=1, max_value=self.max_page_size)
        try:
            return int(field.run_validation(value))
        except exceptions.ValidationError as wrong:
            raise exceptions.ValidationError({self.page_size_query_param: wrong.detail}) from wrong

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        """The page; 400 when its cursor is none that we gave: unreadable, or of a value that no row can have."""
        try:
            return super().paginate_queryset(queryset, request, view)
        except (exceptions.NotFound, NoSuchValue, DataError, ValueError, OverflowError) as wrong:
            if self.cursor_query_param not in request.query_params:
                raise
            raise exceptions.ValidationError({self.cursor_query_param: [_("This is no cursor of ours.")]}) from wrong

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        described = [
            (self.page_size_query_param, "How many results a page has.", limit),
            (self.cursor_query_param, "Where the page begins; from the Link header.", {"type": "string"}),
        ]
        return [
            {"name": name, "in": "query", "required": False, "description": text, "schema": schema}
            for name, text, schema in described
        ]

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        header = ", ".join(f'<{address}>; rel="{rel}"' for rel, address in links.items() if address)
        return Response({"results": data}, headers={"Link": header} if header else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {"type": "object", "required": ["results"], "properties": {"results": schema}}

    def get_ordering(self, request: Any, queryset: QuerySet[Model], view: Any) -> tuple[str, ...]:
        """The queryset's own order, so that a page cannot be asked for in another."""
        ordering = queryset.query.order_by or queryset.model._meta.ordering or ("pk",)
        return tuple(str(field) for field in ordering)
