"""What the consortium signs: small JSON claims as a compact JWS, each kind with a type of its own.

Each kind has a key of its own in the consortium's published set (`/.well-known/jwks.json`), whose member `concord_use`
says which. The process that signs receipts faces the internet; whoever takes it over must not be able to name a sealing
key of their own, so only the vault holds the key for those.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

from anonymize.errors import PackageError
from anonymize.package import jose
from anonymize.package.jose import Jwk
from anonymize.package.keys import SigningKey
from anonymize.package.rules import refusal

Jwks = Mapping[str, Any]  # {"keys": [JWK, ...]}
Use = Literal["receipts", "round-keys"]

USE_MEMBER: Final = "concord_use"
UNTIL_MEMBER: Final = "concord_until"  # of a key that has a successor: the last moment it signs for, in unix seconds
USES: Final[tuple[Use, ...]] = ("receipts", "round-keys")


def published(jwk: Jwk, use: Use) -> dict[str, Any]:
    """A public key of the consortium's set, with what it may sign."""
    return {**jwk, USE_MEMBER: use}


def sign_claims(claims: Mapping[str, Any], typ: str, signing_key: SigningKey) -> str:
    """The claims as canonical JSON (sorted, compact, ASCII), signed."""
    payload = json.dumps(claims, ensure_ascii=True, separators=(",", ":"), sort_keys=True)
    return signing_key.sign_compact({"typ": typ}, payload.encode("ascii"))


def verify_claims(signed: str, typ: str, jwks: Jwks, use: Use, *, dated: str | None = None) -> dict[str, Any]:
    """The claims, proved to be of this type and signed by a consortium's key of this use; PackageError otherwise.

    A key that has ended counts for what it dated before its end: `dated` names the claim that holds the moment (RFC
    3339). Without it the moment is now.
    """
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
    jwk = _key(header["kid"], use, jwks.get("keys", ()))
    claims = jose.parse_json_object(jose.verified(compact, jwk).payload)
    _check_not_ended(jwk, _moment(claims.get(dated)) if dated else time.time())
    return claims


def signer_of(kid: object, use: Use, jwks: Jwks, *, at: float) -> Jwk:
    """The consortium's key of this id and use, if it still signed at that moment (unix seconds); PackageError if not."""
    jwk = _key(kid, use, jwks.get("keys", ()))
    _check_not_ended(jwk, at)
    return jwk


def _check_not_ended(jwk: Jwk, moment: float) -> None:
    until = jwk.get(UNTIL_MEMBER)
    if until is None:
        return
    if type(until) is not int or moment > until:
        raise PackageError(
            "This is signed with a key of the consortium that had ended by then, so it may be anybody's. Fetch it again; "
            "trust nothing that is still signed so.",
            rule="ended-key",
            member="kid",
        )


def _moment(text: object) -> float:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as wrong:
        raise refusal("malformed") from wrong
    if moment.tzinfo is None:
        raise refusal("malformed")
    return moment.timestamp()


def _key(kid: object, use: Use, keys: Iterable[Jwk]) -> Jwk:
    of_kid = [jwk for jwk in keys if jwk.get("kid") == kid]
    if any(jwk.get(USE_MEMBER) != use for jwk in of_kid):
        raise refusal("wrong-key-use", member="kid")
    if of_kid:
        return of_kid[0]
    raise PackageError(
        "This is signed with a key that is not among the consortium's known keys. Compare its published key ids with "
        "those the association told you before you trust it.",
        rule="unknown-key",
        member="kid",
    )
