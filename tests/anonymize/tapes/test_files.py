"""A folder is a tape: its partitions are columns, what is no data is passed over, what does not fit is refused."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymize.errors import LoanTapeError
from anonymize.periods import period_of
from anonymize.tape import Tape, open_tape
from anonymize.tapes.reading import PeriodFilter, Wanted

MONTHS = ("2026-08", "2026-09", "2026-10")


def partitions(folder: Path, months: tuple[str, ...] = MONTHS) -> Path:
    for number, month in enumerate(months):
        for region in ("33", "11"):
            path = folder / f"month={month}" / f"region={region}" / "part-0.parquet"
            path.parent.mkdir(parents=True)
            pq.write_table(pa.table({"loan": [number]}), path)
    return folder


def of(period: str, expression: str = '"month"') -> Wanted:
    return Wanted(list, PeriodFilter(expression, period, partial(period_of, frequency="M")))


def rows(tape: Tape) -> list[tuple[object, ...]]:
    with tape:
        return tape.run("FROM tape ORDER BY ALL")


def refused(source: str | Path, wanted: Wanted | None = None) -> LoanTapeError:
    with pytest.raises(LoanTapeError) as caught, open_tape(source, **({"wanted": wanted} if wanted else {})):
        pass
    return caught.value


def test_the_keys_of_partitions_are_columns_of_text(tmp_path: Path) -> None:
    tape = open_tape(partitions(tmp_path))
    assert tape.column_names == ("loan", "month", "region")
    assert rows(tape)[0] == (0, "2026-08", "11")


def test_a_partitioned_glob_has_the_same_columns_as_its_folder(tmp_path: Path) -> None:
    partitions(tmp_path)
    assert rows(open_tape(f"{tmp_path}/*/*/*.parquet")) == rows(open_tape(tmp_path))


@pytest.mark.parametrize("expression", ['"month"', "(replace(month, '-', '')\n)"])
def test_only_the_partition_of_the_period_is_opened(tmp_path: Path, expression: str) -> None:
    partitions(tmp_path)
    for path in tmp_path.glob("month=2026-0*/*/*.parquet"):
        path.write_bytes(b"PAR1 damaged")  # nobody may notice
    assert rows(open_tape(tmp_path, wanted=of("2026-10", expression))) == [(2, "2026-10", "11"), (2, "2026-10", "33")]


def test_a_period_without_a_partition_is_refused(tmp_path: Path) -> None:
    error = refused(partitions(tmp_path), of("2026-11"))
    assert error.sentence == "The tape has no partition of 2026-11; it is of 2026-08 to 2026-10."


def test_a_partition_without_a_period_is_not_overlooked(tmp_path: Path) -> None:
    partitions(tmp_path, (*MONTHS, "__HIVE_DEFAULT_PARTITION__"))
    assert (3, None, "11") in rows(open_tape(tmp_path, wanted=of("2026-10")))


def test_a_column_in_the_files_wins_over_a_folder_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "month=2026-09").mkdir()
    pq.write_table(pa.table({"loan": [1], "month": ["2026-10"]}), tmp_path / "month=2026-09" / "a.parquet")
    assert rows(open_tape(tmp_path, wanted=of("2026-10"))) == [(1, "2026-10")]


def test_text_files_may_be_partitioned_too(tmp_path: Path) -> None:
    for month in MONTHS:
        (tmp_path / f"month={month}").mkdir()
        (tmp_path / f"month={month}" / "tape.csv").write_text(f"loan\n{month[-2:]}\n")
    assert rows(open_tape(tmp_path, wanted=of("2026-10"))) == [("10", "2026-10")]


def test_what_a_job_leaves_beside_the_data_is_no_data(tmp_path: Path) -> None:
    partitions(tmp_path)
    for name in ("_SUCCESS", ".part-0.parquet.crc", "part-0.parquet.crc"):
        (tmp_path / "month=2026-10" / name).write_bytes(b"")
    (tmp_path / "_temporary").mkdir()
    (tmp_path / "_temporary" / "half.parquet").write_bytes(b"PAR1")
    assert len(rows(open_tape(tmp_path))) == 6


def test_a_partition_without_rows_is_part_of_the_tape(tmp_path: Path) -> None:
    partitions(tmp_path)
    pq.write_table(pa.table({"loan": pa.array([], pa.int64())}), tmp_path / "month=2026-10/region=11/part-0.parquet")
    assert len(rows(open_tape(tmp_path))) == 5


def test_a_file_that_may_be_data_is_not_passed_over(tmp_path: Path) -> None:
    partitions(tmp_path)
    (tmp_path / "more.json").write_text("{}")
    assert "more.json is neither CSV, Parquet nor Excel" in refused(tmp_path).sentence


def test_files_of_other_columns_types_or_partitions_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"loan": [1]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"loan": ["1"]}), tmp_path / "2.parquet")
    assert "the column 'loan' is string, but int64 in" in refused(tmp_path).sentence
    pq.write_table(pa.table({"account": [1]}), tmp_path / "2.parquet")
    assert "has other columns than" in refused(tmp_path).sentence
    (tmp_path / "2.parquet").write_text("loan\n1\n")
    assert "2.parquet is not a Parquet file" in refused(tmp_path).sentence
    (tmp_path / "2.parquet").rename(tmp_path / "2.csv")
    assert "are of different kinds" in refused(tmp_path).sentence
    (tmp_path / "2.csv").unlink()
    (tmp_path / "month=2026-10").mkdir()
    pq.write_table(pa.table({"loan": [1]}), tmp_path / "month=2026-10" / "2.parquet")
    assert "has other partition folders than" in refused(tmp_path).sentence


def test_links_are_followed_and_a_circle_of_them_is_refused(tmp_path: Path) -> None:
    real, tape = tmp_path / "real", tmp_path / "tape"
    real.mkdir()
    tape.mkdir()
    pq.write_table(pa.table({"loan": [1]}), real / "1.parquet")
    (tape / "linked").symlink_to(real)
    assert rows(open_tape(tape)) == [(1,)]
    (real / "back").symlink_to(tape)
    assert "leads back to a folder above it" in refused(tape).sentence
    (tape / "gone.parquet").symlink_to(tmp_path / "nothing")
    assert refused(tape / "gone.parquet").rule == "no-such-tape"


def test_a_pipe_is_no_tape(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "is a pipe or a device" in refused(tmp_path / "pipe.csv").sentence


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tape.csv").write_text("a\n1\n")
    (tmp_path / "tape.csv").chmod(0)
    assert "cannot be opened" in refused(tmp_path / "tape.csv").sentence


def test_a_tape_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text("a\n1\n")
    with open_tape(path) as tape:
        tape.check_unchanged()
        path.write_text("a\n1\n2\n")
        with pytest.raises(LoanTapeError, match="changed while it was read"):
            tape.check_unchanged()


def test_ten_thousand_columns_open(tmp_path: Path) -> None:
    names = [f"column number {number}" for number in range(10_000)]
    (tmp_path / "wide.csv").write_text(f"{','.join(names)}\n{','.join('1' for _ in names)}\n")
    with open_tape(tmp_path / "wide.csv", wanted=of("2026-10")) as tape:
        assert len(tape.columns) == 10_000


def test_a_sample_of_a_text_file_is_from_all_over_it(tmp_path: Path) -> None:
    lines = "\n".join(f"{number},{'text' * 12}" for number in range(200_000))
    (tmp_path / "tape.csv").write_text(f"number,text\n{lines}\n")
    with open_tape(tmp_path / "tape.csv", wanted=of("2026-10")) as tape:
        assert tape.run("SELECT 1 FROM duckdb_tables() WHERE table_name = 'tape_sample'"), "kept, not read anew"
        sample = [int(row[0]) for row in tape.run("SELECT number FROM tape_sample")]
    assert len(sample) > 3_000
    assert max(sample) > 190_000
    assert len({number // 10_000 for number in sample}) == 20


def test_a_sample_of_parquet_files_is_from_all_over_them(tmp_path: Path) -> None:
    for file, rows in enumerate((250_000, 10_000, 140_000)):
        start = file * 1_000_000
        pq.write_table(
            pa.table({"number": range(start, start + rows)}), tmp_path / f"{file}.parquet", row_group_size=20_000
        )
    with open_tape(tmp_path) as tape:
        sample = [row[0] for row in tape.run("SELECT number FROM tape_sample")]
        assert tape.run("SELECT count(*) FROM tape")[0][0] == 400_000
    assert 4_000 < len(sample) == len(set(sample)) <= 5_000
    pieces = {number // 10_000 for number in sample}
    assert {piece // 100 for piece in pieces} == {0, 1, 2}
    assert len(pieces) > 25


def test_a_small_parquet_tape_is_sampled_whole(tmp_path: Path) -> None:
    pq.write_table(pa.table({"number": range(3_000)}), tmp_path / "loans.parquet")
    with open_tape(tmp_path / "loans.parquet") as tape:
        assert tape.run("SELECT count(DISTINCT number) FROM tape_sample") == [(3_000,)]
