"""The proof that a submission is in the consortium's log and in a release, from public files and keys alone.

The documents are the answers of the platform's API as they are (docs/contracts/log.md), so they can be fetched by one
machine, kept, and checked by another that has no connection.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from anonymize import merkle
from anonymize.errors import LogError
from anonymize.package.consortium import Jwks
from anonymize.package.jose import decode, encode
from anonymize.package.receipt import Receipt, verify_receipt
from anonymize.package.tree_head import Counted, TreeHead, hash_of, verify_counted, verify_tree_head

SALT_BYTES: Final = 32


@dataclass(frozen=True)
class InRelease:
    """What was proved: the receipt's package is leaf `index` of the log under `head`, and the release counts it."""

    receipt: Receipt
    index: int
    head: TreeHead
    signed_head: str
    counted: Counted


def leaf_data(submission: str, package_sha256: str, salt: bytes) -> bytes:
    """What a leaf hashes: canonical JSON. Without the salt, which the member alone is told, nobody can guess it."""
    claims = {"package": package_sha256, "salt": encode(salt), "submission": submission}
    return json.dumps(claims, ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode("ascii")


def verify_in_release(
    receipt: str, release: str, submission_proof: Mapping[str, Any], release_proof: Mapping[str, Any], jwks: Jwks
) -> InRelease:
    """Proves that the package of a receipt is in the log and counted in a release.

    The proofs are the answers of `/submissions/{id}/proof` and `/releases/{id}/proof`. LogError or PackageError says
    what does not hold. Whether the log was rewritten since is another question: see `verify_consistency`.
    """
    known = verify_receipt(receipt, jwks)
    signed_head = _text(submission_proof, "head")
    head = verify_tree_head(signed_head, jwks)
    leaf, index = _included(known, submission_proof, head)
    counted = verify_counted(_text(release_proof, "counted"), jwks)
    if {known.consortium, head.consortium, counted.consortium} != {known.consortium}:
        raise LogError("Receipt, log and release are of different consortiums.", rule="other-consortium")
    if counted.release != release:
        raise LogError(f"The proof is about another release than {release}.", rule="other-release")
    if counted.round_id != known.round_id:
        raise LogError(f"The receipt is of another round than release {release}.", rule="other-round")
    if leaf not in counted.leaves:
        raise LogError(
            f"Release {release} does not count the submission of this receipt. If another version of yours was "
            "accepted for the round, verify that one's receipt; otherwise ask the association.",
            rule="not-counted",
        )
    return InRelease(known, index, head, signed_head, counted)


def verify_consistency(seen: TreeHead, head: TreeHead, path: Sequence[object]) -> None:
    """Proves that one of two heads of the log begins with the other; LogError when the log was rewritten."""
    if seen.consortium != head.consortium:
        raise LogError("The head seen before is another consortium's.", rule="other-consortium")
    first, second = sorted((seen, head), key=lambda each: each.size)
    hashes = [hash_of(each) for each in path]
    if first.size and not merkle.extends(first.root, first.size, second.root, second.size, hashes):
        raise LogError(
            f"The log was rewritten: its head of {second.size} leaves does not begin with its head of {first.size}, and "
            "the consortium has signed both. Keep both and ask the association.",
            rule="log-rewritten",
        )


def verify_leaves(head: TreeHead, leaves: Iterable[str]) -> None:
    """Proves that a head is the root over these leaves, given in hexadecimal; LogError otherwise. For whoever follows the log."""
    hashes = [hash_of(each) for each in leaves]
    if (len(hashes), merkle.root_of_leaves(hashes)) != (head.size, head.root):
        raise LogError("The log's leaves are not the ones that its head was signed for.", rule="log-rewritten")


def _included(receipt: Receipt, proof: Mapping[str, Any], head: TreeHead) -> tuple[bytes, int]:
    """The leaf that the receipt's package must have, and its place, once the proof shows that it is there."""
    leaf = merkle.leaf_hash(leaf_data(receipt.submission, receipt.sha256, _salt(proof)))
    index, path = proof.get("leaf_index"), proof.get("path")
    if type(index) is not int or not isinstance(path, list):
        raise _malformed()
    if not merkle.includes(head.root, head.size, index, leaf, [hash_of(each) for each in path]):
        raise LogError(
            "The log does not hold the package of this receipt at the place that the proof names. Keep receipt and "
            "proof, and ask the association.",
            rule="not-in-log",
        )
    return leaf, index


def _salt(proof: Mapping[str, Any]) -> bytes:
    try:
        salt = decode(_text(proof, "salt"))
    except ValueError as wrong:
        raise _malformed() from wrong
    if len(salt) != SALT_BYTES:
        raise _malformed()
    return salt


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise _malformed()
    return value


def _malformed() -> LogError:
    return LogError("A proof is not of the published form. Fetch it again.", rule="malformed")
