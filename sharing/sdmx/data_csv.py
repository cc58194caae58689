"""Data as SDMX-CSV 1.0 and 2.0: a row for each observation, or for each series where only these are asked for."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import Literal

from anonymize.cube_structure import CONF_STATUS, OBS_STATUS, TIME_PERIOD
from sharing.sdmx.data_query import DataQuery
from sharing.sdmx.flows import CONTRIBUTORS, OBS_VALUE
from sharing.sdmx.observations import Answer, Observation

_ROWS = 2000  # written at once


def write(answer: Answer, version: Literal["1.0", "2.0"]) -> Iterator[bytes]:
    query = answer.query
    flow = query.flow
    reference = f"{flow.agency}:{flow.id}({flow.version})"
    first = ["DATAFLOW"] if version == "1.0" else ["STRUCTURE", "STRUCTURE_ID", "ACTION"]
    start = [reference] if version == "1.0" else ["dataflow", reference, "I"]
    told = _told(query)
    header = [*first, *flow.dimensions, *([] if query.with_series_only else [TIME_PERIOD, *told])]
    sink = io.StringIO()
    lines = csv.writer(sink, lineterminator="\r\n")
    lines.writerow(header)
    written = 0
    for key, observations in answer.series():
        if query.with_series_only:
            lines.writerow([*start, *key])
            written += 1
        for each in observations if not query.with_series_only else ():
            lines.writerow([*start, *key, each.period, *(tell(each) for tell in told.values())])
            written += 1
        if written >= _ROWS:
            yield _taken(sink)
            written = 0
    yield _taken(sink)


def _told(query: DataQuery) -> dict[str, Callable[[Observation], object]]:
    """The columns behind the period, each with what it says of an observation."""
    attributes: dict[str, Callable[[Observation], object]] = {
        OBS_STATUS: lambda each: each.statuses[0],
        CONF_STATUS: lambda each: each.statuses[1],
        CONTRIBUTORS: lambda each: each.contributors,
    }
    values: dict[str, Callable[[Observation], object]] = {OBS_VALUE: lambda each: each.value}
    return (values if query.with_values else {}) | {id: attributes[id] for id in query.attributes}


def _taken(sink: io.StringIO) -> bytes:
    text = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return text.encode()
