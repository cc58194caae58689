"""A member's request to have its statements sealed to a key of its own, signed with its registered signing key.

A compact JWS; the byte-level description is docs/contracts/statement.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from anonymize.errors import KeyStoreError, PackageError
from anonymize.package import jose
from anonymize.package.jose import Jwk
from anonymize.package.keys import SealingKey, SigningKey
from anonymize.package.registration import CLOCK_SKEW_SECONDS, MAX_AGE_SECONDS, MAX_CHARACTERS

STATEMENT_KEY_TYPE: Final = "concord-statement-key+jws"

STATEMENT_KEY_RULES: Mapping[str, str] = {
    "malformed": "This is not a request to register a key for statements: a compact JWS with a complete header. Copy all of it.",
    "wrong-type": "This is not a request to register a key for statements. Make one with concord statement key.",
    "unknown-header": "The request's header holds a member that this version of the format does not know.",
    "unsupported-algorithm": "The request must be signed with Ed25519 or ES256, by a key of that kind.",
    "unknown-key": "The request is not signed with a signing key of your institution that is in force.",
    "private-key": "The request holds a private key. Nothing was stored; make a new key, this one is no longer secret.",
    "invalid-key": "The request holds no public X-Wing or X25519 key.",
    "bad-signature": "The signature does not belong to this request and this signing key.",
    "wrong-institution": "The request was made for another institution.",
    "wrong-audience": "The request was made for another consortium.",
    "issued-in-future": "The request says that it was made in the future. Check the clock of the machine that made it.",
    "too-old": "The request is older than 30 days. Make a new one.",
}


def request_statement_key(key: SealingKey, signing_key: SigningKey, institution: str, audience: str, at: float) -> str:
    """The request for an institution's code, made at `at` (unix seconds). It holds no secret."""
    claims = {"iss": institution, "aud": audience, "iat": int(at), "jwk": key.public_jwk()}
    return signing_key.sign_compact({"typ": STATEMENT_KEY_TYPE}, json.dumps(claims, separators=(",", ":")).encode())


def read_statement_key(
    text: str, keys: Mapping[str, Jwk], institution: str, audience: str, now: float | None
) -> tuple[SealingKey, str]:
    """The sealing key, and the id of the signing key that vouches for it; PackageError otherwise.

    `keys` are the institution's signing keys by id. `now` is in unix seconds: a request is good for 30 days. Whoever
    reads again what was registered gives None.
    """
    if len(text) > MAX_CHARACTERS:
        raise _refusal("malformed")
    try:
        compact = text.strip().encode("ascii")
        kid, jwk = _signer(jose.read_json_object(jose.segments(compact)[0]), keys)
        claims = jose.parse_json_object(jose.verified(compact, jwk).payload)
    except UnicodeEncodeError as wrong:
        raise _refusal("malformed") from wrong
    except PackageError as wrong:
        raise _refusal("malformed" if wrong.rule == "truncated" else wrong.rule, wrong.member) from wrong
    _check_claims(claims, institution, audience, now)
    return _sealing_key(claims["jwk"]), kid


def _signer(header: Mapping[str, Any], keys: Mapping[str, Jwk]) -> tuple[str, Jwk]:
    if header.get("typ") != STATEMENT_KEY_TYPE:
        raise _refusal("wrong-type", "typ")
    if header.keys() != {"alg", "kid", "typ"}:
        raise _refusal("malformed" if {"alg", "kid"} - header.keys() else "unknown-header")
    if header["alg"] not in (*jose.ALGORITHMS, "EdDSA"):
        raise _refusal("unsupported-algorithm", "alg")
    kid = header["kid"]
    if not isinstance(kid, str) or kid not in keys:
        raise _refusal("unknown-key", "kid")
    return kid, keys[kid]


def _check_claims(claims: Mapping[str, Any], institution: str, audience: str, now: float | None) -> None:
    if claims.keys() != {"iss", "aud", "iat", "jwk"} or type(claims["iat"]) is not int:
        raise _refusal("malformed")
    if claims["aud"] != audience:
        raise _refusal("wrong-audience", "aud")
    if claims["iss"] != institution:
        raise _refusal("wrong-institution", "iss")
    if now is None:
        return
    if claims["iat"] > now + CLOCK_SKEW_SECONDS:
        raise _refusal("issued-in-future", "iat")
    if claims["iat"] < now - MAX_AGE_SECONDS:
        raise _refusal("too-old", "iat")


def _sealing_key(jwk: object) -> SealingKey:
    if not isinstance(jwk, dict):
        raise _refusal("malformed", "jwk")
    if not jose.is_public(jwk):
        raise _refusal("private-key", "jwk")
    try:
        return SealingKey.from_jwk(jwk)
    except KeyStoreError as wrong:
        raise _refusal("invalid-key", "jwk") from wrong


def _refusal(rule: str, member: str | None = None) -> PackageError:
    return PackageError(STATEMENT_KEY_RULES.get(rule, STATEMENT_KEY_RULES["malformed"]), rule=rule, member=member)
