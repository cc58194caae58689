"""Cells as `Accept` asks for them: JSON, CSV, Parquet or Excel, with the same columns in each.

A withheld cell is a row of each, without figures, `OBS_STATUS` Q and `CONF_STATUS` C.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from drf_spectacular.types import OpenApiTypes
from rest_framework.renderers import BaseRenderer, JSONRenderer

from anonymize.package import PARQUET, XLSX
from sharing.benchmarks import export

_FIGURE = {"type": ["number", "null"], "description": "A fraction of one; null where it is withheld."}
CELL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "One cell; besides these members, one for each dimension of the collection, with its code.",
    "required": ["TIME_PERIOD", "INDICATOR", "PEER_GROUP", *export.MEASURES, "OBS_STATUS", "CONF_STATUS"],
    "properties": {
        "TIME_PERIOD": {"type": "string"},
        "INDICATOR": {"type": "string"},
        "PEER_GROUP": {"type": "string"},
        **dict.fromkeys(export.MEASURES, _FIGURE),
        "CONTRIBUTORS": {"type": ["integer", "null"]},
        "OBS_STATUS": {"enum": ["A", "Q"]},
        "CONF_STATUS": {"enum": ["F", "C"]},
    },
    "additionalProperties": {"type": "string"},
}
CELLS_SCHEMA: dict[tuple[int, str], Any] = {
    (200, "application/json"): {
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"type": "array", "items": CELL_SCHEMA}},
    },
    (200, "text/csv"): OpenApiTypes.STR,
    (200, PARQUET): OpenApiTypes.BINARY,
    (200, XLSX): OpenApiTypes.BINARY,
}


class CellsAsJson(JSONRenderer):
    """`{"results": [...]}`, an object for each cell."""

    def render(self, data: Any, *args: Any, **options: Any) -> Any:
        rows = {"results": data.to_pylist()} if isinstance(data, pa.Table) else data
        return super().render(rows, *args, **options)


class CellsAsFile(BaseRenderer):
    """Renders a table of cells; refusals are problem documents and never come here."""

    render_style = "binary"

    def render(self, data: pa.Table, *_: object, **__: object) -> bytes:
        return export.encode(data, self.format)


class CellsAsCsv(CellsAsFile):
    """Without a byte order mark: the reader is a program, and codes and figures are ASCII."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: pa.Table, *_: object, **__: object) -> bytes:
        return super().render(data).removeprefix(export.BOM)


class CellsAsParquet(CellsAsFile):
    media_type = PARQUET
    format = "parquet"
    charset = None


class CellsAsXlsx(CellsAsFile):
    media_type = XLSX
    format = "xlsx"
    charset = None


RENDERERS: list[type[BaseRenderer]] = [CellsAsJson, CellsAsCsv, CellsAsParquet, CellsAsXlsx]
