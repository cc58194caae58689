"""Published benchmarks: what there is, its cells, the own figures beside it, and the audit for reviewers."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.views.decorators.http import conditional_page
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from anonymize.package.statement import STATEMENT_MEDIA_TYPE
from consortium.api import Filter, MomentFilter, asked, parameters
from consortium.api_auth import caller
from consortium.institutions.scopes import Scope
from consortium.people.roles import Permission, may
from sharing.api import cell_files
from sharing.api.log import inclusion_document
from sharing.api.serializers import AuditDocument, ReleaseDocument
from sharing.benchmarks import export
from sharing.benchmarks.cell_filter import CellFilter
from sharing.models import Release, ReleaseCell, Statement
from sharing.services import log, statements
from sharing.states import ReleaseState

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request

    from sharing.benchmarks.comparison import Own
    from sharing.models.release import ReleaseQuerySet

_FILTERS = {
    "collection": Filter("round__collection__code"),
    "period": Filter("round__period", description="As SDMX writes it: 2026-10, 2026-Q3."),
    "state": Filter("state", ReleaseState),
    "as_of": MomentFilter(
        "as_of", description="Those in force at this moment (RFC 3339), whatever became of them since."
    ),
}
_CHOICE = [
    OpenApiParameter("indicator", str, many=True, description="Only these indicators."),
    OpenApiParameter("peer_group", str, many=True, description="Only these peer groups; ALL is everybody."),
    OpenApiParameter(
        "dimensions",
        {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}},
        description="Only these codes, by the dimension's id: PRODUCT=CAR&PRODUCT=SME&REGION=_T.",
    ),
]


@extend_schema(parameters=parameters(_FILTERS))
class Releases(ListAPIView[Release]):
    """The releases that the caller may see, latest period first; withdrawn ones say so."""

    scope = Scope.RELEASES_READ
    serializer_class = ReleaseDocument
    queryset = Release.objects.none()

    def get_queryset(self) -> QuerySet[Release]:
        wanted = asked(self.request, _FILTERS)
        as_of = wanted.pop("as_of", None)
        visible = _visible(self.request)
        found = (visible.published(as_of) if as_of else visible).filter(**wanted)
        # A page's cursor is read from the row itself.
        return found.annotate(period=F("round__period")).order_by("-period", "-revision", "public_id")


@method_decorator(conditional_page, name="dispatch")
class OneRelease(RetrieveAPIView[Release]):
    """One release; carries an ETag."""

    scope = Scope.RELEASES_READ
    serializer_class = ReleaseDocument
    queryset = Release.objects.none()
    lookup_field = "public_id"
    lookup_url_kwarg = "release_id"

    def get_queryset(self) -> QuerySet[Release]:
        return _visible(self.request)


class Cells(APIView):
    """The cells of a release, as JSON, CSV, Parquet or Excel. A withheld cell is a row whose figures are null."""

    scope = Scope.RELEASES_READ
    renderer_classes = cell_files.RENDERERS

    @extend_schema(parameters=_CHOICE, responses=cell_files.CELLS_SCHEMA)
    def get(self, request: Request, release_id: str) -> HttpResponseBase:
        release = get_object_or_404(_visible(request), public_id=release_id)
        wanted = _choice(request, release)
        tag = _tag(release, request)
        response: HttpResponseBase | None = get_conditional_response(request, etag=tag)
        if response is None:
            response = Response(export.release_table(release, wanted, by=caller(request)))
        response.headers["ETag"] = tag
        return response


class Audit(APIView):
    """The proof behind a release, for those who review it."""

    scope = Scope.RELEASES_READ

    @extend_schema(responses=AuditDocument)
    def get(self, request: Request, release_id: str) -> Response:
        if not may(caller(request), Permission.RELEASE_REVIEW):
            raise Http404
        return Response(AuditDocument(get_object_or_404(_visible(request), public_id=release_id)).data)


class SealedStatementRenderer(BaseRenderer):
    """The sealed statement as it is; refusals are problem documents and never come here."""

    media_type = STATEMENT_MEDIA_TYPE
    format = "jose"
    charset = None
    render_style = "binary"

    def render(self, data: bytes, *_: object, **__: object) -> bytes:
        return data


class OwnStatement(APIView):
    """The own institution's figures beside a release: its rate, the quarter it lies in, and its distances.

    `PERCENTILE_FROM` and `PERCENTILE_TO` are the published percentiles next to the rate, 0 and 100 at the ends.

    Band and distances are null where the release withholds what they would compare with. `proof` shows that the
    submission behind them is in the log (see docs/contracts/log.md).

    A statement that is sealed to the institution's own key comes whole, as `application/vnd.concord.statement+jose`, and
    never as JSON (see docs/contracts/statement.md).
    """

    scope = Scope.STATEMENTS_READ
    renderer_classes = (JSONRenderer, SealedStatementRenderer)

    @extend_schema(
        parameters=_CHOICE,
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, STATEMENT_MEDIA_TYPE): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, release_id: str) -> Response:
        visible = Statement.objects.visible_to(caller(request))
        found = visible.select_related("institution", "release__round__collection")
        statement = get_object_or_404(found, release__public_id=release_id)
        if request.accepted_media_type == STATEMENT_MEDIA_TYPE:
            return Response(statements.sealed_document(statement, by=caller(request)))
        release = statement.release
        wanted = _choice(request, release)
        lines = statements.open_statement(statement, by=caller(request)).lines()
        results = [_own(release, *line) for line in lines if wanted.takes(*line[:3])]
        leaf = log.counted_leaf(release, statement.institution_id)
        proof = inclusion_document(leaf.submission) if leaf else None
        institution = statement.institution.code
        return Response({"release": release.public_id, "institution": institution, "proof": proof, "results": results})


def _own(release: Release, indicator: str, peer_group: str, key: str, own: Own) -> dict[str, Any]:
    template = release.round.collection.template
    dimensions = (dimension.id for dimension in template.cut(template.indicators[0]))
    return {
        "TIME_PERIOD": release.round.period,
        "INDICATOR": indicator,
        "PEER_GROUP": peer_group,
        **dict(zip(dimensions, key.split("."), strict=True)),
        "OWN": own.rate,
        "BAND": own.band,
        "TO_MEDIAN": own.to_median,
        "TO_POOLED": own.to_pooled,
        "PERCENTILE_FROM": own.between[0] if own.between else None,
        "PERCENTILE_TO": own.between[1] if own.between else None,
    }


def _choice(request: Request, release: Release) -> CellFilter:
    return CellFilter.read(dict(request.query_params.lists()), release)


def _tag(release: Release, request: Request) -> str:
    """Cells do not change once computed: a release and a question have one answer in each format, for who sees as much."""
    seen = ReleaseCell.objects.visible_to(caller(request)).filter(release=release).count()
    asked = (release.public_id, release.computed_at, seen, request.META["QUERY_STRING"], request.accepted_media_type)
    return f'"{hashlib.sha256(repr((version("concord"), *asked)).encode()).hexdigest()[:32]}"'


def _visible(request: Request) -> ReleaseQuerySet:
    return Release.objects.visible_to(caller(request)).select_related("round__collection")
