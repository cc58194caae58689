"""A submitter with nothing but a browser: a key, a file, checks, a sealed package, a receipt. No figure leaves in the clear."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import zipfile
from datetime import timedelta

import openpyxl
import pytest
from django.utils import timezone

from anonymize.cube import read_cube, write_cube
from anonymize.template import Template, load
from consortium.institutions.models import SigningKey
from consortium.institutions.services import signing_keys
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing import vault
from sharing.models import Collection, Release, Round, Submission
from sharing.services import checking
from sharing.states import ReleaseState, RoundState, SubmissionState
from tests.browser.seed import _submission
from tests.browser.test_member import SCREENS, speaks
from tests.cast import PASSWORD, call_report
from tests.sharing.test_excel_form import filled

pytestmark = pytest.mark.browser

PERIOD = "2025-Q4"
PLANTED = 917_263_548  # a balance of a single cell


@pytest.fixture
def quarter(seeded) -> Round:
    """An open round of the call report with its sealing keys, to which Harbour Bank contributes."""
    return _open(load("call-report"), PERIOD, seeded.institution)


@pytest.fixture
def month(seeded) -> Round:
    """The open round of the delinquency collection, which demands protection."""
    vault.make_round_keys(seeded.open_round)
    return seeded.open_round


def _open(template: Template, period: str, institution) -> Round:
    collection = Collection.objects.create(code=template.id, version=template.version, document=dict(template.source))
    collection.contributors.add(institution)
    now = timezone.now()
    round = Round.objects.create(
        collection=collection,
        public_id=f"{template.id}-{period.lower()}",
        period=period,
        state=RoundState.OPEN,
        opens_at=now - timedelta(days=1),
        due_at=now + timedelta(days=9),
    )
    vault.make_round_keys(round)
    return round


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


def disguises(secret: bytes) -> list[bytes]:
    """The digits as they are, in hexadecimal, and in base64 at each of the three places of a group."""
    found = [secret, secret.hex().encode()]
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + secret)
        found.append(coded[4 if shift else 0 : len(coded) // 4 * 4 - 4])
    return found


FILES = {
    "figures.csv": lambda rows: as_csv(rows),
    "semicolons.csv": lambda rows: as_csv(rows, delimiter=";", encoding="utf-8-sig"),
    "sheets.xlsx": as_xlsx,
    "cube.parquet": lambda rows: write_cube(
        read_cube(as_csv(rows), load("call-report"), "application/vnd.sdmx.data+csv")
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_no_figure_leaves_the_browser_and_the_vault_accepts_what_does(visit, quarter, name):
    sealer = Sealer(visit(), quarter)
    kid = sealer.make_key()
    sealer.choose(name, FILES[name](figures()))
    assert sealer.findings() == []
    submission = sealer.send()

    assert submission.signing_kid == kid
    assert decided(submission).state == SubmissionState.AWAITING_APPROVAL
    assert submission.findings.filter(severity="error").count() == 0
    assert "verified in this browser" in sealer.page.inner_text("[data-receipt]")
    assert "Bela" in sealer.page.inner_text("[data-approval]")
    assert submission.receipt == sealer.page.evaluate(
        "async address => (await fetch(address)).text()", sealer.page.get_attribute("[data-link=receipt]", "href")
    )

    sent = [each for each in sealer.requests if b"/submissions" in each.split(b"\n")[0] and b"POST" in each[:10]]
    assert len(sent) == 1
    assert sent[0].split(b"\n", 1)[1].count(b".") == 2  # a compact JWS, and nothing around it
    kept = json.dumps(sealer.page.evaluate(EVERYTHING_KEPT)).encode()
    whole = [*sealer.requests, kept]
    for secret in (str(PLANTED).encode(), b"planted beside the cube", b"OBS_STATUS,CONF"):
        for disguise in disguises(secret):
            assert not any(disguise in each or disguise in _unpacked(each) for each in whole)


EVERYTHING_KEPT = """async () => {
  const kept = { local: {...localStorage}, session: {...sessionStorage}, cookies: document.cookie, databases: {} };
  for (const { name } of await indexedDB.databases()) {
    const database = await new Promise((done) => { const r = indexedDB.open(name); r.onsuccess = () => done(r.result); });
    for (const store of database.objectStoreNames) {
      const all = await new Promise((done) => {
        const r = database.transaction(store).objectStore(store).getAll(); r.onsuccess = () => done(r.result); });
      kept.databases[`${name}/${store}`] = all.map((each) => each.privateKey ? {...each, extractable: each.privateKey.extractable} : each);
    }
    database.close();
  }
  return kept;
}"""


def _unpacked(request: bytes) -> bytes:
    """The payload of a package as bytes, and gunzipped where it is gzip."""
    body = request.split(b"\n", 1)[-1]
    parts = body.split(b".")
    raw = base64.urlsafe_b64decode(parts[1] + b"==") if len(parts) == 3 and b" " not in body else body
    try:
        return raw + gzip.decompress(raw)
    except (OSError, EOFError):
        return raw


def test_a_planted_figure_would_be_found():
    """The search above finds what it looks for, however it is written."""
    secret = str(PLANTED).encode()
    for prefix in (b"", b"x", b"xy"):
        request = base64.b64encode(prefix + b"," + secret + b",more")
        assert any(each in request for each in disguises(secret))
    assert secret in _unpacked(b"[]\n" + gzip.compress(b"a," + secret))


def test_the_key_cannot_be_taken_out_of_the_browser_and_ends_when_it_is_revoked(visit, quarter):
    sealer = Sealer(visit(), quarter)
    kid = sealer.make_key()
    kept = sealer.page.evaluate(EVERYTHING_KEPT)["databases"]["concord-sealing/keys"]
    assert [(each["kid"], each["extractable"]) for each in kept] == [(kid, False)]
    assert "in force" in sealer.page.inner_text("[data-key=state]")

    SigningKey.objects.filter(kid=kid).update(revoked_at=timezone.now(), revocation="routine")
    sealer.go()
    sealer.choose("figures.csv", as_csv(figures()))
    assert "revoked" in sealer.page.inner_text("[data-key=state]")
    assert sealer.page.is_hidden("[data-preview]")


def test_an_administrator_registers_the_key_on_the_page(visit, quarter):
    Person.objects.filter(email="ada@example.org").update(roles=[Role.SUBMITTER, Role.ADMINISTRATOR])
    sealer = Sealer(visit(), quarter)
    sealer.page.click("[data-key=make]")
    sealer.page.click("[data-key=register]")
    sealer.until("document.querySelector('[data-key=register]').hidden")
    assert SigningKey.objects.filter(institution__code="HARBOUR", kid=sealer.page.inner_text("[data-key=kid]")).exists()


def test_the_rounds_form_is_filled_in_and_accepted(visit, quarter):
    template = load("call-report")
    product = template.dimension("PRODUCT").code_list.leaves[2]
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    with sealer.page.expect_download() as download:
        sealer.page.click("a[href$='template.xlsx']")
    form = download.value.path().read_bytes()
    assert openpyxl.load_workbook(io.BytesIO(form)).sheetnames[0] == "Cube"
    values = {(product, "LT060"): {"LOANS": 120, "BALANCE": 88_000.25}, (product, "D060P"): {"LOANS": 3, "BALANCE": 40}}
    sealer.choose("form.xlsx", filled(form, values))
    assert "88,040.25" in sealer.page.inner_text("[data-totals]")
    assert decided(sealer.send()).state == SubmissionState.AWAITING_APPROVAL


def _change(rows, change) -> bytes:
    change(rows)
    return as_csv(rows)


WRONG = {
    "missing-column": lambda rows: [row.pop(0) for row in rows],
    "unmapped-column": lambda rows: [row.append("X") for row in rows],
    "unknown-code": lambda rows: rows[3].__setitem__(0, "NOTHING"),
    "missing-code": lambda rows: rows[3].__setitem__(0, ""),
    "duplicate-cell": lambda rows: rows.append(list(rows[5])) or rows.pop(4),
    "wrong-period": lambda rows: rows[2].__setitem__(2, "2025-Q3"),
    "wrong-type": lambda rows: rows[2].__setitem__(3, "1,204"),
    "not-whole": lambda rows: rows[2].__setitem__(3, "12.5"),
    "negative-count": lambda rows: rows[2].__setitem__(3, "-4"),
    "not-finite": lambda rows: rows[2].__setitem__(4, "NaN"),
    "out-of-range": lambda rows: rows[2].__setitem__(4, "1e19"),
    "unknown-status": lambda rows: rows[2].__setitem__(5, "B"),
    "status-disagrees": lambda rows: rows[2].__setitem__(6, "C"),
}


def test_each_mistake_is_named_by_the_servers_rule_and_nothing_is_sealed(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    for rule, change in WRONG.items():
        content = _change(figures(), change)
        sealer.choose("figures.csv", content)
        assert any(rule in each for each in sealer.findings()), rule
        assert sealer.page.is_hidden("[data-preview]"), rule
        assert _server_rule(content) == rule
    sealer.choose("figures.csv", _change(figures(), lambda rows: rows[1].__setitem__(4, "7")))
    assert any("do not add up" in each for each in sealer.findings())
    for name, content, rule in (("a.csv", b"", "empty"), ("a.xlsx", b"PK\x03\x04garbage", "unreadable")):
        sealer.choose(name, content)
        assert any(rule in each for each in sealer.findings())


def _server_rule(content: bytes) -> str:
    from anonymize.cube import CubeError

    with pytest.raises(CubeError) as refused:
        read_cube(content, load("call-report"), "application/vnd.sdmx.data+csv", period=PERIOD)
    return refused.value.rule


def test_a_small_cell_of_a_protected_collection_is_refused(visit, month):
    sealer = Sealer(visit(), month)
    sealer.make_key()
    head = "PRODUCT,REGION,RISK_TIER,DPD_BUCKET,ACCOUNTS,BORROWERS,BALANCE\n"
    sealer.choose("small.csv", (head + "_T,_T,_T,_T,9,9,1000\n").encode())
    assert any("below-minimum" in each and "concord aggregate" in each for each in sealer.findings())
    assert sealer.page.is_hidden("[data-preview]")

    lone = head + "_T,_T,_T,_T,90,90,1000\nCARD,_T,_T,_T,,,\n"
    sealer.choose("lone.csv", lone.encode())
    assert any("recoverable" in each for each in sealer.findings())


def test_another_key_of_the_consortium_is_not_trusted_by_itself(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.page.wait_for_selector("[data-send]:enabled")
    sealer.page.evaluate(REPIN)
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.page.wait_for_selector("[data-trust]:not([hidden])")
    assert sealer.page.is_disabled("[data-send]")
    sealer.page.click("[data-trust] button")
    sealer.page.wait_for_selector("[data-send]:enabled")


REPIN = """() => new Promise((done) => {
  const request = indexedDB.open("concord-sealing");
  request.onsuccess = () => {
    const change = request.result.transaction("pins", "readwrite");
    change.objectStore("pins").openCursor().onsuccess = (event) => event.target.result.update("another-key-than-this");
    change.oncomplete = () => { request.result.close(); done(); };
  };
})"""


def test_a_sealing_key_that_the_web_process_made_up_is_not_used(visit, quarter):
    from anonymize.package import SealingKeyPair, SigningKey as Signer, sign_jwk

    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    own = SealingKeyPair.generate("X25519").public_jwk()
    quarter.keys.filter(suite="X25519").update(
        public_jwk=own, signature=sign_jwk(own, quarter.public_id, Signer.generate())
    )
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.until("document.querySelector('[data-sending]').textContent.includes('not signed')")
    assert sealer.page.is_disabled("[data-send]")


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_the_page_reads_well(visit, quarter, language, width, theme):
    speaks("ada", language)
    visitor = visit(language=language, width=width, theme=theme)
    sealer = Sealer(visitor, quarter)
    visitor.look("seal-no-key")
    sealer.page.click("[data-key=make]")
    sealer.until("document.querySelector('#registration').value.length > 100")
    visitor.look("seal-request")
    sealer.page.click("[data-key=copy]")
    sealer.page.on("dialog", lambda dialog: dialog.accept())
    sealer.page.click("[data-key=forget]")
    sealer.until("document.querySelector('#registration').value === ''")
    sealer.make_key()
    sealer.choose("figures.csv", _change(figures(), WRONG["unknown-code"]))
    visitor.look("seal-findings")
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.page.wait_for_selector("[data-send]:enabled")
    visitor.look("seal-preview")
    sealer.send()
    visitor.look("seal-received")


def test_without_scripts_it_says_what_to_do(visit, quarter, browser, live_server):
    visitor = visit()
    visitor.sign_in("ada")
    without = browser.new_context(java_script_enabled=False, storage_state=visitor.context.storage_state())
    page = without.new_page()
    page.goto(f"{live_server.url}/rounds/{quarter.public_id}/seal/")
    assert "concord seal" in page.inner_text("noscript")
    assert page.is_visible("form[action$='/send/'] input[type=file]")
    assert page.is_hidden("[data-file]")
    without.close()


def test_a_broken_connection_sends_the_same_package_again_and_a_trial_never_counts(visit, quarter):
    visitor = visit()
    sealer = Sealer(visitor, quarter)
    sealer.make_key()
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.page.wait_for_selector("[data-send]:enabled")
    sent: list[bytes] = []

    def break_off(route):
        sent.append(route.request.post_data_buffer)
        route.abort() if len(sent) == 1 else route.continue_()

    sealer.page.route("**/submissions", break_off)
    sealer.page.click("[data-send]")
    sealer.until("document.querySelector('[data-sending]').textContent.includes('did not answer')")
    visitor.complaints.clear()  # the browser's word about the broken connection
    sealer.send()
    assert len(sent) == 2
    assert sent[0] == sent[1]

    sealer.choose("figures.csv", as_csv(figures()))
    sealer.page.check("[data-trial]")
    sealer.send()
    assert "never counts" in sealer.page.inner_text("[data-receipt]")
    assert Submission.objects.filter(round=quarter, is_trial=False, institution__code="HARBOUR").count() == 1


def test_a_form_of_a_closed_round_is_checked_and_not_sent(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    Round.objects.filter(pk=quarter.pk).update(state=RoundState.CLOSED, closed_at=timezone.now())
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.until("document.querySelector('[data-sending]').textContent !== ''")  # closed while the page was open
    assert sealer.page.is_disabled("[data-send]")
    sealer.go()
    sealer.choose("figures.csv", as_csv(figures()))
    assert sealer.page.is_hidden("[data-preview]")
    assert "closed" in sealer.page.inner_text("main")


def test_what_a_workbook_holds_in_other_kinds_of_cells(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    rows = figures()
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(rows)))
    balance = rows[0].index("BALANCE") + 1
    book.worksheets[0].cell(3, balance).value = True
    book.worksheets[0].cell(4, balance).value = "=1/0"  # never worked out by Excel
    sink = io.BytesIO()
    book.save(sink)
    sealer.choose("odd.xlsx", sink.getvalue())
    found = sealer.findings()
    assert any("wrong-type" in each and "row 3" in each for each in found)
    assert any("status-disagrees" in each and "row 4" in each for each in found)
    sealer.choose("bomb.xlsx", bomb())
    assert any("too-large" in each for each in sealer.findings())


def bomb() -> bytes:
    """A workbook of a few hundred kilobytes whose parts unpack to more than a cube can hold."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/_rels/workbook.xml.rels", "w") as part:
            for _mebibyte in range(260):
                part.write(b" " * 2**20)
    return sink.getvalue()


def test_a_correction_of_published_figures_says_why(visit, quarter, seeded):
    Release.objects.create(
        round=quarter,
        public_id=f"{quarter.public_id}-r1",
        revision=1,
        state=ReleaseState.PUBLISHED,
        prepared_by=Person.objects.get(email="stella@example.org"),
        computed_at=timezone.now(),
        published_at=timezone.now(),
        contributors=5,
        expected=24,
        audit_passed=True,
        inputs_digest="5d" * 32,
        audit={},
    )
    ada = Person.objects.get(email="ada@example.org")
    _submission(quarter, seeded.institution, ada, SubmissionState.ACCEPTED)
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.page.wait_for_selector("[data-send]:enabled")
    sealer.page.select_option("[data-correction]", "other")
    sealer.page.click("[data-send]")
    sealer.until("document.querySelector('[data-sending]').textContent.includes('Say in words')")
    sealer.visitor.complaints.clear()  # the browser's word about the refusal
    sealer.page.fill("[data-correction-note]", "Zinsen 错报")
    sealer.send()
    posted = [
        each.split(b"\n")[0].decode() for each in sealer.requests if b"orrection-" in each.split(b"\n")[0].lower()
    ]
    assert Submission.objects.get(round=quarter, version=2).correction_note == "Zinsen 错报"
    assert "Zinsen%20%E9%94%99%E6%8A%A5" in posted[-1]


def test_the_keyboard_alone_is_enough(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.page.focus("[data-key=make]")
    sealer.page.keyboard.press("Enter")
    sealer.until("document.querySelector('#registration').value.length > 100")
    reached = set()
    sealer.page.focus("[data-key=forget]")
    for _press in range(8):
        sealer.page.keyboard.press("Tab")
        reached.add(sealer.page.evaluate("document.activeElement.matches('[data-file]')"))
    assert True in reached
