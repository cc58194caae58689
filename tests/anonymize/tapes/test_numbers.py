"""A column that is no number everywhere is refused with the place and the remedy, and never with a value."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from anonymize.tape import open_tape
from anonymize.tapes.numbers import why_not_numbers


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
@pytest.mark.parametrize(
    ("written", "why"),
    [
        ('"1,234.56"', "1 have thousands separators, in line 4 of {file}: sql = \"replace(余额, ',', '')\"."),
        ("１２３", '1 have full-width digits, in line 4 of {file}: sql = "translate(余额,'),
        ('"12,5"', "1 have a decimal comma, in line 4 of {file}: sql = \"replace(余额, ',', '.')\"."),
        ("Ada", "The first is in line 4 of {file}."),
    ],
)
def test_the_first_value_that_is_no_number_is_placed(tmp_path: Path, encoding: str, written: str, why: str) -> None:
    path = tmp_path / "tape.csv"
    path.write_bytes(f'loan,余额\n"1\n",12.50\n2,{written}\n3,1e3\n'.encode(encoding))
    with open_tape(path) as tape:
        said = why_not_numbers(tape, "余额")
    assert why.format(file=path) in said
    assert "Ada" not in said


def test_a_remedy_works(tmp_path: Path) -> None:
    path = tmp_path / "tape.csv"
    path.write_text('loan,balance\n1,"-1,234.56"\n2,１２．５\n')
    with open_tape(path) as tape:
        for row, value in (("1", -1234.56), ("2", 12.5)):
            said = why_not_numbers(tape, "balance") if row == "2" else " x: sql = \"replace(balance, ',', '')\"."
            sql = said.split('sql = "')[1].removesuffix('".')
            assert tape.run(f"SELECT ({sql})::DOUBLE FROM tape WHERE loan = '{row}'") == [(value,)]


def test_a_tape_that_is_no_text_has_no_lines() -> None:
    with open_tape(pa.table({"balance": ["1,000", None]})) as tape:
        assert "1 have thousands separators: sql" in why_not_numbers(tape, "balance")
