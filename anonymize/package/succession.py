"""One key of the consortium names the next: who pinned the first accepts the second without pinning anew.

A statement is a compact JWS of type `concord-key-succession+jws`, signed by the key that ends. It names the use, the
successor's public key, and until when the predecessor signs (`until`, unix seconds). From then on nothing that the
predecessor dates later counts, and what has no date does not count at all: a key that is stolen after its end signs
nothing that is accepted as new. A key names one successor; a second statement of the same key is not followed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from anonymize.errors import KeyStoreError, PackageError
from anonymize.package import jose
from anonymize.package.consortium import (
    UNTIL_MEMBER,
    USE_MEMBER,
    USES,
    Jwks,
    Use,
    published,
    sign_claims,
    verify_claims,
)
from anonymize.package.jose import Jwk
from anonymize.package.keys import SigningKey, kid_of
from anonymize.package.rules import refusal

SUCCESSION_TYPE: Final = "concord-key-succession+jws"
STATEMENTS_MEMBER: Final = "concord_successions"  # of the published set
_PUBLIC_MEMBERS: Final = ("kty", "crv", "x", "y")


def name_successor(predecessor: SigningKey, successor: Jwk, use: Use, until: int) -> str:
    """The statement; KeyStoreError when the successor is no public signing key, or the same key."""
    jwk = {name: successor[name] for name in _PUBLIC_MEMBERS if name in successor}
    if kid_of(jwk) == predecessor.kid:
        raise KeyStoreError("A key does not succeed itself. Make a new one.")
    return sign_claims({"use": use, "jwk": jwk, "until": until}, SUCCESSION_TYPE, predecessor)


def follow(pinned: Jwks, statements: Iterable[object]) -> dict[str, Any]:
    """The pinned keys with all successors that they name, and the end of each that has one.

    A statement that is not signed by one of them, or by one that has a successor already, is passed over: the server
    may publish what concerns keys that were never pinned here.
    """
    keys = [dict(jwk) for jwk in pinned.get("keys", ())]
    waiting = [each for each in statements if isinstance(each, str)]
    while found := next((each for each in waiting if _is_followed(keys, each)), None):
        waiting.remove(found)
    return {"keys": keys}


def _is_followed(keys: list[dict[str, Any]], statement: str) -> bool:
    """Whether the statement is of a key among these, which then has an end and its successor a place beside it."""
    try:
        header = jose.read_json_object(jose.segments(statement.encode("ascii"))[0])
        predecessor = next(key for key in keys if key.get("kid") == header.get("kid") and UNTIL_MEMBER not in key)
        use = predecessor.get(USE_MEMBER)
        if use not in USES:
            return False
        successor, until = _read(statement, predecessor, use)
    except (UnicodeEncodeError, StopIteration, PackageError, KeyStoreError):
        return False
    if any(key.get("kid") == successor["kid"] for key in keys):
        return False  # back to a former key, or to one of the other use
    predecessor[UNTIL_MEMBER] = until
    keys.append(published(successor, use))
    return True


def _read(statement: str, predecessor: Jwk, use: Use) -> tuple[dict[str, Any], int]:
    claims = verify_claims(statement, SUCCESSION_TYPE, {"keys": [predecessor]}, use)
    if (
        claims.keys() != {"use", "jwk", "until"}
        or type(claims["until"]) is not int
        or not isinstance(claims["jwk"], dict)
    ):
        raise refusal("malformed")
    if claims["use"] != use:
        raise refusal("wrong-key-use", member="kid")
    return {**claims["jwk"], "kid": kid_of(claims["jwk"])}, claims["until"]
