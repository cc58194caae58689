"""Writes vectors.json beside it: statements sealed to an own key, and one for each rule that refuses.

`python -m tests.vectors.statement.generate`, after a change of the format only: the file is a promise to others.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from anonymize.package.consortium import UNTIL_MEMBER
from anonymize.package.jose import encode
from anonymize.package.keys import SealingKeyPair, SigningKey
from anonymize.package.seal import encoded_header
from anonymize.package.statement import DOCUMENT_VERSION, seal_statement
from anonymize.package.statement_key import request_statement_key
from tests.vectors.sealed import keys

FILE = Path(__file__).with_name("vectors.json")
INSTITUTION, CONSORTIUM, RELEASE, AT = "CN-001", "concord-test", "delinquency-2026-10-r1", 1_790_000_000
OWN = {"X-Wing": keys.round_key("X-Wing", "statement, X-Wing"), "X25519": keys.round_key("X25519", "statement, X25519")}
ENDED = keys.ed25519("consortium, vault that ended")
JWKS = {
    "keys": [
        *keys.CONSORTIUM_JWKS["keys"],
        {**ENDED.public_jwk(), "concord_use": "round-keys", UNTIL_MEMBER: AT - 1},
    ]
}
DOCUMENT = {
    "version": DOCUMENT_VERSION,
    "release": RELEASE,
    "institution": INSTITUTION,
    "collection": "delinquency",
    "period": "2026-10",
    "computed_at": "2026-09-21T14:13:20+00:00",
    "indicators": {
        "DPD60_RATE": {
            "dimensions": ["PRODUCT", "REGION"],
            "keys": ["_T._T", "CAR._T"],
            "own": [0.03, 0.05],
            "beside": {
                "ALL": {
                    "BAND": ["above-median", None],
                    "TO_MEDIAN": [0.005, None],
                    "TO_POOLED": [-0.002, None],
                    "PERCENTILE_FROM": [60, None],
                    "PERCENTILE_TO": [70, None],
                }
            },
        }
    },
}


def sealed(
    document: Any = DOCUMENT,
    *,
    pair: SealingKeyPair = OWN["X25519"],
    signer: SigningKey = keys.VAULT,
    consortium: str = CONSORTIUM,
    release: str = RELEASE,
    institution: str = INSTITUTION,
) -> str:
    return seal_statement(
        document,
        consortium=consortium,
        release=release,
        institution=institution,
        at=AT,
        key=pair.public,
        signing_key=signer,
    )


def _signed(change: dict[str, Any], info: bytes | None = None) -> str:
    """Signed by the vault's key over a header with a change, whatever it is."""
    header: dict[str, Any] = {
        "alg": "Ed25519",
        "kid": keys.VAULT.kid,
        "typ": "concord-statement+jws",
        "cty": "application/json",
        "zip": "gzip",
        "iss": CONSORTIUM,
        "aud": INSTITUTION,
        "sub": RELEASE,
        "iat": AT,
        "hpke": "X25519",
        "rkid": OWN["X25519"].rkid,
        **change,
    }
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    packed = packer.compress(json.dumps(DOCUMENT).encode()) + packer.flush()
    ciphertext = OWN["X25519"].public.encrypt(packed, info or encoded_header(header))
    first = f"{encoded_header(header).decode()}.{encode(ciphertext)}"
    return f"{first}.{encode(keys.bare(keys.VAULT).sign(first.encode()))}"


def _refused() -> dict[str, str]:
    good = sealed()
    header, payload, signature = good.split(".")
    return {
        "malformed": f"{header}.{payload}.{signature}.",
        "truncated": f"{header}.{payload}",
        "wrong-type": _signed({"typ": "concord-sealed+jws"}),
        "unknown-header": _signed({"crit": ["exp"]}),
        "unsupported-algorithm": _signed({"alg": "none"}),
        "unknown-key": sealed(signer=keys.STRANGER),
        "wrong-key-use": sealed(signer=keys.CONSORTIUM),
        "ended-key": sealed(signer=ENDED),
        "bad-signature": f"{header}.{payload}.{sealed().split('.')[2]}",
        "other-release": sealed({**DOCUMENT, "release": "delinquency-2026-09-r1"}, release="delinquency-2026-09-r1"),
        "wrong-institution": sealed({**DOCUMENT, "institution": "CN-002"}, institution="CN-002"),
        "wrong-audience": sealed(consortium="another"),
        "other-key": sealed(pair=OWN["X-Wing"]),
        "cannot-open": _signed({}, info=b"another header"),
        "unknown-version": sealed({**DOCUMENT, "version": 99}),
    }


def document() -> dict[str, Any]:
    return {
        "institution": INSTITUTION,
        "consortium": CONSORTIUM,
        "release": RELEASE,
        "jwks": JWKS,
        "private_keys": {suite: encode(pair.private_bytes()) for suite, pair in OWN.items()},
        "registration": request_statement_key(OWN["X25519"].public, keys.INSTITUTION, INSTITUTION, CONSORTIUM, AT),
        "document": DOCUMENT,
        "opened": [{"suite": suite, "statement": sealed(pair=pair)} for suite, pair in OWN.items()],
        "refused": [{"rule": rule, "statement": text} for rule, text in _refused().items()],
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(document(), indent=1) + "\n", encoding="utf-8")
