"""Harbour Bank's directory, by OpenID Connect or SAML, and its people at the bank."""

from __future__ import annotations

import pytest
from django.test import Client

from consortium.sign_on import services
from consortium.sign_on.models import SignOn
from tests.consortium.directories import IdentityProvider, openid_provider
from tests.consortium.sso.walking import at_the_bank, new_browser


@pytest.fixture(autouse=True)
def client(settings) -> Client:
    settings.ALLOWED_HOSTS = ["concord.example"]
    return new_browser()


@pytest.fixture
def local(settings):
    settings.CONCORD_SIGN_ON_LOCAL = True


@pytest.fixture
def ada(ada):
    return at_the_bank(ada)


@pytest.fixture
def dora(dora):
    return at_the_bank(dora)


@pytest.fixture
def provider(local):
    with openid_provider() as provider:
        yield provider


@pytest.fixture
def openid(harbour, ada, dora, provider) -> SignOn:
    """Harbour Bank's OpenID provider, switched on."""
    sign_on = services.use_openid(
        harbour.institution,
        by=dora,
        issuer=provider.issuer,
        client_id=provider.client_id,
        secret=provider.secret,
        domains=["harbour.example"],
    )
    services.switch(sign_on, on=True, by=dora)
    return SignOn.objects.get()


@pytest.fixture(scope="session")
def idp():
    return IdentityProvider()


@pytest.fixture
def saml(harbour, ada, dora, idp) -> SignOn:
    """Harbour Bank's SAML identity provider, switched on."""
    sign_on = services.use_saml(harbour.institution, by=dora, metadata=idp.metadata, domains=["harbour.example"])
    services.switch(sign_on, on=True, by=dora)
    return SignOn.objects.get()
