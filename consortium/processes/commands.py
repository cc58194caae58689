"""The command line of each process, the same in the demo, in the tests and in `deploy/`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

# Beside the running interpreter, so that no PATH decides which Celery is started.
_PROGRAMS = Path(sys.executable).parent
_CELERY = (str(_PROGRAMS / "celery"), "--app", "consortium.celery", "--quiet")


def web(*, bind: str, workers: int = 2, threads: int = 4) -> list[str]:
    """Pages and API; holds the delivery key and the key that signs receipts."""
    return [
        str(_PROGRAMS / "gunicorn"),
        "consortium.wsgi:application",
        *("--bind", bind),
        *("--workers", str(workers), "--threads", str(threads), "--worker-class", "gthread"),
        *("--timeout", "120", "--graceful-timeout", "20", "--keep-alive", "15"),
        *("--max-requests", "20000", "--max-requests-jitter", "2000", "--no-control-socket"),
    ]


def vault(*, concurrency: int = 2) -> list[str]:
    """Opens, checks and computes; the only process that holds the key-encryption key and signs round keys."""
    return _worker("vault", concurrency)


def office(*, concurrency: int = 1, beat: bool = False, options: Sequence[str] = ()) -> list[str]:
    """Everything else; with `beat` it also sends what is due, which only one process may do."""
    due = ("--beat", "--scheduler", _SCHEDULER) if beat else ()
    return [*_worker("office", concurrency), *due, *options]


def beat() -> list[str]:
    """Sends what is due: the sweep, reminders."""
    return [*_CELERY, "beat", "--scheduler", _SCHEDULER, "--pidfile", "", "--loglevel", "WARNING"]


_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"


def _worker(queue: str, concurrency: int) -> list[str]:
    return [
        *_CELERY,
        "worker",
        *("--queues", queue, "--hostname", f"{queue}@%h", "--concurrency", str(concurrency)),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("--max-tasks-per-child", "2000", "--loglevel", "INFO"),
    ]
