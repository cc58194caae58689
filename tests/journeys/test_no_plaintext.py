"""No figure of a member is found anywhere but in its sealed package: every table, file, message, log line and page.

Each bank's cube holds marker values, numbers of nine digits that nothing else contains. A submission is accepted, one
is rejected, one breaks the checker, one breaks the web process; a release is computed and published. Then everything
that was kept or said is searched for the markers, as text and as the bytes of a number.
"""

from __future__ import annotations

import logging
import struct

import pyarrow as pa
import pytest
from django.db import connection
from django.test import Client
from django.views.debug import ExceptionReporter
from kombu.exceptions import TimeoutError as NoMessage

from anonymize.cube import cube_of
from anonymize.package import PACKAGE_MEDIA_TYPE
from anonymize.template import load
from consortium.celery import app
from consortium.institutions.models import Institution, SizeBand
from sharing import blobs
from sharing.models import Release, Round, Submission
from sharing.services import checking, releases, rounds, submissions
from tests.cast import cube_with_margins, found_bank, sealed

pytestmark = pytest.mark.django_db(transaction=True)

# Two markers for each of the contributing banks: loans and balance of one product past due.
MARKERS = [(123_000_017 + 10_000_019 * number, 517_000_039 + 10_000_079 * number) for number in range(8)]
THEIRS = [marker for pair in MARKERS for marker in pair]


def marked(code, markers):
    """A consistent cube whose balance and number of past-due loans are the markers."""
    template = load("call-report")
    rows = [(product, "LT060", 1000, 2_000_000_000) for product in template.dimension("PRODUCT").code_list.leaves]
    return cube_with_margins(template, [*rows, ("LEASES", "D060P", *markers)], code, "2025-Q4")


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.fixture
def banks(collection):
    found = [found_bank(f"BANK{number}", size_band=SizeBand.SMALL) for number in range(len(MARKERS))]
    collection.contributors.add(*(bank.institution for bank in found))
    return found


def test_no_figure_is_found_outside_the_sealed_packages(
    banks, open_round, collection, carl, stella, timo, ursula, said, client, settings, harbour, ada, aldo
):
    messages: list[str] = []
    pages: list[bytes] = []
    for bank, markers in zip(banks, MARKERS, strict=True):
        answer = send(client, bank, open_round, sealed(bank, open_round, marked(bank.institution.code, markers)))
        assert answer.status_code == 202, answer.content
        pages.append(answer.content)
    messages += work()
    assert Submission.objects.accepted().count() == len(banks)

    pages += rejected(client, harbour, open_round, messages)
    pages += broken_worker(client, harbour, open_round, messages)
    pages += broken_web(harbour, open_round)

    submissions.withdraw(Submission.objects.undecided().get(), by=ada)  # the one at which the checker breaks
    rounds.close(open_round, by=carl)
    release = releases.start(Round.objects.get(), by=stella)
    messages += work()
    release.refresh_from_db()
    assert release.state == "in_review", release.reason
    for person in (timo, ursula):
        releases.approve(release, by=person)
    releases.publish(release, by=timo)
    for person in (ada, aldo, stella):
        pages += everything_that_they_can_read(person)

    everything = {
        "tables": "".join(tables()),
        "messages": "".join(messages),
        "logs": said.text + "".join(repr(vars(each)) for each in said.records),
        "error reports": "".join(reports(said.records)),
        "pages": b"".join(pages).decode("utf-8", "replace"),
    }
    assert all(everything.values()), "one of the places was not looked at"
    assert "sharing_submission" in everything["tables"]
    for place, text in everything.items():
        assert found_in(text) == [], place
    files = b"".join(path.read_bytes() for path in settings.CONCORD_BLOBS.rglob("*") if path.is_file())
    assert files
    assert found_in(files.decode("latin-1")) == []


def test_the_search_finds_what_it_looks_for():
    """A search that finds nothing in a table that has it would prove nothing."""
    Institution.objects.create(code="LEAK", name=f"holds {THEIRS[0]}", kind="other", size_band="small")

    assert found_in("".join(tables())) == [THEIRS[0]]
    assert found_in(struct.pack("<q", THEIRS[1]).hex()) == [THEIRS[1]]
    assert found_in(struct.pack("<d", THEIRS[2]).decode("latin-1")) == [THEIRS[2]]


def send(client, bank, round, package):
    answer = client.post("/oauth/token/", {"grant_type": "client_credentials"}, headers={"authorization": bank.basic})
    token = answer.json()["access_token"]
    return client.post(
        f"/api/v1/rounds/{round.public_id}/submissions",
        package,
        content_type=PACKAGE_MEDIA_TYPE,
        headers={"authorization": f"Bearer {token}"},
    )


def work():
    """Do what is queued for the vault, as its worker does; the messages as they lay in the queue."""
    seen = []
    with app.connection_for_read() as broker, broker.SimpleQueue("vault") as queue:
        while True:
            try:
                message = queue.get(block=False)
            except (NoMessage, queue.Empty):
                return seen
            seen.append(repr(message.body) + repr(message.headers))
            args = message.payload[0]
            message.ack()
            try:
                app.tasks[message.headers["task"]](*args)
            except checking.CheckingFailed:
                logging.getLogger("celery.worker").exception("task failed")  # as the worker itself does


def reports(records):
    """The error mail of every exception that was logged, with the variables of its frames."""
    return [ExceptionReporter(None, *each.exc_info).get_traceback_html() for each in records if each.exc_info]


def rejected(client, harbour, round, messages):
    """A cube whose totals do not add up, and what the member reads about it."""
    cube = marked("HARBOUR", MARKERS[0])
    balance = cube.table.column("BALANCE").to_pylist()
    balance[0] += 1
    table = cube.table.set_column(cube.table.schema.get_field_index("BALANCE"), "BALANCE", pa.array(balance))
    wrong = cube_of(table, load("call-report"), institution="HARBOUR", period="2025-Q4")
    answer = send(client, harbour, round, sealed(harbour, round, wrong))
    messages += work()
    submission = Submission.objects.get(pk=answer.json()["id"])
    assert submission.state == "rejected"
    assert submission.findings.exists()
    return [answer.content]


def broken_worker(client, harbour, round, messages):
    """A checker that fails with a figure in its message, as libraries like to."""
    real = checking.check_cube

    def fail(cube, *_):
        raise ValueError(f"could not convert {cube.table.column('BALANCE').to_pylist()}")

    checking.check_cube = fail
    try:
        answer = send(client, harbour, round, sealed(harbour, round, marked("HARBOUR", MARKERS[1])))
        messages += work()
    finally:
        checking.check_cube = real
    assert Submission.objects.get(pk=answer.json()["id"]).state == "received"
    return [answer.content]


def broken_web(harbour, round):
    """A web process whose storage fails in the middle of a request."""
    real = blobs.put

    def fail(*_):
        raise OSError("no space left on device")

    blobs.put = fail
    try:
        answer = send(Client(), harbour, round, sealed(harbour, round, marked("HARBOUR", MARKERS[2])))
    finally:
        blobs.put = real
    assert answer.status_code == 500
    return [answer.content]


def everything_that_they_can_read(person):
    client = Client()
    client.force_login(person)
    addresses = ["/api/v1/submissions", "/api/v1/rounds", "/api/v1/releases", "/submissions/", "/rounds/", "/releases/"]
    for submission in Submission.objects.visible_to(person):
        addresses += [f"/api/v1/submissions/{submission.pk}/findings", f"/submissions/{submission.pk}/"]
    for release in Release.objects.visible_to(person):
        addresses += [f"/api/v1/releases/{release.public_id}/cells", f"/releases/{release.public_id}/"]
    return [client.get(address).content for address in addresses]


def tables():
    """Every table of the database as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT LIKE 'pg_%'")
        names = [row[0] for row in cursor.fetchall() if not row[0].startswith("information_schema")]
        for name in names:
            yield f"\n{name}\n"
            with cursor.copy(f"COPY (SELECT row::text FROM {name} AS row) TO STDOUT") as copy:
                for block in copy:
                    yield bytes(block).decode()


def found_in(text):
    """The markers that a text holds: as digits, with separators, or as the bytes of a number, also in hex."""
    return [marker for marker in THEIRS if any(shape in text for shape in shapes(marker))]


def shapes(marker):
    numbers = [struct.pack(form, marker) for form in ("<q", ">q", "<d", ">d", "<i", ">i")]
    return [
        str(marker),
        f"{marker:,}",
        *(each.decode("latin-1") for each in numbers),
        *(each.hex() for each in numbers),
    ]
