"""A portal that serves, a browser that looks at it, and the people of the seed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.seed import PASSWORD, Seeded, seed

SCREENSHOTS = Path(__file__).resolve().parents[2] / "screenshots"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def browser(django_db_setup):
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, pytest.MonkeyPatch.context() as environment:
        # Playwright keeps an event loop in this thread; the tests themselves are synchronous.
        environment.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def seeded(transactional_db) -> Seeded:
    return seed()


class Visitor:
    """One person at one screen. Whatever the browser complains about is kept in `complaints`."""

    def __init__(self, browser, address: str, *, language: str, width: int, theme: str) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            locale={"en": "en-GB", "zh-hans": "zh-CN"}[language],
            accept_downloads=True,
        )
        self.address, self.language, self.label = address, language, f"{language}-{theme}-{width}"
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def sign_in(self, name: str) -> None:
        self.page.goto(f"{self.address}/accounts/login/")
        self.page.fill("input[name=login]", f"{name}@example.org")
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("main form button")
        self.page.wait_for_url(f"{self.address}/")

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def look(self, name: str) -> None:
        """Keep a screenshot; the page fits the screen, and axe finds nothing serious."""
        from axe_playwright_python.sync_playwright import Axe

        self.page.wait_for_load_state("networkidle")
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.label}.png", full_page=True)
        width, seen = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width <= seen, f"{name} is {width} px wide on a screen of {seen}"
        found = Axe().run(self.page).response["violations"]
        serious = [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found
            if violation["impact"] in {"serious", "critical"}
            for node in violation["nodes"]
        ]
        assert serious == []


@pytest.fixture
def visit(browser, live_server, seeded) -> Iterator[Callable[..., Visitor]]:
    """Opens a screen; at the end no browser has complained, of the content policy or anything else."""
    visitors: list[Visitor] = []

    def at(*, language: str = "en", width: int = 1440, theme: str = "light") -> Visitor:
        visitor = Visitor(browser, live_server.url, language=language, width=width, theme=theme)
        visitors.append(visitor)
        return visitor

    yield at
    for visitor in visitors:
        visitor.context.close()
    assert [complaint for visitor in visitors for complaint in visitor.complaints] == []
