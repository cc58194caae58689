"""Everything that reads what others signed, each with texts that it accepts and the question whether it took another.

A reader may refuse with its documented errors. Anything else is a crash; taking what was changed is an acceptance.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from anonymize.errors import KeyStoreError, PackageError
from anonymize.package import (
    PARQUET,
    SDMX_CSV,
    Receipt,
    SealingKeyPair,
    SigningKey,
    issue_receipt,
    open_sealed,
    package_digest,
    seal,
    sign_jwk,
    verify,
    verify_jwk,
    verify_receipt,
)
from anonymize.package.consortium import Use
from anonymize.package.registration import read_registration, request_registration
from anonymize.package.succession import follow, name_successor
from anonymize.package.tree_head import (
    Counted,
    TreeHead,
    issue_counted,
    issue_tree_head,
    verify_counted,
    verify_tree_head,
)
from tests.fuzz.mutations import Genuine, Mutant
from tests.vectors.sealed import keys

NOW: Final = 1_793_000_000
ROUND, AUDIENCE, INSTITUTION = "delinquency-2026-10", "concord-test", "CN-TEST-001"
CUBE: Final = b"PAR1" + bytes(range(256)) * 2 + b"PAR1"
DOCUMENTED: Final = (PackageError, KeyStoreError)
# A pair for each suite; what is sealed to `OTHER_ROUND` is another round's.
PAIRS: Final = {pair.rkid: pair for pair in (keys.ROUND_XWING, keys.ROUND_X25519)}
SIGNERS: Final = {key.kid: key.public_jwk() for key in (keys.INSTITUTION, keys.INSTITUTION_HSM)}

Reading = Callable[[bytes], Any]


@dataclass(frozen=True)
class Target:
    """A reader, what it accepts, and what it makes of each of these."""

    read: Reading
    genuine: tuple[Genuine, ...]
    insider_may: bool  # whether what the genuine key signed anew may be accepted: claims may, a changed package may not
    strips: bool = False  # white space around is no part of it: people copy and paste

    def crash_or_acceptance(self, genuine: Genuine, mutant: Mutant) -> str | None:
        """What went wrong in a sentence; None when the mutant was refused, or is the very same thing."""
        try:
            taken = self.read(mutant.content)
        except DOCUMENTED:
            return None
        except Exception as crash:  # noqa: BLE001 - whatever it is, it is what we look for
            return f"crash: {type(crash).__name__}: {str(crash)[:200]}"
        content = mutant.content.strip() if self.strips else mutant.content
        if content in {each.text.encode() for each in self.genuine}:
            return None
        # ECDSA draws, and anybody can turn (r, s) into (r, n - s): another signature of the very same header and content.
        if genuine.key.alg == "ES256" and content.rsplit(b".", 1)[0] == genuine.text.encode().rsplit(b".", 1)[0]:
            return None
        if mutant.by_insider and self.insider_may:
            return None
        return f"accepted: {str(taken)[:200]}"


def targets() -> Mapping[str, Target]:
    packages = tuple(_package(*each) for each in _PACKAGES)
    receipts = (_receipt(1, packages[0]), _receipt(2, packages[1]))
    rounds = tuple(sign_jwk(pair.public_jwk(), ROUND, keys.VAULT) for pair in PAIRS.values())
    heads = tuple(
        issue_tree_head(TreeHead(AUDIENCE, size, bytes([size] * 32), _AT), keys.CONSORTIUM) for size in (5, 6)
    )
    counted = issue_counted(Counted(AUDIENCE, "r-1", ROUND, "ab" * 32, frozenset({bytes(32)})), keys.CONSORTIUM)
    requests = tuple(
        request_registration(key, INSTITUTION, AUDIENCE, NOW) for key in (keys.INSTITUTION, keys.INSTITUTION_HSM)
    )
    successions = tuple(name_successor(key, keys.STRANGER.public_jwk(), use, NOW) for key, use in _SUCCEEDED)
    everything = (
        *packages,
        *receipts,
        *rounds,
        *heads,
        counted,
        *requests,
        *successions,
        *_foreign(),
        _receipt(1, packages[0], is_trial=True),
    )

    def of(text: str, key: SigningKey) -> Genuine:
        return Genuine(text, key, tuple(each for each in everything if each != text))

    by = {keys.INSTITUTION.kid: keys.INSTITUTION, keys.INSTITUTION_HSM.kid: keys.INSTITUTION_HSM}
    signed_by = [by[each[0].kid] for each in _PACKAGES]
    both = tuple(by.values())
    return {
        "package": Target(_open, tuple(map(of, packages, signed_by)), insider_may=False),
        "receipt": Target(_read_receipt, tuple(of(each, keys.CONSORTIUM) for each in receipts), insider_may=True),
        "round key": Target(_read_round_key, tuple(of(each, keys.VAULT) for each in rounds), insider_may=True),
        "tree head": Target(_read_head, tuple(of(each, keys.CONSORTIUM) for each in heads), insider_may=True),
        "counted": Target(_read_counted, (of(counted, keys.CONSORTIUM),), insider_may=True),
        "succession": Target(
            _read_succession,
            tuple(of(text, key) for text, (key, _use) in zip(successions, _SUCCEEDED, strict=True)),
            insider_may=True,
        ),
        "registration": Target(_read_request, tuple(map(of, requests, both)), insider_may=True, strips=True),
    }


_AT = "2026-11-02T08:00:00Z"
_SUCCEEDED: tuple[tuple[SigningKey, Use], ...] = ((keys.CONSORTIUM, "receipts"), (keys.VAULT, "round-keys"))
_PACKAGES: tuple[tuple[SigningKey, SealingKeyPair, str], ...] = (
    (keys.INSTITUTION, keys.ROUND_XWING, PARQUET),
    (keys.INSTITUTION, keys.ROUND_X25519, PARQUET),
    (keys.INSTITUTION_HSM, keys.ROUND_XWING, SDMX_CSV),
)


def _package(
    key: SigningKey, pair: SealingKeyPair, media_type: str, institution: str = INSTITUTION, round_id: str = ROUND
) -> str:
    return seal(
        CUBE,
        media_type=media_type,
        round_id=round_id,
        institution=institution,
        audience=AUDIENCE,
        signing_key=key,
        sealing_key=pair.public,
        issued_at=NOW,
    )


def _foreign() -> tuple[str, ...]:
    """Sound packages that are not for this reader: another institution's, another round's, by a revoked key."""
    return (
        _package(keys.STRANGER, keys.ROUND_XWING, PARQUET, institution="CN-TEST-002"),
        _package(keys.INSTITUTION, keys.OTHER_ROUND, PARQUET, round_id="delinquency-2026-09"),
        _package(keys.REVOKED, keys.ROUND_X25519, PARQUET),
    )


def _receipt(version: int, package: str, *, is_trial: bool = False) -> str:
    content = package.encode()
    receipt = Receipt(AUDIENCE, "s-1", INSTITUTION, ROUND, version, package_digest(content), len(content), _AT)
    return issue_receipt(receipt, keys.CONSORTIUM, is_trial=is_trial)


def _open(content: bytes) -> bytes:
    envelope = verify(
        content,
        keys=SIGNERS,
        revoked={keys.REVOKED.kid},
        audience=AUDIENCE,
        round_id=ROUND,
        institution=INSTITUTION,
        rkids=PAIRS,
        max_bytes=1_000_000,
        now=NOW,
    )
    return open_sealed(envelope, PAIRS[envelope.rkid])


def _as_text(content: bytes) -> str:
    """As a file or an answer is read by whoever verifies it."""
    return content.decode("utf-8", "surrogateescape")


def _read_receipt(content: bytes) -> Receipt:
    return verify_receipt(_as_text(content), keys.CONSORTIUM_JWKS)


def _read_round_key(content: bytes) -> str:
    return verify_jwk(_as_text(content), round_id=ROUND, jwks=keys.CONSORTIUM_JWKS).rkid


def _read_head(content: bytes) -> TreeHead:
    return verify_tree_head(_as_text(content), keys.CONSORTIUM_JWKS)


def _read_counted(content: bytes) -> Counted:
    return verify_counted(_as_text(content), keys.CONSORTIUM_JWKS)


def _read_succession(content: bytes) -> list[str]:
    """What a member that pinned both keys of the consortium has after following the statement, when that is any more."""
    before = json.dumps(keys.CONSORTIUM_JWKS, sort_keys=True)
    followed = follow(keys.CONSORTIUM_JWKS, [_as_text(content)])["keys"]
    if json.dumps(keys.CONSORTIUM_JWKS, sort_keys=True) != before:
        raise AssertionError("what was pinned is changed in place")
    if len(followed) == len(keys.CONSORTIUM_JWKS["keys"]):
        raise PackageError("It is passed over.", rule="not-followed")
    return [key["kid"] for key in followed]


def _read_request(content: bytes) -> dict[str, Any]:
    return read_registration(_as_text(content).strip(), INSTITUTION, AUDIENCE, NOW)
