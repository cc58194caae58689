"""Data as SDMX-JSON: 1.0, 2.0, and the draft before 1.0 that common clients still read.

Observations are told by their places in lists of codes, which come first: the lists are known before the first cell is
read, so that the message is written as the cells come.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from anonymize.cube_structure import CONF_STATUS, OBS_STATUS, TIME_PERIOD
from sharing.sdmx.data_query import DataQuery
from sharing.sdmx.flows import ATTRIBUTES, CONTRIBUTORS, OBS_VALUE, Names
from sharing.sdmx.observations import Answer, Observation
from sharing.sdmx.structures import ENGLISH

JsonFormat = Literal["draft", "1.0", "2.0"]

_SCHEMA = "https://raw.githubusercontent.com/sdmx-twg/sdmx-json/master/data-message/tools/schemas/{}/sdmx-json-data-schema.json"
_SERIES = 500  # written at once


def write(answer: Answer, format: JsonFormat) -> Iterator[bytes]:
    query = answer.query
    places = _Places(answer)
    head = _dump(_head(answer, format))
    structure = _dump(_structure(answer, places, format))
    opened = {
        "draft": f'{{"header":{head},"structure":{structure},"dataSets":[',
        "1.0": f'{{"meta":{head},"data":{{"structure":{structure},"dataSets":[',
        "2.0": f'{{"meta":{head},"data":{{"structures":[{structure}],"dataSets":[',
    }[format]
    content = "observations" if query.flat else "series"
    about = {"draft": "", "1.0": '"links":[],', "2.0": '"structure":0,"links":[],'}[format]
    yield f'{opened}{{{about}"action":"Information","{content}":{{'.encode()
    yield from _joined(_observations(answer, places, format) if query.flat else _series(answer, places, format))
    yield ("}}]}" if format == "draft" else "}}]}}").encode()


class _Places:
    """The place of each code in the lists of the message."""

    def __init__(self, answer: Answer) -> None:
        query = answer.query
        self.codes: Mapping[str, Sequence[str]] = {id: query.codes_of(id) for id in query.flow.dimensions}
        self.periods: Sequence[str] = sorted(set(answer.periods.values()))
        self.contributors: Sequence[int] = answer.contributors() if CONTRIBUTORS in query.attributes else []
        self._of_code = [{code: place for place, code in enumerate(codes)} for codes in self.codes.values()]
        self._of_period = {period: place for place, period in enumerate(self.periods)}
        self._of_count = {number: place for place, number in enumerate(self.contributors)}
        lists = query.flow.lists
        self._of_status = [
            {code: place for place, code in enumerate(lists[id].ids)} for id in (OBS_STATUS, CONF_STATUS)
        ]

    def key(self, codes: Sequence[str]) -> str:
        return ":".join(str(places[code]) for places, code in zip(self._of_code, codes, strict=True))

    def period(self, period: str) -> int:
        return self._of_period[period]

    def told(self, query: DataQuery, each: Observation) -> list[Any]:
        """The value, then the place of each attribute."""
        statuses = [places[code] for places, code in zip(self._of_status, each.statuses, strict=True)]
        count = None if each.contributors is None else self._of_count.get(each.contributors)
        places = dict(zip(ATTRIBUTES, [*statuses, count], strict=True))
        return [*([each.value] if query.with_values else []), *(places[id] for id in query.attributes)]


def _head(answer: Answer, format: JsonFormat) -> dict[str, Any]:
    head = {
        "id": answer.message_id,
        "test": False,
        "prepared": f"{answer.prepared:%Y-%m-%dT%H:%M:%SZ}",
        "sender": {"id": answer.query.flow.agency},
    }
    if format == "draft":
        return head
    return {"schema": _SCHEMA.format(f"{format}.0" if format == "2.0" else format), "contentLanguages": ["en"], **head}


def _structure(answer: Answer, places: _Places, format: JsonFormat) -> dict[str, Any]:
    query = answer.query
    flow = query.flow
    keyed = [_component(answer, id, places.codes[id], at) for at, id in enumerate(flow.dimensions)]
    time = {
        "id": TIME_PERIOD,
        "name": flow.concept_names(TIME_PERIOD)[ENGLISH],
        "keyPosition": len(keyed),
        "roles": ["TIME_PERIOD"],
        "values": [_period(period, format) for period in places.periods],
    }
    attributes = [_attribute(answer, places, id, format) for id in query.attributes]
    urn = f"urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure={flow.agency}:{flow.id}({flow.version})"
    dimensions = {"series": [] if query.flat else keyed, "observation": [*(keyed if query.flat else []), time]}
    told: dict[str, Any] = {
        "links": [{"rel": "dataflow" if format == "draft" else "datastructure", "urn": urn}],
        "name": flow.names[ENGLISH],
        "dimensions": dimensions if format == "draft" else {"dataSet": [], **dimensions},
        "attributes": {"dataSet": [], "series": [], "observation": attributes},
    }
    if format == "2.0":
        measures = [{"id": OBS_VALUE, "name": flow.concept_names(OBS_VALUE)[ENGLISH]}]
        told["measures"] = {"observation": measures if query.with_values else []}
        told["dataSets"] = [0]
    return told


def _component(answer: Answer, id: str, codes: Sequence[str], position: int) -> dict[str, Any]:
    flow = answer.query.flow
    names = {code.id: code.names for code in flow.lists[id].codes}
    return {
        "id": id,
        "name": flow.concept_names(id)[ENGLISH],
        "names": dict(flow.concept_names(id)),
        "keyPosition": position,
        "values": [_named(code, names[code]) for code in codes],
    }


def _attribute(answer: Answer, places: _Places, id: str, format: JsonFormat) -> dict[str, Any]:
    flow = answer.query.flow
    if id == CONTRIBUTORS:
        values: list[Any] = [{"id": str(number), "name": str(number)} for number in places.contributors]
    else:
        values = [_named(code.id, code.names) for code in flow.lists[id].codes]
        if format == "draft":  # its readers know one name of an attribute's value
            values = [{"id": each["id"], "name": each["name"]} for each in values]
    relation: dict[str, Any] = {"observation": {}} if format == "2.0" else {"primaryMeasure": OBS_VALUE}
    told = {"id": id, "name": flow.concept_names(id)[ENGLISH], "values": values}
    return told if format == "draft" else {**told, "relationship": relation}


def _named(code: str, names: Names) -> dict[str, Any]:
    return {"id": code, "name": names[ENGLISH], "names": dict(names)}


def _period(period: str, format: JsonFormat) -> dict[str, Any]:
    return {"value": period} if format == "2.0" else {"id": period, "name": period}


def _series(answer: Answer, places: _Places, format: JsonFormat) -> Iterator[str]:
    query = answer.query
    for key, observations in answer.series():
        told: dict[str, Any] = {} if format == "draft" else {"attributes": []}
        told["observations"] = (
            {}
            if query.with_series_only
            else {str(places.period(each.period)): places.told(query, each) for each in observations}
        )
        yield f'"{places.key(key)}":{_dump(told)}'


def _observations(answer: Answer, places: _Places, format: JsonFormat) -> Iterator[str]:
    query = answer.query
    for key, observations in answer.series():
        start = places.key(key)
        for each in observations:
            yield f'"{start}:{places.period(each.period)}":{_dump(places.told(query, each))}'


def _joined(members: Iterator[str]) -> Iterator[bytes]:
    part: list[str] = []
    separator = ""
    for each in members:
        part.append(each)
        if len(part) >= _SERIES:
            yield (separator + ",".join(part)).encode()
            part, separator = [], ","
    if part:
        yield (separator + ",".join(part)).encode()


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
