"""A table becomes a cube or is refused with a sentence that repeats nothing of it."""

from __future__ import annotations

import datetime
import io
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from anonymize import cube as cubes
from anonymize.cube import CubeError, arrays, cube_of, dense, lattice, read_cube, write_cube
from anonymize.cube_formats import LARGEST_FILE
from anonymize.template import load
from tests.anonymize.loans import cells_of, open_cube, random_loans, small_template

TEMPLATE = small_template()
SECRET = "Zhang Wei 13800138000"
ROWS: dict[str, list[Any]] = {
    "PRODUCT": ["_T", "A", "B"],
    "REGION": ["_T", "_T", "_T"],
    "DPD_BUCKET": ["_T", "_T", "_T"],
    "TIME_PERIOD": ["2026-10"] * 3,
    "ACCOUNTS": [50, None, None],
    "BORROWERS": [40, None, None],
    "BALANCE": [1000.5, None, None],
    "OBS_STATUS": ["A", "Q", "Q"],
    "CONF_STATUS": ["F", "C", "C"],
}
METADATA = {
    "concord.collection": "small",
    "concord.version": "1.0.0",
    "concord.period": "2026-10",
    "concord.institution": "ADA",
}


def rows(**changes: list[Any]) -> pa.Table:
    return pa.table(ROWS | changes)


def parquet(table: pa.Table, **metadata: str) -> bytes:
    stated = METADATA | {f"concord.{name}": text for name, text in metadata.items()}
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(stated), sink)
    return sink.getvalue()


def csv(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa_csv.write_csv(table, sink)
    return sink.getvalue()


def xlsx(table: pa.Table) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(table.column_names)
    for row in table.to_pylist():
        sheet.append(list(row.values()))
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def refused(content: bytes, media_type: str = cubes.PARQUET, **expected: str) -> CubeError:
    with pytest.raises(CubeError) as caught:
        read_cube(content, TEMPLATE, media_type, **expected)  # type: ignore[arg-type]
    return caught.value


def sdmx(table: pa.Table, structure: str = "CONCORD:small(1.0.0)", action: str = "I") -> pa.Table:
    number = table.num_rows
    front = {"STRUCTURE": ["dataflow"] * number, "STRUCTURE_ID": [structure] * number, "ACTION": [action] * number}
    return pa.table(front | {name: table.column(name) for name in table.column_names})


def test_a_cube_written_and_read_is_the_same_cube() -> None:
    cube = open_cube(cells_of(random_loans(TEMPLATE, 500), TEMPLATE), TEMPLATE)
    again = read_cube(write_cube(cube), TEMPLATE)
    assert again.table.equals(cube.table)
    assert (again.collection, again.version, again.period, again.institution) == ("small", "1.0.0", "2026-10", "ADA")


def test_the_same_cube_in_another_row_and_column_order_is_the_same_bytes() -> None:
    table = rows()
    mixed = table.take([2, 0, 1]).select(list(reversed(table.column_names)))
    first = write_cube(cube_of(table, TEMPLATE, institution="ADA"))
    assert write_cube(cube_of(mixed, TEMPLATE, institution="ADA")) == first


def test_a_withheld_value_is_not_in_the_bytes() -> None:
    table = rows(ACCOUNTS=[50, None, None])
    under_the_mask = pa.array(np.array([50.0, 987654321.0, 987654321.0]), mask=np.array([False, True, True]))
    table = table.set_column(table.column_names.index("BALANCE"), "BALANCE", under_the_mask)
    cube = cube_of(table, TEMPLATE, institution="ADA")
    pattern = np.float64(987654321.0).tobytes()
    assert all(pattern not in bytes(buffer) for buffer in _buffers(cube.table) if buffer is not None)


def _buffers(table: pa.Table) -> list[pa.Buffer | None]:
    return [buffer for column in table.columns for chunk in column.chunks for buffer in chunk.buffers()]


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        (cubes.PARQUET, parquet(rows())),
        (cubes.SDMX_CSV, csv(sdmx(rows()))),
        (cubes.SDMX_CSV, b"\xef\xbb\xbf" + csv(sdmx(rows()))),
        (cubes.SDMX_CSV, csv(rows()).replace(b",", b";")),
        (cubes.XLSX, xlsx(rows())),
        (cubes.XLSX, xlsx(rows(TIME_PERIOD=[datetime.date(2026, 10, 1)] * 3))),
    ],
    ids=["parquet", "sdmx-csv", "bom", "semicolons", "xlsx", "xlsx-dates"],
)
def test_every_format_gives_the_same_cube(media_type: str, content: bytes) -> None:
    expected = cube_of(rows(), TEMPLATE, institution="ADA")
    cube = read_cube(content, TEMPLATE, media_type, period="2026-10", institution="ADA")
    assert cube.table.equals(expected.table)
    assert cube.institution == "ADA"


def test_a_withheld_cell_is_nan_and_an_absent_one_zero() -> None:
    values = arrays(cube_of(rows(), TEMPLATE, institution="ADA"), TEMPLATE)["ACCOUNTS"]
    assert values.shape == TEMPLATE.shape
    assert values[0, 0, 0] == 50
    assert np.isnan(values[1, 0, 0])
    assert values[1, 1, 1] == 0


def test_cells_of_the_bank_scatter_to_the_same_lattice() -> None:
    cells = cells_of(random_loans(TEMPLATE, 200), TEMPLATE)
    contributors = dense(cells.table, TEMPLATE, "contributors")
    assert contributors.max() == contributors[0, 0, 0]
    assert lattice(TEMPLATE).shape == contributors.shape


@pytest.mark.parametrize(
    ("rule", "content"),
    [
        ("empty", b""),
        ("empty", parquet(rows().slice(0, 0))),
        ("unreadable", b"no parquet at all"),
        ("unreadable", parquet(rows())[:-40]),
        ("missing-column", parquet(rows().drop_columns(["TIME_PERIOD"]))),
        ("missing-column", parquet(rows().drop_columns(["BALANCE"]))),
        ("unmapped-column", parquet(rows().append_column(SECRET, pa.array([1, 2, 3])))),
        ("duplicate-column", parquet(rows().append_column("BALANCE", pa.array([1, 2, 3])))),
        ("wrong-type", parquet(rows(BALANCE=[SECRET, None, None]))),
        ("wrong-type", parquet(rows(ACCOUNTS=[True, None, None]))),
        ("wrong-type", parquet(rows(REGION=[1, 2, 3]))),
        ("missing-code", parquet(rows(REGION=["_T", None, "_T"]))),
        ("unknown-code", parquet(rows(PRODUCT=["_T", "A", SECRET]))),
        ("duplicate-cell", parquet(rows(PRODUCT=["_T", "A", "A"]))),
        ("too-large", parquet(pa.concat_tables([rows()] * 30))),
        ("wrong-collection", parquet(rows(), collection=SECRET)),
        ("wrong-version", parquet(rows(), version="0.9.0")),
        ("wrong-period", parquet(rows(), period=SECRET)),
        ("wrong-period", parquet(rows(TIME_PERIOD=[SECRET] * 3))),
        ("wrong-period", parquet(rows(TIME_PERIOD=["2026-10", "2026-10", "2026-09"]))),
        ("wrong-period", parquet(rows(TIME_PERIOD=["2026-10", "2026-10", None]))),
        ("unknown-status", parquet(rows(OBS_STATUS=["A", "Q", "D"]))),
        ("unknown-status", parquet(rows(CONF_STATUS=["F", "C", None]))),
        ("status-disagrees", parquet(rows(OBS_STATUS=["Q", "Q", "Q"]))),
        ("status-disagrees", parquet(rows(CONF_STATUS=["C", "C", "C"]))),
        ("status-disagrees", parquet(rows(BALANCE=[1000.5, 7.0, None]))),
        ("status-disagrees", parquet(rows(ACCOUNTS=[None, None, None]))),
        ("not-finite", parquet(rows(BALANCE=[float("nan"), None, None]))),
        ("not-finite", parquet(rows(BALANCE=[float("inf"), None, None]))),
        ("not-whole", parquet(rows(ACCOUNTS=[50.5, None, None]))),
        ("negative-count", parquet(rows(ACCOUNTS=[-50, None, None]))),
        ("out-of-range", parquet(rows(ACCOUNTS=[2**60, None, None]))),
        ("out-of-range", parquet(rows(BALANCE=[-1e30, None, None]))),
    ],
)
def test_a_table_that_is_not_a_cube_is_refused_by_rule(rule: str, content: bytes) -> None:
    refusal = refused(content)
    assert refusal.rule == rule
    assert rule in cubes.CUBE_RULES
    assert refusal.sentence.endswith(".")
    assert not any(word in refusal.sentence for word in SECRET.split())


@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_every_compression_is_read_and_what_browsers_unpack_is_written(codec: str) -> None:
    sink = io.BytesIO()
    pq.write_table(rows().replace_schema_metadata(METADATA), sink, compression=codec)
    written = write_cube(read_cube(sink.getvalue(), TEMPLATE))
    group = pq.read_metadata(io.BytesIO(written)).row_group(0)
    assert {group.column(at).compression for at in range(group.num_columns)} == {"GZIP"}
    assert written == write_cube(read_cube(parquet(rows()), TEMPLATE))


@pytest.mark.parametrize("media_type", [cubes.SDMX_CSV, cubes.XLSX])
@pytest.mark.parametrize(
    ("rule", "table"),
    [
        ("missing-column", rows().drop_columns(["BALANCE"])),
        ("unmapped-column", rows().append_column("NAME", pa.array([1, 2, 3]))),
        ("wrong-type", rows(BALANCE=[SECRET, None, None])),
        ("unknown-code", rows(PRODUCT=["_T", "A", SECRET])),
        ("status-disagrees", rows(BALANCE=[1000.5, 7.0, None])),
        ("negative-count", rows(ACCOUNTS=[-50, None, None])),
        ("empty", rows().slice(0, 0)),
        ("too-large", pa.concat_tables([rows()] * 30)),
        ("wrong-collection", sdmx(rows(), structure="CONCORD:other(1.0.0)")),
        ("wrong-version", sdmx(rows(), structure="CONCORD:small(2.0.0)")),
        ("unreadable", sdmx(rows(), action="D")),
    ],
)
def test_csv_and_excel_are_refused_by_the_same_rules(media_type: str, rule: str, table: pa.Table) -> None:
    refusal = refused(csv(table) if media_type == cubes.SDMX_CSV else xlsx(table), media_type)
    assert refusal.rule == rule
    assert not any(word in refusal.sentence for word in SECRET.split())


def test_a_ragged_csv_is_unreadable_and_not_quoted() -> None:
    refusal = refused(csv(rows()) + f"{SECRET},1\n".encode(), cubes.SDMX_CSV)
    assert refusal.rule == "unreadable"
    assert "Zhang" not in refusal.sentence


def test_a_csv_with_a_doubled_column_is_refused() -> None:
    content = csv(rows()).replace(b'"REGION"', b'"PRODUCT"')
    assert refused(content, cubes.SDMX_CSV).rule == "duplicate-column"


def test_a_zip_that_is_no_workbook_is_unreadable() -> None:
    assert refused(b"PK\x03\x04 and no more", cubes.XLSX).rule == "unreadable"


def test_another_media_type_is_refused_without_repeating_it() -> None:
    refusal = refused(parquet(rows()), SECRET)
    assert refusal.rule == "unsupported-media-type"
    assert SECRET not in refusal.sentence


def test_a_file_beyond_the_limit_is_refused_before_it_is_read() -> None:
    assert refused(bytes(LARGEST_FILE + 1)).rule == "too-large"


def test_a_cube_of_another_period_or_institution_is_refused() -> None:
    assert refused(parquet(rows()), period="2026-09").rule == "wrong-period"
    assert refused(parquet(rows()), institution="BELA").rule == "wrong-institution"


def test_a_refusal_names_the_cell() -> None:
    refusal = refused(parquet(rows(PRODUCT=["_T", "A", "A"])))
    assert refusal.cell == {"PRODUCT": "A", "REGION": "_T", "DPD_BUCKET": "_T"}


def test_a_file_is_read_by_its_ending(tmp_path: Any) -> None:
    (tmp_path / "cube.csv").write_bytes(csv(rows()))
    assert read_cube(tmp_path / "cube.csv", TEMPLATE).period == "2026-10"
    with pytest.raises(CubeError, match="cannot be read"):
        read_cube(tmp_path / "absent.parquet", TEMPLATE)


def test_a_cube_of_a_large_lattice_is_read_back_whole() -> None:
    template = load("delinquency")
    cube = open_cube(cells_of(random_loans(template, 2000), template), template)
    again = read_cube(write_cube(cube), template)
    assert np.array_equal(again.places, cube.places)
    assert all(np.array_equal(values, arrays(cube, template)[each]) for each, values in arrays(again, template).items())


def in_codes(dictionary: list[str | None], indices: list[int | None]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), pa.array(dictionary, pa.string()))


@pytest.mark.parametrize(
    ("dictionary", "indices"),
    [
        (["NOBODY KNOWS", "_T", "A", "B"], [1, 2, 3]),
        (["_T", "A", "A", "B", "B"], [0, 2, 4]),
        (["B", "A", "_T"], [2, 1, 0]),
    ],
)
def test_only_the_codes_that_rows_hold_count(dictionary: list[str | None], indices: list[int | None]) -> None:
    table = rows(PRODUCT=in_codes(dictionary, indices))
    assert write_cube(cube_of(table, TEMPLATE, institution="ADA")) == write_cube(
        cube_of(rows(), TEMPLATE, institution="ADA")
    )


@pytest.mark.parametrize(
    ("rule", "dictionary", "indices"),
    [
        ("missing-code", ["_T", None, "B"], [0, 1, 2]),
        ("missing-code", ["_T", "A", "B"], [0, None, 2]),
        ("unknown-code", ["_T", "X", "B"], [0, 1, 2]),
        ("duplicate-cell", ["_T", "A", "A"], [0, 1, 2]),
    ],
)
def test_a_dictionary_hides_no_wrong_code(rule: str, dictionary: list[str | None], indices: list[int | None]) -> None:
    with pytest.raises(CubeError) as caught:
        cube_of(rows(PRODUCT=in_codes(dictionary, indices)), TEMPLATE, institution="ADA")
    assert caught.value.rule == rule


@pytest.mark.parametrize("use_dictionary", [True, False])
def test_text_that_is_no_utf8_is_refused(use_dictionary: bool) -> None:
    broken = pa.StringArray.from_buffers(3, pa.py_buffer(np.array([0, 2, 3, 4], np.int32)), pa.py_buffer(b"\xff\xfeAB"))
    sink = io.BytesIO()
    pq.write_table(rows(PRODUCT=broken), sink, use_dictionary=use_dictionary)
    assert refused(sink.getvalue()).rule == "wrong-type"


@pytest.mark.parametrize("use_dictionary", [True, False])
def test_how_a_file_codes_its_texts_changes_nothing(use_dictionary: bool) -> None:
    sink = io.BytesIO()
    pq.write_table(rows(), sink, use_dictionary=use_dictionary, row_group_size=1)  # a dictionary for each row
    cube = read_cube(sink.getvalue(), TEMPLATE, institution="ADA")
    assert write_cube(cube) == write_cube(cube_of(rows(), TEMPLATE, institution="ADA"))


def test_numbers_in_the_place_of_codes_are_refused() -> None:
    assert refused(parquet(rows(PRODUCT=[1, 2, 3]))).rule == "wrong-type"
    assert refused(parquet(rows(PRODUCT=[b"_T", b"A", b"B"]))).rule == "wrong-type"


def test_rows_in_any_order_are_the_same_cube() -> None:
    backwards = rows().take([2, 1, 0])
    assert write_cube(cube_of(backwards, TEMPLATE, institution="ADA")) == write_cube(
        cube_of(rows(), TEMPLATE, institution="ADA")
    )
