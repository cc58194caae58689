"""A member's analyst signs in, asks whether it is us or everybody, and takes the figures along."""

from __future__ import annotations

import pytest

from consortium.people.models import Person

pytestmark = pytest.mark.browser

SCREENS = [("en", 1440, "light"), ("zh-hans", 390, "dark")]


def speaks(name: str, language: str) -> None:
    Person.objects.filter(email=f"{name}@example.org").update(language=language)


@pytest.mark.parametrize(("language", "width", "theme"), SCREENS)
def test_an_analyst_finds_the_answer_and_downloads_it(visit, language, width, theme):
    speaks("anna", language)
    visitor = visit(language=language, width=width, theme=theme)
    visitor.go("/accounts/login/")
    visitor.look("sign-in")
    visitor.sign_in("anna")
    visitor.look("home-member")

    visitor.go("/benchmarks/")
    visitor.page.select_option("select[name=PRODUCT]", "SME")
    visitor.page.wait_for_url("**/benchmarks/?*PRODUCT=SME*")
    visitor.page.wait_for_selector("[data-chart=series-chart] svg")
    visitor.look("benchmarks")

    answer = visitor.page.inner_text(".answer")
    assert {"en": "The peer median rose", "zh-hans": "同业中位数上升"}[language] in answer
    visitor.page.click("[popovertarget=downloads]")
    with visitor.page.expect_download() as download:
        visitor.page.click("#downloads a[href*='figures.csv']")
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith('"TIME_PERIOD"') or lines[0].startswith("TIME_PERIOD")
    assert len(lines) == 14  # the head and thirteen published periods


def test_a_shared_address_shows_the_same_view_without_scripts(visit, browser, live_server):
    visitor = visit()
    visitor.sign_in("anna")
    state = visitor.context.storage_state()
    without = browser.new_context(java_script_enabled=False, storage_state=state)
    page = without.new_page()
    page.goto(f"{live_server.url}/benchmarks/?collection=delinquency&indicator=DPD90_RATE&PRODUCT=SME")

    assert page.locator("select[name=indicator] option[selected]").get_attribute("value") == "DPD90_RATE"
    assert page.locator("h1").inner_text().startswith("90+")
    assert page.locator("[data-chart=series-chart] img").evaluate("image => image.naturalWidth") > 100
    assert page.locator("noscript button, form.filters-card button").count() >= 1
    without.close()


def test_a_withheld_cell_says_so_in_words(visit):
    visitor = visit()
    visitor.sign_in("anna")
    visitor.go("/benchmarks/?PRODUCT=SME&REGION=EAST&view=table&by=REGION")

    row = visitor.page.locator("tr", has_text="Shanghai").first
    assert "withheld" in row.inner_text()
    visitor.look("benchmarks-withheld")


def test_a_field_of_the_heat_map_leads_to_its_series(visit):
    visitor = visit()
    visitor.sign_in("anna")
    visitor.go("/benchmarks/?view=map")
    visitor.page.locator(".heat-map a[href*='PRODUCT=SME'][href*='CN-JS']").first.click()
    assert "Jiangsu" in visitor.page.inner_text(".page-header__lead")


def test_the_keyboard_reaches_the_content_first(visit):
    visitor = visit()
    visitor.sign_in("anna")
    visitor.page.keyboard.press("Tab")

    assert visitor.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    visitor.page.keyboard.press("Enter")
    assert visitor.page.evaluate("location.hash") == "#main"


def test_the_theme_is_kept_for_the_next_page(visit):
    visitor = visit()
    visitor.sign_in("anna")
    visitor.page.click("[popovertarget=themes]")
    visitor.page.click("#themes button[value=dark]")
    assert visitor.page.evaluate("document.documentElement.dataset.theme") == "dark"

    visitor.go("/benchmarks/")

    assert visitor.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    visitor.page.wait_for_selector("[data-chart=series-chart] svg")
    visitor.look("benchmarks-chosen-dark")
