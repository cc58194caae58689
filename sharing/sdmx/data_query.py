"""What a data or availability query asks for, read from the addresses of both versions of the REST interface."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from django.utils.dateparse import parse_date, parse_datetime

from anonymize.cube_structure import TIME_PERIOD
from anonymize.sdmx import AGENCY
from sharing.sdmx.errors import not_implemented, nothing, syntax
from sharing.sdmx.flows import ATTRIBUTES, OBS_VALUE, Flow
from sharing.sdmx.spans import Span
from sharing.sdmx.structure_query import several

ALL_DIMENSIONS = "AllDimensions"
_EVERYTHING = frozenset({"", "all", "*"})
_LATEST = frozenset({"latest", "+", "~"})
_ORDER: Mapping[str, Callable[[Span, Span], bool]] = {
    "eq": lambda own, asked: asked.first <= own.first and own.last <= asked.last,
    "ne": lambda own, asked: not (asked.first <= own.first and own.last <= asked.last),
    "lt": lambda own, asked: own.last < asked.first,
    "le": lambda own, asked: own.last <= asked.last,
    "gt": lambda own, asked: own.first > asked.last,
    "ge": lambda own, asked: own.first >= asked.first,
}
_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "co": operator.contains,
    "nc": lambda own, asked: asked not in own,
    "sw": str.startswith,
    "ew": str.endswith,
}
_OPTIONS_21 = frozenset(
    {
        "startperiod",
        "endperiod",
        "updatedafter",
        "firstnobservations",
        "lastnobservations",
        "dimensionatobservation",
        "detail",
        "includehistory",
        "mode",
        "references",
    }
)
_OPTIONS_30 = frozenset(
    {
        "updatedafter",
        "firstnobservations",
        "lastnobservations",
        "dimensionatobservation",
        "attributes",
        "measures",
        "includehistory",
        "asof",
        "mode",
        "references",
    }
)


@dataclass(frozen=True)
class DataQuery:
    """Which series of which periods; `codes` has the codes wanted of each dimension that is restricted."""

    flow: Flow
    codes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # Several keys (API 2.x): whoever fits one of them; each gives the codes wanted by dimension.
    keys: Sequence[Mapping[str, frozenset[str]]] = ()
    in_time: Sequence[Callable[[Span], bool]] = ()
    updated_after: datetime | None = None
    as_of: datetime | None = None
    first: int | None = None
    last: int | None = None
    flat: bool = False  # every dimension at the observation
    with_values: bool = True
    attributes: Sequence[str] = ATTRIBUTES
    with_series_only: bool = False  # no observations at all

    def takes_period(self, period: str) -> bool:
        span = Span.read(period)
        return all(fits(span) for fits in self.in_time)

    def codes_of(self, dimension: str) -> list[str]:
        """The codes of a dimension that may be in the answer, in the order of its list."""
        every = self.flow.lists[dimension].ids
        wanted = self.codes.get(dimension)
        return [code for code in every if wanted is None or code in wanted]

    def takes_key(self, key: Sequence[str]) -> bool:
        """Whether a series, told by all its codes, fits one of several keys."""
        if not self.keys:
            return True
        codes = dict(zip(self.flow.dimensions, key, strict=True))
        return any(all(codes[id] in wanted for id, wanted in each.items()) for each in self.keys)


def of_21(flows: Sequence[Flow], parts: Sequence[str], options: Mapping[str, Sequence[str]]) -> DataQuery:
    """`{flow}[/{key}[/{provider}]]` of API 1.x; a flow is ID, AGENCY,ID or AGENCY,ID,VERSION."""
    if not 1 <= len(parts) <= 3:
        raise syntax("Data are asked for as data/{flow}/{key}/{provider}.")
    _check_names(options, _OPTIONS_21)
    flow = _flow(flows, *_reference(parts[0]))
    provider = parts[2] if len(parts) == 3 else "all"
    if provider not in _EVERYTHING and not {AGENCY, f"{AGENCY},{AGENCY}"} & set(provider.split("+")):
        raise nothing("There is no such provider: the consortium provides all figures.")
    query = DataQuery(flow, codes=_key(flow, parts[1] if len(parts) > 1 else "all", "."))
    given = {name.lower(): values[-1] for name, values in options.items()}
    query = _narrowed(query, given)
    return _with_detail(query, given.get("detail", "full").lower())


def of_30(flows: Sequence[Flow], parts: Sequence[str], options: Mapping[str, Sequence[str]]) -> DataQuery:
    """`{context}/{agency}/{id}/{version}[/{key}]` of API 2.x, with filters such as `c[PRODUCT]=CAR`."""
    if not 1 <= len(parts) <= 5:
        raise syntax("Data are asked for as data/{context}/{agency}/{id}/{version}/{key}.")
    filters = {name[2:-1]: values for name, values in options.items() if name.startswith("c[") and name.endswith("]")}
    others = {name: values for name, values in options.items() if name[2:-1] not in filters or name[:2] != "c["}
    _check_names(others, _OPTIONS_30)
    context, agency, id, version = [*parts[:4], *("*", "*", "*", "+")[len(parts[:4]) :]]
    if not set(context.lower().split(",")) & {"*", "dataflow", "datastructure"}:
        if context.lower() in {"provisionagreement", "provisionagreements"}:
            raise nothing("There are no provision agreements here; ask for the dataflow.")
        raise syntax("The context is dataflow, datastructure or *.")
    flow = _flow(flows, agency, id, version)
    given = {name.lower(): values[-1] for name, values in others.items()}
    query = _narrowed(_with_keys(DataQuery(flow), parts[4] if len(parts) == 5 else "*"), given)
    for dimension, values in filters.items():
        for value in values:
            query = _filtered(query, dimension, value)
    return _with_components(query, given)


def component_of(query: DataQuery, component: str) -> Sequence[str]:
    """The dimensions that an availability query wants told; all of them by default."""
    every = (*query.flow.dimensions, TIME_PERIOD)
    if component in _EVERYTHING:
        return every
    wanted = component.split(",")
    for each in wanted:
        if each not in every:
            raise syntax(f"The dataflow has no dimension {each[:50]}.")
    return wanted


def _reference(text: str) -> tuple[str, str, str]:
    parts = text.split(",")
    if len(parts) == 1:
        return "all", parts[0], "latest"
    if len(parts) > 3:
        raise syntax("A dataflow is named as ID, AGENCY,ID or AGENCY,ID,VERSION.")
    return parts[0], parts[1], parts[2] if len(parts) == 3 else "latest"


def _flow(flows: Sequence[Flow], agency: str, id: str, version: str) -> Flow:
    """The one flow meant; the last of several versions is the newest."""
    agencies, ids = several(agency), several(id)
    found = [
        each for each in flows if (agencies is None or each.agency in agencies) and (ids is None or each.id in ids)
    ]
    if version not in _LATEST | {"*", "all"}:
        if "+" in version or "*" in version:
            raise not_implemented("A part of a version cannot be asked for; ask for one version, + or *.")
        found = [each for each in found if each.version in version.split(",")]
    if not found:
        raise nothing("There is no such dataflow, or not for you.")
    if len({each.id for each in found}) > 1:
        raise not_implemented("Data are given of one dataflow at a time. Name one in the address.")
    return found[-1]


def _key(flow: Flow, text: str, separator: str) -> dict[str, frozenset[str]]:
    """The codes wanted by dimension, from a key such as `M.DPD30_RATE+DPD90_RATE..`; a place left empty takes all."""
    if text in _EVERYTHING:
        return {}
    places = text.split(separator)
    if len(places) != len(flow.dimensions):
        raise syntax(
            f"The key has {len(places)} places and the dataflow {len(flow.dimensions)}: {'.'.join(flow.dimensions)}."
        )
    wanted = zip(flow.dimensions, places, strict=True)
    return {id: frozenset(place.split("+")) for id, place in wanted if place not in {"", "*"}}


def _with_keys(query: DataQuery, text: str) -> DataQuery:
    """One key or several, with commas between them (API 2.x)."""
    if text in _EVERYTHING:
        return query
    keys = [_key(query.flow, each, ".") for each in text.split(",")]
    if len(keys) == 1:
        return replace(query, codes=keys[0])
    union: dict[str, frozenset[str]] = {}
    for id in set.intersection(*(set(key) for key in keys)):
        union[id] = frozenset().union(*(key[id] for key in keys))
    return replace(query, codes=union, keys=keys)


def _check_names(options: Iterable[str], known: frozenset[str]) -> None:
    """Whoever mistypes a filter would else take everything for a part of it."""
    for name in options:
        if name.lower() not in known:
            raise syntax(f"There is no parameter {name[:50]} here.")


def _narrowed(query: DataQuery, given: Mapping[str, str]) -> DataQuery:
    if given.get("includehistory", "false").lower() != "false":
        raise not_implemented("Former versions are not given together. Ask for one moment with asOf (API 2.x).")
    in_time = list(query.in_time)
    if start := given.get("startperiod"):
        in_time.append(_bounded("ge", start))
    if end := given.get("endperiod"):
        in_time.append(_bounded("le", end))
    at = given.get("dimensionatobservation", TIME_PERIOD)
    if at not in {TIME_PERIOD, ALL_DIMENSIONS}:
        if at in query.flow.dimensions:
            raise not_implemented(f"dimensionAtObservation is {TIME_PERIOD} or {ALL_DIMENSIONS}.")
        raise syntax(f"dimensionAtObservation is {TIME_PERIOD} or {ALL_DIMENSIONS}.")
    return replace(
        query,
        in_time=in_time,
        updated_after=_moment("updatedAfter", given.get("updatedafter")),
        as_of=_moment("asOf", given.get("asof")),
        first=_count("firstNObservations", given.get("firstnobservations")),
        last=_count("lastNObservations", given.get("lastnobservations")),
        flat=at == ALL_DIMENSIONS,
    )


def _bounded(name: str, value: str) -> Callable[[Span], bool]:
    asked, compare = Span.read(value), _ORDER[name]
    return lambda own: compare(own, asked)


def _moment(name: str, value: str | None) -> datetime | None:
    if not value:
        return None
    try:
        # A plus sign of an offset arrives as a blank.
        found = parse_datetime(value.replace(" ", "+"))
        day = parse_date(value) if found is None else None
    except ValueError as wrong:
        raise syntax(f"{name} is a moment as in 2026-10-31T12:00:00Z.") from wrong
    if found is None and day is not None:
        found = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if found is None:
        raise syntax(f"{name} is a moment as in 2026-10-31T12:00:00Z.")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _count(name: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 6 and int(value) > 0):
        raise syntax(f"{name} is a number from 1.")
    return int(value)


def _with_detail(query: DataQuery, detail: str) -> DataQuery:
    if detail == "full":
        return query
    if detail == "dataonly":
        return replace(query, attributes=())
    if detail in {"serieskeysonly", "nodata"}:
        # Every attribute belongs to an observation, so that without data nothing is left but the keys.
        return replace(query, attributes=(), with_values=False, with_series_only=True)
    raise syntax("detail is full, dataonly, serieskeysonly or nodata.")


def _with_components(query: DataQuery, given: Mapping[str, str]) -> DataQuery:
    """The attributes and measures asked for (API 2.x)."""
    attributes = _components(
        "attributes", given.get("attributes", "dsd"), ATTRIBUTES, {"dsd", "all", "dataset", "series", "obs"}
    )
    measures = _components("measures", given.get("measures", "all"), (OBS_VALUE,), {"all"})
    return replace(
        query, attributes=attributes, with_values=bool(measures), with_series_only=not measures and not attributes
    )


def _components(name: str, value: str, known: Sequence[str], every: set[str]) -> tuple[str, ...]:
    if value in {"none", "msd"}:
        return ()
    if value in {"dataset", "series"}:
        return ()
    if value in every:
        return tuple(known)
    wanted = value.split(",")
    for each in wanted:
        if each not in known:
            raise syntax(f"{name} are {', '.join(known)}, all or none.")
    return tuple(each for each in known if each in wanted)


def _filtered(query: DataQuery, component: str, expression: str) -> DataQuery:
    """One `c[...]` filter: a comma is "or", a plus sign "and"."""
    if component == TIME_PERIOD:
        return replace(query, in_time=[*query.in_time, _time_filter(expression)])
    if component not in query.flow.dimensions:
        if component in {OBS_VALUE, *ATTRIBUTES}:
            raise not_implemented("Observations are chosen by their dimensions, not by what they say.")
        raise syntax(f"The dataflow has no dimension {component[:50]}.")
    chosen = {code for code in query.codes_of(component) if _matches(expression, code)}
    return replace(query, codes={**query.codes, component: frozenset(chosen)})


def _matches(expression: str, code: str) -> bool:
    for alternative in expression.split(","):
        tests = [_operation(each, _TEXT) for each in alternative.replace(" ", "+").split("+")]
        if all(_TEXT[name](code, value) for name, value in tests):
            return True
    return False


def _time_filter(expression: str) -> Callable[[Span], bool]:
    alternatives = []
    for alternative in expression.split(","):
        tests = [_operation(each, _ORDER) for each in alternative.replace(" ", "+").split("+")]
        alternatives.append([_bounded(name, value) for name, value in tests])
    return lambda span: any(all(test(span) for test in tests) for tests in alternatives)


def _operation(text: str, known: Iterable[str]) -> tuple[str, str]:
    """The operator and its value: `ge:2020`; equality where there is none."""
    name, colon, value = text.partition(":")
    if not colon:
        return "eq", text
    if name not in known:
        raise syntax(f"There is no operator {name[:20]} here; there are {', '.join(known)}.")
    return name, value
