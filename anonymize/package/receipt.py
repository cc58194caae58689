"""The consortium's signed word that it holds a package: who sent which bytes, for which round, when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from anonymize.package.consortium import Jwks, sign_claims, verify_claims
from anonymize.package.keys import SigningKey
from anonymize.package.open import package_digest
from anonymize.package.rules import refusal

RECEIPT_TYPE: Final = "concord-receipt+jws"
# Another type, so that whoever asks for the one is never given the other.
TRIAL_RECEIPT_TYPE: Final = "concord-trial-receipt+jws"


@dataclass(frozen=True)
class Receipt:
    """`sha256` (hex) and `bytes` are of the package as sent; `received_at` is RFC 3339, UTC."""

    consortium: str
    submission: str
    institution: str
    round_id: str
    version: int
    sha256: str
    bytes: int
    received_at: str


# The claim's name for each field.
_CLAIMS: Final[Mapping[str, str]] = {
    "consortium": "iss",
    "submission": "sub",
    "institution": "institution",
    "round_id": "round",
    "version": "version",
    "sha256": "sha256",
    "bytes": "bytes",
    "received_at": "received_at",
}
_NUMBERS: Final = frozenset({"version", "bytes"})


def issue_receipt(receipt: Receipt, signing_key: SigningKey, *, is_trial: bool = False) -> str:
    """The receipt as a compact JWS; a trial's has a type of its own."""
    claims = {_CLAIMS[name]: value for name, value in asdict(receipt).items()}
    return sign_claims(claims, TRIAL_RECEIPT_TYPE if is_trial else RECEIPT_TYPE, signing_key)


def verify_receipt(signed: str, jwks: Jwks, package: bytes | None = None, *, is_trial: bool = False) -> Receipt:
    """The receipt, proved to be the consortium's and, where a package is given, to be about exactly its bytes.

    A trial's receipt is refused (`wrong-type`) unless a trial's is asked for, and then only a trial's is taken.
    """
    receipt = _read(
        verify_claims(signed, TRIAL_RECEIPT_TYPE if is_trial else RECEIPT_TYPE, jwks, "receipts", dated="received_at")
    )
    if package is not None and (receipt.sha256, receipt.bytes) != (package_digest(package), len(package)):
        raise refusal("other-package")
    return receipt


def _read(claims: Mapping[str, Any]) -> Receipt:
    if claims.keys() != set(_CLAIMS.values()):
        raise refusal("malformed")
    for name, claim in _CLAIMS.items():
        if type(claims[claim]) is not (int if name in _NUMBERS else str):
            raise refusal("malformed", member=claim)
    return Receipt(**{name: claims[claim] for name, claim in _CLAIMS.items()})
