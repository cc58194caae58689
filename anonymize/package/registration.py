"""A member's request to register a signing key, signed with that key: whoever registers it has its private half.

A compact JWS; the byte-level description is docs/contracts/key-registration.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from anonymize.errors import KeyStoreError, PackageError
from anonymize.package import jose
from anonymize.package.jose import Jwk
from anonymize.package.keys import SigningKey, kid_of

REGISTRATION_TYPE: Final = "concord-key-registration+jws"
MAX_AGE_SECONDS: Final = 30 * 24 * 3600
CLOCK_SKEW_SECONDS: Final = 300
MAX_CHARACTERS: Final = 8192
_PUBLIC_MEMBERS: Final = ("kty", "crv", "x", "y")

REGISTRATION_RULES: Mapping[str, str] = {
    "malformed": "This is not a request to register a key: a compact JWS with a complete, well-formed header. Copy all of it.",
    "wrong-type": "This is not a request to register a key. Make one with concord key, or on the page for it.",
    "unknown-header": "The request's header holds a member that this version of the format does not know.",
    "unsupported-algorithm": "The request must be signed with Ed25519 or ES256, by a key of that kind.",
    "private-key": "The request holds a private key. Nothing was stored; make a new key, this one is no longer secret.",
    "invalid-key": "The request holds no public Ed25519 or P-256 key.",
    "wrong-key-id": "The request names another key than the one it holds.",
    "bad-signature": "The request is not signed with the key that it holds.",
    "wrong-institution": "The request was made for another institution.",
    "wrong-audience": "The request was made for another consortium.",
    "issued-in-future": "The request says that it was made in the future. Check the clock of the machine that made it.",
    "too-old": "The request is older than 30 days. Make a new one.",
}


def request_registration(signing_key: SigningKey, institution: str, audience: str, at: float) -> str:
    """The request for an institution's code, made at `at` (unix seconds). It holds no secret."""
    public = signing_key.public_jwk()
    jwk = {name: public[name] for name in _PUBLIC_MEMBERS if name in public}
    payload = json.dumps({"iss": institution, "aud": audience, "iat": int(at)}, separators=(",", ":"))
    return signing_key.sign_compact({"jwk": jwk, "typ": REGISTRATION_TYPE}, payload.encode())


def read_registration(text: str, institution: str, audience: str, now: float) -> dict[str, Any]:
    """The public JWK, with its `kid`, that the request proves to be its maker's; PackageError otherwise.

    `now` is in unix seconds: a request is good for 30 days.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refusal("malformed")
    try:
        compact = text.strip().encode("ascii")
        header = jose.read_json_object(jose.segments(compact)[0])
        jwk = _key(header)
        claims = jose.parse_json_object(jose.verified(compact, jwk).payload)
    except UnicodeEncodeError as wrong:
        raise _refusal("malformed") from wrong
    except PackageError as wrong:
        raise _refusal("malformed" if wrong.rule == "truncated" else wrong.rule, wrong.member) from wrong
    _check_claims(claims, institution, audience, now)
    return jwk


def _key(header: Mapping[str, Any]) -> dict[str, Any]:
    """The header's key, when all of the header is as it should be."""
    if header.get("typ") != REGISTRATION_TYPE:
        raise _refusal("wrong-type", "typ")
    if header.keys() != {"alg", "kid", "jwk", "typ"}:
        raise _refusal("malformed" if {"alg", "kid", "jwk"} - header.keys() else "unknown-header")
    if header["alg"] not in (*jose.ALGORITHMS, "EdDSA"):
        raise _refusal("unsupported-algorithm", "alg")
    jwk = header["jwk"]
    if not isinstance(jwk, dict):
        raise _refusal("malformed", "jwk")
    if not jose.is_public(jwk):
        raise _refusal("private-key", "jwk")
    return _named(jwk, header["kid"])


def _named(jwk: Jwk, kid: object) -> dict[str, Any]:
    public = {name: jwk[name] for name in _PUBLIC_MEMBERS if name in jwk}
    try:
        own = kid_of(public)
    except KeyStoreError as wrong:
        raise _refusal("invalid-key", "jwk") from wrong
    if kid != own or jwk.get("kid", own) != own:
        raise _refusal("wrong-key-id", "kid")
    return {**public, "kid": own}


def _check_claims(claims: Mapping[str, Any], institution: str, audience: str, now: float) -> None:
    if claims.keys() != {"iss", "aud", "iat"} or type(claims["iat"]) is not int:
        raise _refusal("malformed")
    if claims["aud"] != audience:
        raise _refusal("wrong-audience", "aud")
    if claims["iss"] != institution:
        raise _refusal("wrong-institution", "iss")
    if claims["iat"] > now + CLOCK_SKEW_SECONDS:
        raise _refusal("issued-in-future", "iat")
    if claims["iat"] < now - MAX_AGE_SECONDS:
        raise _refusal("too-old", "iat")


def _refusal(rule: str, member: str | None = None) -> PackageError:
    return PackageError(REGISTRATION_RULES.get(rule, REGISTRATION_RULES["malformed"]), rule=rule, member=member)
