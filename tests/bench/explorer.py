"""The explorer at full size: 4,000 members, 120 periods, 10,000 cells a release; every view through Django's handler.

`python -m tests.bench.explorer [--repeats N]`. A database of its own on the server that the settings name, removed afterwards. Writes
its table to docs/performance.md, whatever it measured. Fails when a view's 95th percentile is above 150 ms, when it asks the database
more than 20 times, or when its page weighs more than 300 kB. Beside the time that passed stands the processor's time of the web
process: on a machine that does other things at once, the first says as much about those.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from django.test import Client

    from anonymize.template import Template
    from consortium.people.models import Person
    from sharing.models import Collection, Release

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- bench-explorer: begin -->", "<!-- bench-explorer: end -->"
MEMBERS, PERIODS, CELLS = 4000, 120, 10_000
INDICATORS, GROUPS = ("DPD30_RATE", "DPD90_RATE"), ("ALL", "small", "medium", "large")
MOST_MILLISECONDS, MOST_QUERIES, MOST_BYTES = 150, 20, 300_000
PLACES = ("", "&PRODUCT=SME", "&REGION=CN-ZJ", "&PRODUCT=SME&REGION=CN-ZJ", "&RISK_TIER=HIGH&peers=medium")
VIEWS = {
    "over time": "view=series",
    "among peers": "view=distribution",
    "heat map, by period": "view=map",
    "heat map, by tier": "view=map&multiples=RISK_TIER",
    "table, by product": "view=table&by=PRODUCT",
    "table, by region": "view=table&by=REGION",
}
OTHER_PAGES = {"home": "/", "releases": "/releases/"}


@dataclass(frozen=True)
class Measured:
    view: str
    who: str
    milliseconds: Sequence[float]
    processor: Sequence[float]  # milliseconds of it, in the web process
    queries: int
    weight: int

    @property
    def p95(self) -> float:
        return float(np.percentile(self.milliseconds, 95))

    @property
    def is_within(self) -> bool:
        return self.p95 < MOST_MILLISECONDS and self.queries <= MOST_QUERIES and self.weight < MOST_BYTES

    def line(self) -> str:
        median, processor = statistics.median(self.milliseconds), statistics.median(self.processor)
        figures = (
            f"{median:.0f}",
            f"**{self.p95:.0f}**",
            f"{processor:.0f}",
            f"{np.percentile(self.processor, 95):.0f}",
        )
        return f"| {' | '.join([self.view, self.who, *figures, str(self.queries), f'{self.weight / 1000:.0f}'])} |"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=12, help="of each view and place")
    repeats = arguments.parse_args().repeats
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings.testing")
    import django
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    django.setup()
    setup_test_environment(debug=False)
    databases = setup_databases(verbosity=0, interactive=False, parallel=0)
    try:
        people = _seed()
        measured = list(_measure(people, repeats))
    finally:
        teardown_databases(databases, verbosity=0)
    table = _table(measured)
    print(table)
    _keep(table)
    if all(each.is_within for each in measured):
        return 0
    print("A view is slower, asks more or weighs more than it may.")
    return 1


def _measure(people: dict[str, Person], repeats: int) -> Iterator[Measured]:
    from django.test import Client

    for who, person in people.items():
        client = Client()
        client.force_login(person)
        views = {name: [f"/benchmarks/?{query}{place}" for place in PLACES] for name, query in VIEWS.items()}
        for name, addresses in [*views.items(), *((page, [address]) for page, address in OTHER_PAGES.items())]:
            weight = max(len(client.get(address).content) for address in addresses)
            queries = max(_asks(client, address) for address in addresses)
            gc.freeze()  # as consortium.wsgi does
            times = [_milliseconds(client, address) for _ in range(repeats) for address in addresses]
            yield Measured(name, who, *zip(*times, strict=True), queries, weight)


def _asks(client: Client, address: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    assert answer.status_code == 200, f"{address} answers {answer.status_code}"
    return len(queries)


def _milliseconds(client: Client, address: str) -> tuple[float, float]:
    """That passed, and of the processor."""
    started, processor = time.perf_counter(), time.process_time()
    client.get(address)
    return (time.perf_counter() - started) * 1000, (time.process_time() - processor) * 1000


def _seed() -> dict[str, Person]:
    from anonymize.template import load
    from consortium.institutions.models import Institution, SizeBand
    from consortium.institutions.states import InstitutionState
    from consortium.people.models import Person
    from consortium.people.roles import Role
    from sharing.models import Collection

    template = load("delinquency")
    members = Institution.objects.bulk_create(
        Institution(code=f"M{number:04d}", name=f"Member {number}", state=InstitutionState.ACTIVE,
                    admitted_at=datetime.now(UTC), kind="city-bank", size_band=SizeBand.values[number % 3])
        for number in range(MEMBERS)
    )  # fmt: skip
    collection = Collection.objects.create(code=template.id, version=template.version, document=dict(template.source))
    collection.contributors.add(*members)
    for place, group in enumerate(GROUPS[1:]):
        collection.peer_groups.create(code=group, family="size", names={"en": group}, position=place)
    member = Person.objects.create_user("m@example.org", "x", name="M", institution=members[0], roles=[Role.ANALYST])
    staff = Person.objects.create_user("s@example.org", "x", name="S", institution=None, roles=[Role.STATISTICIAN])
    releases = _releases(collection, members[0], staff)
    _cells(template)
    _statements(template, releases, members[0])
    return {"member": member, "association": staff}


def _releases(collection: Collection, member: Any, staff: Person) -> list[Release]:
    from sharing.models import Release, Round, Submission
    from sharing.states import ReleaseState, RoundState, SubmissionState

    months = [(2016 + (10 + number) // 12, (10 + number) % 12 + 1) for number in range(PERIODS)]
    rounds = Round.objects.bulk_create(
        Round(collection=collection, public_id=f"delinquency-{year}-{month:02d}", period=f"{year}-{month:02d}",
              state=RoundState.PUBLISHED, opens_at=datetime(year, month, 1, tzinfo=UTC),
              due_at=datetime(year, month, 15, tzinfo=UTC), closed_at=datetime(year, month, 16, tzinfo=UTC))
        for year, month in months
    )  # fmt: skip
    Submission.objects.bulk_create(
        Submission(round=round, institution=member, version=1, state=SubmissionState.ACCEPTED,
                   received_at=round.opens_at, decided_at=round.opens_at, signing_kid="k", rkid="r",
                   package_sha256=f"{round.pk:064x}", package_bytes=1, blob="none", receipt="r")
        for round in rounds
    )  # fmt: skip
    return Release.objects.bulk_create(
        Release(round=round, public_id=f"{round.public_id}-r1", revision=1, state=ReleaseState.PUBLISHED,
                prepared_by=staff, computed_at=round.due_at, published_at=round.due_at + timedelta(days=2),
                contributors=MEMBERS, expected=MEMBERS, cells=CELLS, audit_passed=True)
        for round in rounds
    )  # fmt: skip


def _cells(template: Template) -> None:
    """One release's cells by COPY, then the same for every release, a fifth of them withheld."""
    from django.db import connection

    from sharing.models import ReleaseCell
    from sharing.models.release import FIGURES

    cut = [dimension.code_list.ids for dimension in template.cut(template.indicators[0])]
    places = islice(product(INDICATORS, GROUPS, product(*cut)), CELLS)
    columns = ", ".join(FIGURES)
    rates = ", ".join(
        f"CASE WHEN n % 5 = 4 THEN NULL ELSE 0.02 + n % 97 / 3000.0 + {at} / 900.0 END" for at in range(len(FIGURES))
    )
    table = ReleaseCell._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE one_release (n integer, indicator text, peer_group text, key text)")
        with cursor.copy("COPY one_release FROM STDIN") as copy:
            for number, (indicator, group, codes) in enumerate(places):
                copy.write_row((number, indicator, group, ".".join(codes)))
        cursor.execute(
            f'INSERT INTO "{table}" (release_id, indicator, peer_group, key, {columns}, contributors, withheld, reason) '
            f"SELECT release.id, indicator, peer_group, key, {rates}, CASE WHEN n % 5 = 4 THEN NULL ELSE 40 END, n % 5 = 4, "
            "'' FROM sharing_release AS release, one_release ORDER BY release.id, n"
        )
        cursor.execute("DROP TABLE one_release")
        cursor.execute("ANALYZE")


def _statements(template: Template, releases: Sequence[Release], member: Any) -> None:
    from sharing.benchmarks.comparison import OwnRates
    from sharing.services import statements

    size = int(np.prod([len(dimension.code_list.ids) for dimension in template.cut(template.indicators[0])]))
    rng = np.random.default_rng(5)
    for release in releases:
        columns = {indicator: (np.arange(size), rng.uniform(0.01, 0.06, size)) for indicator in INDICATORS}
        statements.seal_all(release, {member.code: member}, [(member.code, OwnRates(("ALL", "small"), columns))])


def _table(measured: Sequence[Measured]) -> str:
    names = ("view", "seen by", "median, ms", "p95, ms", "processor, median", "p95", "queries", "page, kB")
    rule = ("---", "---", *["---:"] * 6)
    head = [f"| {' | '.join(line)} |" for line in (names, rule)]
    machine = f"Load of the machine when it ended: {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores."
    return "\n".join([*head, *(each.line() for each in measured), "", machine]) + "\n"


def _keep(table: str) -> None:
    """Put the table in its place on the page; the words around it are written by people."""
    before, _begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
