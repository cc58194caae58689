"""A table as an Excel workbook of one sheet, with every figure to its last digit.

Written as text: libraries round a number to sixteen digits, of which a figure may need seventeen, and write a large release
a cell at a time. Codes stay text whatever they look like: no formula, no link.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pyarrow as pa

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEETML = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PLAIN, _BOLD, _PERCENT = 0, 1, 2  # positions in cellXfs

_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEETML}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_SHEETML}.styles+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEETML}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="cells" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="10" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}


def workbook(content: pa.Table, percents: Collection[str] = ()) -> bytes:
    """The table as .xlsx, its head frozen; columns named in `percents` are shown as percentages."""
    sink = io.BytesIO()
    with ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, text in _PARTS.items():
            archive.writestr(_part(name), _HEAD + text)
        archive.writestr(_part("xl/worksheets/sheet1.xml"), _HEAD + _sheet(content, percents))
    return sink.getvalue()


def _part(name: str) -> ZipInfo:
    """Without the time of writing, so that the same table is the same bytes."""
    part = ZipInfo(name)
    part.compress_type = ZIP_DEFLATED
    return part


def _sheet(content: pa.Table, percents: Collection[str]) -> str:
    names = content.column_names
    letters = [_letters(position) for position in range(len(names))]
    columns = [
        list(_column(letter, content.column(name).to_pylist(), _PERCENT if name in percents else _PLAIN))
        for letter, name in zip(letters, names, strict=True)
    ]
    head = "".join(_text(f"{letter}1", name, _BOLD) for letter, name in zip(letters, names, strict=True))
    rows = "".join(
        f'<row r="{number}">{"".join(cells)}</row>' for number, cells in enumerate(zip(*columns, strict=True), start=2)
    )
    widths = "".join(
        f'<col min="{place}" max="{place}" width="{max(12, len(name) + 2)}" customWidth="1"/>'
        for place, name in enumerate(names, start=1)
    )
    area = f"A1:{letters[-1]}{content.num_rows + 1}"
    return (
        f'<worksheet xmlns="{_MAIN}"><dimension ref="{area}"/><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
        f'<cols>{widths}</cols><sheetData><row r="1">{head}</row>{rows}</sheetData>'
        f'<autoFilter ref="{area}"/></worksheet>'
    )


def _column(letter: str, values: Iterable[object], style: int) -> Iterable[str]:
    """The cells of a column below its head; a value that is missing is an empty cell."""
    for row, value in enumerate(values, start=2):
        if value is None:
            yield ""
        elif isinstance(value, str):
            yield _text(f"{letter}{row}", value, style)
        else:
            yield f'<c r="{letter}{row}" s="{style}"><v>{value!r}</v></c>'


def _text(place: str, value: str, style: int) -> str:
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def _letters(position: int) -> str:
    """The name of a column: 0 is A, 26 is AA."""
    text = ""
    while position >= 0:
        text = chr(ord("A") + position % 26) + text
        position = position // 26 - 1
    return text
