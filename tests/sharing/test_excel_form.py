"""The round's Excel form: as it is downloaded it is a cube of zeros; filled in, its formulas are the margins."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest

from anonymize.checks import check_cube
from anonymize.cube import XLSX, CubeError, read_cube
from anonymize.template import load
from sharing.excel_form import MOST_ROWS, SHEETS, excel_form

PERIODS = {"M": "2026-10", "Q": "2026-Q3"}
SMALL = ("call-report", "risk-model", "service", "treatment", "vintage")
LARGE = ("delinquency",)


def form_of(name):
    template = load(name)
    period = PERIODS[template.frequency]
    return template, period, excel_form(template, period)


def filled(form: bytes, values: dict[tuple[str, ...], dict[str, float]], withheld=frozenset()) -> bytes:
    """The form as Excel saves it: what is typed, and what every formula comes to."""
    book = openpyxl.load_workbook(io.BytesIO(form))
    sheet = book.worksheets[0]
    names = [cell.value for cell in sheet[1]]
    dimensions = names[: names.index("TIME_PERIOD")]
    for row in sheet.iter_rows(min_row=2):
        key = tuple(cell.value for cell in row[: len(dimensions)])
        for name, value in values.get(key, {}).items():
            row[names.index(name)].value = value
        if key in withheld:
            row[names.index("OBS_STATUS")].value = "Q"
    _calculate(sheet)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def _calculate(sheet) -> None:
    """The three formulas of the form, as Excel works them out."""
    formulas = {
        cell.coordinate: cell.value for row in sheet.iter_rows(min_row=2) for cell in row if cell.data_type == "f"
    }

    def value(at):
        if at not in formulas:
            return sheet[at].value
        text = formulas.pop(at)
        if total := re.fullmatch(r'=IF\(COUNT\((.*)\)=(\d+),SUM\(\1\),""\)', text):
            parts = [each for each in map(value, total[1].split(",")) if isinstance(each, int | float)]
            result = sum(parts) if len(parts) == int(total[2]) else None
        elif distinct := re.fullmatch(r'=IF\((\w+)=0,0,""\)', text):
            result = 0 if value(distinct[1]) == 0 else None
        else:
            status = re.fullmatch(r'=IF\((\w+)="Q","C","F"\)', text)
            assert status, text
            result = "C" if value(status[1]) == "Q" else "F"
        sheet[at].value = result
        return result

    for coordinate in list(formulas):
        if coordinate in formulas:
            value(coordinate)


@pytest.mark.parametrize("name", SMALL)
def test_a_form_as_it_is_downloaded_is_a_cube_of_zeros(name):
    template, period, form = form_of(name)
    cube = read_cube(form, template, XLSX, period=period)

    assert cube.table.num_rows <= MOST_ROWS
    assert {value for each in template.measure_ids for value in cube.table.column(each).to_pylist()} == {0}
    assert check_cube(cube, template) == []


def test_the_formulas_are_the_margins():
    template, period, form = form_of("call-report")
    products = template.dimension("PRODUCT").code_list.leaves
    values = {
        (product, bucket): {"LOANS": 10 * number + late, "BALANCE": 1000.5 * number + late}
        for number, product in enumerate(products, 1)
        for late, bucket in enumerate(template.dimension("DPD_BUCKET").code_list.leaves)
    }
    cube = read_cube(filled(form, values), template, XLSX, period=period)

    assert check_cube(cube, template) == []
    assert cube.table.column("LOANS")[0].as_py() == sum(each["LOANS"] for each in values.values()) > 0


def test_a_total_above_a_withheld_cell_is_refused_until_it_is_typed():
    template, period, form = form_of("call-report")
    product = template.dimension("PRODUCT").code_list.leaves[0]
    cell = (product, "D060P")
    blank = {cell: {"LOANS": None, "BALANCE": None}}
    with pytest.raises(CubeError) as refused:
        read_cube(filled(form, blank, withheld={cell}), template, XLSX, period=period)
    assert refused.value.rule == "status-disagrees"


@pytest.mark.parametrize("name", LARGE)
def test_a_large_collection_has_rows_to_paste_into(name):
    template, period, form = form_of(name)
    with pytest.raises(CubeError) as empty:
        read_cube(form, template, XLSX, period=period)
    assert empty.value.rule == "empty"

    book = openpyxl.load_workbook(io.BytesIO(form))
    row = [*("_T" for _ in template.dimensions), period, 12, 11, 100.25, "A", "F"]
    for column, value in enumerate(row, 1):
        book.worksheets[0].cell(2, column).value = value
    sink = io.BytesIO()
    book.save(sink)
    assert read_cube(sink.getvalue(), template, XLSX, period=period).table.num_rows == 1


@pytest.mark.parametrize("name", [*SMALL, *LARGE])
def test_every_code_may_be_chosen_and_both_languages_explain(name):
    template, _period, form = form_of(name)
    book = openpyxl.load_workbook(io.BytesIO(form))
    assert tuple(book.sheetnames) == SHEETS
    lists = {
        str(each.formula1): each for each in book.worksheets[0].data_validations.dataValidation if each.type == "list"
    }
    for place, dimension in enumerate(template.dimensions):
        listed = [
            book.worksheets[2].cell(row, 4 * place + 1).value for row in range(2, len(dimension.code_list.ids) + 2)
        ]
        assert listed == list(dimension.code_list.ids)
        letter = openpyxl.utils.get_column_letter(4 * place + 1)
        assert any(f"${letter}$2:${letter}${len(listed) + 1}" in formula for formula in lists)
    assert all(sheet.protection.sheet for sheet in book.worksheets)
    told = [cell.value for row in book.worksheets[1].iter_rows() for cell in row if cell.value]
    assert any("Fill in the sheet Cube" in text for text in told)
    assert any("请填写" in text for text in told)
    assert not any("{" in text for text in told)
