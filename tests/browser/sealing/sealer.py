"""A visitor of the sealing page, and the files that are dropped on it."""

from __future__ import annotations

import base64
import csv
import io
import json

import openpyxl

from anonymize.cube import SDMX_CSV, CubeError, read_cube
from anonymize.template import load
from consortium.institutions.services import signing_keys
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing.models import Round, Submission
from sharing.services import checking
from sharing.states import SubmissionState
from tests.cast import PASSWORD, call_report

PERIOD = "2025-Q4"
PLANTED = 917_263_548  # a balance of a single cell


def rows_of(cube) -> list[list[str]]:
    """The cube as plain rows: names, then texts."""
    table = cube.table
    return [
        table.column_names,
        *[["" if value is None else str(value) for value in row.values()] for row in table.to_pylist()],
    ]


def figures() -> list[list[str]]:
    """A consistent call report in which one product is due PLANTED, and so are its totals."""
    rows = rows_of(call_report("HARBOUR", PERIOD))
    head, body = rows[0], rows[1:]
    place, balance, bucket = (head.index(name) for name in ("PRODUCT", "BALANCE", "DPD_BUCKET"))
    product = next(row[place] for row in body if row[place] != "_T")
    for row in body:
        if row[place] in (product, "_T") and row[bucket] in ("LT060", "_T"):
            row[balance] = str(int(float(row[balance])) + PLANTED)
        else:
            row[balance] = str(int(float(row[balance])))
    return [head, *body]


def as_csv(rows, *, delimiter=",", encoding="utf-8") -> bytes:
    sink = io.StringIO()
    csv.writer(sink, delimiter=delimiter).writerows(rows)
    return sink.getvalue().encode(encoding)


def as_xlsx(rows) -> bytes:
    book = openpyxl.Workbook()
    numbers = {rows[0].index(name) for name in ("LOANS", "BALANCE")}
    for row in rows:
        book.active.append(
            [float(text) if place in numbers and text.isdigit() else text for place, text in enumerate(row)]
        )
    secret = book.create_sheet("Notes")
    secret["A1"] = "planted beside the cube"
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


class Sealer:
    """A visitor of the sealing page who keeps every request that the browser makes, to the last byte."""

    def __init__(self, visitor, round: Round, who: str = "ada") -> None:
        self.visitor, self.page, self.round = visitor, visitor.page, round
        self.requests: list[bytes] = []
        visitor.sign_in(who)
        self.page.on("request", self._keep)
        self.go()

    def _keep(self, request) -> None:
        head = json.dumps([request.method, request.url, request.all_headers()])
        self.requests.append(head.encode() + b"\n" + (request.post_data_buffer or b""))

    def go(self) -> None:
        self.visitor.go(f"/rounds/{self.round.public_id}/seal/")
        self.page.wait_for_selector("[data-key=state]:not(:empty)")

    def make_key(self) -> str:
        """A key that the administrator has registered from the text that the page shows."""
        self.page.click("[data-key=make]")
        self.until("document.querySelector('#registration').value.length > 100")
        institution = Person.objects.get(email="ada@example.org").institution
        admin = Person.objects.create_user(
            "adele@example.org", PASSWORD, name="Adele", institution=institution, roles=[Role.ADMINISTRATOR]
        )
        key = signing_keys.register(institution, self.page.input_value("#registration"), by=admin)
        self.go()
        return key.kid

    def choose(self, name: str, content: bytes) -> None:
        self.page.set_input_files("[data-file]", {"name": name, "mimeType": "", "buffer": content})
        self.until("/[^…]$/.test(document.querySelector('[data-status]').textContent)")

    def drop(self, name: str, content: bytes) -> None:
        """As from the desktop onto the drop zone."""
        files = self.page.evaluate_handle(
            """([name, coded]) => {
              const files = new DataTransfer();
              files.items.add(new File([Uint8Array.from(atob(coded), (each) => each.charCodeAt(0))], name));
              return files;
            }""",
            [name, base64.b64encode(content).decode()],
        )
        for event in ("dragover", "drop"):
            self.page.dispatch_event("[data-drop]", event, {"dataTransfer": files})
        self.until("/[^…]$/.test(document.querySelector('[data-status]').textContent)")

    def send(self) -> Submission:
        self.page.wait_for_selector("[data-send]:enabled")
        self.page.click("[data-send]")
        self.page.wait_for_selector("[data-received]:not([hidden])")
        return Submission.objects.filter(round=self.round, institution__code="HARBOUR").latest("received_at")

    def until(self, condition: str) -> None:
        """Waits in steps: the content policy lets nobody evaluate in the page, Playwright's own waiting included."""
        for _step in range(150):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{condition} never came")

    def findings(self) -> list[str]:
        return [row.inner_text() for row in self.page.locator("[data-findings] tbody tr").all()]


def decided(submission: Submission) -> Submission:
    """After the vault has opened and checked it."""
    if submission.state == SubmissionState.RECEIVED:
        checking.open_sealed(submission.pk)
        submission.refresh_from_db()
    return submission


def changed(rows, change) -> bytes:
    change(rows)
    return as_csv(rows)


def server_rule(content: bytes) -> str | None:
    """The rule by which the platform refuses a file; None when it takes it."""
    try:
        read_cube(content, load("call-report"), SDMX_CSV, period=PERIOD)
    except CubeError as refused:
        return refused.rule
    return None
