"""Joining, the own institution and the association's pages about both: they fit every screen, and axe finds nothing."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone

from consortium.institutions.models import Application, Institution
from consortium.institutions.services import affiliates, agreements, applications
from consortium.notifications.models import Mail
from consortium.people import invitations
from consortium.people.models import Person
from consortium.people.roles import Role
from tests.browser.test_member import SCREENS, speaks
from tests.cast import person
from tests.consortium.test_applications import FORM

pytestmark = pytest.mark.browser

OWN = {
    "own-institution": "/institution/",
    "own-people": "/institution/people/",
    "own-invite": "/institution/people/invite/",
    "own-agreements": "/institution/agreements/",
    "own-leaving": "/institution/leaving/",
    "own-records": "/institution/records/",
}
ASSOCIATION = {
    "applications": "/administration/applications/",
    "agreement-board": "/administration/agreements/",
    "agreement-issue": "/administration/agreements/issue/",
    "affiliates": "/administration/affiliates/",
    "affiliate-group": "/administration/affiliates/FAMILY/",
}


@pytest.fixture
def joining(seeded):
    """An agreement to accept, a group, an application with a question, somebody invited."""
    harbour = Institution.objects.get(code="HARBOUR")
    mara = Person.objects.filter(name="Mara").first() or person("Mara", None, Role.MEMBER_SERVICES)
    dora = Person.objects.filter(name="Dora").first() or person("Dora", harbour, Role.ADMINISTRATOR)
    today = timezone.localdate()
    agreements.issue(*agreements.shipped(), effective_on=today, accept_by=today, by=mara)
    affiliates.join(harbour, affiliates.create("FAMILY", "Family Holdings", by=mara), by=mara)
    applications.submit(FORM, language="en", address="192.0.2.1")
    application = applications.take_up(applications.confirm(Application.objects.get()), by=mara)
    applications.ask(application, "Who supervises you?", by=mara)
    invitations.invite("nora@example.org", "Nora", [Role.ANALYST], institution=harbour, by=dora)
    letter = Mail.objects.get(template="people/mail/invitation")
    return {
        "application": f"/administration/applications/{application.public_id}/",
        "follow": applications.link(application).removeprefix("https://concord.example"),
        "invitation": re.search(r"/invitation/\S+/", letter.text).group(),
        "person": f"/institution/people/{dora.pk}/",
    }


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_every_page_of_joining_reads_well(visit, joining, language, width, theme):
    visitor = visit(language=language, width=width, theme=theme)
    for name in ("follow", "invitation"):
        visitor.go(joining[name])
        visitor.look(name)
    for name, path in {"join": "/join/", "agreement": "/agreement/1/"}.items():
        visitor.go(path)
        visitor.look(name)
    for who, pages in {
        "dora": {**OWN, "own-person": joining["person"]},
        "mara": {**ASSOCIATION, "application": joining["application"]},
    }.items():
        speaks(who, language)
        visitor = visit(language=language, width=width, theme=theme)
        visitor.sign_in(who)
        for name, path in pages.items():
            visitor.go(path)
            visitor.look(name)


def test_an_institution_applies_without_a_script_or_an_account(visit, db):
    visitor = visit()
    visitor.go("/join/")
    for name, value in FORM.items():
        field = visitor.page.locator(f"[name={name}]")
        if name in {"kind", "size_band"}:
            field.select_option(value)
        else:
            field.fill(value)
    visitor.page.click("main form button[type=submit]")
    visitor.page.wait_for_url("**/join/sent/")

    assert Application.objects.get().registration_number == FORM["registration_number"]


def test_the_last_tab_is_in_sight_on_a_phone(visit, joining):
    visitor = visit(width=390)
    visitor.sign_in("dora")
    visitor.go("/institution/leaving/")
    box = visitor.page.locator(".tabs [aria-current]").bounding_box()

    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
