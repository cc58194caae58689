"""What makes a table a cube of its template: columns, codes, types, statuses; checked once, when a cube is made.

A refusal names the column, the rule and, where it helps, the cell or the row. It never repeats what a row holds: the
same code runs where somebody else may read the sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from anonymize.errors import CheckError, TemplateError
from anonymize.template import CodeList, Measure, Template

TIME_PERIOD = "TIME_PERIOD"
OBS_STATUS = "OBS_STATUS"
CONF_STATUS = "CONF_STATUS"
NORMAL, SUPPRESSED = "A", "Q"  # CL_OBS_STATUS
FREE, CONFIDENTIAL = "F", "C"  # CL_CONF_STATUS

Order = NDArray[np.intp] | slice  # of rows

# Beyond these a sum of a few thousand cubes is no longer exact in 64 bits.
LARGEST_COUNT = 2**53
LARGEST_AMOUNT = 1e18

CUBE_RULES = (
    "unreadable",
    "unsupported-media-type",
    "too-large",
    "empty",
    "missing-column",
    "duplicate-column",
    "unmapped-column",
    "wrong-type",
    "missing-code",
    "unknown-code",
    "duplicate-cell",
    "wrong-collection",
    "wrong-version",
    "wrong-period",
    "wrong-institution",
    "unknown-status",
    "status-disagrees",
    "not-finite",
    "not-whole",
    "negative-count",
    "out-of-range",
)


class CubeError(CheckError):
    """A table is not a cube of its template; `rule` is one of CUBE_RULES, `cell` the codes of the cell at fault."""

    default_rule = "unreadable"

    def __init__(self, sentence: str, *, rule: str, cell: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence, rule=rule)
        self.cell = dict(cell or {})


@dataclass(frozen=True, eq=False)
class Structured:
    """A checked table in canonical form: template's column order, rows in lattice order, `places` flat and rising."""

    table: pa.Table
    places: NDArray[np.int64]
    period: str


def cube_columns(template: Template) -> tuple[str, ...]:
    return (*template.dimension_ids, TIME_PERIOD, *template.measure_ids, OBS_STATUS, CONF_STATUS)


def text_columns(template: Template) -> list[str]:
    return [name for name in cube_columns(template) if name not in template.measure_ids]


def check_columns(names: Sequence[str], template: Template, *, also: Sequence[str] = ()) -> None:
    """Refuse names that are missing, doubled or not the template's; `also` may be there and is not required."""
    expected = cube_columns(template)
    doubled = sorted(name for name, times in Counter(names).items() if times > 1 and name in {*expected, *also})
    if doubled:
        raise CubeError(
            f"The column {', '.join(doubled)} is there twice. Keep one.",
            rule="duplicate-column",
        )
    missing = [name for name in expected if name not in names]
    if missing:
        raise CubeError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing. A cube of {template.id} has the columns "
            f"{', '.join(expected)}.",
            rule="missing-column",
        )
    if set(names) - set(expected) - set(also):
        raise CubeError(
            f"There are columns that collection {template.id} does not ask for. Keep only {', '.join(expected)}.",
            rule="unmapped-column",
        )


def check_size(rows: int, template: Template) -> None:
    """Refuse a table without rows, or with more rows than there are cells."""
    cells = int(np.prod(template.shape, dtype=np.int64))
    if rows == 0:
        raise CubeError("The cube has no rows. Write at least the row of the grand total.", rule="empty")
    if rows > cells:
        raise CubeError(
            f"The cube has {rows} rows, but collection {template.id} has only {cells} cells.", rule="too-large"
        )


def structured(raw: pa.Table, template: Template, period: str | None = None) -> Structured:
    """The canonical form of a table with the template's columns; CubeError when it is not a cube.

    `period`, when given, is the one the table must be for.
    """
    check_size(raw.num_rows, template)
    stated = _period(raw.column(TIME_PERIOD), template, period)
    codes = [_codes(raw.column(each.id), each.id, each.code_list) for each in template.dimensions]
    places = _flat(codes, template)
    order = _order(places)
    places = places[order]
    _check_no_doubles(places, template)
    withheld = _withheld(raw, template, order, places)
    arrays: list[pa.Array] = [
        _coded(index[order], each.code_list.ids) for index, each in zip(codes, template.dimensions, strict=True)
    ]
    arrays.append(_coded(np.zeros(len(places), np.int32), (stated,)))
    arrays += [_measure(raw.column(each.id), each, template, order, places, withheld) for each in template.measures]
    arrays.append(_coded(withheld, (NORMAL, SUPPRESSED)))
    arrays.append(_coded(withheld, (FREE, CONFIDENTIAL)))
    return Structured(pa.table(arrays, names=list(cube_columns(template))), places, stated)


def cell_key(place: int, template: Template) -> dict[str, str]:
    """The codes of the cell at a flat lattice index."""
    where = np.unravel_index(place, template.shape)
    return {each.id: each.code_list.ids[int(at)] for each, at in zip(template.dimensions, where, strict=True)}


def places_of(table: pa.Table, template: Template) -> NDArray[np.int64]:
    """The flat lattice index of each row; CubeError for a code that is not in its list."""
    return _flat([_codes(table.column(each.id), each.id, each.code_list) for each in template.dimensions], template)


def _flat(codes: Sequence[NDArray[np.int32]], template: Template) -> NDArray[np.int64]:
    places: NDArray[np.int64] = np.ravel_multi_index(list(codes), template.shape).astype(np.int64, copy=False)
    return places


def _order(places: NDArray[np.int64]) -> Order:
    """What brings the rows into lattice order; everything as it is where they are in it, as in our own files."""
    if (places[1:] > places[:-1]).all():
        return slice(None)
    return np.argsort(places, kind="stable")


def _period(column: pa.ChunkedArray, template: Template, expected: str | None) -> str:
    found = _texts(column, TIME_PERIOD)
    periods = set(found.in_use)
    if found.empty or len(periods) != 1:
        raise CubeError("Every row of a cube has one and the same TIME_PERIOD.", rule="wrong-period")
    try:
        period = template.check_period(periods.pop())
    except TemplateError as refused:
        raise CubeError(
            f"TIME_PERIOD is not written as the periods of collection {template.id} are.", rule="wrong-period"
        ) from refused
    if expected is not None and period != expected:
        raise CubeError(f"The cube is not for {expected}: TIME_PERIOD names another period.", rule="wrong-period")
    return period


def _codes(column: pa.ChunkedArray, name: str, code_list: CodeList) -> NDArray[np.int32]:
    found = _texts(column, name)
    if found.empty:
        raise CubeError(
            f"The column {name} is empty in {_rows(found.empty)}. A total has the code _T.", rule="missing-code"
        )
    known = np.array([code_list.index.get(text, -1) for text in found.in_use], np.int32)
    codes: NDArray[np.int32] = known[found.of_row]
    if (known < 0).any():
        unknown = codes < 0
        raise CubeError(
            f"The column {name} holds codes that are not in its code list, in {_rows(int(unknown.sum()))}, "
            f"first in row {int(unknown.argmax()) + 1}.",
            rule="unknown-code",
        )
    return codes


@dataclass(frozen=True, eq=False)
class _Texts:
    """A column of text: the texts that rows hold, which of them each row holds, and how many rows hold none."""

    in_use: list[str]
    of_row: NDArray[np.intp]
    empty: int


def _texts(column: pa.ChunkedArray, name: str) -> _Texts:
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise CubeError(f"The column {name} must be text.", rule="wrong-type")
    coded = _dictionary(column)
    if coded.null_count:
        return _Texts([], np.empty(0, np.int32), coded.null_count)
    of_row = coded.indices.to_numpy().astype(np.intp, copy=False)
    # A file's dictionary may hold texts that no row has, and the same text twice.
    is_used = np.bincount(of_row, minlength=len(coded.dictionary)) > 0
    texts = coded.dictionary
    if not is_used.all():
        texts, of_row = texts.take(pa.array(np.flatnonzero(is_used))), (np.cumsum(is_used) - 1)[of_row]
    try:
        return _Texts(texts.to_pylist(), of_row, 0)
    except UnicodeDecodeError:
        raise CubeError(f"The column {name} must be text in UTF-8.", rule="wrong-type") from None


def _dictionary(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """The column as one dictionary array; a text that is null counts as an empty row."""
    if pa.types.is_dictionary(column.type):
        coded = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if isinstance(coded, pa.DictionaryArray) and not coded.dictionary.null_count:
            return coded
    return pc.dictionary_encode(column.cast(pa.string())).combine_chunks()


def _check_no_doubles(places: NDArray[np.int64], template: Template) -> None:
    double = places[1:] == places[:-1]
    if double.any():
        raise CubeError(
            f"{_cells_are(int(double.sum()))} there more than once. Write one row for each cell.",
            rule="duplicate-cell",
            cell=cell_key(int(places[int(double.argmax())]), template),
        )


def _withheld(raw: pa.Table, template: Template, order: Order, places: NDArray[np.int64]) -> NDArray[np.bool_]:
    observed = _status(raw, OBS_STATUS, NORMAL, SUPPRESSED)[order]
    confidential = _status(raw, CONF_STATUS, FREE, CONFIDENTIAL)[order]
    wrong = observed != confidential
    for measure in template.measure_ids:
        wrong |= raw.column(measure).is_null().to_numpy()[order] != observed
    if wrong.any():
        raise CubeError(
            f"{_cells_are(int(wrong.sum()))} neither published nor withheld: a withheld cell has the statuses "
            f"{SUPPRESSED} and {CONFIDENTIAL} and no value in any measure, a published one {NORMAL} and {FREE} "
            "and a value in every measure.",
            rule="status-disagrees",
            cell=cell_key(int(places[int(wrong.argmax())]), template),
        )
    return observed


def _status(raw: pa.Table, name: str, off: str, on: str) -> NDArray[np.bool_]:
    found = _texts(raw.column(name), name)
    if found.empty or not set(found.in_use) <= {off, on}:
        raise CubeError(f"{name} must be {off} or {on} in every row.", rule="unknown-status")
    is_on = np.array([mark == on for mark in found.in_use], np.bool_)
    flags: NDArray[np.bool_] = is_on[found.of_row]
    return flags


def _measure(
    column: pa.ChunkedArray,
    measure: Measure,
    template: Template,
    order: Order,
    places: NDArray[np.int64],
    withheld: NDArray[np.bool_],
) -> pa.Array:
    """One measure in canonical order; nothing stays in memory under a withheld cell."""
    values = _numbers(column, measure)[order]

    def refuse(wrong: NDArray[np.bool_], rule: str, sentence: str) -> None:
        wrong = wrong & ~withheld
        if wrong.any():
            cell = cell_key(int(places[int(wrong.argmax())]), template)
            many = f" This is so in {int(wrong.sum())} cells." if wrong.sum() > 1 else ""
            raise CubeError(f"{measure.id}: {sentence}{many}", rule=rule, cell=cell)

    if values.dtype == np.float64:
        refuse(~np.isfinite(values), "not-finite", "a value must be a finite number.")
    largest = LARGEST_COUNT if measure.type == "count" else LARGEST_AMOUNT
    refuse((values > largest) | (values < -largest), "out-of-range", "a value is too large to be true.")
    if measure.type == "amount":
        return pa.array(np.where(withheld, 0.0, values.astype(np.float64)), pa.float64(), mask=withheld)
    if template.protection.method != "noise":  # which takes small counts below zero as often as above the truth
        refuse(values < 0, "negative-count", "a count cannot be negative.")
    if values.dtype == np.float64:
        refuse(values != np.floor(values), "not-whole", "a count must be a whole number.")
    return pa.array(np.where(withheld, 0, values).astype(np.int64), pa.int64(), mask=withheld)


def _numbers(column: pa.ChunkedArray, measure: Measure) -> NDArray[Any]:
    """The column as int64 or float64, with 0 where it is null."""
    kind = column.type
    if not (_is_number(kind) or pa.types.is_null(kind)):
        raise CubeError(f"The column {measure.id} must hold numbers.", rule="wrong-type")
    whole = pa.types.is_integer(kind) and not pa.types.is_uint64(kind)
    numbers: NDArray[Any] = column.cast(pa.int64() if whole else pa.float64()).fill_null(0).to_numpy()
    return numbers


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _coded(index: NDArray[Any], codes: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32, copy=False)), pa.array(codes, pa.string()))


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"


def _cells_are(number: int) -> str:
    return "1 cell is" if number == 1 else f"{number} cells are"
