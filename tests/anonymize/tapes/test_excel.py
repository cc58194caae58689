"""A sheet of a workbook is a tape like any other, and what Excel hides is refused."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from anonymize.errors import LoanTapeError
from anonymize.tape import Column, open_tape
from anonymize.tapes.reading import Reading

HEADER = ("loan", "产品", "balance", "opened", "rating")
ROWS = [
    (7, "住房按揭", 12.5, datetime.date(2026, 10, 31), "A"),
    (8, "信用卡", 3, datetime.date(2025, 1, 1), 1),
]


def workbook(path: Path, rows: Sequence[Sequence[Any]], *, title: str = "Sheet1", state: str = "visible") -> Path:
    book = openpyxl.Workbook()
    book.active.title = "empty"
    book.active.sheet_state = "hidden"
    sheet = book.create_sheet(title)
    sheet.sheet_state = state
    for row in rows:
        sheet.append(row)
    if state == "hidden":
        book.create_sheet("shown").append(["a"])
    book.save(path)
    return path


def refused(path: Path, **reading: Any) -> LoanTapeError:
    with pytest.raises(LoanTapeError) as caught, open_tape(path, reading=Reading(**reading)):
        pass
    assert "Secret" not in caught.value.sentence
    return caught.value


def test_dates_and_numbers_are_kept_and_mixed_columns_are_text(tmp_path: Path) -> None:
    with open_tape(workbook(tmp_path / "tape.xlsx", [HEADER, *ROWS])) as tape:
        assert tape.columns == (
            Column("loan", "BIGINT"),
            Column("产品", "VARCHAR"),
            Column("balance", "DOUBLE"),
            Column("opened", "DATE"),
            Column("rating", "VARCHAR"),
        )
        assert tape.run("FROM tape") == [(*ROWS[0],), (*ROWS[1][:4], "1")]


def test_a_title_above_the_column_names_is_passed_over(tmp_path: Path) -> None:
    path = workbook(tmp_path / "tape.xlsx", [("Loans of October",), (), HEADER, *ROWS, (), (9, "x", 1, None, "B")])
    with open_tape(path) as tape:
        assert tape.run("SELECT loan FROM tape ORDER BY 1") == [(7,), (8,), (9,)]
    with open_tape(path, reading=Reading(header_row=3)) as tape:
        assert tape.column_names == HEADER
    assert "row 2 of" in refused(path, header_row=2).sentence


def test_a_sheet_is_found_by_name(tmp_path: Path) -> None:
    path = workbook(tmp_path / "tape.xlsx", [HEADER, *ROWS], title="十月")
    with open_tape(path, reading=Reading(sheet="十月")) as tape:
        assert tape.run("SELECT count(*) FROM tape") == [(2,)]
    assert "no sheet 'october'. There are: 'empty', '十月'" in refused(path, sheet="october").sentence


def test_a_hidden_sheet_is_not_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "tape.xlsx", [HEADER, *ROWS], title="loans", state="hidden")
    assert "is hidden" in refused(path, sheet="loans").sentence


def test_a_formula_that_nobody_has_calculated_is_named_by_its_cell(tmp_path: Path) -> None:
    path = workbook(tmp_path / "tape.xlsx", [("loan", "balance"), (1, 2), (2, "=A2+B2")])
    error = refused(path)
    assert error.rule == "uncalculated-formula"
    assert "cell B3" in error.sentence


def test_an_error_that_excel_shows_is_named_by_its_cell(tmp_path: Path) -> None:
    assert (
        "cell B3: Excel shows an error"
        in refused(workbook(tmp_path / "tape.xlsx", [("loan", "balance"), (1, 2), (2, "#REF!")])).sentence
    )


def test_merged_cells_of_the_table_are_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in [("Loans",), ("product", "balance"), ("Secret", 1), (None, 2)]:
        book.active.append(row)
    book.active.merge_cells("A1:B1")  # a title does no harm
    book.save(tmp_path / "tape.xlsx")
    with open_tape(tmp_path / "tape.xlsx", reading=Reading(header_row=2)) as tape:
        assert tape.column_names == ("product", "balance")
    book.active.merge_cells("A3:A4")
    book.save(tmp_path / "tape.xlsx")
    assert "the cells A3:A4 are merged" in refused(tmp_path / "tape.xlsx").sentence


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    assert refused(workbook(tmp_path / "tape.xlsx", [("loan", "LOAN "), (1, 2)])).rule == "duplicate-column"


def test_a_sheet_of_column_names_only_is_refused(tmp_path: Path) -> None:
    assert "no rows" in refused(workbook(tmp_path / "tape.xlsx", [HEADER])).sentence
    assert "looks like column names" in refused(workbook(tmp_path / "numbers.xlsx", [(1, 2), (3, 4)])).sentence
    assert "looks like column names" in refused(workbook(tmp_path / "blank.xlsx", [])).sentence


def test_a_cut_off_workbook_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "tape.xlsx", [HEADER, *ROWS])
    content = path.read_bytes()
    for length in (100, len(content) // 2, len(content) - 10):
        path.write_bytes(content[:length])
        assert refused(path).rule == "truncated-tape"


def test_a_damaged_sheet_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "tape.xlsx", [HEADER, *ROWS])
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content[:-40] if "sheet" in name else content)
    assert refused(path).rule == "truncated-tape"


def test_a_zip_file_that_is_no_workbook_or_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "tape.zip", "w") as archive:
        archive.writestr("tape.csv", "a,b")
    assert "ZIP file, not an .xlsx" in refused(tmp_path / "tape.zip").sentence
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(120 << 20))
    assert refused(tmp_path / "bomb.xlsx").rule == "tape-too-large"
