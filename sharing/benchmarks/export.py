"""Published cells as files: CSV, Excel, Parquet, with the same columns in each.

A withheld cell is a row without figures, `OBS_STATUS` Q and `CONF_STATUS` C, for every reason alike.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from anonymize.template import Template
from consortium.people.roles import Actor
from sharing.benchmarks.cell_filter import EVERY_CELL, CellFilter
from sharing.benchmarks.explorer import Figures
from sharing.benchmarks.trends import Line
from sharing.benchmarks.workbook import workbook
from sharing.models import Release, ReleaseCell
from sharing.models.release import FIGURES

FORMATS: Sequence[tuple[str, str]] = (("csv", "CSV"), ("xlsx", "Excel"), ("parquet", "Parquet"))
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
MEASURES = tuple(figure.upper() for figure in FIGURES)
CHANGES = ("CHANGE", "CHANGE_YEAR")  # of the pooled rate, on the period before and on the same period a year before
BOM = "\ufeff".encode()  # Excel reads a CSV without one as the machine's own code page

Row = tuple[str, str, str, Figures | ReleaseCell]  # period, indicator, peer group, figures


def release_file(release: Release, format: str, *, by: Actor) -> bytes:
    """Every cell of a release that somebody may see, as a file."""
    return encode(release_table(release, by=by), format)


def release_table(release: Release, wanted: CellFilter = EVERY_CELL, *, by: Actor) -> pa.Table:
    """The cells asked for, of those that somebody may see."""
    visible = ReleaseCell.objects.visible_to(by).filter(release=release)
    cells = wanted.choose(visible).order_by("indicator", "peer_group", "key")
    period = release.round.period
    rows = ((period, cell.indicator, cell.peer_group, cell) for cell in cells.iterator(chunk_size=5000))
    return table(release.round.collection.template, rows)


def view_table(template: Template, indicator: str, peer_group: str, lines: Sequence[Line]) -> pa.Table:
    """The cells of a view, with how their pooled rates moved; the viewer's own figures are not in it."""
    content = table(template, ((line.period, indicator, peer_group, line.figures) for line in lines))
    moved = {"CHANGE": [line.on_period for line in lines], "CHANGE_YEAR": [line.on_year for line in lines]}
    for name in CHANGES:
        values = pa.array([change.pooled if change else None for change in moved[name]], pa.float64())
        content = content.add_column(content.column_names.index("CONTRIBUTORS"), name, values)
    return content


def table(template: Template, rows: Iterable[Row]) -> pa.Table:
    """Columns: period, indicator, peer group, a column a dimension of the cut, measures, contributors, statuses."""
    rows = list(rows)
    columns: dict[str, pa.Array] = {
        "TIME_PERIOD": pa.array([period for period, *_rest in rows], pa.string()),
        "INDICATOR": pa.array([indicator for _period, indicator, *_rest in rows], pa.string()),
        "PEER_GROUP": pa.array([group for _period, _indicator, group, _cell in rows], pa.string()),
    }
    cells = [cell for *_rest, cell in rows]
    codes = [cell.key.split(".") for cell in cells]
    for position, dimension in enumerate(template.cut(template.indicators[0])):
        columns[dimension.id] = pa.array([code[position] for code in codes], pa.string())
    for measure in MEASURES:
        columns[measure] = pa.array([getattr(cell, measure.lower()) for cell in cells], pa.float64())
    columns["CONTRIBUTORS"] = pa.array([cell.contributors for cell in cells], pa.int64())
    columns["OBS_STATUS"] = pa.array(["Q" if cell.withheld else "A" for cell in cells], pa.string())
    columns["CONF_STATUS"] = pa.array(["C" if cell.withheld else "F" for cell in cells], pa.string())
    return pa.table(columns)


def encode(content: pa.Table, format: str) -> bytes:
    """The table in one of FORMATS; KeyError for another."""
    return {"csv": _csv, "xlsx": _xlsx, "parquet": _parquet}[format](content)


def _csv(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa_csv.write_csv(content, sink, pa_csv.WriteOptions(quoting_style="needed"))
    return BOM + sink.getvalue()


def _parquet(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(content, sink)
    return sink.getvalue()


def _xlsx(content: pa.Table) -> bytes:
    return workbook(content, percents=(*MEASURES, *CHANGES))
