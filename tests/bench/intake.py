"""The hour of a deadline: 4,000 institutions send 500 kB each while 200 people browse, and workers and broker are killed.

`python -m tests.bench.intake [--institutions N] [--minutes M] [--browsers N]`. One web process group, a vault, an office,
PostgreSQL and RabbitMQ (without it, the queue in PostgreSQL) under `var/bench-intake`, removed before. The hour is
compressed into `--minutes`, its last quarter twice as full as the average. Writes its table to docs/performance.md.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.bench import intake_load
from tests.bench.intake_packages import make_packages
from tests.bench.rabbit import Rabbit

if TYPE_CHECKING:
    from consortium.panel.sending import Credentials
    from consortium.processes.platform import Platform
    from sharing.models import Release, Round

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "var" / "bench-intake"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- bench-intake: begin -->", "<!-- bench-intake: end -->"
PERIODS = ("2026-09", "2026-10")  # one that is published, for people to browse, and the one that is due
PUBLISHED_OF = 40  # institutions in the published one
SETTLING_SECONDS = 1800


@dataclass(frozen=True)
class Outcome:
    """What was measured, and what must be true: raises SystemExit with a sentence when it is not."""

    institutions: int
    seconds: float
    mean_bytes: float
    acknowledged: Sequence[intake_load.Acknowledged]
    seen: Sequence[intake_load.Seen]
    settled_after: float  # seconds from the last receipt until the last package was accepted
    kills: Sequence[str]
    web_processor: float
    web_peak_mib: float
    busy: float

    def lines(self) -> list[str]:
        acks = np.array([each.seconds for each in self.acknowledged])
        pages = np.array([each.seconds for each in self.seen if each.status == 200])
        answers = Counter(each.status for each in self.seen)
        again = sum(each.attempts > 2 for each in self.acknowledged)
        rows = [
            ("institutions, each with one package", f"{self.institutions:,}"),
            ("mean package", f"{self.mean_bytes / 1000:.0f} kB"),
            (
                "sent within",
                f"{self.seconds / 60:.1f} min, {self.institutions / self.seconds:.1f}/s, twice that at its end",
            ),
            ("from due to verified receipt, token included", _spread(acks)),
            ("packages tried again", f"{again:,}"),
            ("pages for those who browse", f"{len(pages):,}; {_spread(pages)}"),
            ("pages not answered with 200", str(len(self.seen) - len(pages)) + _others(answers)),
            ("killed with -9", ", ".join(self.kills)),
            (
                "acknowledged, in the table once, accepted, in the log",
                f"**{self.institutions:,} of {self.institutions:,}**",
            ),
            ("last package accepted after the last receipt", f"{self.settled_after:.0f} s"),
            ("web: processor, most memory of one process", f"{self.web_processor:.0f} s, {self.web_peak_mib:.0f} MiB"),
            ("both cores busy, those who send and browse included", f"{self.busy:.0%}"),
        ]
        return ["| what | figure |", "| --- | --- |", *(f"| {what} | {figure} |" for what, figure in rows)]


def _spread(seconds: np.ndarray) -> str:
    half, most, nearly_all = np.percentile(seconds, [50, 95, 99])
    return f"median {half:.2f} s, p95 {most:.2f} s, **p99 {nearly_all:.2f} s**, longest {seconds.max():.1f} s"


def _others(answers: Counter[int]) -> str:
    others = [f"{status or 'none'}: {number}" for status, number in sorted(answers.items()) if status != 200]
    return f" ({', '.join(others)})" if others else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--institutions", type=int, default=4000)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--browsers", type=int, default=200)
    chosen = parser.parse_args()
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    os.environ.pop("DATABASE_URL", None)
    os.environ.update(CONCORD_HOME=str(HOME), DJANGO_SETTINGS_MODULE="consortium.settings.embedded")
    with _broker() as broker:
        outcome = _measure(chosen, broker)
    lines = outcome.lines()
    print("\n".join(lines))
    if len(sys.argv) == 1:
        before, _begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{chr(10).join(lines)}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


@contextmanager
def _broker() -> Iterator[Rabbit | None]:
    """A RabbitMQ of this run's own; None where there is none, and the queue is in the database."""
    if Rabbit.program() is None:
        os.environ.pop("CELERY_BROKER_URL", None)
        yield None
        return
    rabbit = Rabbit(HOME / "rabbitmq")
    os.environ["CELERY_BROKER_URL"] = rabbit.url
    rabbit.start()
    try:
        yield rabbit
    finally:
        rabbit.kill()


def _measure(chosen: argparse.Namespace, broker: Rabbit | None) -> Outcome:
    import django

    django.setup()
    logging.getLogger().setLevel(logging.WARNING)
    from consortium.processes.platform import Platform

    platform = Platform(HOME, port=8300)
    platform.prepare()
    print(f"{chosen.institutions:,} institutions: keys, clients, a published round ...", flush=True)
    round, credentials, release = _found(chosen.institutions)
    print("Sealing their packages ...", flush=True)
    packages = _seal(round, credentials)
    cookies = _sign_in(chosen.browsers)
    platform.start()
    try:
        return _storm(platform, broker, round, release, credentials, packages, cookies, chosen.minutes * 60)
    finally:
        platform.stop()


def _found(number: int) -> tuple[Round, list[Credentials], Release]:
    """An open round, and the one before it published."""
    from consortium.panel import members
    from consortium.panel.call_report import Reporter
    from sharing import vault

    reporters = [Reporter(f"B{at:05}", f"Bank {at}", "", 1 + at % 6) for at in range(1, number + 1)]
    earlier, credentials = members.found(reporters, "delinquency", PERIODS[0])
    vault.make_round_keys(earlier)
    release = _publish(earlier, credentials[:PUBLISHED_OF])
    round = members.open_round(earlier.collection, PERIODS[1])
    vault.make_round_keys(round)
    return round, credentials, release


def _publish(round: Round, credentials: Sequence[Credentials]) -> Release:
    from consortium.demo import people
    from consortium.institutions.models import ApiClient
    from sharing.services import checking, computing, releases, rounds, submissions

    folder = _seal(round, credentials)
    for each in credentials:
        client = ApiClient.objects.select_related("institution").get(client_id=each.client_id)
        received = submissions.receive(round, (folder / each.code).read_bytes(), by=client)
        checking.open_sealed(received.submission.pk)
    rounds.close(round, by=people.at_association(people.COLLECTION_MANAGER))
    round.refresh_from_db()
    release = releases.start(round, by=people.at_association(people.PREPARER))
    computing.compute(release.pk)
    for post in (people.REVIEWER, people.PUBLISHER):
        releases.approve(release, by=people.at_association(post))
    releases.publish(release, by=people.at_association(people.PUBLISHER))
    return release


def _seal(round: Round, credentials: Sequence[Credentials]) -> Path:
    """One file an institution."""
    from django.conf import settings

    folder = HOME / "packages" / round.public_id
    folder.mkdir(parents=True)
    key = round.keys.get(suite="X-Wing").public_jwk
    shares = [list(credentials[start::2]) for start in range(2)]
    workers = [
        intake_load.start(make_packages, share, round.public_id, round.period, settings.CONCORD_AUDIENCE, key, folder)
        for share in shares
    ]
    for worker in workers:
        worker.join()
    if len(list(folder.iterdir())) != len(credentials):
        raise SystemExit("The packages could not be made; see above.")
    return folder


def _sign_in(number: int) -> list[str]:
    """The session cookies of people of so many institutions."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from consortium.institutions.models import Institution
    from consortium.people.models import Person
    from consortium.people.roles import Role

    cookies = []
    for institution in Institution.objects.order_by("code")[:number]:
        person = Person.objects.create(
            email=f"{institution.code.lower()}@member.example",
            name=f"Analyst of {institution.code}",
            institution=institution,
            roles=[Role.SUBMITTER, Role.ANALYST],
            password="!",
        )
        session = SessionStore()
        session[SESSION_KEY] = str(person.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session.create()
        cookies.append(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
    return cookies


def _storm(
    platform: Platform,
    broker: Rabbit | None,
    round: Round,
    release: Release,
    credentials: Sequence[Credentials],
    packages: Path,
    cookies: Sequence[str],
    seconds: float,
) -> Outcome:
    from consortium.processes.usage import usage
    from consortium.signing import key_set

    begin = time.time() + 8
    times = arrivals(len(credentials), seconds)
    storm = intake_load.Storm(platform.url, round.public_id, key_set(), packages, credentials, times)
    pages = ["/", "/submissions/", "/benchmarks/", "/releases/", f"/releases/{release.public_id}/", "/profile/"]
    sender = intake_load.start(intake_load.send_all, storm, begin, HOME / "acknowledged.json")
    browser = intake_load.start(
        intake_load.browse_all, platform.url, cookies, pages, begin, begin + seconds, HOME / "seen.json"
    )
    kills = _plan_kills(platform, broker, begin, seconds)
    busy = _Busy()
    print(f"Sending for {seconds / 60:.0f} minutes ...", flush=True)
    _wait(lambda: not sender.is_alive() and not browser.is_alive(), seconds + SETTLING_SECONDS)
    if sender.exitcode or browser.exitcode:
        raise SystemExit("Those who send or browse failed; see above.")
    acknowledged = intake_load.Results.from_file(HOME / "acknowledged.json").acknowledged
    share, sent_at = busy.share(), time.time()
    _wait(lambda: not round.submissions.undecided().exists(), SETTLING_SECONDS)
    settled = time.time() - sent_at
    _check_each_is_there_once(round, acknowledged, len(credentials))
    web = usage([platform.pids()["web"]])
    return Outcome(
        institutions=len(credentials),
        seconds=seconds,
        mean_bytes=sum(path.stat().st_size for path in packages.iterdir()) / len(credentials),
        acknowledged=acknowledged,
        seen=intake_load.Results.from_file(HOME / "seen.json").seen,
        settled_after=settled,
        kills=kills,
        web_processor=web.cpu_seconds,
        web_peak_mib=web.peak_mib,
        busy=share,
    )


def arrivals(number: int, seconds: float) -> list[float]:
    """Random times, in order: steady for three quarters of the time, twice the average in the last."""
    draw = random.Random(1)
    late = number // 2
    times = [draw.uniform(0, 0.75 * seconds) for _each in range(number - late)]
    return sorted(times + [draw.uniform(0.75 * seconds, seconds) for _each in range(late)])


def _plan_kills(platform: Platform, broker: Rabbit | None, begin: float, seconds: float) -> list[str]:
    """Starts the killer; the list it answers with fills up as it goes."""
    done: list[str] = []

    def kill_vault() -> None:
        os.killpg(platform.pids()["vault"], signal.SIGKILL)
        done.append("vault")

    def kill_broker() -> None:
        if broker is None:
            os.kill(platform.pids()["postgresql"], signal.SIGKILL)
            done.append("PostgreSQL with the queue in it")
        else:
            broker.kill()
            done.append("RabbitMQ")
            time.sleep(3)  # somebody notices and starts it again
            broker.start()

    plan = [(0.2, kill_vault), (0.4, kill_broker), (0.6, kill_vault), (0.85, kill_broker)]

    def follow() -> None:
        for share, kill in plan:
            time.sleep(max(0.0, begin + share * seconds - time.time()))
            kill()

    threading.Thread(target=follow, daemon=True).start()
    return done


def _check_each_is_there_once(round: Round, acknowledged: Sequence[intake_load.Acknowledged], number: int) -> None:
    from sharing import blobs
    from sharing.models import Leaf
    from sharing.states import SubmissionState

    rows = {str(each.pk): each for each in round.submissions.select_related("institution")}
    wrong = []
    if len(rows) != number or len(acknowledged) != number:
        wrong.append(f"{len(rows)} rows and {len(acknowledged)} receipts of {number}")
    if any(row.state != SubmissionState.ACCEPTED for row in rows.values()):
        wrong.append(f"not all are accepted: {Counter(row.state for row in rows.values())}")
    if Leaf.objects.filter(submission__round=round).count() != number:
        wrong.append("the log has not one leaf each")
    for each in acknowledged:
        row = rows.get(each.submission)
        if row is None or row.institution.code != each.code or row.package_sha256 != each.sha256:
            wrong.append(f"{each.code}: its receipt is of no submission of its own")
        elif hashlib.sha256(blobs.get(row.blob)).hexdigest() != each.sha256:
            wrong.append(f"{each.code}: other bytes are kept than were acknowledged")
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))


class _Busy:
    """The share of all cores that was busy since this was made."""

    def __init__(self) -> None:
        self._before = self._ticks()

    def share(self) -> float:
        all_before, idle_before = self._before
        everything, idle = self._ticks()
        return 1 - (idle - idle_before) / max(everything - all_before, 1)

    @staticmethod
    def _ticks() -> tuple[int, int]:
        fields = [int(each) for each in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        return sum(fields), fields[3] + fields[4]


def _wait(happened: Callable[[], bool], seconds: float) -> None:
    from django.db import Error, connection

    deadline = time.monotonic() + seconds
    while True:
        try:
            if happened():
                return
        except Error:
            connection.close()  # the database was killed: ask again
        if time.monotonic() > deadline:
            raise SystemExit(f"Not there after {seconds:.0f} s; see the logs under {HOME / 'log'}.")
        time.sleep(1)


if __name__ == "__main__":
    main()
