"""The queue: `vault` opens, checks and computes; `office` does everything else."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings.embedded")

app = Celery("concord")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery closes the database connection around every task, and a new one costs more than most tasks.
app.conf.CELERY_DB_REUSE_MAX = sys.maxsize


@signals.task_prerun.connect
def renew_broken_connections(sender: Any, **_: Any) -> None:
    """Between tasks as between requests: a connection that broke or is old is replaced, others are kept."""
    from django.db import close_old_connections

    if not sender.request.is_eager:
        close_old_connections()
