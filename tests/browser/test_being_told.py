"""Notices, the board with its reminders, webhooks and the calendar, as people see and use them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consortium.institutions.models import Institution
from consortium.notifications import services, webhooks
from consortium.notifications.kinds import Kind
from consortium.notifications.models import Attempt, Endpoint, EventType, Notice
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing.models import Collection, Reminder, Round
from tests.browser.seed import PASSWORD
from tests.browser.test_member import SCREENS, speaks

pytestmark = pytest.mark.browser
URL = "http://127.0.0.1:9009/concord?tenant=7"


@pytest.fixture
def happened(seeded, settings):
    """Notices for Ada, a webhook of her bank that failed once, and a round that some are late with."""
    settings.CONCORD_WEBHOOKS_TO_LOCALHOST = True
    ada = Person.objects.get(email="ada@example.org")
    ada.roles = [Role.SUBMITTER, Role.ADMINISTRATOR]
    ada.save()
    round = seeded.open_round
    now = timezone.now()
    Round.objects.filter(pk=round.pk).update(opens_at=now - timedelta(days=20), due_at=now - timedelta(days=1))
    Collection.objects.update(reminder_days=[-7, -1, 1, 5])
    facts = {"collection": round.collection.document["name"], "period": round.period, "due": "2026-12-15"}
    kinds = (Kind.ROUND_OPENED, Kind.ROUND_DUE_SOON, Kind.STATEMENT_READY, Kind.RELEASE_CORRECTED)
    for kind in kinds:
        services.notify([ada], kind, address="/submissions/", **facts)
    services.notify([ada], Kind.ROUND_REMINDER, address="/submissions/", remark="The portal closes at noon.", **facts)
    Notice.objects.filter(kind=Kind.ROUND_OPENED).update(read_at=timezone.now())
    institution = Institution.objects.get(code="HARBOUR")
    endpoint = webhooks.add(institution, URL, EventType.values[:3], by=ada, description="Alarms").endpoint
    for state, status in (("delivered", 204), ("waiting", 503)):
        delivery = webhooks.test(endpoint, by=ada)
        delivery.state, delivery.attempts = state, 1
        delivery.save()
        Attempt.objects.create(delivery=delivery, milliseconds=81, status=status, body="" if status == 204 else "busy")
    Endpoint.objects.update(failing_since=timezone.now())
    return endpoint


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_the_pages_of_a_member_read_well(visit, happened, language, width, theme):
    speaks("ada", language)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("ada")
    pages = {
        "notices": "/notices/",
        "notices-mail": "/notices/mail/",
        "calendar": "/calendar/",
        "webhooks": "/institution/webhooks/",
        "webhook": f"/institution/webhooks/{happened.pk}/",
        "webhook-add": "/institution/webhooks/add/",
    }
    for name, path in pages.items():
        visitor.go(path)
        visitor.look(name)
    visitor.go("/calendar/")
    visitor.page.click("form[action='/calendar/link/'] button")
    visitor.look("calendar-link")


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_the_pages_of_the_association_read_well(visit, happened, seeded, language, width, theme):
    speaks("carl", language)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("carl")
    round = f"/rounds/{seeded.open_round.public_id}/"
    for name, path in {
        "board": round,
        "remind": f"{round}remind/?who=unanswered",
        "calendar-all": "/calendar/",
    }.items():
        visitor.go(path)
        visitor.look(name)


def test_those_chosen_on_the_board_are_reminded(visit, happened, seeded):
    visitor = visit()
    visitor.sign_in("carl")
    visitor.go(f"/rounds/{seeded.open_round.public_id}/?wanted=late&sort=name")
    chosen = visitor.page.locator("input[name=institution] >> nth=0")
    code = chosen.get_attribute("value")
    chosen.check()
    visitor.page.click("button:has-text('Remind those chosen')")
    visitor.page.fill("textarea[name=remark]", "Please call us.")
    visitor.page.click("button:has-text('Remind 1 institution')")
    visitor.page.wait_for_selector("#messages .note--success")

    assert Reminder.objects.get().institution.code == code
    assert Reminder.objects.get().remark == "Please call us."


def test_a_webhook_is_added_and_its_secret_shown_once(visit, happened):
    visitor = visit(width=390)
    visitor.sign_in("ada")
    visitor.go("/institution/webhooks/add/")
    visitor.page.fill("input[name=url]", "http://127.0.0.1:9009/other")
    visitor.page.check("input[value='release.published']")
    visitor.page.click("main form button[type=submit]")
    visitor.page.wait_for_selector(".secret")
    visitor.look("webhook-secret")

    assert visitor.page.inner_text(".secret").startswith("whsec_")
    visitor.page.click("a:has-text('I have kept it')")
    assert "whsec_" not in visitor.page.content()


def test_the_bell_counts_and_a_notice_is_read_by_opening_it(visit, happened):
    visitor = visit()
    visitor.sign_in("ada")
    assert visitor.page.inner_text(".bell__count") == "4"
    visitor.page.click(".bell")
    visitor.page.click("main .is-unread a >> nth=0")
    visitor.page.wait_for_url("**/submissions/")

    assert visitor.page.inner_text(".bell__count") == "3"
    assert PASSWORD not in visitor.page.content()
