from __future__ import annotations

import tracemalloc
import warnings
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from anonymize.errors import PackageError
from anonymize.package import (
    PARQUET,
    Envelope,
    Receipt,
    SealingKeyPair,
    issue_receipt,
    max_package_bytes,
    open_sealed,
    read_header,
    seal,
    verify,
    verify_receipt,
)
from tests.vectors.sealed import keys

PAIR = keys.ROUND_X25519


def sealed(plaintext: bytes, pair: SealingKeyPair = PAIR) -> bytes:
    return seal(
        plaintext,
        media_type=PARQUET,
        round_id="r",
        institution="i",
        audience="a",
        signing_key=keys.INSTITUTION,
        sealing_key=pair.public,
    ).encode()


def verified(package: bytes, max_bytes: int | None = None) -> Envelope:
    jwks = {keys.INSTITUTION.kid: keys.INSTITUTION.public_jwk()}
    return verify(package, keys=jwks.get, audience="a", round_id="r", institution="i", max_bytes=max_bytes)


@given(st.binary(max_size=3000), st.sampled_from([keys.ROUND_XWING, keys.ROUND_X25519]))
@settings(max_examples=50, deadline=None)
def test_what_is_sealed_opens_to_the_same_bytes(plaintext: bytes, pair: SealingKeyPair) -> None:
    assert open_sealed(verified(sealed(plaintext, pair)), pair) == plaintext


WHOLE = sealed(b"some cube")


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_no_changed_byte_goes_unseen(place: int, byte: int) -> None:
    changed = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    if changed != WHOLE:
        with pytest.raises(PackageError):
            verified(changed)


@given(st.integers(0, len(WHOLE) - 1))
@settings(max_examples=100, deadline=None)
def test_no_beginning_of_a_package_is_a_package(length: int) -> None:
    with pytest.raises(PackageError):
        verified(WHOLE[:length])


@given(st.binary(max_size=500) | st.text(max_size=300).map(lambda text: b"ey" + text.encode() + b"..x"))
@settings(max_examples=200, deadline=None)
def test_noise_is_refused_and_never_crashes(noise: bytes) -> None:
    with pytest.raises(PackageError):
        read_header(noise)


def test_a_package_of_the_limit_fits_and_one_more_byte_does_not_open() -> None:
    limit = 3_000_000
    package = sealed(bytes(limit), keys.ROUND_XWING)
    envelope = verified(package, max_package_bytes(limit))
    assert len(open_sealed(envelope, keys.ROUND_XWING, max_bytes=limit)) == limit
    with pytest.raises(PackageError) as refused:
        open_sealed(envelope, keys.ROUND_XWING, max_bytes=limit - 1)
    assert refused.value.rule == "too-large"


def test_an_oversized_package_is_refused_before_it_is_decoded() -> None:
    package = b"x" * 5_000_000
    tracemalloc.start()
    with pytest.raises(PackageError) as refused:
        read_header(package, max_bytes=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (refused.value.rule, peak < 100_000) == ("too-large", True)


def test_the_older_name_of_ed25519_raises_no_warning() -> None:
    from tests.vectors.sealed.generate import AUDIENCE, INSTITUTION, ROUND, _by_hand, _header

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verify(
            _by_hand(_header(alg="EdDSA")).encode(),
            keys={keys.INSTITUTION.kid: keys.INSTITUTION.public_jwk()},
            audience=AUDIENCE,
            round_id=ROUND,
            institution=INSTITUTION,
            now=2e9,
        )


def test_an_envelope_does_not_open_with_another_rounds_key() -> None:
    envelope = verified(sealed(b"cube", keys.ROUND_XWING))
    with pytest.raises(PackageError) as refused:
        open_sealed(envelope, keys.OTHER_ROUND)
    assert refused.value.rule == "wrong-sealing-key"


def test_an_envelope_shows_no_ciphertext_when_printed() -> None:
    envelope = replace(verified(sealed(b"cube")), ciphertext=b"marker", info=b"marker")
    assert "marker" not in repr(envelope)


def test_a_cube_of_unknown_media_type_is_not_sealed() -> None:
    with pytest.raises(PackageError) as refused:
        seal(
            b"{}",
            media_type="application/json",
            round_id="r",
            institution="i",
            audience="a",
            signing_key=keys.INSTITUTION,
            sealing_key=PAIR.public,
        )
    assert refused.value.rule == "unsupported-media-type"


def test_a_receipt_with_a_claim_too_many_is_refused() -> None:
    from anonymize.package.consortium import sign_claims, verify_claims
    from anonymize.package.receipt import RECEIPT_TYPE

    receipt = Receipt("a", "s", "i", "r", 1, "0" * 64, 10, "2026-11-01T00:00:00Z")
    jwks = keys.CONSORTIUM_JWKS
    claims = verify_claims(issue_receipt(receipt, keys.CONSORTIUM), RECEIPT_TYPE, jwks, "receipts")
    with pytest.raises(PackageError, match="complete"):
        verify_receipt(sign_claims({**claims, "more": 1}, RECEIPT_TYPE, keys.CONSORTIUM), jwks)
