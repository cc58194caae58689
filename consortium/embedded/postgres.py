"""A PostgreSQL server of our own under a directory: found when it runs, started when it does not.

Any number of processes may ask for it at once. Each holds a shared lock while it lives; the one that leaves last stops
the server. Locks end with their process, so nothing needs cleaning up after `kill -9`; a server that was left
running is found again by the next process.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from consortium.embedded import binaries

DATABASE = ROLE = "concord"  # the role owns the database and is no superuser
SUPERUSER = "postgres"
START_SECONDS = 90
# With the plain C locale, PostgreSQL's own one of that name included, trigrams ignore Chinese.
_LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes; a checkout's is not
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True)
class Server:
    """A running server. `url` is for the application; `superuser_url` is for setting up."""

    port: int
    password: str

    @property
    def url(self) -> str:
        return f"postgres://{ROLE}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def superuser_url(self) -> str:
        return f"postgres://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/postgres"


_in_use: dict[Path, int] = {}  # directory -> descriptor of the shared lock that this process holds


def use(home: Path) -> Server:
    """The server under `home`, running until the last process that uses it ends."""
    home = home.resolve()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(home):
        if home not in _in_use:
            _in_use[home] = _share(home)
            atexit.register(leave, home)
        return find(home) or _start(home)


def leave(home: Path) -> None:
    """Stop using the server; it stops when nobody else uses it."""
    home = home.resolve()
    users = _in_use.pop(home, None)
    if users is None:
        return
    with _locked(home):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # somebody else uses it
        else:
            binaries.run("pg_ctl", "stop", "-D", str(home / "data"), "-m", "fast", "-w", "-t", "30")
        finally:
            os.close(users)


def find(home: Path) -> Server | None:
    """The server under `home` if it answers now."""
    try:
        lines = (home / "data" / "postmaster.pid").read_text().splitlines()
        server = Server(port=int(lines[3]), password=(home / "password").read_text())
        with psycopg.connect(server.superuser_url, connect_timeout=3) as connection:
            (directory,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    except (OSError, IndexError, ValueError, psycopg.OperationalError):
        return None
    return server if Path(directory) == home / "data" else None


def pid(home: Path) -> int:
    """The server's first process; 0 when there is none."""
    try:
        return int((home / "data" / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _start(home: Path) -> Server:
    if not (home / "data").exists():
        _initialise(home)
    deadline = time.monotonic() + START_SECONDS
    while True:
        _forget_dead_postmaster(home / "data")
        port = _free_port(home / "port")
        options = " ".join(f"-c {name}='{value}'" for name, value in {"port": port, **_SETTINGS}.items())
        command = ["start", "-D", str(home / "data"), "-l", str(home / "log"), "-w", "-t", "60", "-o", options]
        started = binaries.run("pg_ctl", *command)
        server = find(home)
        if server is not None:
            _make_database(server)
            return server
        if time.monotonic() > deadline:
            raise binaries.NoPostgres(
                f"PostgreSQL did not start; see {home / 'log'}.\n{started.stdout}{started.stderr}"
            )
        time.sleep(0.5)  # after a kill -9 the old server's children need a moment to go


def _initialise(home: Path) -> None:
    """Make the data directory under another name and rename it, so that there is never half of one."""
    fresh = home / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    _write_private(home / "password", secrets.token_urlsafe(24))
    if binaries.owns_as_nobody():
        fresh.mkdir(mode=0o700)
        for path in (home, home / "password", fresh):
            os.chown(path, binaries.NOBODY, binaries.NOBODY)
    made = binaries.run(
        "initdb",
        *("-D", str(fresh), "--username", SUPERUSER, "--pwfile", str(home / "password")),
        *("--auth=scram-sha-256", "--encoding=UTF8", f"--locale={_LOCALE}", "--no-instructions"),
    )
    if made.returncode != 0:
        raise binaries.NoPostgres(f"PostgreSQL could not make its data directory.\n{made.stdout}{made.stderr}")
    fresh.rename(home / "data")


def _make_database(server: Server) -> None:
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
            create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
            connection.execute(create.format(sql.Identifier(ROLE), sql.Literal(server.password)))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            create = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(create.format(sql.Identifier(DATABASE), sql.Identifier(ROLE)))


def _forget_dead_postmaster(data: Path) -> None:
    """Remove the pid file of a killed server when its number now belongs to another program."""
    try:
        command = Path(f"/proc/{pid(data.parent)}/cmdline").read_bytes()
    except OSError:
        return  # no such process: PostgreSQL itself removes the file
    if b"postgres" not in command:
        (data / "postmaster.pid").unlink()


def _free_port(remembered: Path) -> int:
    """The port of last time if it is free, so that clients find a restarted server; else any free one."""
    wanted = int(remembered.read_text()) if remembered.exists() else 0
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            number = int(probe.getsockname()[1])
            remembered.write_text(str(number))
            return number
    raise binaries.NoPostgres("No local TCP port is free for PostgreSQL.")


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Only one process at a time looks, starts or stops."""
    descriptor = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _share(home: Path) -> int:
    descriptor = os.open(home / "users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
