"""What happens to work when the broker is away."""

from __future__ import annotations

import pytest
from kombu.exceptions import OperationalError

from consortium import queue


class Task:
    """A task whose broker answers as told."""

    name = "a.task"

    def __init__(self) -> None:
        self.asked = 0
        self.is_away = False

    def apply_async(self, ids, *, retry):
        assert not retry
        self.asked += 1
        if self.is_away:
            raise OperationalError("away")


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(queue._Broker, "quiet_until", 0.0)
    monkeypatch.setattr(queue.time, "monotonic", lambda: now[0])
    return now


def test_a_broker_that_is_away_is_no_error_for_the_caller(clock, caplog):
    task = Task()
    task.is_away = True
    queue.send(task, 7)
    assert "left to the sweeper" in caplog.text


def test_a_broker_that_did_not_answer_is_not_asked_by_everybody(clock):
    task = Task()
    task.is_away = True
    for _each in range(20):
        queue.send(task, 7)
    assert task.asked == 1


def test_it_is_asked_again_after_a_pause(clock):
    task = Task()
    task.is_away = True
    queue.send(task, 7)
    task.is_away = False
    clock[0] += queue.PAUSE_SECONDS
    queue.send(task, 7)
    queue.send(task, 8)
    assert task.asked == 3
