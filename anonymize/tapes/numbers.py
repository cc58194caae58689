"""Why a column's texts are no numbers: how they are written, on which line the first stands, what the mapping can say."""

from __future__ import annotations

import csv
import re
from contextlib import closing

from anonymize.errors import LoanTapeError
from anonymize.tape import Tape
from anonymize.tapes.delimited import Layout, lines_of, read_layout
from anonymize.tapes.files import kind_of
from anonymize.tapes.sql import quoted

_GROUPED = r"^\s*[-+]?\d{1,3}(,\d{3})+(\.\d+)?\s*$"
_WIDE = r"[０-９，．－]"
_COMMA = r"^\s*[-+]?\d+,\d{1,2}\s*$"
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)


def why_not_numbers(tape: Tape, column: str) -> str:
    """A sentence with the remedy, or nothing where the texts tell nothing; never one of the texts."""
    name = quoted(column)
    text = f"{name}::VARCHAR"
    grouped, wide, comma = tape.run(
        f"SELECT count_if(regexp_matches({text}, '{_GROUPED}')), count_if(regexp_matches({text}, '{_WIDE}')), "
        f"count_if(regexp_matches({text}, '{_COMMA}')) FROM tape"
    )[0]
    place = _first_place(tape, column)
    if wide:
        wide_digits, digits = "０１２３４５６７８９．，－", "0123456789.,-"
        return f" {wide} have full-width digits{place}: sql = \"translate({column}, '{wide_digits}', '{digits}')\"."
    if grouped:
        return f" {grouped} have thousands separators{place}: sql = \"replace({column}, ',', '')\"."
    if comma:
        return f" {comma} have a decimal comma{place}: sql = \"replace({column}, ',', '.')\"."
    return f" The first is{place[1:]}." if place else ""


def _first_place(tape: Tape, column: str) -> str:
    """Where a text file has the first value that is no number; nothing for other tapes."""
    for file in tape.files:
        try:
            if kind_of(file) != "csv":
                return ""
            line = _first_line(read_layout(file, encoding=None, delimiter=None), column)
        except (LoanTapeError, csv.Error, UnicodeDecodeError):
            return ""
        if line:
            return f", in line {line} of {file}"
    return ""


def _first_line(layout: Layout, column: str) -> int | None:
    names = [name.casefold() for name in layout.columns]
    if len(layout.delimiter) != 1 or column.casefold() not in names:
        return None
    at = names.index(column.casefold())
    with closing(lines_of(layout)) as lines:
        reader = csv.reader(lines, delimiter=layout.delimiter)
        next(reader)
        return next((reader.line_num for row in reader if len(row) > at and not _NUMBER.fullmatch(row[at])), None)
