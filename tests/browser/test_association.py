"""The association's people: one reviews and approves, another publishes, and the members see it."""

from __future__ import annotations

import pytest

from sharing.models import Release
from sharing.states import ReleaseState
from tests.browser.test_member import SCREENS, speaks

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_a_second_person_approves_and_publishes(visit, seeded, language, width, theme):
    speaks("ursula", language)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("ursula")
    visitor.look("home-association")
    visitor.page.click(f"main a[href='/releases/{seeded.draft.public_id}/'] >> nth=0")
    visitor.look("review")

    visitor.page.click("form[action$='/approve/'] button")
    visitor.page.wait_for_selector("#messages .note--success")
    visitor.page.once("dialog", lambda dialog: dialog.accept())
    visitor.page.click("form[action$='/publish/'] button")
    visitor.page.wait_for_selector("#messages .note--success")
    visitor.look("published")

    assert Release.objects.get(pk=seeded.draft.pk).state == ReleaseState.PUBLISHED


def test_its_preparer_reads_why_not_under_the_button(visit, seeded):
    visitor = visit()
    visitor.sign_in("stella")
    visitor.go(f"/releases/{seeded.draft.public_id}/")

    assert visitor.page.locator("button:disabled", has_text="Publish").count() == 1
    assert "A release is approved by someone other than its preparer." in visitor.page.inner_text("main")


PAGES = {
    "carl": {"rounds": "/rounds/", "round": "/rounds/delinquency-2026-11/", "round-plan": "/rounds/plan/"},
    "mara": {
        "institutions": "/administration/institutions/",
        "institution": "/administration/institutions/HARBOUR/",
        "people": "/administration/people/",
        "invite": "/administration/people/invite/",
    },
    "aldo": {"audit-log": "/administration/audit-log/"},
    "bela": {"submissions": "/submissions/", "profile": "/profile/", "two-factor": "/accounts/2fa/"},
    "ada": {"send": "/rounds/delinquency-2026-11/send/"},
    "anna": {"releases": "/releases/", "release": "/releases/delinquency-2026-09-r1/"},
}


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_every_page_reads_well(visit, language, width, theme):
    for who, pages in PAGES.items():
        speaks(who, language)
        visitor = visit(language=language, width=width, theme=theme)
        visitor.sign_in(who)
        for name, path in pages.items():
            visitor.go(path)
            visitor.look(name)
        visitor.context.close()
