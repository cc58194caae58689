"""Handing work to the workers."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from celery import Task
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


def send(task: Task[..., None], *ids: Any) -> None:
    """Queue a task once the caller's transaction has committed. A broker that is down costs time, never work: the
    sweeper finds the row.
    """
    try:
        task.apply_async(ids, retry=False)
    except (OperationalError, OSError, psycopg.Error):
        log.warning("queue unreachable, left to the sweeper: %s %s", task.name, ids)
