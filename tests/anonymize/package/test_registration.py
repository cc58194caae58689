"""A request to register a key proves that its maker has the private half, for one institution, for a while."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from anonymize.errors import PackageError
from anonymize.package import REGISTRATION_RULES, SigningKey, kid_of, read_registration, request_registration
from anonymize.package.jose import encode
from anonymize.package.registration import MAX_AGE_SECONDS
from tests.vectors.sealed import keys

NOW = 1_790_000_000
CODE, AUDIENCE = "CN-001", "concord-test"
REQUEST = request_registration(keys.INSTITUTION, CODE, AUDIENCE, NOW)


def refused(text: str, now: float = NOW) -> str:
    with pytest.raises(PackageError) as refusal:
        read_registration(text, CODE, AUDIENCE, now)
    assert refusal.value.sentence == REGISTRATION_RULES[refusal.value.rule]
    return refusal.value.rule


def signed(header: dict | None = None, claims: object | None = None, key: SigningKey = keys.INSTITUTION) -> str:
    """A request whose header and payload may be anything, with a signature that holds."""
    public = {name: value for name, value in key.public_jwk().items() if name in ("kty", "crv", "x", "y")}
    own = {"alg": key.alg, "kid": key.kid, "jwk": public, "typ": "concord-key-registration+jws"}
    members = {name: value for name, value in {**own, **(header or {})}.items() if value is not None}
    payload = json.dumps({"iss": CODE, "aud": AUDIENCE, "iat": NOW} if claims is None else claims)
    first = f"{encode(json.dumps(members).encode())}.{encode(payload.encode())}"
    return f"{first}.{encode(keys.bare(keys.INSTITUTION).sign(first.encode()))}"


@pytest.mark.parametrize("key", [keys.INSTITUTION, keys.INSTITUTION_HSM], ids=["Ed25519", "ES256"])
def test_a_request_holds_the_public_key_and_its_name(key):
    jwk = read_registration(request_registration(key, CODE, AUDIENCE, NOW), CODE, AUDIENCE, NOW)

    assert jwk["kid"] == kid_of(jwk) == key.kid
    assert jwk.keys() <= {"kty", "crv", "x", "y", "kid"}


def test_a_request_is_what_any_jose_library_makes():
    key = OKPKey.generate_key("Ed25519")
    header = {
        "alg": "EdDSA",
        "kid": key.thumbprint(),
        "jwk": key.as_dict(private=False),
        "typ": "concord-key-registration+jws",
    }
    registry = jws.JWSRegistry(algorithms=["EdDSA"], strict_check_header=False)
    payload = json.dumps({"iss": CODE, "aud": AUDIENCE, "iat": NOW})
    with pytest.warns(Warning, match="EdDSA"):
        text = jws.serialize_compact(header, payload, key, registry=registry)

    assert read_registration(f"\n{text}\n", CODE, AUDIENCE, NOW)["kid"] == key.thumbprint()


def test_the_header_has_four_members_and_the_payload_three():
    header, payload, _signature = (
        json.loads(_decoded(part)) if i < 2 else part for i, part in enumerate(REQUEST.split("."))
    )

    assert header.keys() == {"alg", "kid", "jwk", "typ"}
    assert payload == {"iss": CODE, "aud": AUDIENCE, "iat": NOW}


def _decoded(part: str) -> bytes:
    from anonymize.package.jose import decode

    return decode(part)


def test_a_request_made_here_by_hand_is_read():
    assert read_registration(signed(), CODE, AUDIENCE, NOW)["kid"] == keys.INSTITUTION.kid


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "malformed"),
        ("{}", "malformed"),
        ("é", "malformed"),
        ("x" * 10_000, "malformed"),
        (REQUEST[:-3], "malformed"),
        (REQUEST + "A", "malformed"),
        (REQUEST.rsplit(".", 1)[0], "malformed"),
        (signed({"typ": "concord-sealed+jws"}), "wrong-type"),
        (signed({"typ": None}), "wrong-type"),
        (signed({"jwk": None}), "malformed"),
        (signed({"jwk": "a key"}), "malformed"),
        (signed({"crit": ["b64"]}), "unknown-header"),
        (signed({"alg": "none"}), "unsupported-algorithm"),
        (signed({"alg": "HS256"}), "unsupported-algorithm"),
        (signed({"alg": "ES256"}), "unsupported-algorithm"),
        (signed({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "d": "AAAA"}}), "private-key"),
        (signed({"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}}), "invalid-key"),
        (signed({"jwk": {"kty": "OKP", "crv": "Ed25519", "x": 7}}), "invalid-key"),
        (signed({"kid": keys.STRANGER.kid}), "wrong-key-id"),
        (signed({"kid": 7}), "wrong-key-id"),
        (signed(key=keys.STRANGER), "bad-signature"),  # somebody else's key, signed with one's own
        (signed(claims={"iss": "CN-002", "aud": AUDIENCE, "iat": NOW}), "wrong-institution"),
        (signed(claims={"iss": [CODE], "aud": AUDIENCE, "iat": NOW}), "wrong-institution"),
        (signed(claims={"iss": CODE, "aud": "another", "iat": NOW}), "wrong-audience"),
        (signed(claims={"iss": CODE, "aud": AUDIENCE}), "malformed"),
        (signed(claims={"iss": CODE, "aud": AUDIENCE, "iat": True}), "malformed"),
        (signed(claims={"iss": CODE, "aud": AUDIENCE, "iat": float(NOW)}), "malformed"),
        (signed(claims={"iss": CODE, "aud": AUDIENCE, "iat": NOW, "exp": NOW}), "malformed"),
        (signed(claims=[]), "malformed"),
    ],
)
def test_what_is_wrong_is_named(text, rule):
    assert refused(text) == rule


def test_a_request_is_good_for_thirty_days():
    assert read_registration(REQUEST, CODE, AUDIENCE, NOW + MAX_AGE_SECONDS)
    assert refused(REQUEST, NOW + MAX_AGE_SECONDS + 1) == "too-old"


def test_a_clock_may_be_five_minutes_ahead():
    assert read_registration(REQUEST, CODE, AUDIENCE, NOW - 300)
    assert refused(REQUEST, NOW - 301) == "issued-in-future"


def test_every_rule_has_a_test():
    tried = {mark for each in test_what_is_wrong_is_named.pytestmark for _text, mark in each.args[1]}

    assert tried | {"too-old", "issued-in-future"} == set(REGISTRATION_RULES)


@given(st.integers(0, len(REQUEST) - 1), st.characters(codec="ascii"))
def test_no_changed_request_is_accepted(position, character):
    changed = REQUEST[:position] + character + REQUEST[position + 1 :]
    if changed != REQUEST:
        assert refused(changed)


@given(st.text() | st.binary().map(lambda raw: raw.decode("latin-1")))
def test_noise_is_refused(text):
    assert refused(text)
