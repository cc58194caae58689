"""The page from key to receipt: registering, trusting, sending, and what goes wrong on the way."""

from __future__ import annotations

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from consortium.institutions.models import SigningKey
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing.models import Release, Round, Submission
from sharing.states import ReleaseState, RoundState, SubmissionState
from tests.browser.sealing.sealer import Sealer, as_csv, changed, figures
from tests.browser.seed import PASSWORD, _submission
from tests.browser.test_member import SCREENS, speaks

pytestmark = pytest.mark.browser


def test_an_administrator_registers_the_key_on_the_page(visit, quarter):
    Person.objects.filter(email="ada@example.org").update(roles=[Role.SUBMITTER, Role.ADMINISTRATOR])
    sealer = Sealer(visit(), quarter)
    sealer.page.click("[data-key=make]")
    sealer.page.click("[data-key=register]")
    sealer.until("document.querySelector('[data-key=register]').hidden")
    assert SigningKey.objects.filter(institution__code="HARBOUR", kid=sealer.page.inner_text("[data-key=kid]")).exists()


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
    sealer.choose("figures.csv", changed(figures(), lambda rows: rows[3].__setitem__(0, "NOTHING")))
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


def test_nothing_that_is_being_sent_can_be_changed_meanwhile(visit, quarter):
    sealer = Sealer(visit(), quarter)
    kid = sealer.make_key()
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.page.wait_for_selector("[data-send]:enabled")
    held = []
    sealer.page.route("**/submissions", lambda route: held.append(route))
    sealer.page.click("[data-send]")
    while not held:
        sealer.page.wait_for_timeout(50)
    for control in ("[data-send]", "[data-file]", "[data-trial]", "[data-key=forget]"):
        assert sealer.page.is_disabled(control), control
    held[0].continue_()
    sealer.page.wait_for_selector("[data-received]:not([hidden])")
    assert "verified in this browser" in sealer.page.inner_text("[data-receipt]")
    assert Submission.objects.get(round=quarter).signing_kid == kid
    for control in ("[data-file]", "[data-key=forget]"):
        assert sealer.page.is_enabled(control), control


def test_a_busy_portal_gets_the_same_package_again(visit, quarter):
    """It may have kept the first one before it answered."""
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.page.wait_for_selector("[data-send]:enabled")
    answers, sent = [503, 429, 500], []

    def busy(route):
        sent.append(route.request.post_data_buffer)
        busy_now = {"status": answers.pop(0), "json": {"title": "Busy"}} if answers else None
        route.fulfill(**busy_now) if busy_now else route.continue_()

    sealer.page.route("**/submissions", busy)
    for number in (1, 2, 3):
        sealer.page.click("[data-send]:enabled")
        sealer.until("document.querySelector('[data-sending]').textContent.includes('Busy')")
        assert len(sent) == number
    sealer.visitor.complaints.clear()  # the browser's words about the refusals
    sealer.send()
    assert len(set(sent)) == 1
    assert Submission.objects.filter(round=quarter).count() == 1


def test_a_session_that_ends_meanwhile_costs_no_figure(visit, quarter):
    sealer = Sealer(visit(), quarter)
    sealer.make_key()
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.page.wait_for_selector("[data-send]:enabled")
    Session.objects.all().delete()
    sealer.page.click("[data-send]")
    sealer.until("document.querySelector('[data-sending]').textContent.includes('signed out')")
    assert not Submission.objects.filter(round=quarter).exists()

    sealer.choose("figures.csv", as_csv(figures()))  # asked for the round's key, too, nobody is taken for a liar
    sealer.until("document.querySelector('[data-sending]').textContent.includes('signed out')")
    _signed_in_elsewhere(sealer)
    sealer.page.click("[data-send]:enabled")
    sealer.until("document.querySelector('[data-sending]').textContent === ''")
    Session.objects.all().delete()
    _signed_in_elsewhere(sealer)  # which gives out another token than the page has
    sealer.visitor.complaints.clear()  # the browser's words about the refusals
    sealer.send()
    sealer.visitor.complaints.clear()
    assert Submission.objects.filter(round=quarter).count() == 1


def _signed_in_elsewhere(sealer) -> None:
    tab = sealer.visitor.context.new_page()
    tab.goto(f"{sealer.visitor.address}/accounts/login/")
    tab.fill("input[name=login]", "ada@example.org")
    tab.fill("input[name=password]", PASSWORD)
    tab.click("main form button")
    tab.wait_for_url(f"{sealer.visitor.address}/")
    tab.close()


def test_two_tabs_make_one_key(visit, quarter):
    """A second one would take the place of the first, whose request the administrator may have already."""
    sealer = Sealer(visit(), quarter)
    other = sealer.visitor.context.new_page()
    other.goto(sealer.page.url)
    other.wait_for_selector("[data-key=make]:not([hidden])")
    kids = []
    for page in (sealer.page, other):
        page.click("[data-key=make]")
        page.wait_for_selector("[data-key=kid]:not([hidden])")
        kids.append(page.inner_text("[data-key=kid]"))
    sealer.go()
    assert kids == [sealer.page.inner_text("[data-key=kid]")] * 2


def test_a_browser_without_the_consortiums_curve_accuses_nobody(visit, quarter):
    """Chrome 133 to 136 have X25519 and no Ed25519."""
    visitor = visit()
    visitor.context.add_init_script(WITHOUT_ED25519)
    sealer = Sealer(visitor, quarter)
    sealer.make_key()
    assert SigningKey.objects.get(institution__code="HARBOUR").jwk["crv"] == "P-256"
    sealer.choose("figures.csv", as_csv(figures()))
    sealer.until("document.querySelector('[data-sending]').textContent !== ''")
    said = sealer.page.inner_text("[data-sending]")
    assert "Ed25519" in said
    assert "association" not in said
    assert sealer.page.is_disabled("[data-send]")


WITHOUT_ED25519 = """for (const name of ["generateKey", "importKey"]) {
  const real = SubtleCrypto.prototype[name];
  SubtleCrypto.prototype[name] = function (...given) {
    if (given.some((each) => each?.name === "Ed25519")) return Promise.reject(new DOMException("no curve", "NotSupportedError"));
    return real.apply(this, given);
  };
}"""
