"""Single sign-on: whom a bank's own directory may bring in, and every way in which it may not."""

from __future__ import annotations

import html
import re
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.db import IntegrityError, transaction
from django.test import Client
from joserfc import jwk

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import Institution
from consortium.notifications.outside import is_public
from consortium.people.models import Person
from consortium.people.roles import Role
from consortium.sign_on import directories, identities, outbound, services
from consortium.sign_on.models import EmailDomain, SignOn
from tests.cast import PASSWORD, person
from tests.consortium.directories import IdentityProvider, encoded, openid_provider, request_id_of
from tests.consortium.signing_in import app_of, code, is_signed_in, sign_in

FAILED = "Signing in through your institution failed."
UNINVITED = "nobody invited you under this address"


@pytest.fixture(autouse=True)
def client(settings) -> Client:
    settings.ALLOWED_HOSTS = ["concord.example"]
    return _browser()


def _browser() -> Client:
    return Client(headers={"host": "concord.example"})


@pytest.fixture
def local(settings):
    settings.CONCORD_SIGN_ON_LOCAL = True


@pytest.fixture
def ada(ada):
    return _at_the_bank(ada)


@pytest.fixture
def dora(dora):
    return _at_the_bank(dora)


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


def test_whom_the_directory_knows_and_somebody_invited_is_in(client, openid, provider, ada):
    address = start(client, next="/submissions/")
    answer = come_back(client, address)

    assert answer["Location"] == "/submissions/"
    assert client.get("/profile/").context["user"] == ada
    asked = provider.asked[0]
    assert asked["client_secret"] == [provider.secret]
    assert asked["code_verifier"]


def test_an_address_elsewhere_is_no_way_on(client, openid, provider):
    assert come_back(client, start(client, next="https://evil.example/"))["Location"] == "/"


@pytest.mark.parametrize(
    "email", ["olga@example.org", "stella@example.org", "dora@example.org", "nobody@harbour.example", "", "ada@harbour"]
)
def test_the_directory_brings_in_nobody_but_the_invited_of_its_own_bank(client, openid, provider, olga, stella, email):
    provider.claims["email"] = email
    provider.userinfo = {"sub": "4711", "email": email}

    assert come_back(client, start(client))["Location"] == "/accounts/login/"
    assert not is_signed_in(client)


def test_not_even_people_elsewhere_with_an_address_at_its_domain(client, openid, provider, olga, stella):
    """Somebody of another bank, or of the association, who came to have such an address later."""
    for other in (olga, stella):
        other.email = f"{other.name.lower()}@harbour.example"
        other.save()
        provider.claims["email"] = other.email

        come_back(client, start(client))

        assert not is_signed_in(client), other
        assert UNINVITED in said(client)


def test_no_account_is_opened_and_none_is_connected(client, openid, provider):
    before = Person.objects.count()
    provider.claims["email"] = "new@harbour.example"
    come_back(client, start(client))
    provider.claims["email"] = "ada@harbour.example"
    come_back(client, start(client))

    from allauth.socialaccount.models import SocialAccount, SocialApp

    assert Person.objects.count() == before
    assert not SocialAccount.objects.exists()
    assert not SocialApp.objects.exists()


def test_a_closed_account_stays_closed(client, openid, provider, ada):
    ada.is_active = False
    ada.save()

    come_back(client, start(client))

    assert not is_signed_in(client)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("iss", "https://other.example"),
        ("aud", "another-client"),
        ("aud", ["another-client", "and-another"]),
        ("azp", "another-client"),
        ("exp", 1_000_000_000),
        ("email_verified", False),
        ("sub", None),
        ("sub", ""),
        ("email", ["ada@harbour.example"]),
        ("email", {"a": 1}),
    ],
)
def test_an_id_token_that_is_not_for_us_is_refused(client, openid, provider, member, value):
    provider.claims[member] = value

    assert come_back(client, start(client))["Location"] == "/accounts/login/"
    assert not is_signed_in(client)


def test_an_id_token_signed_by_somebody_else_is_refused(client, openid, provider):
    provider.signs_with = jwk.RSAKey.generate_key(2048, {"kid": "one"})

    come_back(client, start(client))

    assert FAILED in said(client)
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "garbage",
        "a.b.c",
        "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFkYUBoYXJib3VyLmV4YW1wbGUifQ.",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6Im9uZSJ9.eyJzdWIiOiIxIn0.AAAA",
        "e30.e30.e30",
        "eyJhbGciOiJSUzI1NiJ9.e30.AAAA",
    ],
)
def test_a_token_that_is_none_is_refused(client, openid, provider, token):
    provider.raw_token = token or " "

    assert come_back(client, start(client))["Location"] == "/accounts/login/"
    assert not is_signed_in(client)


@pytest.mark.parametrize("nonce", ["", None, "of another sign-in"])
def test_an_id_token_made_for_another_sign_in_is_refused(client, openid, provider, nonce):
    provider.claims["nonce"] = nonce

    come_back(client, start(client))

    assert FAILED in said(client)
    assert not is_signed_in(client)


def test_an_address_given_to_somebody_else_opens_nothing(client, openid, provider, ada):
    come_back(client, start(client))
    provider.claims["sub"] = "4712"
    later = _browser()
    come_back(later, start(later))

    assert "another account with this address" in said(later)
    assert not is_signed_in(later)
    assert Entry.objects.get(event="person.other_directory_account").person is None
    provider.claims["sub"] = "4711"
    come_back(later, start(later))
    assert is_signed_in(later)


def test_whoever_writes_a_colleagues_address_stays_out(client, openid, provider, ada, dora):
    come_back(client, start(client))
    provider.claims["email"] = dora.email
    later = _browser()
    come_back(later, start(later))

    assert "another account with this address" in said(later)
    assert not is_signed_in(later)


def test_a_new_account_of_the_directory_is_taken_once_the_administrator_says_so(client, openid, provider, ada, dora):
    come_back(client, start(client))
    provider.claims["sub"] = "4712"
    desk, later = _browser(), _browser()
    desk.force_login(dora)
    assert "Directory account" in desk.get(f"/people/{ada.pk}/security/").content.decode()

    desk.post(f"/people/{ada.pk}/security/forget-identity/")
    come_back(later, start(later))

    assert is_signed_in(later)
    assert Entry.objects.filter(event="person.directory_account_forgotten").count() == 1


def test_nobody_forgets_the_own_account_or_anothers_peoples(openid, ada, bela, dora, olga):
    for who in (dora, bela, olga):
        with pytest.raises(Refused):
            identities.forget(dora, by=who)


def test_another_directory_names_people_anew(client, openid, provider, harbour, dora):
    come_back(client, start(client))
    provider.claims["sub"] = "4712"
    given = {"issuer": provider.issuer, "secret": "", "domains": ["harbour.example"]}
    services.use_openid(harbour.institution, by=dora, client_id=provider.client_id, **given)
    assert openid.identities.count() == 1

    services.use_openid(harbour.institution, by=dora, client_id="another", **given)

    assert openid.identities.count() == 0


def test_a_very_long_name_in_the_directory_is_refused(client, openid, provider):
    provider.claims["sub"] = "x" * 250

    come_back(client, start(client))

    assert FAILED in said(client)


def test_user_info_about_somebody_else_is_refused(client, openid, provider):
    del provider.claims["email"]
    provider.userinfo = {"sub": "somebody else", "email": "ada@harbour.example"}

    come_back(client, start(client))

    assert not is_signed_in(client)


def test_user_info_about_the_same_person_is_taken(client, openid, provider, ada):
    del provider.claims["email"]
    provider.userinfo = {"sub": "4711", "email": "ada@harbour.example"}

    come_back(client, start(client))

    assert is_signed_in(client)


def test_a_provider_that_calls_itself_otherwise_later_is_refused(client, openid, provider):
    address = start(client)
    provider.configuration_lies["issuer"] = "https://other.example"

    come_back(client, address)

    assert not is_signed_in(client)


def test_an_answer_is_taken_once(client, openid, provider):
    address = start(client)
    come_back(client, address)
    client.post("/accounts/logout/")

    come_back(client, address)

    assert not is_signed_in(client)


def test_an_answer_to_another_browsers_question_is_refused(client, openid, provider):
    address = start(_browser())

    come_back(client, address)

    assert not is_signed_in(client)


def test_another_banks_provider_cannot_answer(client, openid, provider, outsiders_bank):
    """The answer comes back at the address of a bank that did not ask."""
    state = parse_qs(urlsplit(start(client)).query)["state"][0]

    answer = client.get("/accounts/sign-on/oidc/elsewhere/callback/", {"state": state, "code": "a code"})

    assert answer["Location"] == "/accounts/login/"
    assert not is_signed_in(client)


def test_a_provider_says_no(client, openid, provider):
    state = parse_qs(urlsplit(start(client)).query)["state"][0]

    answer = client.get("/accounts/sign-on/oidc/harbour/callback/", {"state": state, "error": "access_denied"})

    assert answer["Location"] == "/accounts/login/"


def test_switched_off_it_leads_nowhere_and_takes_nothing(client, openid, provider, dora):
    address = start(client)
    services.switch(openid, on=False, by=dora)

    assert client.post("/accounts/sign-on/", {"email": "ada@harbour.example"}).status_code == 422
    come_back(client, address)
    assert not is_signed_in(client)


def test_an_address_that_nobody_signs_in_with_reads_the_same_whoever_has_it(client, olga):
    known = client.post("/accounts/sign-on/", {"email": "olga@example.org"})
    unknown = client.post("/accounts/sign-on/", {"email": "nobody@example.org"})

    assert known.status_code == unknown.status_code == 422
    assert b"No institution signs in with this address" in known.content


def test_the_own_second_factor_is_still_asked_for(client, openid, provider, ada):
    secret = app_of(ada)

    assert come_back(client, start(client, next="/submissions/"))["Location"] == "/accounts/2fa/authenticate/"
    assert not is_signed_in(client)
    answer = client.post("/accounts/2fa/authenticate/", {"code": code(secret)})

    assert answer["Location"] == "/submissions/"
    assert is_signed_in(client)


def test_switched_off_before_the_second_factor_it_brings_in_nobody(client, openid, provider, ada, dora):
    secret = app_of(ada)
    come_back(client, start(client))
    services.switch(openid, on=False, by=dora)

    assert client.get("/accounts/2fa/authenticate/")["Location"] == "/accounts/login/"
    client.post("/accounts/2fa/authenticate/", {"code": code(secret)})

    assert not is_signed_in(client)
    assert client.get("/accounts/login/").status_code == 200


def test_where_the_institution_says_so_the_directorys_counts(client, openid, provider, ada, settings):
    settings.CONCORD_MFA = "required"
    app_of(ada)
    openid.trusts_second_factor = True
    openid.save()

    assert come_back(client, start(client))["Location"] == "/"
    assert is_signed_in(client)


@pytest.mark.parametrize("trusts", [True, False])
def test_a_required_factor_is_the_directorys_only_where_the_institution_says_so(
    client, openid, provider, settings, trusts
):
    settings.CONCORD_MFA = "required"
    openid.trusts_second_factor = trusts
    openid.save()
    come_back(client, start(client))

    assert client.get("/submissions/").status_code == (200 if trusts else 302)


def test_a_password_never_counts_as_the_directory(client, openid, ada, settings):
    settings.CONCORD_MFA = "required"
    openid.trusts_second_factor = True
    openid.save()

    sign_in(client, ada)

    assert client.get("/submissions/")["Location"] == "/accounts/2fa/"


def test_enforced_no_password_opens_anything_but_the_way_back(openid, ada, dora):
    services.enforce(openid, break_glass=dora, by=dora)
    hers, way_back = _browser(), _browser()

    assert sign_in(hers, ada)["Location"] == "/accounts/sign-on/"
    sign_in(way_back, dora)

    assert not is_signed_in(hers)
    assert is_signed_in(way_back)


def test_enforced_a_wrong_password_says_nothing_of_it(client, openid, ada, dora):
    services.enforce(openid, break_glass=dora, by=dora)

    assert sign_in(client, ada, "a wrong one").status_code == 200


def test_where_two_people_are_needed_nobody_alone_says_who_is_who(client, openid, provider, harbour, ada, bela, dora):
    Institution.objects.update(approves_submissions=True)
    given = {"issuer": provider.issuer, "client_id": "evil", "secret": "x", "domains": ["harbour.example"]}

    services.use_openid(harbour.institution, by=dora, **given)
    assert not SignOn.objects.get().is_on  # what was agreed to was another directory
    with pytest.raises(Refused, match="Another administrator or an approver"):
        services.switch(openid, on=True, by=dora)
    with pytest.raises(Forbidden):
        services.switch(openid, on=True, by=ada)
    for page, button in ((dora, False), (bela, True)):
        client.force_login(page)
        assert ("Switch on" in client.get("/institution/sign-on/").content.decode()) == button
    client.post("/institution/sign-on/switch/", {"on": "yes"})

    assert SignOn.objects.get().is_on
    assert Entry.objects.filter(event="sign_on.switched_on").order_by("pk").last().person == bela
    with pytest.raises(Forbidden):
        services.switch(openid, on=False, by=bela)


def test_with_the_way_back_gone_every_administrator_is_one(client, openid, harbour, dora, ada):
    edda = person("Edda", harbour.institution, Role.ADMINISTRATOR)
    services.enforce(openid, break_glass=dora, by=dora)
    dora.is_active = False
    dora.save()

    sign_in(client, edda)

    assert is_signed_in(client)


def test_the_way_back_is_an_administrator_of_this_bank_with_a_password(openid, ada, dora, olga):
    for wrong in (ada, olga):
        with pytest.raises(Refused, match="Name an administrator of your institution with a password"):
            services.enforce(openid, break_glass=wrong, by=dora)


def test_enforcing_needs_it_on(openid, dora):
    services.switch(openid, on=False, by=dora)

    with pytest.raises(Refused, match="Switch single sign-on on first"):
        services.enforce(openid, break_glass=dora, by=dora)


def test_the_database_keeps_a_way_back(openid):
    openid.is_enforced = True
    with pytest.raises(IntegrityError, match="enforced_only_while_on_and_with_a_way_back"), transaction.atomic():
        openid.save()


def test_what_is_enforced_is_not_changed(openid, provider, harbour, dora):
    services.enforce(openid, break_glass=dora, by=dora)

    with pytest.raises(Refused, match="End first that it is the only way to sign in"):
        services.use_saml(
            harbour.institution, by=dora, metadata=IdentityProvider().metadata, domains=["harbour.example"]
        )


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


# SAML

ACS = "http://concord.example/accounts/sign-on/saml/harbour/acs/"
AUDIENCE = "http://concord.example/accounts/sign-on/saml/harbour/metadata/"


def deliver(client, response: str):
    """The browser posts the response from the identity provider's page, then follows."""
    posted = client.post("/accounts/sign-on/saml/harbour/acs/", {"SAMLResponse": response})
    assert posted.status_code == 302, posted.status_code
    return client.get(posted["Location"])


def response_to(client, idp, **changes) -> str:
    told = {"email": "ada@harbour.example", "audience": AUDIENCE, **changes}
    return encoded(idp.response(request_id_of(start(client)), ACS, **told))


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

    later = _browser()
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
    response = response_to(_browser(), idp)

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


def _at_the_bank(who: Person) -> Person:
    who.email = f"{who.name.lower()}@harbour.example"
    who.set_password(PASSWORD)
    who.save()
    return who


def test_who_has_no_password_may_set_one(client, openid, provider, ada):
    ada.set_unusable_password()
    ada.save()
    come_back(client, start(client))

    page = client.get("/accounts/password/change/", follow=True)
    new = "another harbour in the east"
    client.post("/accounts/password/set/", {"password1": new, "password2": new})

    assert page.redirect_chain[-1][0] == "/accounts/password/set/"
    ada.refresh_from_db()
    assert ada.check_password(new)
    assert is_signed_in(client)
