"""A tape opens whatever its format, and a bad one is refused with its place and a remedy."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymize.errors import LoanTapeError
from anonymize.tape import Tape, open_tape

HEADER, ROW = "loan,产品,balance", "007,住房按揭,12.50"


def write(folder: Path, content: bytes, name: str = "tape.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def rows(tape: Tape) -> list[tuple[str, ...]]:
    with tape:
        return tape.run("FROM tape")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "\x01"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_text_file_opens_in_any_usual_layout(tmp_path: Path, encoding: str, delimiter: str, end: str) -> None:
    text = end.join([HEADER, ROW, ""]).replace(",", delimiter)
    tape = open_tape(write(tmp_path, text.encode(encoding)))
    assert tape.column_names == ("loan", "产品", "balance")
    assert rows(tape) == [("007", "住房按揭", "12.50")]


def test_a_code_with_leading_zeros_stays_text(tmp_path: Path) -> None:
    with open_tape(write(tmp_path, b"branch\n007\n012\n")) as tape:
        assert tape.columns[0].type == "VARCHAR"
        assert tape.run("FROM tape") == [("007",), ("012",)]


def test_quotes_may_hold_delimiters_and_line_ends(tmp_path: Path) -> None:
    assert rows(open_tape(write(tmp_path, b'a,b\n"x, ""y""\nz",2\n'))) == [('x, "y"\nz', "2")]


def test_a_compressed_text_file_opens(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b"a,b\n1,2\n"), "tape.csv.gz")
    assert rows(open_tape(path)) == [("1", "2")]


def test_a_delimiter_may_have_several_characters(tmp_path: Path) -> None:
    path = write(tmp_path, b'loan@|@balance\n7@|@"a@|@b"\n')
    assert rows(open_tape(path, delimiter="@|@")) == [("7", "a@|@b")]
    assert "at most 4 bytes" in refused(path, delimiter="@@@@@").sentence


def test_a_text_file_packed_by_zstd_opens(tmp_path: Path) -> None:
    with pa.output_stream(tmp_path / "tape.csv.zst", compression="zstd") as stream:
        stream.write(b"a,b\n1,2\n")
    assert rows(open_tape(tmp_path / "tape.csv.zst")) == [("1", "2")]
    write(tmp_path, (tmp_path / "tape.csv.zst").read_bytes()[:-8], "cut.csv.zst")
    assert refused(tmp_path / "cut.csv.zst").rule in {"truncated-tape", "unreadable-tape"}


def test_a_glob_is_one_tape(tmp_path: Path) -> None:
    for number in (1, 2):
        pq.write_table(pa.table({"loan": [number]}), tmp_path / f"{number}.parquet")
    assert sorted(rows(open_tape(f"{tmp_path}/*.parquet"))) == [(1,), (2,)]


def test_a_table_in_memory_is_a_tape() -> None:
    assert rows(open_tape(pa.table({"loan": [1]}))) == [(1,)]


def test_closing_a_tape_leaves_nothing_behind(tmp_path: Path) -> None:
    tape = open_tape(write(tmp_path, f"{HEADER}\n{ROW}\n".encode("gb18030")))
    copy = Path(tape.workspace.name)
    assert list(copy.iterdir())
    tape.close()
    assert not copy.exists()


def refused(source: str | Path, **options: str) -> LoanTapeError:
    """The error of a tape that is opened and read to its end."""
    with pytest.raises(LoanTapeError) as caught, open_tape(source, **options) as tape:
        tape.run("SELECT * FROM tape")
    assert caught.value.__cause__ is None or "12.50" not in str(caught.value.__cause__)
    return caught.value


@pytest.mark.parametrize("name", ["tape.csv", "tape.parquet"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    error = refused(write(tmp_path, b"", name))
    assert error.rule == "empty-tape"
    assert error.sentence == f"{tmp_path / name} is empty. Export the tape again."


def test_a_tape_of_column_names_only_is_refused(tmp_path: Path) -> None:
    assert "has column names and no rows" in refused(write(tmp_path, b"a,b\n")).sentence
    pq.write_table(pa.table({"loan": pa.array([], pa.int64())}), tmp_path / "none.parquet")
    assert "has column names and no rows" in refused(tmp_path / "none.parquet").sentence


def test_a_blank_first_line_is_refused(tmp_path: Path) -> None:
    assert "first line must hold the column names" in refused(write(tmp_path, b"\na,b\n1,2\n")).sentence


def test_a_row_with_a_field_less_names_its_line_and_no_value(tmp_path: Path) -> None:
    error = refused(write(tmp_path, b"loan,name,balance\n1,x,12.50\n2,Ada Secret\n"))
    assert "line 3: 2 fields instead of 3" in error.sentence
    assert "Secret" not in error.sentence


def test_a_quoted_text_that_does_not_end_is_refused(tmp_path: Path) -> None:
    assert "does not end" in refused(write(tmp_path, b'a,b\n1,"cut o')).sentence


def test_a_cut_off_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tape.parquet"
    pq.write_table(pa.table({"loan": list(range(1000))}), path)
    path.write_bytes(path.read_bytes()[:-100])
    assert refused(path).rule == "truncated-tape"


def test_a_damaged_parquet_page_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tape.parquet"
    pq.write_table(pa.table({"loan": [f"customer {number}" for number in range(10_000)]}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[100:600] = bytes(500)
    path.write_bytes(bytes(content))
    assert "cannot be read to its end" in refused(path).sentence


def test_a_cut_off_compressed_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * 7919) for number in range(200_000)))
    assert refused(write(tmp_path, whole[: len(whole) // 2], "tape.csv.gz")).rule in {
        "truncated-tape",
        "unreadable-tape",
    }


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    assert "not a text file" in refused(write(tmp_path, bytes(range(256)))).sentence
    assert "not a whole Excel workbook" in refused(write(tmp_path, b"PK\x03\x04...", "tape.xlsx")).sentence
    assert "not an Excel workbook" in refused(write(tmp_path, b"a,b\n1,2\n", "tape.xlsx")).sentence
    assert "old (.xls)" in refused(write(tmp_path, b"\xd0\xcf\x11\xe0\xa1\xb1", "tape.xls")).sentence
    assert "not a Parquet file" in refused(write(tmp_path, b"a,b\n1,2\n", "tape.parquet")).sentence


def test_bytes_in_no_known_encoding_are_refused(tmp_path: Path) -> None:
    assert "neither UTF-8 nor GB18030" in refused(write(tmp_path, b"a,b\n\xff\xff,2\n")).sentence


def test_a_wrong_encoding_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, b"a,b\n\xff\xff,2\n")
    assert "is not gb18030 text" in refused(path, encoding="GBK").sentence
    assert "not known" in refused(path, encoding="klingon").sentence


@pytest.mark.parametrize("header", ["loan,balance,loan", "loan,balance,LOAN", "loan,balance, loan "])
def test_a_column_that_is_there_twice_is_refused(tmp_path: Path, header: str) -> None:
    error = refused(write(tmp_path, f"{header}\n1,2,3\n".encode()))
    assert error.rule == "duplicate-column"
    pq.write_table(pa.table([[1], [2]], names=["loan", "LOAN"]), tmp_path / "twice.parquet")
    assert refused(tmp_path / "twice.parquet").rule == "duplicate-column"


def test_files_of_one_tape_must_agree(tmp_path: Path) -> None:
    write(tmp_path, b"a,b\n1,2\n", "1.csv")
    write(tmp_path, b"a,c\n1,2\n", "2.csv")
    assert "has other columns than" in refused(f"{tmp_path}/*.csv").sentence


def test_a_tape_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.csv").rule == "no-such-tape"
    assert refused(f"{tmp_path}/*.csv").rule == "no-such-tape"
    assert "folder without data files" in refused(tmp_path).sentence
    assert "not a place" in refused("https://example.org/tape.csv").sentence


def test_a_wrong_byte_deep_in_a_file_is_refused_with_its_line(tmp_path: Path) -> None:
    lines = b"".join(b"%d,ordinary text\n" % number for number in range(100_000))
    error = refused(write(tmp_path, b"a,b\n" + lines + "1,按揭\n".encode("gb18030")))
    assert "line 100002: not valid UTF-8. Set encoding" in error.sentence
