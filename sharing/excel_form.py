"""A round's Excel form: what somebody without a database fills in. Its first sheet is a cube as `read_cube` takes it.

A collection of few cells has a row for each, with zeros, and totals that Excel adds up; a total stays empty while one of
its parts is withheld or missing, so that it is never too small in silence. A larger collection has empty rows to paste
into, in which only codes of the lists are taken.
"""

from __future__ import annotations

import io
from itertools import product

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from anonymize.cube import cube_columns
from anonymize.template import Template
from anonymize.template_protection import counted_with

MOST_ROWS = 4000  # of which each has its cell; nobody fills in more by hand
SHEETS = ("Cube", "Instructions 说明", "Codes 代码")

Cell = tuple[str, ...]


def excel_form(template: Template, period: str) -> bytes:
    """The workbook. The same template and period make the same cells."""
    sink = io.BytesIO()
    with xlsxwriter.Workbook(sink, {"in_memory": True}) as book:
        book.set_properties({"title": f"{template.id} {period}", "author": "", "comments": template.version})
        cube, instructions, codes = (book.add_worksheet(name) for name in SHEETS)
        styles = _styles(book)
        _write_codes(codes, template, styles)
        _write_instructions(instructions, template, period, styles)
        _Rows(cube, template, period, styles).write()
        instructions.activate()
    return sink.getvalue()


def _styles(book: xlsxwriter.Workbook) -> dict[str, Format]:
    return {
        "head": book.add_format({"bold": True, "bg_color": "#0A5873", "font_color": "#FFFFFF", "text_wrap": True}),
        "fixed": book.add_format({"bg_color": "#EEEEEA", "num_format": "@"}),
        "text": book.add_format({"locked": False, "num_format": "@"}),
        "count": book.add_format({"locked": False, "num_format": "#,##0"}),
        "amount": book.add_format({"locked": False, "num_format": "#,##0.00"}),
        "total": book.add_format({"locked": False, "num_format": "#,##0.##", "bold": True, "bg_color": "#E4EFF3"}),
        "title": book.add_format({"bold": True, "font_size": 14}),
        "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
    }


class _Rows:
    """The sheet that is the cube."""

    def __init__(self, sheet: Worksheet, template: Template, period: str, styles: dict[str, Format]) -> None:
        self.sheet, self.template, self.period, self.styles = sheet, template, period, styles
        self.columns = {name: place for place, name in enumerate(cube_columns(template))}
        lists = [each.code_list.ids for each in template.dimensions]
        size = 1
        for ids in lists:
            size *= len(ids)
        self.cells: list[Cell] = list(product(*lists)) if size <= MOST_ROWS else []
        self.row_of = {cell: row for row, cell in enumerate(self.cells, 1)}
        self.last = len(self.cells) or size  # rows below the head

    def write(self) -> None:
        for name, place in self.columns.items():
            self.sheet.write_string(0, place, name, self.styles["head"])
        self.sheet.freeze_panes(1, len(self.template.dimensions))
        self.sheet.set_column(0, len(self.columns) - 1, 14)
        for cell in self.cells:
            self._write_cell(cell)
        if not self.cells:
            self._write_empty_rows()
        self._validate()
        self.sheet.protect("", {"format_columns": True, "sort": True, "autofilter": True, "select_locked_cells": True})

    def _write_cell(self, cell: Cell) -> None:
        row = self.row_of[cell]
        for place, code in enumerate(cell):
            self.sheet.write_string(row, place, code, self.styles["fixed"])
        self.sheet.write_string(row, self.columns["TIME_PERIOD"], self.period, self.styles["fixed"])
        for measure in self.template.measures:
            place = self.columns[measure.id]
            formula = self._total(cell, place) if measure.additive else self._distinct(cell, measure.id)
            if formula is None:
                self.sheet.write_number(row, place, 0, self.styles[measure.type])
            else:
                self.sheet.write_formula(row, place, formula, self.styles["total"], 0)
        observed = self.columns["OBS_STATUS"]
        self.sheet.write_string(row, observed, "A", self.styles["text"])
        self.sheet.write_formula(
            row,
            self.columns["CONF_STATUS"],
            f'=IF({xl_rowcol_to_cell(row, observed)}="Q","C","F")',
            self.styles["fixed"],
            "F",
        )

    def _total(self, cell: Cell, place: int) -> str | None:
        """The sum of the parts along the first dimension in which the cell has any; empty while one of them is."""
        for axis, dimension in enumerate(self.template.dimensions):
            children = dimension.code_list.children(cell[axis])
            if children:
                rows = [self.row_of[(*cell[:axis], child, *cell[axis + 1 :])] for child in children]
                parts = ",".join(xl_rowcol_to_cell(row, place) for row in rows)
                return f'=IF(COUNT({parts})={len(children)},SUM({parts}),"")'
        return None

    def _distinct(self, cell: Cell, measure: str) -> str:
        """Distinct counts are no sums: to be typed in wherever anything is counted."""
        whole = counted_with(self.template, self.template.measure(measure)).id
        return f'=IF({xl_rowcol_to_cell(self.row_of[cell], self.columns[whole])}=0,0,"")'

    def _write_empty_rows(self) -> None:
        for name, place in self.columns.items():
            measure = next((each for each in self.template.measures if each.id == name), None)
            self.sheet.set_column(place, place, 14, self.styles[measure.type if measure else "text"])
        # Set again: a column's style would unlock the head too.
        for name, place in self.columns.items():
            self.sheet.write_string(0, place, name, self.styles["head"])

    def _validate(self) -> None:
        for place, dimension in enumerate(self.template.dimensions):
            size = len(dimension.code_list.ids)
            source = f"='{SHEETS[2]}'!{_range(place, size)}"
            self._allow(
                place,
                {"validate": "list", "source": source, "error_message": "A code of the list. 请选择列表中的代码。"},
            )
        for measure in self.template.measures:
            self._allow(
                self.columns[measure.id],
                {
                    "validate": "integer" if measure.type == "count" else "decimal",
                    "criteria": "between",
                    "minimum": -(10**15),
                    "maximum": 10**15,
                    "error_message": "A number. 请输入数字。",
                },
            )
        self._allow(self.columns["OBS_STATUS"], {"validate": "list", "source": ["A", "Q"]})

    def _allow(self, place: int, options: dict[str, object]) -> None:
        self.sheet.data_validation(1, place, self.last, place, {"ignore_blank": True, **options})


def _range(place: int, size: int) -> str:
    first = xl_rowcol_to_cell(1, 4 * place, row_abs=True, col_abs=True)
    return f"{first}:{xl_rowcol_to_cell(size, 4 * place, row_abs=True, col_abs=True)}"


def _write_codes(sheet: Worksheet, template: Template, styles: dict[str, Format]) -> None:
    """Four columns a dimension: code, parent and both names."""
    for place, dimension in enumerate(template.dimensions):
        for column, head in enumerate((dimension.id, "Parent 上级", "English", "中文")):
            sheet.write_string(0, 4 * place + column, head, styles["head"])
        for row, code in enumerate(dimension.code_list.codes, 1):
            names = dict(code.names)
            texts = (code.id, code.parent or "", names.get("en", ""), names.get("zh-Hans", ""))
            for column, text in enumerate(texts):
                sheet.write_string(row, 4 * place + column, text)
        sheet.set_column(4 * place, 4 * place + 1, 12)
        sheet.set_column(4 * place + 2, 4 * place + 3, 26)
    sheet.freeze_panes(1, 0)
    sheet.protect()


def _write_instructions(sheet: Worksheet, template: Template, period: str, styles: dict[str, Format]) -> None:
    names = dict(template.names)
    sheet.set_column(0, 1, 70)
    sheet.write_string(0, 0, f"{names.get('en', template.id)} · {period}", styles["title"])
    sheet.write_string(0, 1, f"{names.get('zh-Hans', template.id)} · {period}", styles["title"])
    lines = (*_FILLING, *(_PROTECTING if template.protection.method != "none" else ()), *_SENDING)
    least = template.protection.policy.min_contributors - 1
    for row, pair in enumerate(lines, 2):
        for column, text in enumerate(pair):
            sheet.write_string(row, column, text.format(least=least), styles["wrap"])
    sheet.protect()


_FILLING = (
    (
        "Fill in the sheet Cube. Grey cells stay as they are; the sheet Codes says what the codes mean. _T is the total.",
        "请填写“Cube”工作表。灰色单元格请勿改动；代码含义见“Codes”工作表。_T 表示合计。",
    ),
    (
        (
            "Zero is written as 0. Where every cell has its row, blue totals are added up by Excel. A distinct count, such as "
            "borrowers, is not a sum: type it in each row, totals included."
        ),
        "零请填 0。若每个单元格均已列出一行，蓝色合计由 Excel 自动计算。去重计数（如借款人数）不能相加，请逐行填写，包括合计行。",
    ),
    (
        (
            "Where rows are empty, paste one row for each cell, totals included; rows that you leave out are zero. "
            "OBS_STATUS is A and CONF_STATUS is F."
        ),
        "若行为空，请每个单元格粘贴一行，包括合计行；未列出的行视为零。OBS_STATUS 填 A，CONF_STATUS 填 F。",
    ),
)
_PROTECTING = (
    (
        (
            "No cell may be published with 1 to {least} in it. To withhold a cell: OBS_STATUS Q, CONF_STATUS C, all its values "
            "deleted. Never withhold one alone: withhold a second one in the same row and column of the table, or it follows by subtraction. "
            "Type the total above it yourself. The command “concord aggregate” does all of this."
        ),
        (
            "任何公布的单元格所含数量不得为 1 至 {least}。如需隐藏某单元格：OBS_STATUS 填 Q，CONF_STATUS 填 C，并清空其全部数值。"
            "切勿只隐藏一个单元格：同一汇总下须再隐藏一个，否则可由相减推出。其上级合计请自行填写。命令 concord aggregate 可自动完成以上工作。"
        ),
    ),
)
_SENDING = (
    (
        (
            "Save, open the round's page “Seal and send” in the portal, and choose this file. It is read and sealed in your "
            "browser; nothing of it is sent before it is sealed."
        ),
        "保存后，在门户中打开该轮次的“加密并报送”页面并选择本文件。文件在您的浏览器中读取并加密，加密前不会发送任何内容。",
    ),
)
