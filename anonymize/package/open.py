"""Package in, cube out, in three steps: read the header, verify, open. Each trusts only what the one before proved."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from anonymize.package import hpke, jose
from anonymize.package.hpke import SuiteId
from anonymize.package.jose import Jwk
from anonymize.package.keys import SealingKeyPair
from anonymize.package.rules import refusal
from anonymize.package.seal import MEDIA_TYPES, TYPE

Keys = Mapping[str, Jwk] | Callable[[str], Jwk | None]  # kid -> public JWK of the institution that sends

MAX_PLAINTEXT: Final = 64 * 1024 * 1024
CLOCK_SKEW_SECONDS: Final = 300
_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")  # a SHA-256 thumbprint in base64url
_MAX_NAME: Final = 255
_SIGNATURE_AND_DOTS: Final = 88


@dataclass(frozen=True)
class Header:
    """The protected header. From `read_header` it is only a claim; from `verify` it is proved."""

    kid: str
    institution: str
    audience: str
    round_id: str
    issued_at: int
    media_type: str
    suite: SuiteId
    rkid: str


@dataclass(frozen=True)
class Envelope(Header):
    """A verified, unopened package. `digest` is the SHA-256 (hex) of the exact bytes that were sent."""

    ciphertext: bytes = field(repr=False)
    info: bytes = field(repr=False)
    digest: str


def max_package_bytes(max_plaintext: int = MAX_PLAINTEXT) -> int:
    """The longest package that can hold a plaintext of this size."""
    payload = max_plaintext + hpke.overhead("X-Wing")
    return jose.MAX_HEADER + -(-payload * 4 // 3) + _SIGNATURE_AND_DOTS


def package_digest(package: bytes) -> str:
    """What receipts, the log and `Idempotency-Key` name a package by."""
    return hashlib.sha256(package).hexdigest()


def read_header(package: bytes, max_bytes: int | None = None) -> Header:
    """The header as the package claims it, checked for form only; it serves to find keys, nothing else."""
    if len(package) > (max_package_bytes() if max_bytes is None else max_bytes):
        raise refusal("too-large")
    encoded, _, _ = jose.segments(package)
    members = jose.read_json_object(encoded)
    _check_form(members)
    if members["alg"] not in {*jose.ALGORITHMS, "EdDSA"}:
        raise refusal("unsupported-algorithm", member="alg")
    if members["hpke"] not in hpke.SIZES:
        raise refusal("unsupported-suite", member="hpke")
    if members["cty"] not in MEDIA_TYPES:
        raise refusal("unsupported-media-type", member="cty")
    return Header(**{name: members[member] for member, name in _MEMBERS.items() if name})


# Every member of the header, and the field that it becomes.
_MEMBERS: Final[Mapping[str, str | None]] = {
    "alg": None,
    "typ": None,
    "kid": "kid",
    "iss": "institution",
    "aud": "audience",
    "sub": "round_id",
    "iat": "issued_at",
    "cty": "media_type",
    "hpke": "suite",
    "rkid": "rkid",
}


def _check_form(members: Mapping[str, Any]) -> None:
    if members.get("typ") != TYPE:
        raise refusal("wrong-type", member="typ")
    if unknown := sorted(members.keys() - _MEMBERS.keys()):
        raise refusal("unknown-header", member=unknown[0][:_MAX_NAME])
    for member in _MEMBERS:
        if not _is_well_formed(member, members.get(member)):
            raise refusal("malformed", member=member)


def _is_well_formed(member: str, value: object) -> bool:
    if member == "iat":
        return type(value) is int and 0 < value < 2**53
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME:
        return False
    return bool(_ID.match(value)) if member in {"kid", "rkid"} else value.isprintable()


def verify(
    package: bytes,
    *,
    keys: Keys,
    audience: str,
    round_id: str,
    institution: str,
    revoked: Container[str] = (),
    rkids: Container[str] | None = None,
    max_bytes: int | None = None,
    now: float | None = None,
) -> Envelope:
    """The package as proved by its signature: from this institution, for this round, unaltered. Opens nothing.

    `keys` holds the institution's keys in force, `revoked` the ids of those that were; `rkids`, where given, are the
    ids of the round's sealing keys. Raises PackageError; the checks run in the order of the contract page.
    """
    header = read_header(package, max_bytes)
    if header.audience != audience:
        raise refusal("wrong-audience", member="aud")
    if header.round_id != round_id:
        raise refusal("wrong-round", member="sub")
    if header.institution != institution:
        raise refusal("wrong-institution", member="iss")
    if header.issued_at > (time.time() if now is None else now) + CLOCK_SKEW_SECONDS:
        raise refusal("issued-in-future", member="iat")
    if rkids is not None and header.rkid not in rkids:
        raise refusal("wrong-sealing-key", member="rkid")
    signed = jose.verified(package, _key_in_force(header.kid, keys, revoked))
    if len(signed.payload) < hpke.overhead(header.suite):
        raise refusal("truncated")
    return Envelope(
        **vars(header),
        ciphertext=signed.payload,
        info=signed.segments["header"],
        digest=package_digest(package),
    )


def _key_in_force(kid: str, keys: Keys, revoked: Container[str]) -> Jwk:
    if kid in revoked:
        raise refusal("revoked-key", member="kid")
    jwk = keys.get(kid) if isinstance(keys, Mapping) else keys(kid)
    if jwk is None:
        raise refusal("unknown-key", member="kid")
    return jwk


def open_sealed(envelope: Envelope, key_pair: SealingKeyPair, max_bytes: int = MAX_PLAINTEXT) -> bytes:
    """The plaintext of a verified package, of at most `max_bytes` bytes."""
    if (envelope.rkid, envelope.suite) != (key_pair.rkid, key_pair.suite):
        raise refusal("wrong-sealing-key", member="rkid")
    if len(envelope.ciphertext) - hpke.overhead(envelope.suite) > max_bytes:
        raise refusal("too-large")
    try:
        return key_pair.decrypt(envelope.ciphertext, envelope.info)
    except ValueError as wrong:
        raise refusal("cannot-open") from wrong
