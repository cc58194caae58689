"""Children are kept running, and none is left."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from consortium.processes import commands
from consortium.processes.supervisor import Child, Supervisor
from consortium.processes.usage import usage

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def child(tmp_path: Path) -> Child:
    return Child("sleeper", SLEEP, dict(os.environ), tmp_path / "log" / "sleeper.log")


def eventually(happened: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.05)
    return happened()


def test_a_killed_child_is_started_again(child: Child) -> None:
    supervisor = Supervisor()
    supervisor.start(child)
    first = child.pid
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: child.restarts == 1 and child.is_running and child.pid != first)
    supervisor.stop()


def test_stopping_leaves_no_child_and_starts_none_again(child: Child) -> None:
    supervisor = Supervisor()
    supervisor.start(child)
    supervisor.stop()
    time.sleep(1.5)
    assert not child.is_running
    assert child.restarts == 0


def test_what_is_no_child_is_looked_after_too(child: Child) -> None:
    looked: list[bool] = []
    supervisor = Supervisor(check=lambda: looked.append(True))
    supervisor.start(child)
    assert eventually(lambda: len(looked) > 0)
    supervisor.stop()


def test_a_child_leads_a_group_of_its_own_so_that_ctrl_c_does_not_reach_it(child: Child) -> None:
    child.start()
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)
    child.signal_group(signal.SIGKILL)
    assert child.process is not None
    child.process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_cost_of_a_process_includes_its_children() -> None:
    mine = usage([os.getpid()])
    assert mine.processes >= 1
    assert mine.peak_mib > 10
    assert mine.cpu_seconds > 0


def test_only_a_worker_of_the_vault_takes_from_its_queue() -> None:
    assert commands.vault()[commands.vault().index("--queues") + 1] == "vault"
    assert "vault" not in commands.office(beat=True)
