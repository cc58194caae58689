"""Passkeys in a real browser, with a virtual authenticator: set up, second factor, signing in with one alone."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator

from consortium.people.models import Person
from consortium.sign_on import second_factor
from tests.browser.conftest import Visitor
from tests.cast import PASSWORD, found_bank, person


@pytest.fixture
def ada(transactional_db) -> Person:
    return person("Ada", found_bank("HARBOUR").institution, "submitter")


@pytest.fixture
def visitor(browser, live_server, ada):
    visitor = Visitor(browser, live_server.url, language="en", width=1440, theme="light")
    yield visitor
    visitor.context.close()
    assert visitor.complaints == []


@pytest.fixture
def authenticator(visitor):
    """A device with a fingerprint reader; `devtools` switches what its owner does."""
    devtools = visitor.context.new_cdp_session(visitor.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    number = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    return devtools, number


def enter_password(visitor, name="ada"):
    visitor.go("/accounts/login/")
    visitor.page.fill("input[name=login]", f"{name}@example.org")
    visitor.page.fill("input[name=password]", PASSWORD)
    visitor.page.click("form[action='/accounts/login/'] button")


def add_key(visitor, *, passwordless: bool) -> None:
    visitor.go("/accounts/2fa/keys/add/")
    if passwordless:
        visitor.page.check("input[name=passwordless]")
    visitor.page.click("#mfa_webauthn_add")
    visitor.page.wait_for_url("**/recovery-codes/")


def test_a_passkey_is_the_required_factor_and_then_signs_in_alone(visitor, authenticator, ada, settings):
    settings.CONCORD_MFA = "required"
    enter_password(visitor)
    visitor.page.wait_for_url("**/accounts/2fa/")

    add_key(visitor, passwordless=True)
    with visitor.page.expect_download() as codes:
        visitor.page.click("text=Download the codes")
    assert len(codes.value.path().read_text().split()) == 10
    visitor.go("/submissions/")
    assert visitor.page.url.endswith("/submissions/")

    visitor.context.clear_cookies()
    visitor.go("/accounts/login/")
    visitor.page.click("#passkey_login")
    visitor.page.wait_for_url(f"{visitor.address}/")
    assert second_factor.has_one(ada)


def test_a_security_key_is_the_second_factor(visitor, authenticator, ada):
    enter_password(visitor)
    visitor.page.wait_for_url(f"{visitor.address}/")
    add_key(visitor, passwordless=False)
    visitor.context.clear_cookies()

    enter_password(visitor)
    visitor.page.wait_for_url("**/accounts/2fa/authenticate/")
    visitor.go("/submissions/")
    visitor.page.wait_for_url("**/accounts/2fa/authenticate/")  # not in yet
    visitor.page.click("#mfa_webauthn_authenticate")
    visitor.page.wait_for_url(lambda address: "/accounts/" not in address)
    visitor.go("/submissions/")
    assert visitor.page.url.endswith("/submissions/")


def test_without_the_fingerprint_nobody_is_in(visitor, authenticator, ada):
    devtools, number = authenticator
    enter_password(visitor)
    visitor.page.wait_for_url(f"{visitor.address}/")
    add_key(visitor, passwordless=True)
    visitor.context.clear_cookies()
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": number, "isUserVerified": False})

    visitor.go("/accounts/login/")
    visitor.page.click("#passkey_login")

    visitor.page.wait_for_selector("#passkey-trouble:not([hidden])")
    visitor.go("/submissions/")
    assert "/accounts/login/" in visitor.page.url


def test_a_removed_passkey_opens_nothing(visitor, authenticator, ada):
    enter_password(visitor)
    visitor.page.wait_for_url(f"{visitor.address}/")
    add_key(visitor, passwordless=True)
    visitor.context.clear_cookies()
    Authenticator.objects.all().delete()

    visitor.go("/accounts/login/")
    visitor.page.click("#passkey_login")

    visitor.page.wait_for_selector(".note--error")
    visitor.go("/submissions/")
    assert "/accounts/login/" in visitor.page.url
