"""SAML: whom a signed assertion brings in, and every forgery that it does not."""

from __future__ import annotations

import re

import pytest

from consortium.errors import Refused
from consortium.sign_on import services
from tests.consortium.directories import IdentityProvider, encoded, request_id_of
from tests.consortium.signing_in import app_of, code, is_signed_in
from tests.consortium.sso.walking import (
    ACS,
    AUDIENCE,
    FAILED,
    deliver,
    new_browser,
    response_to,
    said,
    start,
)


def test_saml_brings_in_whom_it_signs_for(client, saml, idp, ada):
    address = start(client)
    assert address.startswith(idp.sso_url)

    answer = deliver(client, encoded(idp.response(request_id_of(address), ACS, email=ada.email, audience=AUDIENCE)))

    assert answer["Location"] == "/"
    assert client.get("/profile/").context["user"] == ada


def test_saml_and_the_own_second_factor_bring_in_together(client, saml, idp, ada):
    secret = app_of(ada)

    answer = deliver(client, response_to(client, idp))
    assert answer["Location"] == "/accounts/2fa/authenticate/"
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})

    assert client.get("/profile/").context["user"] == ada


@pytest.mark.parametrize(("kind", "is_in"), [("persistent", False), ("transient", True)])
def test_saml_pins_a_name_that_lasts_and_no_other(client, saml, idp, ada, kind, is_in):
    told = {"format": f"urn:oasis:names:tc:SAML:2.0:nameid-format:{kind}"}
    deliver(client, response_to(client, idp, named="one", **told))
    assert is_signed_in(client)

    later = new_browser()
    deliver(later, response_to(later, idp, named="two", **told))

    assert is_signed_in(later) == is_in


@pytest.mark.parametrize("email", ["olga@example.org", "stella@example.org", "nobody@harbour.example", "no address"])
def test_saml_brings_in_nobody_else(client, saml, idp, olga, stella, email):
    deliver(client, response_to(client, idp, email=email))

    assert not is_signed_in(client)


def test_an_unsigned_assertion_is_refused(client, saml, idp):
    deliver(client, response_to(client, idp, sign=False))

    assert FAILED in said(client)
    assert not is_signed_in(client)


def test_an_assertion_changed_after_signing_is_refused(client, saml, idp, dora):
    response = idp.response(request_id_of(start(client)), ACS, email="ada@harbour.example", audience=AUDIENCE)

    deliver(client, encoded(response.replace("ada@harbour.example", "dora@harbour.example")))

    assert not is_signed_in(client)


def test_a_forged_assertion_beside_a_signed_one_is_refused(client, saml, idp, dora):
    """Signature wrapping: the signed assertion is kept, another one stands before it."""
    response = idp.response(request_id_of(start(client)), ACS, email="ada@harbour.example", audience=AUDIENCE)
    signed = response[response.index("<saml:Assertion") : response.index("</samlp:Response>")]
    forged = re.sub(r"<(\w+:)?Signature.*?</(\w+:)?Signature>", "", signed, flags=re.S)
    forged = forged.replace("ada@", "dora@").replace('ID="_a', 'ID="_b')

    deliver(client, encoded(response.replace(signed, forged + signed)))

    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "changes",
    [
        {"audience": "https://other.example/metadata"},
        {"issuer": "https://other.example"},
        {"until": "2020-01-01T00:00:00Z"},
    ],
)
def test_an_assertion_for_another_place_or_time_is_refused(client, saml, idp, changes):
    deliver(client, response_to(client, idp, **changes))

    assert not is_signed_in(client)


def test_another_identity_provider_is_refused(client, saml, idp):
    deliver(client, response_to(client, IdentityProvider()))

    assert not is_signed_in(client)


def test_a_response_is_taken_once(client, saml, idp):
    response = response_to(client, idp)
    deliver(client, response)
    assert is_signed_in(client)
    client.post("/accounts/logout/")

    deliver(client, response)

    assert not is_signed_in(client)


def test_a_response_that_nobody_asked_for_is_refused(client, saml, idp):
    deliver(client, encoded(idp.response("_unknown", ACS, email="ada@harbour.example", audience=AUDIENCE)))

    assert not is_signed_in(client)


def test_a_response_to_another_browsers_question_is_refused(client, saml, idp):
    response = response_to(new_browser(), idp)

    deliver(client, response)

    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "response",
    [
        "",
        "x",
        "PHg+",
        "PD94bWw=",
        "====",
        "AAAA" * 1000,
        encoded("<a>" * 500),
        encoded("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
    ],
)
def test_garbage_is_refused(client, saml, response):
    start(client)

    assert deliver(client, response)["Location"] == "/accounts/login/"
    assert not is_signed_in(client)


def test_a_huge_response_is_not_kept(client, saml):
    assert client.post("/accounts/sign-on/saml/harbour/acs/", {"SAMLResponse": "A" * 300_000}).status_code == 400


def test_a_certificate_that_follows_is_taken_beside_the_one_before(client, harbour, ada, dora, idp):
    follows = IdentityProvider()
    one = re.search(r"<KeyDescriptor.*?</KeyDescriptor>", idp.metadata, re.S).group()
    both = follows.metadata.replace("<KeyDescriptor", one + "<KeyDescriptor", 1)
    sign_on = services.use_saml(harbour.institution, by=dora, metadata=both, domains=["harbour.example"])
    services.switch(sign_on, on=True, by=dora)
    for provider in (idp, follows):
        deliver(client, response_to(client, provider))
        assert is_signed_in(client)
        client.post("/accounts/logout/")


@pytest.mark.parametrize(
    "text", ["<a/>", "<", "<!DOCTYPE a><EntityDescriptor/>", "<EntityDescriptor xmlns='urn:x'/>", "plain"]
)
def test_metadata_that_is_none_is_refused(harbour, ada, dora, text):
    with pytest.raises(Refused):
        services.use_saml(harbour.institution, by=dora, metadata=text, domains=["harbour.example"])


def test_our_metadata_names_no_way_to_sign_people_out(client, saml):
    page = client.get("/accounts/sign-on/saml/harbour/metadata/")

    assert page.status_code == 200
    assert b"SingleLogoutService" not in page.content
    assert ACS.encode() in page.content
    assert client.get("/accounts/sign-on/saml/harbour/logout/?SAMLRequest=x").status_code == 404
