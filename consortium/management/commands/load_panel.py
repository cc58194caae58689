"""A panel of real per-institution aggregates through the whole path, measured."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import IntegrityError
from django.db.models import Max, Min

from anonymize.template import load
from consortium.demo import people
from consortium.panel import answer_key, members
from consortium.panel.call_report import PanelError, read_panel
from consortium.panel.figures import Figures, Meter
from consortium.panel.sending import Senders
from consortium.processes.platform import Platform
from consortium.signing import key_set
from sharing.models import Release, Round
from sharing.services import releases, rounds
from sharing.states import ReleaseState, RoundState, SubmissionState

WIDTH = 40


class Command(BaseCommand):
    help = "Seal, submit, check, pool, protect and publish a panel of call reports; prints what it took."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="the panel: three Parquet files, see consortium/panel")
        parser.add_argument("--collection", default="call-report", help="the template (default %(default)s)")
        parser.add_argument("--institutions", type=int, default=None, help="only the first so many")
        parser.add_argument("--table", type=Path, default=None, help="also write the final table to this file")

    def handle(self, *_args: Any, **options: Any) -> None:
        # Checking waits for the disk at every commit: more workers than cores keep the cores busy.
        platform = Platform(Path(settings.HOME), vault_workers=2 * (os.cpu_count() or 1))
        platform.prepare()
        try:
            figures = self._load(platform, options)
        except (PanelError, RuntimeError) as wrong:
            raise CommandError(str(wrong)) from wrong
        except IntegrityError as there:
            raise CommandError("This database holds the panel already; load it into a fresh one.") from there
        finally:
            platform.stop()
        self.stdout.write(figures.table())
        if options["table"]:
            options["table"].write_text(figures.table(), encoding="utf-8")

    def _load(self, platform: Platform, options: dict[str, Any]) -> Figures:
        folder, collection = options["folder"], options["collection"]
        panel = read_panel(folder)
        reporters = panel.reporters[: options["institutions"]]
        self.stdout.write(f"{len(reporters):,} institutions; making their cubes, keys and clients ...")
        cubes = dict(panel.cubes(load(collection)))
        round, credentials = members.found(reporters, collection)
        platform.start()
        _wait_for(lambda: round.keys.count() == 2, seconds=60)
        meter = Meter(platform.pids())
        senders = Senders(platform.url, round.public_id, key_set(), credentials, cubes)
        receiving = self._receive(round, senders, meter, len(reporters))
        received = meter.taken()
        self._check_answer_key(round, folder, complete=len(reporters) == len(panel.reporters))
        meter = Meter(platform.pids())
        computing, release = self._compute(round, meter)
        publishing = _publish(release)
        return Figures(
            institutions=len(reporters),
            sealed_bytes=sum(round.submissions.values_list("package_bytes", flat=True)),
            receiving_seconds=receiving,
            computing_seconds=computing,
            publishing_seconds=publishing,
            cells=release.cells,
            withheld=release.withheld,
            receiving=received,
            computing=meter.taken(),
        )

    def _receive(self, round: Round, senders: Senders, meter: Meter, expected: int) -> float:
        """Seconds from the first package received to the last one accepted; RuntimeError when one was rejected."""
        senders.start()
        meter.add("senders", senders.pids())
        started = time.monotonic()
        while (accepted := round.submissions.accepted().count()) < expected:
            meter.look()
            senders.check()
            if rejected := round.submissions.filter(state=SubmissionState.REJECTED).count():
                raise RuntimeError(f"{rejected} submissions were rejected.")
            self._show("accepted", accepted, expected, time.monotonic() - started)
            time.sleep(0.25)
        meter.look()
        times = round.submissions.aggregate(first=Min("received_at"), last=Max("decided_at"))
        seconds: float = (times["last"] - times["first"]).total_seconds()
        self._show("accepted", expected, expected, seconds, end="\n")
        return seconds

    def _check_answer_key(self, round: Round, folder: Path, *, complete: bool) -> None:
        if not complete or not settings.CONCORD_KEK or not (folder / answer_key.FILE_NAME).exists():
            return
        difference = answer_key.largest_difference(round, folder)
        if difference > answer_key.TOLERANCE:
            raise RuntimeError(f"A pooled rate differs from the panel's answer key by {difference:.2e}.")
        self.stdout.write(f"Pooled rates before disclosure control equal the answer key to {difference:.1e}.")

    def _compute(self, round: Round, meter: Meter) -> tuple[float, Release]:
        """Seconds until the release is in review, and the release."""
        rounds.close(round, by=people.at_association(people.COLLECTION_MANAGER))
        round.refresh_from_db()
        started = time.monotonic()
        releases.start(round, by=people.at_association(people.PREPARER))
        self.stdout.write("Computing, protecting and auditing the release ...")

        def is_computed() -> bool:
            meter.look()
            return not Round.objects.filter(pk=round.pk, state=RoundState.COMPUTING).exists()

        _wait_for(is_computed, seconds=600)
        release = Release.objects.filter(round=round).latest("started_at")
        if release.state != ReleaseState.IN_REVIEW:
            raise RuntimeError(f"The release could not be computed. {release.reason}")
        if not release.audit_passed:
            raise RuntimeError("The release was computed, but its audit did not pass.")
        return time.monotonic() - started, release

    def _show(self, what: str, done: int, total: int, seconds: float, *, end: str = "") -> None:
        if not sys.stdout.isatty() and not end:
            return
        filled = WIDTH * done // total
        rate = done / seconds if seconds > 0 else 0
        bar = "█" * filled + "·" * (WIDTH - filled)
        sys.stdout.write(f"\r{bar} {done:,} of {total:,} {what}, {rate:.1f}/s{end}")
        sys.stdout.flush()


def _publish(release: Release) -> float:
    started = time.monotonic()
    for post in (people.REVIEWER, people.PUBLISHER):
        releases.approve(release, by=people.at_association(post))
    releases.publish(release, by=people.at_association(people.PUBLISHER))
    return time.monotonic() - started


def _wait_for(happened: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise RuntimeError(f"Nothing happened for {seconds:.0f} s; see the logs under var/log.")
        time.sleep(0.2)
