"""kill -9 of real processes: what was acknowledged is there once, and the round completes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.processes.conftest import Consortium

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes"), pytest.mark.timeout(240)]

INSTITUTIONS = 40
Start = Callable[..., Consortium]


def kill_group(pid: int) -> None:
    """The process and all it started, at once, without a chance to say anything."""
    os.killpg(pid, signal.SIGKILL)


def await_receipts(consortium: Consortium, number: int) -> int:
    deadline = time.monotonic() + 60
    while (sent := consortium.ask("sent")["sent"]) < number:
        assert time.monotonic() < deadline, "the members did not get their receipts"
        time.sleep(0.02)
    return int(sent)


def test_everything_acknowledged_survives_kills_of_web_vault_and_database(start: Start) -> None:
    consortium = start(INSTITUTIONS)
    consortium.ask("send")
    await_receipts(consortium, 5)
    kill_group(consortium.pid("web"))  # while it receives
    await_receipts(consortium, 12)
    kill_group(consortium.pid("vault"))  # while it opens
    await_receipts(consortium, 20)
    os.kill(consortium.pid("postgresql"), signal.SIGKILL)
    await_receipts(consortium, INSTITUTIONS)
    settled = consortium.ask(f"wait_accepted {INSTITUTIONS}")
    assert settled["submissions"] == {"accepted": INSTITUTIONS}

    consortium.ask("compute")
    consortium.ask("claimed")
    kill_group(consortium.pid("vault"))  # while it computes
    published = consortium.ask("publish")
    assert published["round"] == "published"
    assert published["contributors"] == INSTITUTIONS


def test_nothing_is_left_running_when_the_supervisor_is_killed(start: Start) -> None:
    consortium = start(6)
    pids = [pid for name, pid in consortium.first["pids"].items() if name != "postgresql"]
    consortium.process.kill()
    deadline = time.monotonic() + 30
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline, "a child outlived its supervisor"
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
