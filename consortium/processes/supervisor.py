"""Starts processes, starts them again when they die, and takes them along when it ends.

Children lead process groups of their own, so that Ctrl-C reaches only the supervisor, which then stops them in order.
Where the system allows it (Linux) a child is also told when its supervisor was killed outright.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)

STOP_SECONDS = 15
RESTART_PAUSE_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # found before the fork: little is safe after it


@dataclass
class Child:
    """One process that is kept running. `log` receives both of its outputs."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    started_at: float = 0.0
    restarts: int = 0

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(self.environment),
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )
        self.started_at = time.monotonic()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        return self.process.pid if self.process is not None else 0

    def signal_group(self, number: int) -> None:
        """Send a signal to the process and all it started; nothing when they are gone."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return


class Supervisor:
    """Keeps a few children running in a thread of its own until `stop`."""

    def __init__(self, *, check: Callable[[], None] | None = None) -> None:
        """`check` runs once a second before the children are looked at, for what is no child: the database."""
        self.children: dict[str, Child] = {}
        self._check = check
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, child: Child) -> None:
        child.start()
        self.children[child.name] = child
        if not self._thread.is_alive():
            self._thread.start()

    def stop(self) -> None:
        """Ask every child to finish its work, then insist."""
        self._stopping.set()
        for child in self.children.values():
            if child.is_running and child.process is not None:
                child.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children.values():
            try:
                if child.process is not None:
                    child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("%s did not stop in time", child.name)
            child.signal_group(signal.SIGKILL)

    def _watch(self) -> None:
        while not self._stopping.wait(RESTART_PAUSE_SECONDS):
            if self._check is not None:
                self._check()
            for child in list(self.children.values()):
                if not child.is_running and not self._stopping.is_set():
                    child.signal_group(signal.SIGKILL)  # what it left behind would hold its port
                    child.restarts += 1
                    child.start()


def _end_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
