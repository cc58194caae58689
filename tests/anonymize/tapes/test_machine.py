"""A tape takes no more memory and disk than it may, says so when that is too little, and reaches nothing but its files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anonymize.errors import ConfigError, LoanTapeError
from anonymize.tape import Tape, open_tape
from anonymize.tapes import machine as tape_machine

MANY = "SELECT count(*) FROM (SELECT i, any_value(i::VARCHAR || repeat('x', 40)) FROM tape, range(3000000) AS t(i) GROUP BY i)"


def small(monkeypatch: pytest.MonkeyPatch, memory: str) -> Tape:
    monkeypatch.setenv("CONCORD_MEMORY", memory)
    monkeypatch.setenv("CONCORD_THREADS", "1")
    return open_tape(pa.table({"loan": [1]}))


def setting(tape: Tape, name: str) -> str:
    return str(tape.run(f"SELECT current_setting('{name}')")[0][0])


def test_the_environment_sets_memory_threads_and_the_folder_to_spill_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CONCORD_TEMP", str(tmp_path))
    with small(monkeypatch, "512MiB") as tape:
        assert (setting(tape, "memory_limit"), setting(tape, "threads")) == ("512.0 MiB", "1")
        assert Path(setting(tape, "temp_directory")).is_relative_to(tmp_path)
        assert list(tmp_path.iterdir()), "the workspace"
    assert not list(tmp_path.iterdir())


def test_a_container_sees_its_own_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tape_machine, "_CGROUP", tmp_path)
    machine = tape_machine.usable_memory()
    (tmp_path / "memory.max").write_text("max\n")
    assert tape_machine.usable_memory() == machine
    (tmp_path / "memory.max").write_text("1073741824\n")
    assert tape_machine.usable_memory() == 1 << 30
    monkeypatch.delenv("CONCORD_MEMORY", raising=False)
    with open_tape(pa.table({"loan": [1]})) as tape:
        assert setting(tape, "memory_limit") == "614.3 MiB"


@pytest.mark.parametrize(
    ("name", "value"),
    [("CONCORD_MEMORY", "plenty"), ("CONCORD_MEMORY", "0GB"), ("CONCORD_THREADS", "-1"), ("CONCORD_TEMP", "/nowhere")],
)
def test_an_impossible_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        open_tape(pa.table({"loan": [1]}))


def test_what_does_not_fit_the_memory_spills(monkeypatch: pytest.MonkeyPatch) -> None:
    with small(monkeypatch, "150MB") as tape:
        assert tape.run(MANY) == [(3_000_000,)]


def test_too_little_memory_or_disk_is_said_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = tape_machine.connect

    def tiny_disk(workspace: str) -> duckdb.DuckDBPyConnection:
        connection = real(workspace)
        connection.execute("SET max_temp_directory_size = '1MB'")
        return connection

    monkeypatch.setattr("anonymize.tape.connect", tiny_disk)
    with (
        small(monkeypatch, "60MB") as tape,
        pytest.raises(LoanTapeError, match=r"CONCORD_MEMORY=4GB.*CONCORD_TEMP") as full,
    ):
        tape.run(MANY)
    assert full.value.rule == "no-room"


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_csv('{secret}')",
        "FROM read_text('{secret}')",
        "FROM '{secret}'",
        "ATTACH '{secret}' AS other",
        "COPY (SELECT 1) TO '{secret}.copy'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_paths = ['{secret}']",
    ],
)
def test_an_open_tape_reads_nothing_but_its_files(tmp_path: Path, sql: str) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    pq.write_table(pa.table({"loan": [1]}), tmp_path / "tape.parquet")
    with open_tape(tmp_path / "tape.parquet") as tape:
        assert tape.run("SELECT loan FROM tape") == [(1,)]
        with pytest.raises(duckdb.Error):
            tape.connection.execute(sql.format(secret=tmp_path / "secret.csv"))
    assert not (tmp_path / "secret.csv.copy").exists()
