"""Two months side by side: matched, gone and new loans; what cannot be joined is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from anonymize.aggregate import aggregate
from anonymize.errors import ConcordError, LoanTapeError, MappingError
from anonymize.periods import before, bounds, period_of
from anonymize.simulate import SCENARIOS, demo_institutions, mapping_for_simulated, simulated_tape
from anonymize.tape import Tape, open_tape
from anonymize.tapes.join import Joined, Previous
from anonymize.tapes.mapped import after_joining, open_mapped
from anonymize.tapes.reading import EVERYTHING, PeriodFilter, Reading, Wanted
from anonymize.template import load

NOW = {"report_date": ["2026-10-31"] * 3, "loan_no": ["1", "2", "4"], "dpd": [0, 35, 0]}
BEFORE = {"report_date": ["2026-09-30"] * 3, "loan_no": ["1", "2", "3"], "dpd": [10, 5, 90]}
USED = ('"loan_no"', '"dpd"', "(previous_dpd\n)", '"report_date"')


def months(period: str, expression: str = '"report_date"') -> PeriodFilter:
    return PeriodFilter(expression, period, partial(period_of, frequency="M"))


def joined(
    now: Any, past: Any, *, on: tuple[str, ...] = ("loan_no",), where: str | None = None, dated: bool = True
) -> Tape:
    tables = [pa.table(each) if isinstance(each, dict) else each for each in (now, past)]
    previous = Previous(tables[1], Reading(), on, months("2026-09") if dated else None, USED, where)
    wanted = Wanted(list, months("2026-10") if dated else None)
    return open_tape(tables[0], wanted=wanted, previous=previous)


def refused(*arguments: Any, **options: Any) -> ConcordError:
    with pytest.raises((LoanTapeError, MappingError)) as caught, joined(*arguments, **options):
        pass
    return caught.value


def rows(tape: Tape) -> list[tuple[Any, ...]]:
    return tape.run("SELECT loan_no, dpd, previous_dpd, report_date FROM tape ORDER BY 1")


def test_a_loan_is_matched_gone_or_new() -> None:
    with joined(NOW, BEFORE) as tape:
        assert rows(tape) == [
            ("1", 0, 10, "2026-10-31"),
            ("2", 35, 5, "2026-10-31"),
            ("3", None, 90, "2026-10-31"),
            ("4", 0, None, "2026-10-31"),
        ]
        assert tape.joined == Joined(matched=2, gone=1, new=1)
        assert "concord_here" not in tape.column_names


def test_each_tape_is_cut_to_its_own_period() -> None:
    both = {name: NOW[name] + BEFORE[name] for name in NOW}
    with joined(both, both) as tape, joined(NOW, BEFORE) as apart:
        assert rows(tape) == rows(apart)


def test_a_period_of_dates_stays_one() -> None:
    now = pa.table(NOW).set_column(0, "report_date", pa.array([20757] * 3, pa.int32()).cast(pa.date32()))
    with joined(now, BEFORE) as tape:
        assert (
            dict(zip(tape.column_names, (column.type for column in tape.columns), strict=True))["report_date"] == "DATE"
        )
        assert tape.run("SELECT count(*) FROM tape WHERE report_date IS NULL") == [(0,)]


def test_keys_of_different_types_meet() -> None:
    with joined({**NOW, "loan_no": [1, 2, 4]}, {**BEFORE, "loan_no": [" 1", "2 ", "3"]}) as tape:
        assert tape.joined == Joined(2, 1, 1)


def test_a_key_may_have_several_columns() -> None:
    now, past = {**NOW, "branch": ["a", "b", "a"]}, {**BEFORE, "branch": ["a", "a", "b"]}
    with joined(now, past, on=("branch", "loan_no")) as tape:
        assert tape.joined == Joined(1, 2, 2)


def test_a_filter_is_for_each_tape_by_itself() -> None:
    with joined(NOW, BEFORE, where="dpd < 60") as tape:
        assert [row[0] for row in rows(tape)] == ["1", "2", "4"]
    error = refused({**NOW, "dpd": [0, 35, None]}, BEFORE, where="dpd < 60")
    assert "neither true nor false for 1 rows of this month's tape" in error.sentence


def test_keys_that_are_there_twice_are_refused_with_their_number() -> None:
    twice = {**BEFORE, "loan_no": ["1", "1", "3"]}
    assert "1 keys (loan_no) are on last month's tape more than once" in refused(NOW, twice).sentence
    assert "are on this month's tape more than once" in refused({**NOW, "loan_no": ["1", "1 ", "3"]}, BEFORE).sentence


def test_blank_keys_are_refused() -> None:
    assert (
        "1 rows of last month's tape have no loan_no" in refused(NOW, {**BEFORE, "loan_no": ["1", " ", "3"]}).sentence
    )
    assert "2 rows of this month's" in refused({**NOW, "loan_no": ["1", None, None]}, BEFORE).sentence


def test_a_missing_key_period_or_match_is_refused() -> None:
    assert "Last month's tape has no column 'loan_no'" in refused(NOW, pa.table(BEFORE).drop(["loan_no"])).sentence
    assert "Last month's tape has no row of 2026-09; it is of 2026-10" in refused(NOW, NOW).sentence
    assert refused(NOW, {**BEFORE, "report_date": ["2026-09", None, "x"]}).rule == "no-period"
    assert refused(NOW, {**BEFORE, "loan_no": ["7", "8", "9"]}).rule == "nothing-matches"


def test_few_matches_are_doubtful() -> None:
    assert Joined(matched=4, gone=5, new=5).is_doubtful
    assert not Joined(matched=5, gone=5, new=5).is_doubtful
    assert not Joined(matched=5, gone=0, new=500).is_doubtful  # a book that grows fast


def test_files_are_joined_too(tmp_path: Path) -> None:
    (tmp_path / "now.csv").write_text("report_date,loan_no,dpd,name\n2026-10-31,1,5,Ada\n2026-10-31,2,0,Bela\n")
    (tmp_path / "past.csv").write_text("report_date,loan_no,dpd,name\n2026-09-30,1,0,Ada\n2026-09-30,3,0,Olga\n")
    with joined(tmp_path / "now.csv", tmp_path / "past.csv") as tape:
        assert rows(tape)[0] == ("1", "5", "0", "2026-10-31")
        assert "name" not in tape.run("SELECT * FROM tape_now")[0]  # what nobody needs is not kept


@pytest.mark.parametrize(
    ("period", "last"),
    [("2026-10", "2026-09"), ("2027-01", "2026-12"), ("2027-Q1", "2026-Q4"), ("2026-Q3", "2026-Q2"), ("2026", "2025")],
)
def test_the_period_before(period: str, last: str) -> None:
    assert before(period) == last
    assert bounds(last)[1] == bounds(period)[0]


def test_everything_is_joined_without_a_mapping() -> None:
    previous = Previous(pa.table(BEFORE), Reading(), ("loan_no",), None, ())
    with open_tape(pa.table(NOW), wanted=EVERYTHING, previous=previous) as tape:
        assert tape.column_names == (
            "report_date",
            "loan_no",
            "dpd",
            "previous_report_date",
            "previous_loan_no",
            "previous_dpd",
        )


def test_two_months_of_a_bank_become_migration_cells() -> None:
    """Every loan of either month is in one cell, and the pipeline says how the tapes met."""
    profile = replace(demo_institutions()[0], loans=3_000)
    simulated = simulated_tape("migration", profile, "2026-10", SCENARIOS["wave"], 1)
    template, mapping = load("migration"), mapping_for_simulated("migration")
    with open_mapped(simulated.tape, mapping, template, "2026-10", simulated.previous) as tape:
        cells = aggregate(tape, after_joining(mapping), template, "2026-10")
        met = tape.joined
    assert met is not None
    total = cells.table.filter([each == "_T" for each in cells.table.column(template.dimension_ids[0]).to_pylist()])
    assert max(total.column("ACCOUNTS").to_pylist()) == met.matched + met.gone + met.new
    assert met.gone > 0
    assert met.new > 0


def test_a_mapping_that_joins_needs_both_tapes_and_only_then() -> None:
    for collection, other in (("migration", None), ("delinquency", pa.table(BEFORE))):
        with pytest.raises(MappingError, match="previous"):
            open_mapped(pa.table(NOW), mapping_for_simulated(collection), load(collection), "2026-10", other)


def test_an_expression_over_a_column_that_is_not_there_is_refused_before_anything_is_read() -> None:
    mapping = mapping_for_simulated("migration")
    with pytest.raises(MappingError, match=r"the expression does not work on this tape|the tape has no column"):
        open_mapped(pa.table(NOW), mapping, load("migration"), "2026-10", pa.table(BEFORE))
