"""Cube in, sealed package out: a compact JWS over an HPKE ciphertext that is bound to the JWS header."""

from __future__ import annotations

import json
import time
from typing import Final

from anonymize.errors import PackageError
from anonymize.package import jose
from anonymize.package.keys import SealingKey, SigningKey
from anonymize.package.rules import refusal

TYPE: Final = "concord-sealed+jws"
PACKAGE_MEDIA_TYPE: Final = "application/vnd.concord.sealed+jose"
PARQUET: Final = "application/vnd.apache.parquet"
SDMX_CSV: Final = "application/vnd.sdmx.data+csv"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES: Final = frozenset({PARQUET, SDMX_CSV, XLSX})


def seal(
    plaintext: bytes,
    *,
    media_type: str,
    round_id: str,
    institution: str,
    audience: str,
    signing_key: SigningKey,
    sealing_key: SealingKey,
    issued_at: int | None = None,
) -> str:
    """The package as one ASCII string; a second call gives another, because the encryption is randomised.

    `issued_at` is in seconds since 1970, UTC; now when absent.
    """
    if media_type not in MEDIA_TYPES:
        raise refusal("unsupported-media-type", member="cty")
    if not all((round_id, institution, audience)):
        raise PackageError("A package needs a round, an institution and an audience. Nothing was sealed.")
    header = {
        "alg": signing_key.alg,
        "kid": signing_key.kid,
        "typ": TYPE,
        "cty": media_type,
        "iss": institution,
        "aud": audience,
        "sub": round_id,
        "iat": int(time.time()) if issued_at is None else issued_at,
        "hpke": sealing_key.suite,
        "rkid": sealing_key.rkid,
    }
    ciphertext = sealing_key.encrypt(plaintext, info=encoded_header(header))
    package = signing_key.sign_compact(header, ciphertext)
    if not package.startswith(encoded_header(header).decode("ascii") + "."):
        raise PackageError("The signature covers another header than the seal. Nothing was sealed.")
    return package


def encoded_header(header: dict[str, object]) -> bytes:
    """The header as it stands in the package: compact JSON in base64url, the bytes that HPKE takes as `info`."""
    text = json.dumps(header, ensure_ascii=True, separators=(",", ":"))
    return jose.encode(text.encode("ascii")).encode("ascii")
