"""A sheet of an Excel workbook as a table: dates stay dates, numbers stay numbers, everything mixed becomes text."""

from __future__ import annotations

import datetime
import re
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import openpyxl
import pyarrow as pa
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from anonymize.errors import LoanTapeError
from anonymize.tapes.files import check_names
from anonymize.tapes.reading import Reading

HEADER_WITHIN = 20  # the rows among which column names are looked for
MOST_BYTES = 4 << 30  # of a workbook when it is unpacked
MOST_RATIO, RATIO_FROM = 200, 100 << 20  # XML packs 5 to 50 times smaller; a bomb a thousand times
_BLOCK, _OVERLAP = 1 << 20, 256
_ERRORS = frozenset({"#N/A", "#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"})
_DAMAGED = (
    zipfile.BadZipFile,
    InvalidFileException,
    KeyError,
    ValueError,
    TypeError,
    EOFError,
    OSError,
    SyntaxError,
    zlib.error,
)

Row = tuple[Any, ...]
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)"')


def read_workbook(files: Sequence[str], reading: Reading) -> pa.Table:
    """The rows below the column names of one sheet, as Excel last calculated them."""
    if len(files) > 1:
        raise LoanTapeError(
            f"{files[0]} and {len(files) - 1} more are Excel workbooks; one is read at a time. Save them as CSV.",
            rule="unreadable-tape",
        )
    file = files[0]
    _check_size(file)
    book = _load(file, values=True)
    with closing(book):
        sheet = _sheet(book, file, reading.sheet)
        place = f"{file}, sheet {sheet.title!r}"
        rows = _rows(sheet, file)
        top = _header(rows, place, reading.header_row)
        names = _names(rows[top], place)
        body = [row[: len(names)] + (None,) * (len(names) - len(row)) for row in rows[top + 1 :]]
        _check_formulas(file, sheet.title, body, top)
        _check_errors(body, top, place)
        _check_merged(file, sheet, top, place)
    filled = [row for row in body if any(value is not None for value in row)]
    if not filled:
        raise LoanTapeError(f"{place} has column names and no rows. Export the tape again.", rule="empty-tape")
    return pa.table({name: _column([row[at] for row in filled]) for at, name in enumerate(names)})


def _check_size(file: str) -> None:
    """LoanTapeError for what is no whole workbook, or one that would fill the memory when it is unpacked."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except _DAMAGED:
        raise _damaged(file) from None
    if not any(member.filename.endswith("workbook.xml") for member in members):
        raise LoanTapeError(
            f"{file} is a ZIP file, not an .xlsx workbook. Unpack it, or save the tape as .xlsx or CSV (UTF-8).",
            rule="unreadable-tape",
        )
    size, packed = sum(each.file_size for each in members), sum(each.compress_size for each in members)
    if size > MOST_BYTES or (size > RATIO_FROM and size > MOST_RATIO * max(1, packed)):
        raise LoanTapeError(f"{file} is too large when it is unpacked. Save the tape as CSV.", rule="tape-too-large")


def _load(file: str, *, values: bool) -> Any:
    try:
        return openpyxl.load_workbook(file, read_only=True, data_only=values, keep_links=False)
    except _DAMAGED:
        raise _damaged(file) from None


def _damaged(file: str) -> LoanTapeError:
    return LoanTapeError(
        f"{file} is not a whole Excel workbook; it may be cut off. Save it again.", rule="truncated-tape"
    )


def _sheet(book: Any, file: str, name: str | None) -> Any:
    """The named sheet, or the first that is shown."""
    sheets = book.worksheets
    if name is None:
        shown = [sheet for sheet in sheets if sheet.sheet_state == "visible"]
        if not shown:
            raise LoanTapeError(f"{file} has no sheet that is shown.", rule="unreadable-tape")
        return shown[0]
    found = next((sheet for sheet in sheets if sheet.title == name), None)
    if found is None:
        names = ", ".join(repr(sheet.title) for sheet in sheets[:20])
        raise LoanTapeError(f"[tape]: {file} has no sheet {name!r}. There are: {names}.", rule="unreadable-tape")
    if found.sheet_state != "visible":
        raise LoanTapeError(
            f"[tape]: the sheet {name!r} of {file} is hidden. Show it in Excel, so that everybody sees what is read.",
            rule="unreadable-tape",
        )
    return found


def _rows(sheet: Any, file: str) -> list[Row]:
    sheet.reset_dimensions()  # what writers say about the size of a sheet is often wrong
    try:
        return [tuple(row) for row in sheet.iter_rows(values_only=True)]
    except _DAMAGED:
        raise _damaged(file) from None


def _header(rows: Sequence[Row], place: str, given: int | None) -> int:
    """The index of the row with the column names: the given one, or the first that looks like one."""
    if given is not None:
        if given > len(rows) or not any(rows[given - 1]):
            raise LoanTapeError(f"[tape]: row {given} of {place} is blank; header_row names the row of column names.")
        return given - 1
    widths = [sum(value is not None for value in row) for row in rows[:HEADER_WITHIN]]
    for at, width in enumerate(widths):
        names = [value for value in rows[at] if value is not None]
        if width and 2 * width > max(widths) and all(isinstance(name, str) for name in names):
            return at
    raise LoanTapeError(
        f"{place}: none of the first {HEADER_WITHIN} rows looks like column names. Say which is, header_row = 3 under "
        "[tape].",
        rule="empty-tape",
    )


def _names(row: Row, place: str) -> list[str]:
    last = max(at for at, value in enumerate(row) if value is not None)
    names = [str(value).strip() if value is not None else "" for value in row[: last + 1]]
    named = [name or f"column_{at}" for at, name in enumerate(names, start=1)]
    check_names(named, place)
    return named


def _check_formulas(file: str, title: str, body: Sequence[Row], top: int) -> None:
    """LoanTapeError when a blank cell is really a formula that nobody has calculated."""
    if not any(value is None for row in body for value in row):
        return
    book = _load(file, values=False)
    with closing(book):
        sheet = book[title]
        sheet.reset_dimensions()
        for row, cells in zip(body, sheet.iter_rows(min_row=top + 2), strict=False):
            for value, cell in zip(row, cells, strict=False):
                if value is None and cell.data_type == "f":
                    raise LoanTapeError(
                        f"{file}, sheet {title!r}, cell {cell.coordinate}: a formula without a calculated value. Open the "
                        "workbook in Excel and save it, or save the sheet as values.",
                        rule="uncalculated-formula",
                    )


def _check_errors(body: Sequence[Row], top: int, place: str) -> None:
    for number, row in enumerate(body, start=top + 2):
        for at, value in enumerate(row, start=1):
            if isinstance(value, str) and value in _ERRORS:
                raise LoanTapeError(
                    f"{place}, cell {get_column_letter(at)}{number}: Excel shows an error there. Correct the formula.",
                    rule="formula-error",
                )


def _check_merged(file: str, sheet: Any, top: int, place: str) -> None:
    """LoanTapeError when cells of the table are merged: Excel keeps a value in the first of them only."""
    tail = b""
    with zipfile.ZipFile(file) as archive, archive.open(sheet._worksheet_path) as stream:  # noqa: SLF001 - openpyxl does not tell
        while block := stream.read(_BLOCK):
            for left, first, right, last in _MERGED.findall(tail + block):
                if int(last) > top:
                    where = f"{left.decode()}{int(first)}:{right.decode()}{int(last)}"
                    raise LoanTapeError(
                        f"{place}: the cells {where} are merged. Unmerge them and fill every cell.", rule="merged-cells"
                    )
            tail = block[-_OVERLAP:]


def _column(values: Sequence[Any]) -> pa.Array:
    """The values as whole numbers, numbers, dates or times where all are that; as text where they are mixed."""
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {datetime.datetime, datetime.date}:
        return _dates(values)
    if kinds == {bool} or kinds == {float} or kinds == {str}:
        return pa.array(values)
    if kinds == {int} and all(abs(value) < 1 << 63 for value in values if value is not None):
        return pa.array(values, pa.int64())
    if kinds == {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([_text(value) for value in values], pa.string())


def _dates(values: Sequence[Any]) -> pa.Array:
    if all(isinstance(value, datetime.datetime) and value.time() == datetime.time() for value in values if value):
        return pa.array([value and value.date() for value in values], pa.date32())
    return pa.array(values, pa.timestamp("us"))


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return f"{value:.15g}" if isinstance(value, float) else str(value)
