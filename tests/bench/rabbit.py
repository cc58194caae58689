"""A RabbitMQ server of one's own under a folder, to be killed and started again; the machine's own is left alone."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import kombu
from kombu.exceptions import OperationalError

PORT = 5699
# Debian's wrapper on the path changes the user; what it calls does not.
_PROGRAMS = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")


class Rabbit:
    """`url` is where it listens once `start` has returned."""

    url = f"amqp://guest:guest@127.0.0.1:{PORT}//"

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def program() -> str | None:
        """The server's program, None where it is not installed."""
        return next((found for each in _PROGRAMS if (found := shutil.which(each))), None)

    def start(self) -> None:
        """RuntimeError when it does not come up, or when somebody else listens on its port."""
        if self._process is None and self._answers():
            raise RuntimeError(f"Something listens on port {PORT} already; an earlier run was interrupted?")
        self._home.mkdir(parents=True, exist_ok=True)
        configuration = self._home / "rabbitmq.conf"
        configuration.write_text(f"listeners.tcp.local = 127.0.0.1:{PORT}\n")
        environment = {
            **os.environ,
            "HOME": str(self._home),
            "RABBITMQ_NODENAME": "concord-bench@localhost",
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_DIST_PORT": str(PORT + 1),
            "RABBITMQ_MNESIA_BASE": str(self._home / "data"),
            "RABBITMQ_LOG_BASE": str(self._home / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._home / "plugins"),
            "RABBITMQ_PID_FILE": str(self._home / "pid"),
        }
        with (self._home / "out.log").open("ab") as out:
            self._process = subprocess.Popen(
                [self.program() or ""], env=environment, stdout=out, stderr=out, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"RabbitMQ did not start; see {self._home / 'out.log'}.")
            time.sleep(0.2)

    def kill(self) -> None:
        """The server and all it started, at once, without a chance to say anything."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", PORT), timeout=1).close()
            with kombu.Connection(self.url) as connection:
                connection.ensure_connection(max_retries=1, timeout=3)
        except (OSError, OperationalError):
            return False
        return True
