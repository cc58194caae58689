"""What the consortium signs about its log: the tree as it stands, and the leaves that a release counts.

Both are signed with the key of receipts, because both follow from receipts. Hashes are written in hexadecimal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from anonymize.package.consortium import Jwks, sign_claims, verify_claims
from anonymize.package.keys import SigningKey
from anonymize.package.rules import refusal

TREE_HEAD_TYPE: Final = "concord-tree-head+jws"
COUNTED_TYPE: Final = "concord-counted+jws"
_HASH: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class TreeHead:
    """The root over the first `size` leaves, as of `at` (RFC 3339, UTC)."""

    consortium: str
    size: int
    root: bytes
    at: str


@dataclass(frozen=True)
class Counted:
    """The leaves of all submissions that a release follows from; `inputs_digest` is of their packages and the rules."""

    consortium: str
    release: str
    round_id: str
    inputs_digest: str
    leaves: frozenset[bytes]


def issue_tree_head(head: TreeHead, signing_key: SigningKey) -> str:
    """The head as a compact JWS."""
    claims = {"iss": head.consortium, "tree_size": head.size, "root": head.root.hex(), "at": head.at}
    return sign_claims(claims, TREE_HEAD_TYPE, signing_key)


def verify_tree_head(signed: str, jwks: Jwks) -> TreeHead:
    """The head, proved to be the consortium's; PackageError otherwise."""
    claims = verify_claims(signed, TREE_HEAD_TYPE, jwks, "receipts", dated="at")
    _check(claims, {"iss": str, "tree_size": int, "root": str, "at": str})
    return TreeHead(claims["iss"], claims["tree_size"], hash_of(claims["root"]), claims["at"])


def issue_counted(counted: Counted, signing_key: SigningKey) -> str:
    """The leaves as a compact JWS, sorted: their order would tell who came when."""
    claims = {
        "iss": counted.consortium,
        "sub": counted.release,
        "round": counted.round_id,
        "inputs_digest": counted.inputs_digest,
        "leaves": sorted(leaf.hex() for leaf in counted.leaves),
    }
    return sign_claims(claims, COUNTED_TYPE, signing_key)


def verify_counted(signed: str, jwks: Jwks) -> Counted:
    """What a release counts, proved to be the consortium's word; PackageError otherwise."""
    claims = verify_claims(signed, COUNTED_TYPE, jwks, "receipts")
    _check(claims, {"iss": str, "sub": str, "round": str, "inputs_digest": str, "leaves": list})
    leaves = frozenset(hash_of(each) for each in claims["leaves"])
    return Counted(claims["iss"], claims["sub"], claims["round"], claims["inputs_digest"], leaves)


def hash_of(text: object) -> bytes:
    """A hash from its 64 hexadecimal digits in lower case; PackageError otherwise."""
    if not isinstance(text, str) or not _HASH.match(text):
        raise refusal("malformed")
    return bytes.fromhex(text)


def _check(claims: Mapping[str, Any], types: Mapping[str, type]) -> None:
    if claims.keys() != types.keys():
        raise refusal("malformed")
    for name, wanted in types.items():
        if type(claims[name]) is not wanted:
            raise refusal("malformed", member=name)
