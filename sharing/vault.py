"""The only module that reads private keys. It runs in a vault worker, which alone holds, or may use, the
key-encryption key, and holds the key that signs the rounds' sealing keys.

Plaintext exists in the memory of the caller and nowhere else: nothing here writes, logs or returns it inside an error.
"""

from __future__ import annotations

import socket
from base64 import urlsafe_b64decode
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from anonymize.errors import KeyStoreError
from anonymize.package import (
    SealingKey,
    SealingKeyPair,
    SigningKey as PrivateKey,
    max_package_bytes,
    open_sealed,
    sign_jwk,
    verify,
)
from anonymize.package.statement import seal_statement
from anonymize.package.statement_key import read_statement_key
from consortium.institutions.models import SigningKey
from consortium.key_encryption import Keyring, keyring
from sharing import blobs
from sharing.models import Opening, Round, RoundKey, StatementKey, Submission

if TYPE_CHECKING:
    import uuid

    from anonymize.package.hpke import SuiteId

SUITES: tuple[SuiteId, ...] = ("X-Wing", "X25519")


@dataclass(frozen=True)
class Opened:
    """A package's content, in memory only."""

    submission: Submission
    media_type: str
    plaintext: bytes = field(repr=False)


def require_kek() -> Keyring:
    """The key-encryption keys; ImproperlyConfigured at any process that is not the vault's."""
    if not settings.CONCORD_KEK:
        raise ImproperlyConfigured(
            "This process holds no key-encryption key (CONCORD_KEK), so it cannot open packages or make round keys. "
            "Only a worker of the queue `vault` holds it."
        )
    former = settings.CONCORD_FORMER_KEKS.split()
    try:
        return keyring(settings.CONCORD_KEK, former, pin=settings.CONCORD_KEK_PIN, secret=settings.CONCORD_KEK_TOKEN)
    except KeyStoreError as wrong:
        raise ImproperlyConfigured(f"CONCORD_KEK or CONCORD_FORMER_KEKS: {wrong.sentence}") from wrong


def unwrap_for(submission_id: str | uuid.UUID) -> Mapping[str, SealingKeyPair]:
    """The private key that a submission is sealed to, for `open_one`; KeyStoreError while it cannot be unwrapped.

    Asked before an attempt at opening is counted: that a key server is away must cost no member its package.
    """
    submission = Submission.objects.select_related("round").filter(pk=submission_id).first()
    return {} if submission is None else _key_pairs(submission.round, require_kek(), {submission.rkid})


def make_round_keys(round: Round) -> None:
    """Every suite has a sealing key, signed by the vault; those that are there already stay."""
    keks, signer = require_kek(), _round_key_signer()
    for suite in SUITES:
        pair = SealingKeyPair.generate(suite)
        # Two workers may be here at once: the first row of a suite counts.
        RoundKey.objects.bulk_create(
            [
                RoundKey(
                    round=round,
                    rkid=pair.rkid,
                    suite=suite,
                    public_jwk=pair.public_jwk(),
                    signature=sign_jwk(pair.public_jwk(), round.public_id, signer),
                    wrapped_private=keks.current.wrap(pair.private_bytes(), _purpose(round, pair.rkid)),
                    kek=keks.current.id,
                )
            ],
            ignore_conflicts=True,
        )


def rewrap(key: RoundKey) -> None:
    """The private key of a row, locked by the caller, wrapped by the current key-encryption key instead; not saved.

    What comes out is compared with the public half first: a row that is not what it was is never wrapped anew.
    """
    keks, purpose = require_kek(), _purpose(key.round, key.rkid)
    private = _pair(key, keks).private_bytes()
    key.wrapped_private, key.kek = keks.current.wrap(private, purpose), keks.current.id


def sign_again(key: RoundKey) -> None:
    """Signs a sealing key with the vault's key in use; not saved.

    What is signed comes out of the wrapped private half, never out of the public one beside it, where whoever has the
    database could have put another.
    """
    public = _pair(key, require_kek()).public_jwk()
    key.public_jwk, key.signature = public, sign_jwk(public, key.round.public_id, _round_key_signer())


def record_openings(submissions: Iterable[Submission], purpose: Opening.Purpose) -> None:
    """What is about to be opened is on record before it is opened."""
    worker = socket.gethostname()[:120]
    Opening.objects.bulk_create(
        [Opening(submission=submission, purpose=purpose, worker=worker) for submission in submissions],
        batch_size=1000,
    )


def open_one(submission: Submission, package: bytes, unwrapped: Mapping[str, SealingKeyPair] | None = None) -> Opened:
    """The content of one package whose opening is on record; PackageError when it does not verify or open.

    A key among the `unwrapped` ones is not asked for again: a device or a key server takes its time for each.
    """
    keys = unwrapped or {}
    if submission.rkid not in keys:
        keys = _key_pairs(submission.round, require_kek(), {submission.rkid})
    return _open(submission, package, keys, _signing_keys([submission]))


def open_all(submissions: list[Submission]) -> Iterator[Opened]:
    """The contents of the submissions of one round, one after another, for computing; their openings are recorded.

    The submissions need `round` and `institution` at hand. Raises PackageError at one that does not open.
    """
    if not submissions:
        return
    keys = _key_pairs(submissions[0].round, require_kek(), {each.rkid for each in submissions})
    signing_keys = _signing_keys(submissions)
    with transaction.atomic():
        record_openings(submissions, Opening.Purpose.COMPUTE)
    for submission in submissions:
        yield _open(submission, blobs.get(submission.blob), keys, signing_keys)


def seal_for_portal(plaintext: bytes, about: str) -> bytes:
    """HPKE (X25519) to the portal's delivery key; `about` is the `info`, and needed again for opening."""
    if not settings.CONCORD_DELIVERY_PUBLIC_KEY:
        raise ImproperlyConfigured("CONCORD_DELIVERY_PUBLIC_KEY is not set, so no statement can be sealed.")
    key = SealingKey("X25519", _decode(settings.CONCORD_DELIVERY_PUBLIC_KEY))
    return key.encrypt(plaintext, about.encode())


def statement_recipient(key: StatementKey) -> SealingKey:
    """The key that an institution has its statements sealed to, taken from its own signed request.

    Never from the columns beside it, where whoever has the database could have put another. PackageError when the request
    is not signed by a signing key of the institution.
    """
    signing_keys = {each.kid: each.jwk for each in SigningKey.objects.filter(institution=key.institution_id)}
    sealing_key, _kid = read_statement_key(
        key.signature, signing_keys, key.institution.code, settings.CONCORD_AUDIENCE, now=None
    )
    return sealing_key


def seal_to_own_key(document: Mapping[str, Any], *, release_id: str, institution: str, at: int, key: SealingKey) -> str:
    """A statement for the institution's own key, signed by the vault, so that nobody else can make one."""
    return seal_statement(
        document,
        consortium=settings.CONCORD_AUDIENCE,
        release=release_id,
        institution=institution,
        at=at,
        key=key,
        signing_key=_round_key_signer(),
    )


def _round_key_signer() -> PrivateKey:
    if not settings.CONCORD_VAULT_SIGNING_KEY:
        raise ImproperlyConfigured(
            "This process holds no key for signing round keys (CONCORD_VAULT_SIGNING_KEY). Only a worker of the queue "
            "`vault` holds it."
        )
    return PrivateKey.from_private_bytes(_decode(settings.CONCORD_VAULT_SIGNING_KEY))


def _open(
    submission: Submission,
    package: bytes,
    keys: Mapping[str, SealingKeyPair],
    signing_keys: dict[str, SigningKey],
) -> Opened:
    limit = submission.round.collection.size_limit
    signing_key = signing_keys[submission.signing_kid]
    # Verified again here: the vault does not take the receiving process's word for it.
    envelope = verify(
        package,
        keys={signing_key.kid: signing_key.jwk} if _was_its_own(signing_key, submission) else {},
        audience=settings.CONCORD_AUDIENCE,
        round_id=submission.round.public_id,
        institution=submission.institution.code,
        rkids=keys,
        max_bytes=max_package_bytes(limit),
    )
    return Opened(submission, envelope.media_type, open_sealed(envelope, keys[envelope.rkid], limit))


def _was_its_own(key: SigningKey, submission: Submission) -> bool:
    return key.institution_id == submission.institution_id and key.was_in_force(submission.received_at)


def _signing_keys(submissions: Iterable[Submission]) -> dict[str, SigningKey]:
    return SigningKey.objects.in_bulk({each.signing_kid for each in submissions}, field_name="kid")


def _key_pairs(round: Round, keks: Keyring, rkids: Collection[str]) -> dict[str, SealingKeyPair]:
    """The private keys of the round with these ids; KeyStoreError when they were destroyed or do not unwrap."""
    rows = round.keys.filter(rkid__in=rkids).exclude(wrapped_private=None)
    pairs = {row.rkid: _pair(row, keks) for row in rows}
    if not pairs:
        raise KeyStoreError(f"Round {round.public_id} has no private key any more. Nothing was opened.")
    return pairs


def _pair(row: RoundKey, keks: Keyring) -> SealingKeyPair:
    private = keks.unwrap(bytes(row.wrapped_private or b""), row.kek, _purpose(row.round, row.rkid))
    pair = SealingKeyPair.from_private_bytes(cast("SuiteId", row.suite), private)
    if pair.rkid != row.rkid:
        raise KeyStoreError("What was unwrapped is another key than its row names. Nothing was opened.")
    return pair


def _purpose(round: Round, rkid: str) -> str:
    return f"{round.public_id}/{rkid}"


def _decode(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
