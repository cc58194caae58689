"""Handing work to the workers."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import psycopg
from celery import Task
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 5.0


class _Broker:
    """What this process knows of the broker: until when (monotonic) it is not asked again."""

    quiet_until = 0.0


def send(task: Task[..., None], *ids: Any) -> None:
    """Queue a task once the caller's transaction has committed. A broker that is down costs time, never work: the
    sweeper finds the row.

    One that does not answer costs every caller seconds before it is given up; so after a failure nobody in this
    process asks for a while.
    """
    if time.monotonic() < _Broker.quiet_until:
        return
    try:
        task.apply_async(ids, retry=False)
    except (OperationalError, OSError, psycopg.Error):
        _Broker.quiet_until = time.monotonic() + PAUSE_SECONDS
        log.warning("queue unreachable, left to the sweeper for %.0f s: %s %s", PAUSE_SECONDS, task.name, ids)
