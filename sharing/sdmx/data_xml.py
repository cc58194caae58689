"""Data as SDMX-ML: generic 2.1, structure specific 2.1 and 3.0, written as they are read.

pysdmx writes data from a whole data frame; ten thousand cells over ten years are written here as they come from the
database. A withheld observation has no value, and its statuses say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal
from xml.sax.saxutils import quoteattr

from anonymize.cube_structure import CONF_STATUS, OBS_STATUS, TIME_PERIOD
from sharing.sdmx.data_query import ALL_DIMENSIONS, DataQuery
from sharing.sdmx.flows import CONTRIBUTORS, OBS_VALUE
from sharing.sdmx.observations import Answer, Observation

XmlFormat = Literal["generic-2.1", "specific-2.1", "specific-3.0"]

_SCHEMAS = "http://www.sdmx.org/resources/sdmxml/schemas/{}"
_SERIES = 500  # written at once


def write(answer: Answer, format: XmlFormat) -> Iterator[bytes]:
    body = _generic(answer) if format == "generic-2.1" else _specific(answer)
    yield _head(answer, format)
    part: list[str] = []
    for each in body:
        part.append(each)
        if len(part) >= _SERIES:
            yield "".join(part).encode()
            part = []
    end = "GenericData" if format == "generic-2.1" else "StructureSpecificData"
    yield ("".join(part) + f"</mes:DataSet></mes:{end}>\n").encode()


def _head(answer: Answer, format: XmlFormat) -> bytes:
    query = answer.query
    flow = query.flow
    standard = _SCHEMAS.format("v3_0" if format == "specific-3.0" else "v2_1")
    urn = f"urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure={flow.agency}:{flow.id}({flow.version})"
    at = ALL_DIMENSIONS if query.flat else TIME_PERIOD
    namespace = f"{urn}:ObsLevelDim:{at}"
    if format == "specific-3.0":
        reference = f"<com:Structure>{urn}</com:Structure>"
    else:
        reference = (
            f'<com:Structure><Ref agencyID="{flow.agency}" id="{flow.id}" version="{flow.version}" '
            'package="datastructure" class="DataStructure"/></com:Structure>'
        )
    specific = "" if format == "generic-2.1" else f' namespace="{namespace}"'
    root = "GenericData" if format == "generic-2.1" else "StructureSpecificData"
    kind = (
        f'xmlns:gen="{standard}/data/generic"'
        if format == "generic-2.1"
        else f'xmlns:ss="{standard}/data/structurespecific" xmlns:ns1="{namespace}"'
    )
    prefix = "" if format == "generic-2.1" else "ss:"
    more = "" if format == "generic-2.1" else ' xsi:type="ns1:DataSetType" ss:dataScope="DataStructure"'
    data_set = f'<mes:DataSet {prefix}structureRef="{flow.id}" {prefix}action="Information"{more}>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<mes:{root} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:mes="{standard}/message" '
        f'xmlns:com="{standard}/common" {kind}>'
        f"<mes:Header><mes:ID>{answer.message_id}</mes:ID><mes:Test>false</mes:Test>"
        f"<mes:Prepared>{answer.prepared:%Y-%m-%dT%H:%M:%SZ}</mes:Prepared>"
        f'<mes:Sender id="{flow.agency}"/>'
        f'<mes:Structure structureID="{flow.id}"{specific} dimensionAtObservation="{at}">{reference}</mes:Structure>'
        f"</mes:Header>{data_set}"
    ).encode()


def _generic(answer: Answer) -> Iterator[str]:
    query = answer.query
    for key, observations in answer.series():
        codes = _generic_values(zip(query.flow.dimensions, key, strict=True))
        if query.flat:
            for each in observations:
                at = f'<gen:Value id="{TIME_PERIOD}" value="{each.period}"/>'
                yield f"<gen:Obs><gen:ObsKey>{codes}{at}</gen:ObsKey>{_generic_told(query, each)}</gen:Obs>"
            continue
        listed = (
            ""
            if query.with_series_only
            else "".join(
                f'<gen:Obs><gen:ObsDimension value="{each.period}"/>{_generic_told(query, each)}</gen:Obs>'
                for each in observations
            )
        )
        yield f"<gen:Series><gen:SeriesKey>{codes}</gen:SeriesKey>{listed}</gen:Series>"


def _generic_values(pairs: Iterable[tuple[str, str]]) -> str:
    return "".join(f"<gen:Value id={quoteattr(id)} value={quoteattr(code)}/>" for id, code in pairs)


def _generic_told(query: DataQuery, each: Observation) -> str:
    value = f'<gen:ObsValue value="{each.value!r}"/>' if query.with_values and each.value is not None else ""
    told = _generic_values(_attributes(query, each))
    return value + (f"<gen:Attributes>{told}</gen:Attributes>" if told else "")


def _specific(answer: Answer) -> Iterator[str]:
    query = answer.query
    for key, observations in answer.series():
        codes = _pairs(zip(query.flow.dimensions, key, strict=True))
        if query.flat:
            yield "".join(f"<Obs {codes} {_specific_told(query, each)}/>" for each in observations)
            continue
        listed = (
            "" if query.with_series_only else "".join(f"<Obs {_specific_told(query, each)}/>" for each in observations)
        )
        yield f"<Series {codes}>{listed}</Series>"


def _specific_told(query: DataQuery, each: Observation) -> str:
    value = [(OBS_VALUE, repr(each.value))] if query.with_values and each.value is not None else []
    return _pairs([(TIME_PERIOD, each.period), *value, *_attributes(query, each)])


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{id}={quoteattr(code)}" for id, code in pairs)


def _attributes(query: DataQuery, each: Observation) -> Sequence[tuple[str, str]]:
    told = {OBS_STATUS: each.statuses[0], CONF_STATUS: each.statuses[1]}
    if each.contributors is not None:
        told[CONTRIBUTORS] = str(each.contributors)
    return [(id, told[id]) for id in query.attributes if id in told]
