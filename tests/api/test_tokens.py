"""How an API client shows who it is, and what its token may do."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64encode
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from jwcrypto import jwk as other_jwk, jwt as other_jwt
from oauth2_provider.models import AccessToken

from consortium.institutions.models import ApiClient, UsedAssertion
from consortium.institutions.services import api_clients
from consortium.oauth.assertions import TYPE

ISSUER = "https://concord.example"
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def keys():
    """A key of each kind; RSA is slow to make."""
    return {
        "Ed25519": OKPKey.generate_key("Ed25519"),
        "EdDSA": OKPKey.generate_key("Ed25519"),
        "ES256": ECKey.generate_key("P-256"),
        "PS256": RSAKey.generate_key(2048),
    }


@pytest.fixture
def signing(harbour, dora, keys):
    """A client that signs assertions with an Ed25519 key."""
    return api_clients.issue(
        harbour.institution, "signer", by=dora, public_jwk=keys["Ed25519"].as_dict(private=False)
    ).client


def _claims(client_id, **changes):
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": ISSUER, "exp": now + 120, "iat": now, "jti": f"j{now}"}
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def _signed(key, claims, *, alg="Ed25519", **header):
    registry = jws.JWSRegistry(algorithms=["Ed25519", "ES256", "PS256", "HS256", "RS256"], strict_check_header=False)
    text = json.dumps(claims) if isinstance(claims, dict) else claims
    return jws.serialize_compact({"alg": alg, **header}, text, key, registry=registry)


def _ask(client, assertion, **more):
    return client.post("/oauth/token/", {**GRANT, "client_assertion_type": TYPE, "client_assertion": assertion, **more})


@pytest.mark.parametrize("alg", ["Ed25519", "ES256", "PS256"])
def test_a_signed_assertion_gets_a_token(client, harbour, dora, keys, alg):
    key = keys[alg]
    issued = api_clients.issue(harbour.institution, alg, by=dora, public_jwk=key.as_dict(private=False))

    answer = _ask(client, _signed(key, _claims(issued.client.client_id), alg=alg))

    assert issued.secret == ""
    assert answer.status_code == 200, answer.content
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert client.get("/api/v1/institutions/me", headers=headers).json()["code"] == "HARBOUR"


def test_an_assertion_that_another_library_made_under_the_older_name_is_accepted(client, harbour, dora):
    key = other_jwk.JWK.generate(kty="OKP", crv="Ed25519")
    issued = api_clients.issue(harbour.institution, "java", by=dora, public_jwk=json.loads(key.export_public()))
    token = other_jwt.JWT(header={"alg": "EdDSA"}, claims=_claims(issued.client.client_id), algs=["EdDSA"])
    token.make_signed_token(key)

    assert _ask(client, token.serialize()).status_code == 200


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/oauth/token/", [f"{ISSUER}/oauth/token/", "https://else"]])
def test_the_audience_is_the_issuer_or_the_token_endpoint(client, signing, keys, audience):
    assert _ask(client, _signed(keys["Ed25519"], _claims(signing.client_id, aud=audience))).status_code == 200


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"aud": "https://concord.example.evil"}, "aud must be"),
        ({"aud": None}, "aud must be"),
        ({"aud": {"a": 1}}, "aud must be"),
        ({"exp": None}, "exp is missing"),
        ({"exp": 10}, "is over"),
        ({"exp": time.time() + 4000}, "more than 300 seconds"),
        ({"exp": "soon"}, "exp must be a number"),
        ({"exp": True}, "exp must be a number"),
        ({"exp": float("inf")}, "exp must be a number"),
        ({"iat": time.time() + 4000}, "iat is ahead"),
        ({"nbf": time.time() + 4000}, "nbf is ahead"),
        ({"jti": None}, "jti is missing"),
        ({"jti": ""}, "jti is missing"),
        ({"jti": 5}, "jti is missing"),
        ({"jti": "x" * 300}, "jti is missing"),
        ({"iss": "somebody"}, "iss and sub"),
        ({"sub": "somebody"}, "iss and sub"),
    ],
)
def test_claims_that_do_not_hold_are_refused(client, signing, keys, changes, says):
    answer = _ask(client, _signed(keys["Ed25519"], _claims(signing.client_id, **changes)))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert says in answer.json()["error_description"]
    assert not AccessToken.objects.exists()


def test_nobody_elses_key_signs_for_a_client(client, signing, keys):
    forged = _signed(keys["EdDSA"], _claims(signing.client_id))

    assert "signature does not hold" in _ask(client, forged).json()["error_description"]


def test_an_algorithm_is_the_keys_own(client, signing, keys):
    public = keys["Ed25519"].as_dict(private=False)["x"]
    from joserfc.jwk import OctKey

    by_hmac = _signed(OctKey.import_key(public), _claims(signing.client_id), alg="HS256")
    by_es256 = _signed(keys["ES256"], _claims(signing.client_id), alg="ES256")
    none = "eyJhbGciOiJub25lIn0." + by_es256.split(".")[1] + "."

    for assertion in (by_hmac, by_es256, none):
        answer = _ask(client, assertion)
        assert (answer.status_code, "alg must be" in answer.json()["error_description"]) == (401, True)


@pytest.mark.parametrize(
    "garbage", ["x", "a.b", "a.b.c", "..", "ey.ey.ey", "é.é.é", "A" * 9000, "eyJhbGciOiJFZDI1NTE5In0.W10.AA", "\x00"]
)
def test_garbage_is_no_assertion(client, db, garbage):
    answer = _ask(client, garbage)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_an_assertion_is_accepted_once(client, signing, keys):
    assertion = _signed(keys["Ed25519"], _claims(signing.client_id))

    assert _ask(client, assertion).status_code == 200
    again = _ask(client, assertion)
    assert (again.status_code, again.json()["error_description"]) == (401, "This jti was used before.")


def test_an_assertion_that_comes_four_times_at_once_is_accepted_once(transactional_db, harbour, dora, keys):
    issued = api_clients.issue(harbour.institution, "x", by=dora, public_jwk=keys["ES256"].as_dict(private=False))
    assertion = _signed(keys["ES256"], _claims(issued.client.client_id), alg="ES256")
    got = []

    def ask():
        try:
            got.append(_ask(Client(), assertion).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(got) == [200, 401, 401, 401]


def test_used_assertions_are_forgotten_once_they_would_be_refused_anyway(client, signing, keys):
    _ask(client, _signed(keys["Ed25519"], _claims(signing.client_id)))
    assert api_clients.forget_used_assertions() == 0

    UsedAssertion.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert api_clients.forget_used_assertions() == 1


def test_a_client_with_a_key_has_no_secret_any_more(client, harbour, dora, keys):
    api_clients.set_key(harbour.client, keys["Ed25519"].as_dict(private=False), by=dora)

    answer = client.post("/oauth/token/", GRANT, headers={"authorization": harbour.basic})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert _ask(client, _signed(keys["Ed25519"], _claims(harbour.client.client_id))).status_code == 200


def test_two_ways_at_once_are_refused(client, harbour, signing, keys):
    assertion = _signed(keys["Ed25519"], _claims(signing.client_id))
    data = {**GRANT, "client_assertion_type": TYPE, "client_assertion": assertion}

    answer = client.post("/oauth/token/", data, headers={"authorization": harbour.basic})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_secret_comes_in_the_header_or_in_the_body(client, harbour):
    told = {**GRANT, "client_id": harbour.client.client_id, "client_secret": harbour.secret}

    assert client.post("/oauth/token/", told).status_code == 200
    assert client.post("/oauth/token/", {**told, "client_secret": "wrong"}).status_code == 401
    assert client.post("/oauth/token/", {**told, "client_id": "nobody"}).status_code == 401
    assert client.post("/oauth/token/", {**told, "client_id": "a\x00b"}).status_code == 401


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic YQ==", "Digest abc", "Basic /w==", "Bearer x"])
def test_a_header_that_is_no_basic_one_is_refused(client, db, header):
    answer = client.post("/oauth/token/", GRANT, headers={"authorization": header})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_both_secrets_are_good_while_a_job_changes_over(client, harbour, dora):
    renewed = api_clients.renew_secret(harbour.client, by=dora)
    told = {**GRANT, "client_id": harbour.client.client_id}

    assert client.post("/oauth/token/", {**told, "client_secret": harbour.secret}).status_code == 200
    assert client.post("/oauth/token/", {**told, "client_secret": renewed.secret}).status_code == 200

    ApiClient.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))
    assert client.post("/oauth/token/", {**told, "client_secret": harbour.secret}).status_code == 401
    assert client.post("/oauth/token/", {**told, "client_secret": renewed.secret}).status_code == 200


def test_a_former_secret_ends_at_once_when_somebody_else_has_it(client, harbour, dora, token):
    api_clients.renew_secret(harbour.client, by=dora)
    api_clients.end_former_secret(harbour.client, by=dora)
    told = {**GRANT, "client_id": harbour.client.client_id, "client_secret": harbour.secret}

    assert client.post("/oauth/token/", told).status_code == 401
    assert client.get("/api/v1/rounds", headers={"authorization": token}).status_code == 401


def test_a_token_has_the_scopes_that_were_asked_for_and_no_others(client, harbour):
    answer = client.post(
        "/oauth/token/", {**GRANT, "scope": "releases:read log:read"}, headers={"authorization": harbour.basic}
    )
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}

    assert set(answer.json()["scope"].split()) == {"releases:read", "log:read"}
    assert client.get("/api/v1/releases", headers=headers).status_code == 200
    refused = client.get("/api/v1/submissions", headers=headers)
    assert (refused.status_code, refused.json()["rule"]) == (403, "insufficient-scope")
    assert refused["WWW-Authenticate"] == (
        'Bearer realm="concord", error="insufficient_scope", scope="submissions:read"'
    )


def test_a_client_never_gets_a_scope_that_it_was_not_issued_with(client, harbour, dora):
    issued = api_clients.issue(harbour.institution, "reader", by=dora, scopes=["releases:read"])
    told = {**GRANT, "client_id": issued.client.client_id, "client_secret": issued.secret}

    assert client.post("/oauth/token/", told).json()["scope"] == "releases:read"
    more = client.post("/oauth/token/", {**told, "scope": "submissions:write"})
    assert (more.status_code, more.json()["error"]) == (400, "invalid_scope")


def test_a_scope_that_is_taken_away_is_gone_from_tokens_that_are_out(client, harbour, dora, token):
    headers = {"authorization": token}
    assert client.get("/api/v1/submissions", headers=headers).status_code == 200

    api_clients.change(harbour.client, by=dora, name="job", scopes=["releases:read"], allowed_networks=[])

    assert client.get("/api/v1/submissions", headers=headers).json()["rule"] == "insufficient-scope"
    assert client.get("/api/v1/releases", headers=headers).status_code == 200


def test_a_client_calls_from_its_own_addresses_only(client, harbour, dora, token):
    headers = {"authorization": token}
    api_clients.change(
        harbour.client,
        by=dora,
        name="job",
        scopes=["releases:read"],
        allowed_networks=["203.0.113.0/24", "2001:db8::/32"],
    )

    assert client.get("/api/v1/releases", headers=headers, REMOTE_ADDR="203.0.113.9").status_code == 200
    assert client.get("/api/v1/releases", headers=headers, REMOTE_ADDR="2001:db8::7").status_code == 200
    refused = client.get("/api/v1/releases", headers=headers, REMOTE_ADDR="198.51.100.1")
    assert (refused.status_code, refused.json()["rule"]) == (403, "address-not-allowed")
    # Nobody writes an address for himself.
    forged = {**headers, "x-forwarded-for": "203.0.113.9"}
    assert client.get("/api/v1/releases", headers=forged, REMOTE_ADDR="198.51.100.1").status_code == 403


def test_no_token_is_given_to_an_address_that_is_not_allowed(client, harbour, dora):
    api_clients.change(
        harbour.client, by=dora, name="job", scopes=["releases:read"], allowed_networks=["203.0.113.0/24"]
    )
    basic = {"authorization": harbour.basic}

    refused = client.post("/oauth/token/", GRANT, headers=basic, REMOTE_ADDR="198.51.100.1")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert "198.51.100.1" in refused.json()["error_description"]
    assert client.post("/oauth/token/", GRANT, headers=basic, REMOTE_ADDR="203.0.113.9").status_code == 200


def test_a_suspended_institution_gets_no_token(client, suspended_bank):
    answer = client.post("/oauth/token/", GRANT, headers={"authorization": suspended_bank.basic})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_asking_for_a_token_is_remembered(client, harbour, token):
    assert ApiClient.objects.get(pk=harbour.client.pk).last_used_at is not None


def test_the_server_says_how_to_ask(client, db):
    document = client.get("/.well-known/oauth-authorization-server").json()

    assert document["issuer"] == ISSUER
    assert document["token_endpoint"] == f"{ISSUER}/oauth/token/"
    assert "private_key_jwt" in document["token_endpoint_auth_methods_supported"]
    assert document["token_endpoint_auth_signing_alg_values_supported"] == ["Ed25519", "EdDSA", "ES256", "PS256"]
    assert "submissions:write" in document["scopes_supported"]
    assert document["response_types_supported"] == []


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch"])
def test_a_token_is_asked_for_with_post(client, db, method):
    answer = getattr(client, method)("/oauth/token/")

    assert (answer.status_code, answer["Allow"], answer["Content-Type"]) == (405, "POST", "application/problem+json")


@pytest.mark.parametrize(
    "header",
    [
        {"kid": []},
        {"kid": {}},
        {"kid": 7},
        {"kid": "somebody else's"},
        {"crit": ["exp"], "exp": 1},
        {"crit": "b64"},
        {"b64": False},
        {"alg": ["Ed25519"]},
        {"alg": {}},
        {"alg": None},
        {"typ": 5},
        {"jwk": "x"},
        {"x5c": 1},
        {"zip": "DEF"},
    ],
)
def test_no_header_breaks_the_endpoint_or_says_more_than_the_key(client, signing, keys, header):
    """The signature covers what was sent: by hand, since no library writes it."""
    key = keys["Ed25519"]
    segments = [{"alg": "Ed25519", **header}, _claims(signing.client_id)]
    signed = b".".join(urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in segments)
    signature = urlsafe_b64encode(key.private_key.sign(signed)).rstrip(b"=")

    answer = _ask(client, b".".join([signed, signature]).decode())

    is_harmless = header.keys() <= {"typ", "jwk", "x5c", "zip"}
    assert answer.status_code in ({200, 401} if is_harmless else {401}), answer.content
