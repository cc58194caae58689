"""Writes vectors.json beside it: requests to register a key, valid ones and one for each rule that refuses.

`python -m tests.vectors.registration.generate`, after a change of the format only: the file is a promise to others.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anonymize.package import request_registration
from anonymize.package.jose import encode
from tests.vectors.sealed import keys

FILE = Path(__file__).with_name("vectors.json")
INSTITUTION, AUDIENCE, AT = "CN-001", "concord-test", 1_790_000_000
_PUBLIC = {name: keys.INSTITUTION.public_jwk()[name] for name in ("crv", "kty", "x")}
_HEADER = {"alg": "Ed25519", "kid": keys.INSTITUTION.kid, "jwk": _PUBLIC, "typ": "concord-key-registration+jws"}
_CLAIMS = {"iss": INSTITUTION, "aud": AUDIENCE, "iat": AT}


def _signed(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """Signed by the institution's key over whatever it is given."""
    first = ".".join(encode(json.dumps(each, separators=(",", ":")).encode()) for each in (header, claims))
    return f"{first}.{encode(keys.bare(keys.INSTITUTION).sign(first.encode()))}"


def _refused() -> dict[str, str]:
    headers: dict[str, dict[str, Any]] = {
        "wrong-type": {"typ": "JWT"},
        "unknown-header": {"crit": ["exp"]},
        "unsupported-algorithm": {"alg": "none"},
        "private-key": {"jwk": {**_PUBLIC, "d": "A" * 43}},
        "invalid-key": {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
        "wrong-key-id": {"kid": keys.STRANGER.kid},
        "bad-signature": {"jwk": keys.STRANGER.public_jwk(), "kid": keys.STRANGER.kid},
    }
    claims: dict[str, dict[str, Any]] = {
        "wrong-institution": {"iss": "CN-002"},
        "wrong-audience": {"aud": "another"},
        "issued-in-future": {"iat": AT + 301},
        "too-old": {"iat": AT - 30 * 24 * 3600 - 1},
    }
    return {
        "malformed": _signed(_HEADER, _CLAIMS).rpartition(".")[0],
        **{rule: _signed({**_HEADER, **change}, _CLAIMS) for rule, change in headers.items()},
        **{rule: _signed(_HEADER, {**_CLAIMS, **change}) for rule, change in claims.items()},
    }


def document() -> dict[str, Any]:
    accepted = [
        {"request": request_registration(key, INSTITUTION, AUDIENCE, AT), "kid": key.kid}
        for key in (keys.INSTITUTION, keys.INSTITUTION_HSM)
    ]
    refused = [{"request": request, "rule": rule} for rule, request in _refused().items()]
    return {"institution": INSTITUTION, "audience": AUDIENCE, "now": AT, "accepted": accepted, "refused": refused}


if __name__ == "__main__":
    FILE.write_text(json.dumps(document(), indent=2) + "\n", encoding="utf-8")
