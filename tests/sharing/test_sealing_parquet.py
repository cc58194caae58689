"""The sealing page's own reader of Parquet: the cells that pyarrow reads, or a refusal, and never more than was allowed."""

from __future__ import annotations

import base64
import io
import itertools
import math
import random
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymize.cube import SDMX_CSV, read_cube, write_cube
from anonymize.template import load
from sharing.template_facts import facts_of
from tests.bench.opening import sound_cube
from tests.sharing.test_sealing_script import NODE, run

pytestmark = pytest.mark.skipif(NODE is None, reason="no Node on this machine")

MUTANTS = 2_000
READING = """
import { readParquet } from "./parquet.js";
import { Unreadable } from "./unreadable.js";
const shown = (cell) => (typeof cell === "number" && !Number.isFinite(cell) || Object.is(cell, -0) ? { number: String(cell) } : cell);
const answers = [];
let slowest = 0;
for (const text of given.files) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const started = performance.now();
  try {
    const { names, rows, stated } = await readParquet(bytes, given.wanted, given.most);
    answers.push({ names, stated, rows: rows.map((row) => row.cells.map(shown)) });
  } catch (wrong) {
    answers.push({ rule: wrong instanceof Unreadable ? wrong.rule : wrong.name, ...wrong.finding });
  }
  slowest = Math.max(slowest, performance.now() - started);
}
console.log(JSON.stringify({ answers, slowest }));
"""


def read(*files: bytes, wanted=("CODE", "COUNT", "AMOUNT", "SMALL", "RATE", "FLAG", "EMPTY"), most=10_000):
    """What the page makes of each file."""
    texts = [base64.b64encode(each).decode() for each in files]
    found = run(READING, {"files": texts, "wanted": list(wanted), "most": most})
    assert found["slowest"] < 5_000
    return found["answers"]


def cells(table: pa.Table) -> list[list[object]]:
    """As the page shows them: texts of booleans and of what a double does not hold, null where there is nothing."""
    columns = [column.to_pylist() for column in table.columns]
    return [[_cell(value) for value in row] for row in zip(*columns, strict=True)]


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int) and abs(value) >= 2**53:
        return str(value)
    if isinstance(value, float) and (not math.isfinite(value) or (value == 0 and math.copysign(1, value) < 0)):
        return {"number": {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN", "-0.0": "0"}.get(str(value), "0")}
    return value


def table(nulls: bool, rows: int = 1_500) -> pa.Table:
    rng = random.Random(20261124)
    codes = ["_T", "CARD", "CN-ZJ", "逾期", "", "x" * 70, *[f"C{number}" for number in range(300)]]

    def column(kind: pa.DataType, make) -> pa.Array:
        return pa.array([None if nulls and rng.random() < 0.2 else make() for _ in range(rows)], kind)

    return pa.table(
        {
            "CODE": column(pa.string(), lambda: rng.choice(codes)),
            "COUNT": column(
                pa.int64(), lambda: rng.choice([0, 1, -7, 2**31, 2**53 - 1, 2**53 + 1, -(2**63), 2**63 - 1])
            ),
            "AMOUNT": column(pa.float64(), lambda: rng.choice([0.1, 1e300, -12.5, math.inf, math.nan, rng.random()])),
            "SMALL": column(pa.int32(), lambda: rng.randint(-(2**31), 2**31 - 1)),
            "RATE": column(pa.float32(), lambda: rng.choice([0.5, -1.25, 3.0])),
            "FLAG": column(pa.bool_(), lambda: rng.random() < 0.5),
            "EMPTY": column(pa.string(), lambda: "") if not nulls else pa.nulls(rows, pa.string()),
        }
    )


def written(content: pa.Table, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(content, sink, **options)
    return sink.getvalue()


VARIANTS = list(
    itertools.product(["none", "snappy", "gzip"], ["1.0", "2.0"], [True, False], [True, False], [10_000, 400])
)


def test_it_reads_what_pyarrow_writes_in_every_supported_variant():
    required = table(False)
    required = required.cast(pa.schema([field.with_nullable(False) for field in required.schema]))
    files, expected = [], []
    for codec, version, coded, small_pages, group in VARIANTS:
        for content in (table(True), table(False), required):
            files.append(
                written(
                    content,
                    compression=codec,
                    data_page_version=version,
                    use_dictionary=coded,
                    data_page_size=500 if small_pages else None,
                    write_batch_size=50 if small_pages else None,
                    row_group_size=group,
                )
            )
            expected.append(content)
    for start in range(0, len(files), 24):
        for answer, content in zip(read(*files[start : start + 24]), expected[start : start + 24], strict=True):
            assert answer.get("names") == content.column_names, answer
            assert answer["rows"] == cells(content)


@pytest.mark.parametrize("codec", ["uncompressed", "snappy", "gzip"])
@pytest.mark.parametrize("group", [2_048, 100_000])
def test_it_reads_what_duckdb_writes(tmp_path, codec, group):
    path = tmp_path / "cube.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE cube AS SELECT 'C' || i % 17 AS CODE, CASE WHEN i % 5 > 0 THEN i END AS COUNT, i / 7 AS AMOUNT, "
            "CAST(i AS INTEGER) AS SMALL, CAST(i / 4 AS FLOAT) AS RATE, i % 3 = 0 AS FLAG, NULL::VARCHAR AS EMPTY "
            "FROM range(5000) AS t(i)"
        )
        connection.execute(f"COPY cube TO '{path}' (FORMAT parquet, CODEC '{codec}', ROW_GROUP_SIZE {group})")
    (answer,) = read(path.read_bytes())
    assert answer["rows"] == cells(pq.read_table(path))


def test_what_it_does_not_read_is_refused_with_the_remedy():
    content = table(True, 50)
    nested = pa.table({"CODE": pa.array([["a"], ["b"]])})
    struct = pa.table({"CODE": pa.array([{"a": 1}])})
    kinds = [written(content, compression=codec) for codec in ("zstd", "lz4", "brotli")]
    kinds += [written(content, use_dictionary=False, column_encoding={"COUNT": "DELTA_BINARY_PACKED"})]
    kinds += [written(content, use_dictionary=False, column_encoding={"CODE": "DELTA_BYTE_ARRAY"})]
    kinds += [written(content, use_dictionary=False, column_encoding={"AMOUNT": "BYTE_STREAM_SPLIT"})]
    kinds += [written(nested), written(struct)]
    for answer in read(*kinds):
        assert answer == {"rule": "unreadable", "words": "parquet-kind"}
    types = [
        pa.array([Decimal("1.25")], pa.decimal128(9, 2)),
        pa.array([date(2026, 10, 1)]),
        pa.array([datetime(2026, 10, 1, tzinfo=UTC)]),
        pa.array([b"12345678"], pa.binary(8)),
    ]
    short = [written(pa.table({"AMOUNT": each}), store_decimal_as_integer=True) for each in types]
    for answer in read(*short, written(pa.table({"AMOUNT": types[2]}), use_deprecated_int96_timestamps=True)):
        assert answer == {"rule": "wrong-type", "words": "parquet-type", "column": "AMOUNT"}
    (answer,) = read(
        written(pa.table({"COUNT": pa.array([2**64 - 1], pa.uint64()), "SMALL": pa.array([2**32 - 1], pa.uint32())}))
    )
    assert answer["rows"] == [[str(2**64 - 1), 2**32 - 1]]


def test_a_column_that_nobody_asked_for_is_named_and_not_unpacked():
    wide = pa.table({"CODE": ["_T"], "NAME": ["planted"]})
    (answer,) = read(written(wide))
    assert (answer["names"], answer["rows"]) == (["CODE", "NAME"], [[]])
    hundreds = pa.table({f"C{number}": ["planted"] * 200 for number in range(2_000)})
    (answer,) = read(written(hundreds))
    assert (len(answer["names"]), answer["rows"]) == (2_000, [[]] * 200)


def test_more_rows_than_cells_are_refused_before_they_are_made():
    million = pa.table({"CODE": pa.array(["_T"] * 3_000_000)})  # a few kilobytes
    small = written(million, compression="gzip")
    assert len(small) < 20_000
    assert read(small) == [{"rule": "too-large"}]


def test_mutants_are_refused_or_read_as_pyarrow_reads_them():
    """The metadata, the pages' heads and what is packed: bytes changed, taken out, put in, cut off."""
    rng = random.Random(7)
    content = table(True, 60)
    sound = [
        written(content, compression=codec, data_page_version=version, row_group_size=group, store_schema=False)
        for codec, version, group in itertools.product(["none", "snappy", "gzip"], ["1.0", "2.0"], [60, 20])
    ]
    mutants = [_mutated(rng.choice(sound), rng) for _ in range(MUTANTS)]
    answers = [each for at in range(0, MUTANTS, 500) for each in read(*mutants[at : at + 500])]
    refused = sum("rule" in each for each in answers)
    assert MUTANTS * 0.2 < refused < MUTANTS
    for mutant, answer in zip(mutants, answers, strict=True):
        if "rule" in answer:
            assert answer["rule"] in {"unreadable", "too-large", "wrong-type", "RangeError", "TypeError", "Error"}, (
                answer
            )
            continue
        theirs = _by_pyarrow(mutant)
        if theirs is not None and theirs.column_names == answer["names"] == content.column_names:
            assert answer["rows"] == cells(theirs)


def test_no_damaged_bit_of_a_packed_page_becomes_another_figure():
    """Our own files: gzip has a checksum of every page."""
    content = table(False, 30).select(["CODE", "COUNT", "AMOUNT"])
    whole = written(content, compression="gzip", store_schema=False, use_dictionary=["CODE"])
    end = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    damaged = [whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :] for at in range(4, end)]
    answers = read(*damaged)
    assert sum("rule" in each for each in answers) > len(damaged) / 2
    assert all("rule" in each or each["rows"] == cells(content) for each in answers)


def _mutated(content: bytes, rng: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(found) // 2, len(found)) if rng.random() < 0.5 else rng.randrange(len(found))
        match rng.randrange(5):
            case 0 | 1:
                found[at] ^= 1 << rng.randrange(8)
            case 2:
                found[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
            case 3:
                del found[at : at + rng.randint(1, 30)]
            case 4:
                found[at:at] = rng.randbytes(rng.randint(1, 8))
    return bytes(found)


def _by_pyarrow(content: bytes) -> pa.Table | None:
    try:
        return pq.read_table(io.BytesIO(content), use_threads=False)
    except (pa.ArrowException, OSError, ValueError, UnicodeDecodeError):
        return None


CHECKING = """
import { readFile } from "./reading.js";
const { template } = given;
for (const dimension of template.dimensions) dimension.index = new Map(dimension.codes.map((code, at) => [code.id, at]));
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const answers = [];
for (const text of given.files) {
  const { findings, cube, content, mediaType } = await readFile(new Blob([bytes(text)]), template, 2 ** 24, "CN-001");
  answers.push({ findings: findings.all.map(({ rule, words, column }) => [rule, words, column ?? null]), mediaType,
    cells: cube?.lines.length, content: content && new TextDecoder().decode(content) });
}
console.log(JSON.stringify(answers));
"""


def checked(*files: bytes):
    """What the page would seal of each file of the delinquency collection, or what it finds fault with."""
    texts = [base64.b64encode(each).decode() for each in files]
    return run(CHECKING, {"template": facts_of(load("delinquency"), "2026-10"), "files": texts})


def test_a_cube_is_sealed_as_the_same_cube():
    template = load("delinquency")
    cube = sound_cube(template)
    content = write_cube(cube)
    (answer,) = checked(content)
    assert (answer["findings"], answer["cells"], answer["mediaType"]) == ([], cube.table.num_rows, SDMX_CSV)
    again = read_cube(answer["content"].encode(), template, SDMX_CSV, period="2026-10", institution="CN-001")
    assert write_cube(again) == content


def test_what_the_file_says_of_itself_is_checked():
    cube = sound_cube(load("delinquency"))
    said = {"collection": "delinquency", "version": "1.0.0", "period": "2026-10", "institution": "CN-001"}
    files = []
    for name in said:
        for text in ("other", ""):
            stated = {f"concord.{key}": value for key, value in (said | {name: text}).items()}
            files.append(written(cube.table.replace_schema_metadata(stated), compression="snappy"))
    answers = checked(*files)
    for name, wrong, silent in zip(said, answers[::2], answers[1::2], strict=True):
        words = "other-period" if name == "period" else f"wrong-{name}"
        assert (wrong["findings"], wrong["content"]) == ([[f"wrong-{name}", words, None]], None)
        assert (silent["findings"], silent["cells"]) == ([], cube.table.num_rows)


def test_mistakes_in_a_cube_are_those_of_the_server():
    template = load("delinquency")
    cube = sound_cube(template)
    at = cube.table.column_names.index("BALANCE")
    wrong = cube.table.set_column(at, "BALANCE", pa.array([1.0, *cube.table.column("BALANCE").to_pylist()[1:]]))
    lacking = cube.table.drop_columns(["BALANCE"])
    texts = cube.table.set_column(at, "BALANCE", pa.array(["much"] * cube.table.num_rows))
    doubled = pa.concat_tables([cube.table.slice(0, 10), cube.table.slice(0, 10)])
    files = [written(each, compression="gzip") for each in (wrong, lacking, texts, doubled)]
    rules = [{finding[0] for finding in answer["findings"]} for answer in checked(*files)]
    assert rules == [{"totals-add-up"}, {"missing-column"}, {"wrong-type", "status-disagrees"}, {"duplicate-cell"}]
    assert all(answer["content"] is None for answer in checked(*files))
    (old,) = checked(written(cube.table, compression="zstd"))
    assert old["findings"] == [["unreadable", "parquet-kind", None]]
