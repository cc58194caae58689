"""Writes vectors.json: `python -m tests.vectors.sealed.generate`. Sealing is randomised, so every run differs."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anonymize.package import PARQUET, SDMX_CSV, Receipt, SealingKeyPair, SigningKey, issue_receipt, seal, sign_jwk
from anonymize.package.open import package_digest
from anonymize.package.seal import encoded_header
from tests.vectors.sealed import keys

FILE = Path(__file__).with_name("vectors.json")
AUDIENCE, ROUND, INSTITUTION = "concord-test", "delinquency-2026-10", "CN-TEST-001"
ISSUED_AT, NOW = 1_793_000_000, 1_793_000_060
PLAINTEXT = b"DATAFLOW,TIME_PERIOD\r\nCONCORD:TEST(1.0),2026-10\r\n"
MAX_BYTES = 100_000

NOTICE = (
    "Test vectors of the sealed package. Every key here is public and derived from public words: "
    "never register, trust or use one outside tests."
)


def vectors() -> dict[str, Any]:
    return {
        "notice": NOTICE,
        "context": {
            "audience": AUDIENCE,
            "round": ROUND,
            "institution": INSTITUTION,
            "now": NOW,
            "max_package_bytes": MAX_BYTES,
            "keys_in_force": [keys.INSTITUTION.public_jwk(), keys.INSTITUTION_HSM.public_jwk()],
            "revoked_kids": [keys.REVOKED.kid],
            "consortium_jwks": keys.CONSORTIUM_JWKS,
            "round_keys": [_round_key(keys.ROUND_XWING), _round_key(keys.ROUND_X25519)],
        },
        "valid": _valid(),
        "invalid": _invalid(),
        "round_key_signatures": _round_key_signatures(),
        "receipts": _receipts(),
    }


def _round_key(pair: SealingKeyPair) -> dict[str, Any]:
    return {"jwk": pair.public_jwk(), "private_hex": pair.private_bytes().hex()}


def _sealed(**changes: Any) -> str:
    arguments: dict[str, Any] = {
        "media_type": SDMX_CSV,
        "round_id": ROUND,
        "institution": INSTITUTION,
        "audience": AUDIENCE,
        "signing_key": keys.INSTITUTION,
        "sealing_key": keys.ROUND_XWING.public,
        "issued_at": ISSUED_AT,
    }
    return seal(PLAINTEXT, **{**arguments, **changes})


def _header(**changes: Any) -> dict[str, Any]:
    header = {
        "alg": "Ed25519",
        "kid": keys.INSTITUTION.kid,
        "typ": "concord-sealed+jws",
        "cty": SDMX_CSV,
        "iss": INSTITUTION,
        "aud": AUDIENCE,
        "sub": ROUND,
        "iat": ISSUED_AT,
        "hpke": "X-Wing",
        "rkid": keys.ROUND_XWING.rkid,
    }
    return {name: value for name, value in {**header, **changes}.items() if value is not None}


def _by_hand(
    header: Mapping[str, Any] | bytes, key: SigningKey = keys.INSTITUTION, payload: bytes | None = None
) -> str:
    """A package with any header at all, whose signature and seal nevertheless hold."""
    first = encoded_header(dict(header)) if isinstance(header, Mapping) else _b64(header)
    sealed = keys.ROUND_XWING.public.encrypt(PLAINTEXT, first) if payload is None else payload
    signing_input = first + b"." + _b64(sealed)
    # The library signs only sane headers; the bare key signs anything.
    signature = keys.bare(key).sign(signing_input)
    return (signing_input + b"." + _b64(signature)).decode("ascii")


def _b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _valid() -> list[dict[str, Any]]:
    cases = {
        "X-Wing, Ed25519": _sealed(),
        "X-Wing, ES256": _sealed(signing_key=keys.INSTITUTION_HSM),
        "X25519, Ed25519": _sealed(sealing_key=keys.ROUND_X25519.public),
        "X25519, ES256": _sealed(sealing_key=keys.ROUND_X25519.public, signing_key=keys.INSTITUTION_HSM),
        "Ed25519 by its older name EdDSA": _by_hand(_header(alg="EdDSA")),
        "members in another order": _by_hand(dict(reversed(_header().items()))),
        "header with spaces": _by_hand(json.dumps(_header(), indent=1).encode()),
        "Parquet as content type": _sealed(media_type=PARQUET),
        "clock four minutes fast": _sealed(issued_at=NOW + 240),
    }
    return [
        {"name": name, "package": package, "plaintext_hex": PLAINTEXT.hex(), "sha256": package_digest(package.encode())}
        for name, package in cases.items()
    ]


def _invalid() -> list[dict[str, Any]]:
    cases = {**_malformed(), **_wrong_kind(), **_wrong_claims(), **_forged()}
    return [{"name": name, "rule": rule, "package": package} for name, (rule, package) in cases.items()]


def _malformed() -> dict[str, tuple[str, str]]:
    whole = _sealed()
    header, payload, signature = whole.split(".")
    twice = json.dumps(_header())[:-1] + f', "sub": "{ROUND}"}}'
    short = keys.ROUND_XWING.public.encrypt(b"", b"")[:-1]
    return {
        "not a JWS": ("malformed", "PAR1 this is no package"),
        "four segments": ("malformed", f"{whole}.{signature}"),
        "header is no JSON": ("malformed", _by_hand(b"{not json")),
        "header is a list": ("malformed", _by_hand(b'["Ed25519"]')),
        "header with a member twice": ("malformed", _by_hand(twice.encode())),
        "header without iat": ("malformed", _by_hand(_header(iat=None))),
        "iat as text": ("malformed", _by_hand(_header(iat="2026-11-01T00:00:00Z"))),
        "iat as fraction": ("malformed", _by_hand(_header(iat=1793000000.5))),
        "aud as list": ("malformed", _by_hand(_header(aud=[AUDIENCE]))),
        "kid is no thumbprint": ("malformed", _by_hand(_header(kid="key-1"))),
        "padded base64": ("malformed", f"{header}.{payload}=.{signature}"),
        "newline at the end": ("malformed", whole + "\n"),
        "cut inside the signature": ("truncated", whole[:-10]),
        "cut inside the payload": ("truncated", whole[:900]),
        "payload shorter than enc and tag": ("truncated", _by_hand(_header(), payload=short)),
        "larger than the limit": ("too-large", _by_hand(_header(), payload=bytes(MAX_BYTES))),
    }


def _wrong_kind() -> dict[str, tuple[str, str]]:
    return {
        "typ of another JWS": ("wrong-type", _by_hand(_header(typ="JWT"))),
        "no typ": ("wrong-type", _by_hand(_header(typ=None))),
        "a later version": ("wrong-type", _by_hand(_header(typ="concord-sealed-2+jws"))),
        "zip in the header": ("unknown-header", _by_hand(_header(zip="DEF"))),
        "crit in the header": ("unknown-header", _by_hand(_header(crit=["exp"], exp=1))),
        "b64 in the header": ("unknown-header", _by_hand(_header(b64=False))),
        "jwk in the header": ("unknown-header", _by_hand(_header(jwk=keys.STRANGER.public_jwk()))),
        "alg none": ("unsupported-algorithm", _by_hand(_header(alg="none"))),
        "alg HS256": ("unsupported-algorithm", _by_hand(_header(alg="HS256"))),
        "alg of another kind of key": ("unsupported-algorithm", _by_hand(_header(alg="ES256"))),
        "hpke suite P-256": ("unsupported-suite", _by_hand(_header(hpke="P-256"))),
        "cty JSON": ("unsupported-media-type", _by_hand(_header(cty="application/json"))),
    }


def _wrong_claims() -> dict[str, tuple[str, str]]:
    return {
        "for another consortium": ("wrong-audience", _sealed(audience="another-consortium")),
        "for another round": ("wrong-round", _sealed(round_id="delinquency-2026-09")),
        "from another institution": ("wrong-institution", _sealed(institution="CN-TEST-002")),
        "made ten minutes from now": ("issued-in-future", _sealed(issued_at=NOW + 600)),
        "sealed to another round's key": ("wrong-sealing-key", _sealed(sealing_key=keys.OTHER_ROUND.public)),
        "sealing key and suite disagree": ("wrong-sealing-key", _by_hand(_header(hpke="X25519"))),
        "signed with an unregistered key": ("unknown-key", _sealed(signing_key=keys.STRANGER)),
        "signed with a revoked key": ("revoked-key", _sealed(signing_key=keys.REVOKED)),
    }


def _forged() -> dict[str, tuple[str, str]]:
    whole = _sealed()
    header, payload, signature = whole.split(".")
    flipped = ("A" if payload[50] != "A" else "B").join((payload[:50], payload[51:]))
    other_round, raw = (encoded_header(_header(sub="delinquency-2026-09")), keys.ROUND_XWING.public.encrypt)
    damaged = bytearray(raw(PLAINTEXT, encoded_header(_header())))
    damaged[-1] ^= 1
    return {
        "one bit of the payload changed": ("bad-signature", f"{header}.{flipped}.{signature}"),
        "header of another time": (
            "bad-signature",
            _sealed(issued_at=ISSUED_AT + 1).split(".")[0] + whole[len(header) :],
        ),
        "signature of another package": ("bad-signature", f"{header}.{payload}.{_sealed().split('.')[2]}"),
        "signed by somebody else under our kid": ("bad-signature", _by_hand(_header(), keys.STRANGER)),
        "ciphertext of last round signed again": (
            "cannot-open",
            _by_hand(_header(), payload=raw(PLAINTEXT, other_round)),
        ),
        "ciphertext without info": ("cannot-open", _by_hand(_header(), payload=raw(PLAINTEXT, b""))),
        "damaged before signing": ("cannot-open", _by_hand(_header(), payload=bytes(damaged))),
        "encrypted to another key than named": (
            "cannot-open",
            _by_hand(_header(), payload=keys.OTHER_ROUND.public.encrypt(PLAINTEXT, encoded_header(_header()))),
        ),
    }


def _round_key_signatures() -> dict[str, Any]:
    jwk = keys.ROUND_XWING.public_jwk()
    return {
        "valid": [
            {"signature": sign_jwk(pair.public_jwk(), ROUND, keys.VAULT), "rkid": pair.rkid}
            for pair in (keys.ROUND_XWING, keys.ROUND_X25519)
        ],
        "invalid": [
            {"rule": "wrong-round", "signature": sign_jwk(jwk, "delinquency-2026-09", keys.VAULT)},
            {"rule": "wrong-key-use", "signature": sign_jwk(jwk, ROUND, keys.CONSORTIUM)},
            {"rule": "unknown-key", "signature": sign_jwk(jwk, ROUND, keys.STRANGER)},
            {"rule": "wrong-type", "signature": issue_receipt(_receipt(_sealed()), keys.CONSORTIUM)},
        ],
    }


def _receipts() -> dict[str, Any]:
    package = _sealed()
    receipt = issue_receipt(_receipt(package), keys.CONSORTIUM)
    head, body, signature = receipt.split(".")
    return {
        "valid": [{"package": package, "receipt": receipt}],
        "invalid": [
            {"rule": "other-package", "package": _sealed(), "receipt": receipt},
            {"rule": "unknown-key", "package": package, "receipt": issue_receipt(_receipt(package), keys.STRANGER)},
            {"rule": "wrong-key-use", "package": package, "receipt": issue_receipt(_receipt(package), keys.VAULT)},
            {"rule": "truncated", "package": package, "receipt": receipt[:-4]},
            {"rule": "bad-signature", "package": package, "receipt": f"{head}.{body}.{'A' * len(signature)}"},
            {
                "rule": "wrong-type",
                "package": package,
                "receipt": sign_jwk(keys.ROUND_XWING.public_jwk(), ROUND, keys.VAULT),
            },
        ],
    }


def _receipt(package: str) -> Receipt:
    return Receipt(
        consortium=AUDIENCE,
        submission="0192f0c4-0000-7000-8000-000000000001",
        institution=INSTITUTION,
        round_id=ROUND,
        version=1,
        sha256=package_digest(package.encode()),
        bytes=len(package),
        received_at="2026-10-26T06:13:21Z",
    )


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1) + "\n", encoding="ascii")
