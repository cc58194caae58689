"""To a directory and back in a real browser: its rules for cookies and the content policy apply."""

from __future__ import annotations

import pytest

from consortium.sign_on import services
from tests.browser.conftest import Visitor
from tests.cast import found_bank, person
from tests.consortium.directories import IdentityProvider, identity_provider_page, openid_provider

DOMAINS = ["harbour.example"]


@pytest.fixture
def bank(transactional_db, settings):
    settings.CONCORD_SIGN_ON_LOCAL = True
    return found_bank("HARBOUR").institution


@pytest.fixture
def dora(bank):
    """Administrator of Harbour Bank, at its own address."""
    dora = person("Dora", bank, "administrator")
    dora.email = "dora@harbour.example"
    dora.save()
    return dora


@pytest.fixture
def visitor(browser, live_server):
    visitor = Visitor(browser, live_server.url, language="en", width=1440, theme="light")
    yield visitor
    visitor.context.close()
    assert visitor.complaints == []


def go_through_the_directory(visitor) -> None:
    visitor.go("/submissions/")
    visitor.page.click("text=Sign in with your institution")
    visitor.page.fill("input[name=email]", "dora@harbour.example")
    visitor.page.click("form[action='/accounts/sign-on/'] button")
    visitor.page.wait_for_url(f"{visitor.address}/submissions/")


def test_openid_connect(visitor, bank, dora):
    with openid_provider() as provider:
        provider.claims["email"] = dora.email
        sign_on = services.use_openid(
            bank, by=dora, issuer=provider.issuer, client_id=provider.client_id, secret="a secret", domains=DOMAINS
        )
        services.switch(sign_on, on=True, by=dora)

        go_through_the_directory(visitor)


def test_saml_posts_from_another_site(visitor, bank, dora):
    idp = IdentityProvider()
    base = f"{visitor.address}/accounts/sign-on/saml/harbour"
    with identity_provider_page(idp, f"{base}/acs/", email=dora.email, audience=f"{base}/metadata/") as idp.sso_url:
        sign_on = services.use_saml(bank, by=dora, metadata=idp.metadata, domains=DOMAINS)
        services.switch(sign_on, on=True, by=dora)

        go_through_the_directory(visitor)
