"""The embedded PostgreSQL: found, started, shared, killed, left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from consortium.embedded import broker, postgres

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    directory = tmp_path_factory.mktemp("postgres") / "below" / "a path with spaces"
    postgres.use(directory)
    yield directory
    postgres.leave(directory)


def postmaster(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().split()[0])


def one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def test_a_second_look_finds_the_running_server(home: Path) -> None:
    assert postgres.use(home) == postgres.find(home)


def test_the_application_is_no_superuser(home: Path) -> None:
    url = postgres.use(home).url
    assert one(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    assert one(url, "SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user") is True


def test_a_wrong_password_opens_nothing(home: Path) -> None:
    server = postgres.use(home)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(server.password, "guess"))


def test_trigrams_see_chinese(home: Path) -> None:
    with psycopg.connect(postgres.use(home).url) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        row = connection.execute("SELECT cardinality(show_trgm('逾期率'))").fetchone()
    assert row is not None
    assert row[0] > 0


def test_only_the_owner_can_read_the_password(home: Path) -> None:
    assert (home / "password").stat().st_mode & 0o077 == 0


def test_what_was_acknowledged_survives_a_kill_and_the_port_stays(home: Path) -> None:
    before = postgres.use(home)
    with psycopg.connect(before.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    os.kill(postmaster(home), signal.SIGKILL)
    while postgres.find(home) is not None:
        time.sleep(0.05)
    assert postgres.use(home).url == before.url
    assert one(before.url, "SELECT number FROM kept") == 7


def test_a_pid_file_that_names_another_program_is_no_obstacle(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    postgres._forget_dead_postmaster(data)
    assert not (data / "postmaster.pid").exists()


def test_two_starters_meet_at_one_server_and_the_last_one_stops_it(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from consortium.embedded import postgres;"
        "print(postgres.use(pathlib.Path(sys.argv[1])).url, flush=True); sys.stdin.read()"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "pg")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    first, second = (starter.stdout.readline() for starter in starters if starter.stdout)
    assert first == second != ""
    starters[0].communicate()
    assert postgres.find(tmp_path / "pg") is not None
    starters[1].communicate()
    assert postgres.find(tmp_path / "pg") is None
    assert [starter.returncode for starter in starters] == [0, 0]


def test_the_queue_is_installed_once(home: Path) -> None:
    url = postgres.use(home).url
    broker.install(url)
    broker.install(url)
    assert one(url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgmq'") == 1
