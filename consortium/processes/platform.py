"""The platform's processes on this machine: PostgreSQL, web, vault, office with beat; started, watched, stopped."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command

from consortium.embedded import broker, postgres
from consortium.processes import commands
from consortium.processes.supervisor import Child, Supervisor
from consortium.settings.environment import without_others_keys

READY_SECONDS = 90


class Platform:
    """Running processes. `url` is where the portal answers."""

    def __init__(self, home: Path, *, port: int = 8000, vault_workers: int = 2) -> None:
        """`port` is the portal's; the next free one if it is taken."""
        self._vault_workers = vault_workers
        self.home = home
        self.port = _free_port(port)
        self.url = f"http://localhost:{self.port}"  # a name: browsers keep passkeys for no bare address
        self._supervisor = Supervisor(check=self._keep_database)

    def prepare(self) -> None:
        """Bring the database up to date, and make the queue where it is inside the database."""
        call_command("migrate", interactive=False, verbosity=0)
        if settings.CELERY_BROKER_URL.startswith("pgmq:"):
            broker.install(settings.DATABASE_URL)

    def start(self) -> None:
        """Start everything and wait until the portal answers; RuntimeError with the log's end when it does not."""
        lines = {
            "web": commands.web(bind=f"127.0.0.1:{self.port}"),
            "vault": commands.vault(concurrency=self._vault_workers),
            "office": commands.office(concurrency=1, beat=True),
        }
        for name, command in lines.items():
            self._supervisor.start(Child(name, command, self._environment(name), self.log(name)))
        self._wait_until_ready()

    def stop(self) -> None:
        self._supervisor.stop()

    def log(self, name: str) -> Path:
        return self.home / "log" / f"{name}.log"

    def pids(self) -> Mapping[str, int]:
        """The first process of each kind, by its name."""
        own = {name: child.pid for name, child in self._supervisor.children.items()}
        postmaster = postgres.pid(self.home / "postgres")
        return {**own, "postgresql": postmaster} if postmaster else own

    def _environment(self, process: str) -> Mapping[str, str]:
        return {
            **without_others_keys(process, os.environ),
            "CONCORD_HOME": str(self.home),
            "CONCORD_PROCESS": process,
            "CONCORD_URL": self.url,
            "DATABASE_URL": settings.DATABASE_URL,
            "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
            "PYTHONUNBUFFERED": "1",
        }

    def _keep_database(self) -> None:
        """Start the embedded PostgreSQL again when somebody killed it; a real server has its own keeper."""
        if not os.environ.get("DATABASE_URL"):
            postgres.use(self.home / "postgres")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (URLError, OSError):
                time.sleep(0.2)
        sys.stderr.write(self.log("web").read_text()[-4000:])
        raise RuntimeError(f"The portal did not answer at {self.url}; see {self.log('web')}.")


def _free_port(wanted: int) -> int:
    """The wanted port, or the next one that nobody listens on."""
    for port in range(wanted, wanted + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"No local port from {wanted} on is free.")
