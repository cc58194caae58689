"""Every page of published figures, as its readers see it: in both languages, on a phone and a wide screen, light and dark."""

from __future__ import annotations

import pytest

from consortium.institutions.models import Institution
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing.services import own_alerts
from tests.browser.seed import PASSWORD
from tests.browser.test_member import SCREENS, speaks
from tests.sharing.analytics.publishing import answered, collect, own_statement, publish

pytestmark = pytest.mark.browser
ANALYSES = {"risk-model": "calibration", "treatment": "treatments", "outreach": "outreach", "service": "service"}
LATEST = "/releases/delinquency-2026-09-r1/"

OF_A_MEMBER = {
    "benchmarks-distribution": "/benchmarks/?PRODUCT=SME&view=distribution",
    "benchmarks-map": "/benchmarks/?view=map",
    "benchmarks-table": "/benchmarks/?view=table&by=REGION",
    "warnings": "/alerts/",
    "warnings-own": "/alerts/ours/",
    "peer-groups": "/peer-groups/",
    "statements": "/statements/",
    "statement": "/statements/delinquency-2026-09-r1/",
    "release-files": f"{LATEST}files/",
    "api-reference": "/api/v1/docs/",
}


@pytest.fixture
def analysed(seeded) -> None:
    """A release of each collection that has an analysis, one treatment withheld, with Harbour's statement."""
    anna, ada, stella = (Person.objects.get(email=f"{name}@example.org") for name in ("anna", "ada", "stella"))
    for code in ANALYSES:
        periods = ("2026-Q2", "2026-Q3") if code == "risk-model" else ("2026-09",)
        collection = collect(code, anna.institution)
        for period in periods:
            release = publish(collection, period, stella, withheld={"_T.AGENCY._T"})
            answered(release, anna.institution, ada)
            own_statement(release, anna.institution)


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_the_pages_of_a_member_read_well(visit, language, width, theme):
    speaks("anna", language)
    own_alerts.look(
        Person.objects.get(email="anna@example.org")
    )  # the first look fits every series: seconds, not layout
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("anna")
    for name, path in OF_A_MEMBER.items():
        visitor.go(path)
        visitor.look(name)


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_the_analyses_read_well_and_are_tabs_of_benchmarks(visit, analysed, language, width, theme):
    speaks("anna", language)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("anna")
    visitor.go("/benchmarks/")
    for page in ANALYSES.values():
        visitor.page.click(f"main nav.tabs a[href='/benchmarks/{page}/']")
        visitor.page.wait_for_url(f"**/benchmarks/{page}/")
        visitor.page.wait_for_selector("[data-chart] svg")
        visitor.look(page)


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_the_pages_of_a_reviewer_read_well(visit, seeded, language, width, theme):
    speaks("ursula", language)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("ursula")
    draft = f"/releases/{seeded.draft.public_id}/"
    for name, path in {
        "releases-review": "/releases/",
        "release-cells": f"{draft}cells/?state=withheld",
        "warnings-review": "/alerts/",
        "peer-groups-review": "/peer-groups/",
    }.items():
        visitor.go(path)
        visitor.look(name)


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_whoever_contributes_to_nothing_is_told_what_happens_next(visit, language, width, theme):
    newcomer = Institution.objects.create(
        code="QUIET", name="Quiet Bank", kind="other", size_band="small", state="active"
    )
    Person.objects.create_user(
        "nora@example.org", PASSWORD, name="Nora", institution=newcomer, roles=[Role.ANALYST], language=language
    )
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("nora")
    told = {"en": "contributes to no collection yet", "zh-hans": "尚未参与任何"}[language]
    for name, path in {"home-quiet": "/", "benchmarks-quiet": "/benchmarks/"}.items():
        visitor.go(path)
        assert told in visitor.page.inner_text("main")
        visitor.look(name)


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_a_contributor_without_own_figures_sees_its_peers(visit, language, width, theme):
    member = Institution.objects.get(code="MEMBER12")
    Person.objects.create_user(
        "nora@example.org", PASSWORD, name="Nora", institution=member, roles=[Role.ANALYST], language=language
    )
    visitor = visit(language=language, width=width, theme=theme)
    visitor.sign_in("nora")
    visitor.look("home-without-figures")
    visitor.go("/benchmarks/")
    visitor.page.wait_for_selector("[data-chart=series-chart] svg")
    visitor.look("benchmarks-without-figures")


def test_three_clicks_lead_from_home_to_the_answer(visit):
    visitor = visit()
    visitor.sign_in("anna")
    visitor.page.click("main a.tile--link >> nth=0")
    visitor.page.select_option("select[name=PRODUCT]", "SME")
    visitor.page.wait_for_url("**/benchmarks/?*PRODUCT=SME*")
    visitor.page.select_option("select[name=REGION]", "CN-ZJ")
    visitor.page.wait_for_url("**/benchmarks/?*REGION=CN-ZJ*")
    assert "The peer median rose" in visitor.page.inner_text(".answer")
    assert "Zhejiang" in visitor.page.inner_text(".page-header__lead")


def test_a_view_prints_its_answer_and_figures_without_the_filters(visit):
    visitor = visit()
    visitor.sign_in("anna")
    visitor.go("/benchmarks/?PRODUCT=SME")
    visitor.page.wait_for_selector("[data-chart=series-chart] svg")
    visitor.page.emulate_media(media="print")
    assert visitor.page.locator(".answer").is_visible()
    assert visitor.page.locator("[data-chart=series-chart]").is_visible()
    for away in (".filters-card", ".sidenav", ".topbar", "main nav.tabs >> nth=0"):
        assert not visitor.page.locator(away).is_visible()
    visitor.look("benchmarks-print")
