"""What the consortium signs: small JSON claims as a compact JWS, each kind with a type of its own.

The types keep a receipt from being shown as a round key and the reverse; both are signed with keys of the
consortium's published set (`/.well-known/jwks.json`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from anonymize.errors import PackageError
from anonymize.package import jose
from anonymize.package.jose import Jwk
from anonymize.package.keys import SigningKey
from anonymize.package.rules import refusal

Jwks = Mapping[str, Any]  # {"keys": [JWK, ...]}


def sign_claims(claims: Mapping[str, Any], typ: str, signing_key: SigningKey) -> str:
    """The claims as canonical JSON (sorted, compact, ASCII), signed."""
    payload = json.dumps(claims, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return signing_key.sign_compact({"typ": typ}, payload.encode("ascii"))


def verify_claims(signed: str, typ: str, jwks: Jwks) -> dict[str, Any]:
    """The claims, proved to be the consortium's and of this type; PackageError otherwise."""
    try:
        compact = signed.encode("ascii")
    except UnicodeEncodeError as wrong:
        raise refusal("malformed") from wrong
    header = jose.read_json_object(jose.segments(compact)[0])
    if header.keys() != {"alg", "kid", "typ"}:
        raise refusal("unknown-header")
    if header["typ"] != typ:
        raise refusal("wrong-type", member="typ")
    if header["alg"] not in (*jose.ALGORITHMS, "EdDSA"):
        raise refusal("unsupported-algorithm", member="alg")
    result = jose.verified(compact, _key(header["kid"], jwks.get("keys", ())))
    return jose.parse_json_object(result.payload)


def _key(kid: object, keys: Iterable[Jwk]) -> Jwk:
    for jwk in keys:
        if jwk.get("kid") == kid:
            return jwk
    raise PackageError(
        "This is signed with a key that is not among the consortium's known keys. Compare its published key ids with "
        "those the association told you before you trust it.",
        rule="unknown-key",
        member="kid",
    )
