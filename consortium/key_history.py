"""The consortium's keys of before: a public file beside the web process, with the statement by which each named the next.

`{"keys": [...], "concord_successions": [...]}` as published at /.well-known/jwks.json; see docs/key-ceremony.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anonymize.errors import KeyStoreError
from anonymize.files import write_whole
from anonymize.package import SigningKey, ed25519_jwk, kid_of
from anonymize.package.consortium import UNTIL_MEMBER, USE_MEMBER, Use, published
from anonymize.package.jose import Jwk, decode
from anonymize.package.succession import STATEMENTS_MEMBER, name_successor

History = dict[str, list[Any]]


def read(path: Path | None) -> History:
    """The file's keys and statements; none where there is no file. KeyStoreError when it is not of this form."""
    if path is None or not path.exists():
        return {"keys": [], STATEMENTS_MEMBER: []}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        keys, statements = document["keys"], document[STATEMENTS_MEMBER]
        if any(kid_of(key) != key["kid"] or USE_MEMBER not in key for key in keys):
            raise KeyStoreError(f"{path} names a key wrongly.")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise KeyStoreError(f"{path} is no history of keys.") from wrong
    return {"keys": list(keys), STATEMENTS_MEMBER: list(statements)}


def succeed(
    path: Path, predecessor: SigningKey | Jwk, successor: Jwk, use: Use, until: int, *, is_trusted: bool = True
) -> str:
    """Notes that one key follows another; returns the statement that members follow, empty when there is none.

    Where the predecessor is compromised nobody may follow its word: give its public half and `is_trusted=False`, and
    members pin the successor by hand. KeyStoreError when the predecessor has a successor already.
    """
    history = read(path)
    jwk = predecessor.public_jwk() if isinstance(predecessor, SigningKey) else predecessor
    public, following = _public(jwk), _public(successor)
    known = {key["kid"]: key for key in history["keys"]}
    if UNTIL_MEMBER in known.get(public["kid"], {}):
        raise KeyStoreError("This key has a successor already, and names no second one. Nothing was written.")
    if following["kid"] in known or following["kid"] == public["kid"]:
        raise KeyStoreError("The successor is no new key. Nothing was written.")
    statement = ""
    if is_trusted and isinstance(predecessor, SigningKey):
        statement = name_successor(predecessor, following, use, until)
        history[STATEMENTS_MEMBER].append(statement)
    known[public["kid"]] = {**published(public, use), UNTIL_MEMBER: until}
    known[following["kid"]] = published(following, use)
    write_whole(path, json.dumps({**history, "keys": list(known.values())}, indent=2).encode() + b"\n")
    return statement


def public_key(text: str) -> dict[str, Any]:
    """A public signing key from a JWK, private or not, or from the 32 bytes of Ed25519 in base64url."""
    try:
        if text.lstrip().startswith("{"):
            jwk = json.loads(text)
            return _public({name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk})
        return ed25519_jwk(decode(text.strip()))
    except (ValueError, TypeError) as wrong:
        raise KeyStoreError("The new key is neither a JWK nor 32 bytes in base64url.") from wrong


def published_set(current: Mapping[Use, Jwk], history: History, now: float) -> dict[str, Any]:
    """What members read: the keys in use and of before, each with its use, and the statements between them.

    KeyStoreError when a key in use is not the one that its history ends with: then members could not follow.
    """
    known = {key["kid"]: key for key in history["keys"]}
    for use, jwk in current.items():
        of_use = [key for key in known.values() if key[USE_MEMBER] == use]
        if of_use and jwk["kid"] not in {key["kid"] for key in of_use}:
            raise KeyStoreError(f"The key for {use} is not in the history of keys. Name it with manage.py succeed_key.")
        until = known.get(jwk["kid"], {}).get(UNTIL_MEMBER)
        if until is not None and until < now:
            raise KeyStoreError(f"The key for {use} has ended. Give this process its successor.")
        known.setdefault(jwk["kid"], published(jwk, use))
    return {"keys": list(known.values()), STATEMENTS_MEMBER: history[STATEMENTS_MEMBER]}


def _public(jwk: Jwk) -> dict[str, Any]:
    kid = kid_of(jwk)
    members = {name: jwk[name] for name in ("kty", "crv", "x", "y") if name in jwk}
    return {**members, "kid": kid, "use": "sig", "alg": "Ed25519" if jwk["kty"] == "OKP" else "ES256"}
