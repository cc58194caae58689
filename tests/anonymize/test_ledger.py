"""The ledger of what privacy costs: nothing unpaid leaves, nothing is paid twice, and no line goes missing unseen."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
from click.testing import CliRunner

from anonymize.cli import main
from anonymize.config import load_config
from anonymize.disclosure.noise import Cost, rho_of
from anonymize.errors import ConfigError, LedgerError
from anonymize.ledger import Claim, Ledger, composed, ledger_of, rehearsed


def claim(content: str, *, period: str = "2026-10", collection: str = "delinquency", epsilon: float = 1.0) -> Claim:
    return Claim(collection, period, "CN-1", content, "laplace", Cost(epsilon, 0.0))


def drawn(content: str) -> bytes:
    return f"noise on {content}".encode()


def never() -> bytes:
    raise AssertionError("noise was drawn")


def test_a_cube_is_paid_for_once_and_handed_out_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 4.0)
    assert ledger.pay(claim("a"), lambda: drawn("a")) == drawn("a")
    assert ledger.pay(claim("a"), never) == drawn("a")
    assert [each.content for each in ledger.entries()] == ["a"]


def test_a_dry_run_costs_nothing_and_knows_the_budget(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "privacy", 1.5)
    with rehearsed(ledger) as copy:
        assert copy is not None
        copy.pay(claim("a"), lambda: drawn("a"))
    assert not ledger.folder.exists()
    ledger.pay(claim("a"), lambda: drawn("a"))
    with rehearsed(ledger) as copy:
        assert copy is not None
        assert copy.pay(claim("a"), never) == drawn("a")
        with pytest.raises(LedgerError, match="is left"):
            copy.pay(claim("b"), never)
    assert [each.content for each in ledger.entries()] == ["a"]


def test_a_cube_beyond_the_budget_is_refused_before_noise_is_drawn(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 2.0)
    ledger.pay(claim("a"), lambda: drawn("a"))
    ledger.pay(claim("b", period="2026-11"), lambda: drawn("b"))
    with pytest.raises(LedgerError, match=r"may cost epsilon 2 in 2026, of which 0 is left") as refused:
        ledger.pay(claim("c", period="2026-12"), never)
    assert refused.value.rule == "privacy-budget"
    ledger.pay(claim("c", period="2027-01"), lambda: drawn("c"))
    ledger.pay(claim("d", collection="vintage"), lambda: drawn("d"))
    assert ledger.pay(claim("a"), never) == drawn("a")


def test_gaussian_noise_adds_up_as_zcdp(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 4.0)
    cost = Cost(1.0, 1e-6, rho_of(1.0, 1e-6))
    for month in range(1, 13):  # a year of epsilon 1 a month stays below 4 instead of reaching 12
        each = Claim("delinquency", f"2026-{month:02}", "CN-1", str(month), "gaussian", cost)
        ledger.pay(each, lambda: b"noise")
    assert 3.5 < composed(ledger.entries()).epsilon < 4.0


def test_a_run_killed_before_it_paid_pays_when_it_runs_again(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 1.0)
    (tmp_path / "cubes").mkdir()
    (tmp_path / "cubes" / "a.parquet").write_bytes(drawn("a"))
    assert ledger.pay(claim("a"), never) == drawn("a")
    assert len(ledger.entries()) == 1


def test_a_run_killed_between_line_and_head_has_paid(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 3.0)
    ledger.pay(claim("a"), lambda: drawn("a"))
    head = (tmp_path / "ledger.head").read_bytes()
    ledger.pay(claim("b"), lambda: drawn("b"))
    (tmp_path / "ledger.head").write_bytes(head)
    assert ledger.pay(claim("b"), never) == drawn("b")
    ledger.pay(claim("c"), lambda: drawn("c"))
    assert [each.content for each in ledger.entries()] == ["a", "b", "c"]


def test_half_a_line_was_never_paid(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 3.0)
    ledger.pay(claim("a"), lambda: drawn("a"))
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(b'{"at": "2026')
    ledger.pay(claim("b"), lambda: drawn("b"))
    assert [each.content for each in ledger.entries()] == ["a", "b"]


def test_a_cube_whose_file_is_gone_is_paid_for_anew(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 2.0)
    ledger.pay(claim("a"), lambda: drawn("a"))
    (tmp_path / "cubes" / "a.parquet").unlink()
    assert ledger.pay(claim("a"), lambda: b"other noise") == b"other noise"
    assert composed(ledger.entries()).epsilon == 2.0


def _three(folder: Path) -> Ledger:
    ledger = Ledger(folder, 9.0)
    for content in "abc":
        ledger.pay(claim(content), lambda content=content: drawn(content))  # type: ignore[misc]
    return ledger


def test_lines_cut_off_show(tmp_path: Path) -> None:
    ledger = _three(tmp_path)
    lines = (tmp_path / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "ledger.jsonl").write_bytes(b"".join(lines[:2]))
    with pytest.raises(LedgerError, match="has lost lines"):
        ledger.pay(claim("d"), never)


def test_a_line_taken_out_shows(tmp_path: Path) -> None:
    ledger = _three(tmp_path)
    lines = (tmp_path / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "ledger.jsonl").write_bytes(lines[0] + lines[2])
    with pytest.raises(LedgerError, match="was changed at line 2"):
        ledger.entries()


def test_a_changed_line_shows(tmp_path: Path) -> None:
    ledger = _three(tmp_path)
    for line, shown in ((1, "was changed at line 2"), (3, "has lost lines")):
        content = (tmp_path / "ledger.jsonl").read_bytes()
        lines = content.splitlines(keepends=True)
        lines[line - 1] = lines[line - 1].replace(b'"epsilon": 1.0', b'"epsilon": 0.1')
        (tmp_path / "ledger.jsonl").write_bytes(b"".join(lines))
        with pytest.raises(LedgerError, match=shown):
            ledger.entries()
        (tmp_path / "ledger.jsonl").write_bytes(content)


@pytest.mark.parametrize("lost", [["ledger.jsonl"], ["ledger.jsonl", "ledger.head"]])
def test_a_ledger_that_is_gone_is_not_begun_anew(tmp_path: Path, lost: list[str]) -> None:
    ledger = _three(tmp_path)
    for name in lost:
        (tmp_path / name).unlink()
    with pytest.raises(LedgerError, match="is gone"):
        ledger.pay(claim("d"), never)


def test_a_cube_that_was_changed_is_not_handed_out(tmp_path: Path) -> None:
    ledger = _three(tmp_path)
    (tmp_path / "cubes" / "a.parquet").write_bytes(b"other")
    with pytest.raises(LedgerError, match="not the cube that was paid for in line 1"):
        ledger.pay(claim("a"), never)


def _pay_in_turn(folder: Path, name: str) -> None:
    ledger = Ledger(folder, 100.0)
    for number in range(10):
        ledger.pay(claim(f"{name}{number}"), lambda number=number: drawn(f"{name}{number}"))  # type: ignore[misc]
        ledger.pay(claim(f"shared{number}"), lambda: drawn(name))


def test_two_processes_lose_no_line_and_share_what_is_the_same(tmp_path: Path) -> None:
    start = multiprocessing.get_context("fork").Process
    running = [start(target=_pay_in_turn, args=(tmp_path, name)) for name in "ab"]
    for each in running:
        each.start()
    for each in running:
        each.join()
    assert [each.exitcode for each in running] == [0, 0]
    entries = Ledger(tmp_path, 100.0).entries()
    assert len(entries) == len({each.content for each in entries}) == 30


def test_the_budget_comes_from_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "concord.toml"
    file.write_text("[privacy]\nepsilon_per_year = 4\n")
    assert ledger_of(load_config(file, {})).epsilon_per_year == 4.0
    assert ledger_of(load_config(file, {"CONCORD_EPSILON_PER_YEAR": "2.5"})).epsilon_per_year == 2.5
    for wrong in ("0", "-1", "inf", "nan", "much"):
        with pytest.raises(ConfigError, match="a number above 0"):
            ledger_of(load_config(file, {"CONCORD_EPSILON_PER_YEAR": wrong}))
    file.write_text("")
    with pytest.raises(ConfigError, match=r"no privacy\.epsilon_per_year"):
        ledger_of(load_config(file, {}))


def test_the_command_shows_what_was_spent_and_what_is_left(tmp_path: Path) -> None:
    file = tmp_path / "concord.toml"
    file.write_text("[privacy]\nepsilon_per_year = 4\n")
    ledger = ledger_of(load_config(file, {}))
    ledger.pay(claim("a"), lambda: drawn("a"))
    ledger.pay(claim("b", period="2027-01"), lambda: drawn("b"))
    shown = CliRunner().invoke(main, ["ledger", "--config", str(file), "--year", "2026", "--json"])
    assert shown.exit_code == 0
    document = json.loads(shown.stdout)
    assert [each["content"] for each in document["entries"]] == ["a"]
    assert [(each["collection"], each["epsilon"], each["left"]) for each in document["years"]] == [
        ("delinquency", 1, 3)
    ]
    assert "2027" in CliRunner().invoke(main, ["ledger", "--config", str(file)]).output
