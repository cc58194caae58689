"""OpenID Connect: whom a bank's own directory may bring in, and every way in which it may not."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwk

from consortium.audit.models import Entry
from consortium.errors import Refused
from consortium.people.models import Person
from consortium.sign_on import identities, services
from tests.consortium.signing_in import app_of, code, is_signed_in
from tests.consortium.sso.walking import (
    FAILED,
    UNINVITED,
    come_back,
    new_browser,
    said,
    start,
)


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
    later = new_browser()
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
    later = new_browser()
    come_back(later, start(later))

    assert "another account with this address" in said(later)
    assert not is_signed_in(later)


def test_a_new_account_of_the_directory_is_taken_once_the_administrator_says_so(client, openid, provider, ada, dora):
    come_back(client, start(client))
    provider.claims["sub"] = "4712"
    desk, later = new_browser(), new_browser()
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
    address = start(new_browser())

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
