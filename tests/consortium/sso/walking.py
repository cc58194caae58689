"""A browser on its way through a directory and back, and what it is told."""

from __future__ import annotations

import html
from urllib.parse import parse_qs, urlsplit

from django.test import Client

from consortium.people.models import Person
from tests.cast import PASSWORD
from tests.consortium.directories import encoded, request_id_of

FAILED = "Signing in through your institution failed."
UNINVITED = "nobody invited you under this address"
ACS = "http://concord.example/accounts/sign-on/saml/harbour/acs/"
AUDIENCE = "http://concord.example/accounts/sign-on/saml/harbour/metadata/"


def new_browser() -> Client:
    return Client(headers={"host": "concord.example"})


def at_the_bank(who: Person) -> Person:
    who.email = f"{who.name.lower()}@harbour.example"
    who.set_password(PASSWORD)
    who.save()
    return who


def start(client, email="ada@harbour.example", **more) -> str:
    """The address of the directory that the page leads to."""
    answer = client.post("/accounts/sign-on/", {"email": email, **more})
    address = answer["Refresh"].removeprefix("0;url=")
    assert html.escape(address) in answer.content.decode()  # a link, for whom a page does not lead on
    return address


def come_back(client, address: str, **changes):
    asked = parse_qs(urlsplit(address).query)
    given = {"state": asked["state"][0], "code": asked["nonce"][0], **changes}
    return client.get("/accounts/sign-on/oidc/harbour/callback/", given)


def said(client) -> str:
    return client.get("/accounts/login/").content.decode()


def deliver(client, response: str):
    """The browser posts the response from the identity provider's page, then follows."""
    posted = client.post("/accounts/sign-on/saml/harbour/acs/", {"SAMLResponse": response})
    assert posted.status_code == 302, posted.status_code
    return client.get(posted["Location"])


def response_to(client, idp, **changes) -> str:
    told = {"email": "ada@harbour.example", "audience": AUDIENCE, **changes}
    return encoded(idp.response(request_id_of(start(client)), ACS, **told))
