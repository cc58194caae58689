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
from sharing.benchmarks.cell_filter import EVERY_CELL, CellFilter
from sharing.benchmarks.explorer import Figures, Point
from sharing.benchmarks.selection import Selection
from sharing.models import Release, ReleaseCell

FORMATS: Sequence[tuple[str, str]] = (("csv", "CSV"), ("xlsx", "Excel"), ("parquet", "Parquet"))
MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
MEASURES = ("POOLED", "MEAN", "P25", "MEDIAN", "P75")
BOM = "\ufeff".encode()  # Excel reads a CSV without one as the machine's own code page

Row = tuple[str, str, str, Figures | ReleaseCell]  # period, indicator, peer group, figures


def release_file(release: Release, format: str) -> bytes:
    """Every cell of a release as a file."""
    return encode(release_table(release), format)


def release_table(release: Release, wanted: CellFilter = EVERY_CELL) -> pa.Table:
    """The cells asked for. The caller has found the release through `Release.objects.visible_to(person)`."""
    cells = wanted.choose(ReleaseCell.objects.filter(release=release)).order_by("indicator", "peer_group", "key")
    period = release.round.period
    rows = ((period, cell.indicator, cell.peer_group, cell) for cell in cells.iterator(chunk_size=5000))
    return table(release.round.collection.template, rows)


def series_file(selection: Selection, points: Iterable[Point], format: str) -> bytes:
    """One cell over the periods; the viewer's own figures are not in it."""
    rows = ((point.period, selection.indicator.id, selection.peer_group, point.figures) for point in points)
    return encode(table(selection.template, rows), format)


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
    # Imported late: only this format needs it.
    import xlsxwriter

    sink = io.BytesIO()
    # Codes stay text whatever they look like: no formula, no link.
    book = xlsxwriter.Workbook(sink, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet("cells")
    head, rate = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "0.00%"})
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(content.column_names):
        sheet.write_string(0, column, name, head)
        sheet.set_column(column, column, max(12, len(name) + 2))
        for row, value in enumerate(content.column(name).to_pylist(), start=1):
            if value is not None:
                sheet.write(row, column, value, rate if name in MEASURES else None)
    sheet.autofilter(0, 0, content.num_rows, content.num_columns - 1)
    book.close()
    return sink.getvalue()
