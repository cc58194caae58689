"""Setting single sign-on up: secrets, domains, and addresses that lead nowhere inside."""

from __future__ import annotations

import re
from ipaddress import ip_address

import pytest
import requests
from django.db import IntegrityError, transaction

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.notifications.outside import is_public
from consortium.people.roles import Role
from consortium.sign_on import directories, outbound, services
from consortium.sign_on.models import EmailDomain, SignOn
from tests.cast import person
from tests.consortium.directories import openid_provider


def test_the_secret_is_sealed_and_never_shown(client, openid, provider, dora):
    client.force_login(dora)
    pages = [client.get("/institution/sign-on/"), client.get("/institution/sign-on/openid/")]

    assert provider.secret not in openid.sealed_secret
    assert openid.secret == provider.secret
    assert not any(provider.secret in page.content.decode() for page in pages)
    assert all(page.status_code == 200 for page in pages)
    assert provider.secret not in str(list(Entry.objects.values()))


def test_a_kept_secret_does_not_go_to_another_address(openid, provider, harbour, dora):
    with openid_provider() as other, pytest.raises(Refused, match="Enter the client secret too"):
        services.use_openid(
            harbour.institution,
            by=dora,
            issuer=other.issuer,
            client_id="x",
            secret="",
            domains=["harbour.example"],
        )


@pytest.mark.parametrize(
    ("domain", "sentence"),
    [
        ("gmail.com", "Nobody of your institution has an address at gmail.com"),
        ("example.org", "People outside your institution have addresses at example.org"),
    ],
)
def test_a_domain_is_ones_own(openid, provider, harbour, dora, olga, domain, sentence):
    person("Nora", harbour.institution, Role.ANALYST)  # at example.org, as Olga is

    with pytest.raises(Refused, match=re.escape(sentence)):
        services.use_openid(
            harbour.institution,
            by=dora,
            issuer=provider.issuer,
            client_id="x",
            secret="y",
            domains=[domain],
        )


def test_two_banks_never_have_one_domain(openid, outsiders_bank):
    other = SignOn.objects.create(institution=outsiders_bank.institution, protocol="oidc")

    with pytest.raises(IntegrityError, match="one_institution_per_domain"), transaction.atomic():
        EmailDomain.objects.create(sign_on=other, name="HARBOUR.example")


def test_only_the_banks_administrator_sets_it_up(harbour, provider, ada, olga, mara):
    for other in (ada, olga, mara):
        with pytest.raises(Forbidden):
            services.use_openid(
                harbour.institution, by=other, issuer=provider.issuer, client_id="x", secret="y", domains=["a.example"]
            )


@pytest.mark.parametrize(
    "issuer",
    [
        "http://idp.harbour.example",
        "https://127.0.0.1",
        "https://localhost",
        "https://10.0.0.1",
        "https://192.168.1.1:8443",
        "https://169.254.169.254",
        "https://[::1]",
        "https://[::ffff:10.0.0.1]",
        "https://user:word@idp.harbour.example",
        "file:///etc/passwd",
        "gopher://10.0.0.1",
        "https://",
    ],
)
def test_no_address_of_a_directory_leads_into_our_own_network(harbour, ada, dora, issuer):
    with pytest.raises(Refused):
        services.use_openid(
            harbour.institution, by=dora, issuer=issuer, client_id="x", secret="y", domains=["harbour.example"]
        )
    with pytest.raises(Refused):
        services.use_saml(harbour.institution, by=dora, metadata=issuer, domains=["harbour.example"])
    assert not SignOn.objects.exists()


def test_a_name_that_means_a_private_address_is_not_called(monkeypatch):
    private = [(2, 1, 6, "", ("10.1.2.3", 443))]
    monkeypatch.setattr(outbound.socket, "getaddrinfo", lambda *_args, **_more: private)

    with pytest.raises(requests.ConnectionError, match="private"), outbound.Outside() as session:
        session.get("https://idp.harbour.example/")


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("10.1.1.1", False),
        ("::ffff:10.1.1.1", False),
        ("2002:0a01:0101::", False),
        ("64:ff9b::a01:101", False),
        ("fe80::1%eth0", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("2001:4860:4860::8888", True),
    ],
)
def test_which_addresses_are_public(address, public):
    assert is_public(ip_address(address)) == public


def test_the_pages_set_it_up(client, provider, harbour, ada, dora):
    client.force_login(dora)
    entered = {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "secret": provider.secret,
        "domains": "@Harbour.example",
    }

    assert client.post("/institution/sign-on/openid/", {**entered, "domains": "no domain!"}).status_code == 422
    assert client.post("/institution/sign-on/openid/", entered)["Location"] == "/institution/sign-on/"
    client.post("/institution/sign-on/switch/", {"on": "yes"})
    client.post("/institution/sign-on/enforce/", {"break_glass": dora.pk})

    sign_on = SignOn.objects.get()
    assert (sign_on.is_on, sign_on.is_enforced, sign_on.break_glass) == (True, True, dora)
    assert b"The only way to sign in" in client.get("/institution/sign-on/").content


def test_an_address_finds_its_bank_whatever_its_case(openid):
    assert directories.for_address(" Ada@HARBOUR.Example") == openid
    assert directories.for_address("ada@harbour.example.org") is None
