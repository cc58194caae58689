"""`make demo`: a consortium in mid-crisis on this machine, from nothing to a published benchmark."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import connection

from anonymize.errors import ConcordError
from consortium.demo import everyday, founding, people, show
from consortium.demo.banks import Preparation
from consortium.demo.cycle import Cycle
from consortium.demo.programme import programme
from consortium.embedded import postgres
from consortium.processes.platform import Platform

PUBLISHED_ROUNDS = 12


class Command(BaseCommand):
    help = (
        "Found a demo consortium, run the rounds of all collections through the real processes, and serve the portal."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-serve", action="store_true", help="end after the cycle")
        parser.add_argument("--reset", action="store_true", help="forget everything the demo has made")
        parser.add_argument(
            "--rounds",
            type=int,
            default=PUBLISHED_ROUNDS,
            help="how many months of delinquency to publish (default 12)",
        )
        parser.add_argument("--port", type=int, default=8000, help="the portal's; the next free one if it is taken")

    def handle(self, *_args: Any, **options: Any) -> None:
        home = Path(settings.HOME)
        if options["reset"]:
            with _alone(home):
                reset(home)
            self.stdout.write("The demo is forgotten; make demo founds a new one.")
            return
        with _alone(home), _ending_on_termination():
            try:
                self._run(home, options)
            except KeyboardInterrupt:
                self.stdout.write("\nStopped. make demo goes on from here; make demo-reset forgets it.")

    def _run(self, home: Path, options: dict[str, Any]) -> None:
        rounds = programme(recent_months(options["rounds"] + 2))
        progress = show.Progress(rounds=len(rounds), output=sys.stdout)
        progress.say("Bringing the database up to date ...")
        platform = Platform(home, port=options["port"])
        platform.prepare()
        banks = founding.found(home / "demo", platform.url)
        preparation = Preparation(banks, rounds)
        try:
            preparation.start()
            progress.say(f"{len(banks)} institutions; starting web, vault and office ...")
            platform.start()
            cycle = Cycle(banks, preparation, progress.tell)
            for planned in rounds:
                progress.finished(*cycle.run(planned))
            everyday.go_on(banks, rounds, preparation)
            self.stdout.write(f"\n{show.benchmark()}\n")
            self.stdout.write(f"\n{show.where_to_look(platform.url, home / 'demo' / 'members')}\n")
            if not options["no_serve"]:
                self.stdout.write(f"\n{show.sign_ins(platform.url, people.password(home / 'demo'))}\n")
                self.stdout.write("\nServing until Ctrl-C.")
                self.stdout.flush()  # also into a file, which waits otherwise
                threading.Event().wait()
        except (RuntimeError, ConcordError) as stuck:
            raise CommandError(f"{stuck} make demo goes on from here.") from stuck
        finally:
            preparation.stop()
            platform.stop()


def recent_months(count: int) -> list[str]:
    """The last `count` months up to the current one, in order."""
    today = datetime.now(UTC)
    current = today.year * 12 + today.month - 1
    return [f"{month // 12}-{month % 12 + 1:02}" for month in range(current - count + 1, current + 1)]


def reset(home: Path) -> None:
    """Empty database, no packages, no keys, no banks. A database on a server loses its schema, not itself."""
    if os.environ.get("DATABASE_URL"):
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS pgmq CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.close()
    else:
        connection.close()
        postgres.leave(home / "postgres")
        if postgres.find(home / "postgres") is not None:
            raise CommandError("The demo is still running; stop it first.")
        shutil.rmtree(home / "postgres", ignore_errors=True)
    for part in ("demo", "blobs", "keys", "mail", "log"):
        shutil.rmtree(home / part, ignore_errors=True)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One demo at a time in a directory; the lock ends with its process."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "demo.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"The demo is running already in {home}.") from None
        yield


@contextmanager
def _ending_on_termination() -> Iterator[None]:
    """A polite kill ends like Ctrl-C: everything that was started is stopped."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
