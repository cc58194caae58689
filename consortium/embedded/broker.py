"""Celery's messages inside PostgreSQL, for a consortium that has no RabbitMQ."""

from __future__ import annotations

from typing import Any

import psycopg
from pgmq.install import install_pgmq_from_sql

_INSTALLING = 5_300_001  # advisory lock: two processes do not install at once


def url(database_url: str) -> str:
    """The broker's address on the same database."""
    return "pgmq://" + database_url.split("://", 1)[1]


def transport_options(visibility_timeout: int) -> dict[str, Any]:
    """`visibility_timeout` seconds after it was taken, an unacknowledged task is handed out again.

    It is not renewed while a task runs, so it is longer than the longest task. The rows' leases and the sweep bring
    lost work back sooner.
    """
    return {
        "init_extension": False,
        "wait_time_seconds": 0,
        "polling_interval": 0.05,
        "visibility_timeout": visibility_timeout,
    }


def install(database_url: str) -> None:
    """Make the queue's schema once; PGMQ's own script fails on a second run."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_INSTALLING])
        if not connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = 'pgmq'").fetchone():
            install_pgmq_from_sql(conn=connection)
