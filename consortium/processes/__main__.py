"""`python -m consortium.processes vault` becomes that process: one command line for systemd, containers and people."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from consortium.processes import commands


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m consortium.processes", description="Run one process of Concord.")
    parser.add_argument("process", choices=["web", "vault", "office", "beat"])
    parser.add_argument("--bind", default="127.0.0.1:8000", help="where web listens (default %(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2, help="processes (default %(default)s)")
    chosen = parser.parse_args()
    lines: dict[str, Callable[[], list[str]]] = {
        "web": lambda: commands.web(bind=chosen.bind, workers=chosen.workers),
        "vault": lambda: commands.vault(concurrency=chosen.workers),
        "office": lambda: commands.office(concurrency=chosen.workers),
        "beat": commands.beat,
    }
    command = lines[chosen.process]()
    os.environ.setdefault("CONCORD_PROCESS", chosen.process)
    os.execv(command[0], command)  # noqa: S606 - our own words, and no shell is wanted


if __name__ == "__main__":
    main()
