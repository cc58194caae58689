"""A proposed mapping says what it found and why, leaves open what it did not, and shows nobody's data."""

from __future__ import annotations

import json
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st

from anonymize.aggregate import aggregate
from anonymize.cli import main
from anonymize.errors import LoanTapeError, MappingError
from anonymize.mapping import load_mapping
from anonymize.mappings.proposal import Proposal, propose
from anonymize.mappings.proposal_file import written
from anonymize.simulate import SCENARIOS, mapping_for_simulated, simulate_tapes
from anonymize.simulated.institutions import demo_institutions
from anonymize.tape import open_tape
from anonymize.template import Template, load

DELINQUENCY = load("delinquency")
PERIOD = "2026-10"
CORE_BANKING: dict[str, list[Any]] = {
    "SJRQ": ["2026-10-31"] * 200,
    "KHH": [f"C{number:06d}" for number in range(200)],
    "KHXM": [f"王{chr(0x4E00 + number)}明" for number in range(200)],
    "DKPZ": ["房贷", "车贷", "贷记卡", "消费贷款", "神秘贷款"] * 40,
    "XZQHDM": ["330000", "310000", "33", "440000"] * 50,
    "NBPJ": ["A", "B", "C", "D", "E"] * 40,
    "YQTS": [str(number % 120) for number in range(200)],
    "DKYE": [f"{number}.50" for number in range(1000, 1200)],
}


def proposed(table: pa.Table, template: Template = DELINQUENCY) -> Proposal:
    with open_tape(table) as tape:
        return propose(tape, template)


@pytest.fixture(scope="module")
def simulated() -> pa.Table:
    smallest = min(demo_institutions(), key=lambda profile: profile.loans)
    return next(simulate_tapes(smallest, [PERIOD], SCENARIOS["calm"], seed=7))[1]


def test_a_simulated_tape_gets_the_cube_of_the_shipped_mapping(simulated: pa.Table, tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(written(proposed(simulated)), encoding="utf-8")
    with open_tape(simulated) as tape:
        found = aggregate(tape, load_mapping(path, DELINQUENCY), DELINQUENCY, PERIOD)
        expected = aggregate(tape, mapping_for_simulated(), DELINQUENCY, PERIOD)
    assert found.table.equals(expected.table)


def test_chinese_and_pinyin_names_are_understood(tmp_path: Path) -> None:
    found = {each.table: each for each in proposed(pa.table(CORE_BANKING)).guesses}
    assert {table: guess.column for table, guess in found.items()} == {
        "period": "SJRQ",
        "dimensions.PRODUCT": "DKPZ",
        "dimensions.REGION": "XZQHDM",
        "dimensions.RISK_TIER": "NBPJ",
        "dimensions.DPD_BUCKET": "YQTS",
        "measures.BALANCE": "DKYE",
        "borrower.id": "KHH",
    }
    assert found["dimensions.REGION"].codes == {"310000": "CN-SH", "33": "CN-ZJ", "330000": "CN-ZJ", "440000": "CN-GD"}
    assert found["dimensions.PRODUCT"].codes["贷记卡"] == "CARD"
    path = tmp_path / "map.toml"
    path.write_text(written(proposed(pa.table(CORE_BANKING))), encoding="utf-8")
    with pytest.raises(
        MappingError, match=r"^map.toml, line \d+: \[dimensions.PRODUCT\]: choose a code for '神秘贷款'\.$"
    ):
        load_mapping(path, DELINQUENCY)


def test_what_was_not_found_is_refused_until_somebody_chooses(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text(written(proposed(pa.table({"x": ["1", "2"]}))), encoding="utf-8")
    with pytest.raises(MappingError) as refused:
        load_mapping(path, DELINQUENCY)
    told = refused.value.sentence
    for table in ("period", "dimensions.PRODUCT", "dimensions.DPD_BUCKET", "measures.BALANCE"):
        assert f"[{table}]: choose a column of the tape." in told
    assert "[borrower]: choose the column with the borrower's key" in told


@pytest.mark.parametrize("name", ["产品", "province", "grade"])
def test_direct_identifiers_are_never_proposed_and_never_shown(name: str) -> None:
    people = [f"王{chr(0x4E00 + number)}" for number in range(50)] * 4
    proposal = proposed(pa.table({**CORE_BANKING, name: people}))
    assert all(each.column != name for each in proposal.guesses)
    assert not any(person in written(proposal) for person in people)


def test_values_that_may_be_about_persons_are_counted_and_not_shown() -> None:
    people = ["房贷", "车贷", "王小明", "消费贷款"] * 50
    proposal = proposed(pa.table({**CORE_BANKING, "DKPZ": people}))
    product = next(each for each in proposal.guesses if each.table == "dimensions.PRODUCT")
    assert (product.hidden, "王小明" in written(proposal)) == (1, False)
    assert "dimensions.PRODUCT" in proposal.missing


def test_real_loans_get_a_mapping_or_the_names_of_what_is_missing(shared_data: Path, tmp_path: Path) -> None:
    cards = shared_data / "uci_taiwan_cards" / "loan_month_long_synthetic_members.parquet"
    loans = shared_data / "lendingclub_2018q1" / "loans_full_schema.parquet"
    if not (cards.is_file() and loans.is_file()):
        pytest.skip("the card accounts and the loans are not among the shared data")
    path = tmp_path / "map.toml"
    for table in (pq.read_table(cards), pq.read_table(loans)):
        proposal = proposed(table)
        assert "measures.BALANCE" not in proposal.missing
        path.write_text(written(proposal), encoding="utf-8")
        with pytest.raises(MappingError) as refused:
            load_mapping(path, DELINQUENCY)
        for missing in proposal.missing:
            assert f"[{missing.split('.')[0] if missing.startswith('borrower') else missing}]" in refused.value.sentence


CELL = (
    st.none()
    | st.text(max_size=8)
    | st.sampled_from(["房贷", "A", "33", "2026-10-31", "0", "-1", "nan", '"', "\\", "\n"])
)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6) | st.sampled_from(
    ["product", "DKYE", "yqts", "客户号", "grade", 'a"b']
)


@settings(max_examples=25, deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=4, unique_by=str.casefold), data=st.data())
def test_no_table_of_texts_breaks_the_proposal(names: list[str], data: st.DataObject, tmp_path_factory: Any) -> None:
    rows = data.draw(st.integers(1, 8))
    table = pa.table(
        {name: pa.array(data.draw(st.lists(CELL, min_size=rows, max_size=rows)), pa.string()) for name in names}
    )
    path = tmp_path_factory.mktemp("map") / "map.toml"
    try:
        path.write_text(written(proposed(table)), encoding="utf-8")
    except LoanTapeError:
        return  # such as a column name that is there twice
    assert tomllib.loads(path.read_text(encoding="utf-8"))
    with suppress(MappingError):
        load_mapping(path, DELINQUENCY)


def test_the_command_writes_a_file_once_and_prints_the_schema(simulated: pa.Table, tmp_path: Path) -> None:
    tape, target = tmp_path / "loans.parquet", tmp_path / "map.toml"
    pq.write_table(simulated.slice(0, 2000), tape)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["map", *arguments], catch_exceptions=False)

    done = run(str(tape), "-o", str(target))
    assert (done.exit_code, "Check every line" in done.stdout) == (0, True)
    assert (again := run(str(tape), "-o", str(target))).exit_code == 2
    assert "is there already" in again.stderr
    assert json.loads(run(str(tape), "--json").stdout)["missing"] == []
    assert json.loads(run("--schema").stdout)["title"] == "Mapping file of concord"
    assert run().exit_code == 2
