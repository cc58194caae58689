"""The addresses of the SDMX web service: structures, data and availability, in both versions of its interface."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.decorators import method_decorator
from django.views.decorators.gzip import gzip_page
from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView, set_rollback

from consortium.api_auth import BearerToken, ClientSecret, caller
from consortium.errors import Refused
from consortium.institutions.scopes import Scope
from consortium.people.roles import Actor
from sharing.models import ReleaseCell
from sharing.models.release import HEADLINE
from sharing.sdmx import data_query, errors, formats, observations, structures
from sharing.sdmx.data_query import DataQuery
from sharing.sdmx.errors import SdmxError
from sharing.sdmx.flows import flows_of
from sharing.sdmx.structure_query import StructureQuery

log = logging.getLogger(__name__)

_MODES = frozenset({"exact", "available"})
_REFERENCES_OF_AVAILABILITY = frozenset(
    {"none", "all", "datastructure", "conceptscheme", "codelist", "dataproviderscheme", "dataflow"}
)


class _Any(BaseRenderer):
    """The views write their messages themselves; this only says that any `Accept` may come in."""

    media_type = "*/*"
    format = "sdmx"


class SdmxView(APIView):
    """What every address has in common: who may ask, what is accepted, how errors look."""

    scope = Scope.RELEASES_READ
    schema = None
    api: ClassVar[formats.Api] = "2.1"
    authentication_classes = [BearerToken, ClientSecret, SessionAuthentication]
    renderer_classes = [_Any]
    http_method_names = ["get", "head"]

    @method_decorator(gzip_page)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        patch_vary_headers(response, ["Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cookie"])
        # What one caller may see another may not: no shared cache keeps it.
        response.headers["Cache-Control"] = "private, no-cache"
        return response

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[BaseRenderer, str]:
        return _Any(), "*/*"

    def get_authenticate_header(self, request: Request) -> str:
        return ", ".join(each.authenticate_header(request) for each in (BearerToken(), ClientSecret()))

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], HttpResponse]:
        return self._as_error

    def _as_error(self, exception: Exception, context: Mapping[str, Any]) -> HttpResponse:
        """Every exception as a message of SDMX; an unexpected one is logged and tells nothing."""
        set_rollback()
        code, status, sentence, headers = _told(exception)
        accept = context["request"].META.get("HTTP_ACCEPT", "")
        if formats.likes_json(accept):
            return HttpResponse(
                errors.as_json(code, sentence), status=status, content_type="application/json", headers=headers
            )
        standard = "v2_1" if self.api == "2.1" else "v3_0"
        number = "2.1" if self.api == "2.1" else "3.0.0"
        return HttpResponse(
            errors.as_xml(code, sentence, standard),
            status=status,
            content_type=f"application/vnd.sdmx.error+xml;version={number}",
            headers=headers,
        )

    def options_of(self) -> dict[str, str]:
        return {name.lower(): str(value) for name, value in self.request.query_params.items()}

    def tagged(
        self, request: Request, media_type: formats.MediaType, over: object, write: Callable[[], Any]
    ) -> HttpResponseBase:
        """The answer with an entity tag over what it is made of; 304 when the caller has it."""
        tag = _tag(request, str(media_type), over)
        response: HttpResponseBase | None = get_conditional_response(request, etag=tag)
        if response is None:
            content = write()
            kind = StreamingHttpResponse if not isinstance(content, bytes) else HttpResponse
            response = kind(content, content_type=str(media_type))
        response.headers["ETag"] = tag
        return response


class Structures(SdmxView):
    """`{type}/{agency}/{id}/{version}`."""

    def get(self, request: Request, address: str) -> HttpResponseBase:
        query = StructureQuery.read(_parts(address), self.options_of())
        media_type = formats.chosen(request.META.get("HTTP_ACCEPT", ""), "structure", self.api)
        found, beside = query.choose(structures.artefacts(flows_of(caller(request))))
        whole, stubs = [*found, *beside], []
        if query.detail in {"allstubs", "allcompletestubs"}:
            whole, stubs = [], whole
        elif query.detail in {"referencestubs", "referencecompletestubs"}:
            whole, stubs = found, beside
        return self.tagged(
            request, media_type, (whole, stubs), lambda: structures.write(whole, formats.STRUCTURE[media_type], stubs)
        )


class Data(SdmxView):
    """The observations that a query finds, as they come from the database."""

    def get(self, request: Request, address: str) -> HttpResponseBase:
        media_type = formats.chosen(request.META.get("HTTP_ACCEPT", ""), "data", self.api)
        query = _data_query(self.api, caller(request), _parts(address), request)
        found = observations.answer(query, caller(request))
        if not found.cells.exists():
            if self.api == "3.0":
                return HttpResponse(status=204)
            raise errors.nothing("There are no observations for this query, or not for you.")
        return self.tagged(
            request, media_type, _behind(found, caller(request)), lambda: formats.DATA[media_type](found)
        )


class Availability(SdmxView):
    """The codes for which the caller finds observations, and how many these are; withheld ones count like others."""

    def get(self, request: Request, address: str) -> HttpResponseBase:
        media_type = formats.chosen(request.META.get("HTTP_ACCEPT", ""), "structure", self.api)
        parts, component = _without_component(_parts(address), self.api)
        options = self.options_of()
        if options.get("mode", "exact").lower() not in _MODES:
            raise errors.syntax("mode is exact or available.")
        query = _data_query(self.api, caller(request), parts, request)
        wanted = data_query.component_of(query, component)
        codes, series, counted = observations.available(query, caller(request), wanted)
        if not counted:
            raise errors.nothing("There are no observations for this query, or not for you.")
        beside = _beside(query, options.get("references", "none").lower())
        format = formats.STRUCTURE[media_type]
        return self.tagged(
            request,
            media_type,
            (codes, series, counted),
            lambda: structures.write(beside, format, availability=_constraint(query, codes, series, counted)),
        )


class Structures30(Structures):
    api = "3.0"


class Data30(Data):
    api = "3.0"


class Availability30(Availability):
    api = "3.0"


class Elsewhere(SdmxView):
    """Whatever else the standard knows, or does not."""

    def get(self, request: Request, address: str = "") -> HttpResponseBase:
        if {"schema", "metadata", "registration"} & set(request.path.split("/")[3:4]):
            raise errors.not_implemented("Schemas, reference metadata and registrations are not given here.")
        raise errors.syntax("There is no such resource: ask for data, availability or a structure.")


class Elsewhere30(Elsewhere):
    api = "3.0"


def _told(exception: Exception) -> tuple[int, int, str, dict[str, str]]:
    """The code of SDMX, the status of HTTP, the sentence, and headers."""
    if isinstance(exception, SdmxError):
        return exception.code, exception.status, exception.sentence, {}
    if isinstance(exception, Refused):
        return errors.SEMANTIC, 403, str(exception), {}
    if isinstance(exception, Http404):
        return errors.NO_RESULTS, 404, "There is nothing here, or not for you.", {}
    if isinstance(exception, PermissionDenied):
        return errors.SEMANTIC, 403, "You may not do this.", {}
    if isinstance(exception, SuspiciousOperation):
        return errors.SYNTAX, 400, "The request has too many parameters, or some that cannot be read.", {}
    if isinstance(exception, exceptions.APIException):
        headers = {}
        if challenge := getattr(exception, "auth_header", None):
            headers["WWW-Authenticate"] = challenge
        if (wait := getattr(exception, "wait", None)) is not None:
            headers["Retry-After"] = str(int(wait) + 1)
        code = errors.OF_STATUS.get(exception.status_code, errors.SYNTAX)
        return code, exception.status_code, str(exception.detail), headers
    if isinstance(exception, (OperationalError, InterfaceError)):
        sentence = "The database cannot be reached at the moment. Try again shortly."
        return errors.UNAVAILABLE, 503, sentence, {"Retry-After": "5"}
    log.error("SDMX call failed: %s", type(exception).__name__, exc_info=exception)
    return errors.INTERNAL, 500, "Something failed on our side. Try again later.", {}


def _parts(address: str) -> list[str]:
    """The parts of an address; clients end it with a slash or not."""
    parts = address.removesuffix("/").split("/")
    if any("\x00" in part for part in parts):
        raise errors.syntax("The address has a character that no id has.")
    return parts if parts != [""] else []


def _data_query(api: formats.Api, actor: Actor, parts: Sequence[str], request: Request) -> DataQuery:
    options = {name: [str(value) for value in values] for name, values in request.query_params.lists()}
    if any("\x00" in name + "".join(values) for name, values in options.items()):
        raise errors.syntax("A parameter has a character that no id has.")
    read = data_query.of_21 if api == "2.1" else data_query.of_30
    return read(flows_of(actor), parts, options)


def _without_component(parts: list[str], api: formats.Api) -> tuple[list[str], str]:
    """`flow/key/provider/component` (API 1.x) or `context/agency/id/version/key/component` (API 2.x)."""
    most = 3 if api == "2.1" else 5
    if len(parts) > most + 1:
        raise errors.syntax("The address of this availability query has too many parts.")
    return (parts[:most], parts[most]) if len(parts) > most else (parts, "*")


def _beside(query: DataQuery, references: str) -> list[structures.Artefact]:
    """The structures that an availability query wants told as well."""
    if references not in _REFERENCES_OF_AVAILABILITY:
        raise errors.syntax(f"references is one of {', '.join(sorted(_REFERENCES_OF_AVAILABILITY))}.")
    of_flow = [each for each in structures.artefacts([query.flow]) if each.kind != "agencyscheme"]
    return [each for each in of_flow if references in {"all", each.kind}]


def _constraint(query: DataQuery, codes: Mapping[str, Sequence[str]], series: int, observed: int) -> Any:
    """What is available, as pysdmx models it."""
    from pysdmx.model.constraint import (
        AvailabilityConstraint,
        ConstraintAttachment,
        CubeKeyValue,
        CubeRegion,
        CubeValue,
    )

    flow = query.flow
    urn = f"urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow={flow.agency}:{flow.id}({flow.version})"
    values = [CubeKeyValue(id=id, values=[CubeValue(code) for code in listed]) for id, listed in codes.items()]
    return AvailabilityConstraint(
        constraint_attachment=ConstraintAttachment(data_provider=None, dataflows=[urn]),
        cube_region=CubeRegion(key_values=values),
        series_count=series,
        obs_count=observed,
    )


def _tag(request: Request, media_type: str, over: object) -> str:
    """Of what the answer is made of and what was asked: cells do not change once they are published."""
    asked = (request.path, request.META.get("QUERY_STRING", ""), media_type)
    return f'"{hashlib.sha256(repr((version("concord"), over, asked)).encode()).hexdigest()[:32]}"'


def _behind(found: observations.Answer, actor: Actor) -> object:
    """The releases of an answer and, for a member, which of them it sees whole."""
    releases = sorted(found.periods)
    if actor.institution_id is None:
        return releases
    cells = ReleaseCell.objects.visible_to(actor).filter(release__in=releases)
    return releases, sorted(cells.exclude(HEADLINE).order_by().values_list("release_id", flat=True).distinct())
