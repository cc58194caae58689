"""The pages on which a member's administrator looks after API clients."""

from __future__ import annotations

import json

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from oauth2_provider.models import AccessToken

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.institutions import rules
from consortium.institutions.models import ApiClient
from consortium.institutions.scopes import every_scope
from consortium.institutions.services import api_clients, institutions
from consortium.notifications.models import Notice

PAGE = "/institution/api-clients/"


@pytest.fixture
def page(client, dora):
    client.force_login(dora)
    return client


def _form(**changes):
    return {"name": "weekly report", "scopes": ["releases:read"], "allowed_networks": "", "by": "secret", **changes}


def test_a_client_is_issued_and_its_secret_is_shown_once(page, harbour):
    answer = page.post(f"{PAGE}issue/", _form(allowed_networks="203.0.113.7, 10.0.0.0/8\n2001:DB8::/32"))

    client = ApiClient.objects.get(name="weekly report")
    assert (client.scopes, client.institution) == (["releases:read"], harbour.institution)
    assert client.allowed_networks == ["203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32"]
    secret = answer.context["secret"]
    assert secret in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert secret not in page.get(f"{PAGE}{client.pk}/").content.decode()
    told = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
    assert page.post("/oauth/token/", told, REMOTE_ADDR="10.1.1.1").status_code == 200


def test_a_client_is_issued_with_a_key_and_has_no_secret(page):
    key = OKPKey.generate_key("Ed25519")

    answer = page.post(f"{PAGE}issue/", _form(by="key", public_jwk=json.dumps(key.as_dict(private=False))))

    client = ApiClient.objects.get(name="weekly report")
    assert (client.public_jwk["kid"], answer.context["secret"]) == (key.thumbprint(), "")
    assert client.secrets_in_force == []


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"allowed_networks": "10.0.0.0/33"},
        {"allowed_networks": "example.org"},
        {"allowed_networks": "10.0.0.1/8"},
        {"allowed_networks": " ".join(f"10.0.{number}.0/24" for number in range(60))},
        {"by": "key"},
        {"by": "key", "public_jwk": "{"},
        {"by": "key", "public_jwk": "[]"},
        {"by": "key", "public_jwk": "[" * 5000},
        {"by": "key", "public_jwk": '{"kty": "OKP", "crv": "Ed25519", "x": "AA"}'},
        {"by": "key", "public_jwk": '{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}'},
        {"by": "key", "public_jwk": '{"kty": "oct", "k": "AA"}'},
        {"by": "key", "public_jwk": '{"kty": {}}'},
        {"by": "key", "public_jwk": '{"kty": "RSA", "n": "AQAB", "e": "AQAB"}'},
        {"by": "key", "public_jwk": '{"kty": "RSA", "n": 5, "e": null}'},
        {"by": "nothing"},
    ],
)
def test_what_cannot_be_issued_is_said_at_the_form(page, changes):
    answer = page.post(f"{PAGE}issue/", _form(**changes))

    assert answer.status_code == 422
    assert not ApiClient.objects.filter(name="weekly report").exists()


def test_a_private_key_is_refused_and_not_shown_again_among_the_keys(page):
    private = ECKey.generate_key("P-256").as_dict(private=True)

    answer = page.post(f"{PAGE}issue/", _form(by="key", public_jwk=json.dumps(private)))

    assert answer.status_code == 422
    assert "private key" in answer.content.decode()
    assert not ApiClient.objects.filter(name="weekly report").exists()


def test_an_rsa_key_that_is_too_short_is_refused(harbour, dora, recwarn):
    from cryptography.hazmat.primitives.asymmetric import rsa

    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    from anonymize.package.jose import encode

    n, e = numbers.n.to_bytes(128, "big"), numbers.e.to_bytes(3, "big")
    with pytest.raises(Refused) as refused:
        api_clients.issue(harbour.institution, "x", by=dora, public_jwk={"kty": "RSA", "n": encode(n), "e": encode(e)})
    assert refused.value.rule == "invalid-key"
    assert RSAKey is not None


def test_name_scopes_and_addresses_are_changed(page, harbour):
    page.post(f"{PAGE}{harbour.client.pk}/", _form(name="renamed", allowed_networks="192.0.2.0/24"))

    client = ApiClient.objects.get(pk=harbour.client.pk)
    assert (client.name, client.scopes, client.allowed_networks) == ("renamed", ["releases:read"], ["192.0.2.0/24"])


def test_a_secret_is_renewed_and_the_former_one_ended(page, harbour):
    answer = page.post(f"{PAGE}{harbour.client.pk}/secret/")
    assert answer.context["secret"]
    assert ApiClient.objects.get().has_two_secrets

    page.post(f"{PAGE}{harbour.client.pk}/former-secret/end/")
    assert not ApiClient.objects.get().has_two_secrets


def test_no_third_secret_is_made_while_two_are_in_force(page, harbour):
    page.post(f"{PAGE}{harbour.client.pk}/secret/")
    before = ApiClient.objects.get().client_secret

    answer = page.post(f"{PAGE}{harbour.client.pk}/secret/", follow=True)

    assert "Two secrets are in force" in answer.content.decode()
    assert ApiClient.objects.get().client_secret == before


def test_a_client_gets_a_key_of_its_own(page, harbour):
    key = OKPKey.generate_key("Ed25519").as_dict(private=False)

    page.post(f"{PAGE}{harbour.client.pk}/key/", {"public_jwk": json.dumps(key)})

    assert ApiClient.objects.get().public_jwk["x"] == key["x"]
    answer = page.post(f"{PAGE}{harbour.client.pk}/secret/", follow=True)
    assert "has no secret" in answer.content.decode()


def test_a_revoked_client_and_its_tokens_are_gone(page, harbour, token):
    page.post(f"{PAGE}{harbour.client.pk}/revoke/")

    assert not ApiClient.objects.exists()
    assert page.get("/api/v1/rounds", headers={"authorization": token}).status_code == 401


def test_administrators_are_told_and_the_audit_trail_holds_no_secret(dora, harbour):
    issued = api_clients.issue(harbour.institution, "job", by=dora)
    api_clients.renew_secret(issued.client, by=dora)
    api_clients.revoke(issued.client, by=dora)

    assert list(Notice.objects.filter(person=dora).order_by("pk").values_list("kind", flat=True)) == [
        "api_client.issued",
        "api_client.changed",
        "api_client.revoked",
    ]
    told = [json.dumps(entry.details) for entry in Entry.objects.all()]
    assert len(told) == 3
    assert not any(issued.secret in each for each in told)
    assert issued.secret not in repr(issued)


def test_another_institutions_client_is_not_there(client, olga, harbour):
    client.force_login(olga)

    assert client.get(f"{PAGE}{harbour.client.pk}/").status_code == 404
    assert client.post(f"{PAGE}{harbour.client.pk}/revoke/").status_code == 404
    with pytest.raises(Forbidden):
        api_clients.revoke(harbour.client, by=olga)


def test_an_institution_has_not_more_clients_than_anybody_watches(dora, harbour):
    for number in range(rules.MOST_API_CLIENTS - 1):
        api_clients.issue(harbour.institution, f"job {number}", by=dora)

    with pytest.raises(Refused) as refused:
        api_clients.issue(harbour.institution, "one more", by=dora)
    assert refused.value.rule == "too-many-clients"


def test_suspension_ends_every_token(client, harbour, token, mara):
    institutions.suspend(harbour.institution, reason="arrears", by=mara)

    assert not AccessToken.objects.filter(application=harbour.client).exists()
    assert client.get("/api/v1/rounds", headers={"authorization": token}).status_code == 401


def test_a_client_from_before_scopes_has_them_all(harbour):
    assert harbour.client.scopes == every_scope()


def test_a_page_that_is_out_of_date_opens_no_network_again(page, harbour, dora):
    """One administrator closes the door while the other still has the page where it is open."""
    address = f"{PAGE}{harbour.client.pk}/"
    old = page.get(address).context["form"].initial
    told = {"name": "job", "scopes": ["releases:read"], "allowed_networks": ["203.0.113.0/24"]}
    api_clients.change(harbour.client, by=dora, **told)

    answer = page.post(address, {**old, "name": "another name"}, follow=True)

    assert "in the meantime" in answer.content.decode()
    client = ApiClient.objects.get(pk=harbour.client.pk)
    assert (client.name, client.allowed_networks) == ("job", ["203.0.113.0/24"])
    fresh = page.get(address).context["form"].initial
    page.post(address, {**fresh, "name": "another name"})
    assert ApiClient.objects.get(pk=harbour.client.pk).name == "another name"
