"""An institution's own figures beside a release, sealed by the consortium's vault to the institution's own key.

A compact JWS over an HPKE ciphertext that is bound to the header, as a package is, in the other direction. The byte-level
description is docs/contracts/statement.md.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from anonymize.errors import PackageError
from anonymize.package import jose
from anonymize.package.consortium import Jwks, signer_of
from anonymize.package.keys import SealingKey, SealingKeyPair, SigningKey
from anonymize.package.seal import encoded_header

STATEMENT_TYPE: Final = "concord-statement+jws"
STATEMENT_MEDIA_TYPE: Final = "application/vnd.concord.statement+jose"
DOCUMENT_VERSION: Final = 1
MAX_DOCUMENT: Final = 2**30
_CONTENT: Final = "application/json"
_PACKED: Final = "gzip"
_GZIP: Final = 31  # zlib's window bits for gzip
_HEADER: Final = ("alg", "kid", "typ", "cty", "zip", "iss", "aud", "sub", "iat", "hpke", "rkid")

STATEMENT_RULES: Mapping[str, str] = {
    "malformed": "This is no sealed statement: a compact JWS with a complete, well-formed header. Fetch it again.",
    "truncated": "The statement ends too early. Fetch it again.",
    "wrong-type": "This is no sealed statement. Fetch one with concord statement get.",
    "unknown-header": "The statement's header holds a member that this version does not know. Update concord.",
    "unsupported-algorithm": "The statement must be signed with Ed25519 or ES256, by a key of that kind.",
    "unknown-key": "The statement is signed with a key that is not among the consortium's known keys. Do not use it.",
    "wrong-key-use": "The consortium's key that signed the statement is not meant for it. Do not use it.",
    "ended-key": "The statement is signed with a key of the consortium that had ended by then. Do not use it.",
    "bad-signature": "The signature does not belong to this statement: it is forged or was changed. Do not use it.",
    "other-release": "The statement is of another release than the one you asked for.",
    "wrong-institution": "The statement was made for another institution.",
    "wrong-audience": "The statement is from another consortium.",
    "other-key": "The statement is sealed to a key that is not here. Open it where the key is, or restore its file.",
    "cannot-open": "The statement does not open with its key. Do not use it; fetch it again.",
    "unknown-version": "The statement is of a version that this version does not know. Update concord.",
}


@dataclass(frozen=True)
class SealedStatement:
    """A statement whose signature holds, not yet opened."""

    consortium: str
    release: str
    institution: str
    computed_at: datetime
    key: str
    info: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


def seal_statement(
    document: Mapping[str, Any],
    *,
    consortium: str,
    release: str,
    institution: str,
    at: int,
    key: SealingKey,
    signing_key: SigningKey,
) -> str:
    """The statement as one ASCII string; `at` is when it was computed, in unix seconds."""
    header = {
        "alg": signing_key.alg,
        "kid": signing_key.kid,
        "typ": STATEMENT_TYPE,
        "cty": _CONTENT,
        "zip": _PACKED,
        "iss": consortium,
        "aud": institution,
        "sub": release,
        "iat": at,
        "hpke": key.suite,
        "rkid": key.rkid,
    }
    text = json.dumps(document, ensure_ascii=True, separators=(",", ":"))
    packer = zlib.compressobj(6, zlib.DEFLATED, _GZIP)
    packed = packer.compress(text.encode("ascii")) + packer.flush()
    return signing_key.sign_compact(header, key.encrypt(packed, info=encoded_header(header)))


def verify_statement(
    text: str, jwks: Jwks, *, institution: str, release: str | None = None, consortium: str | None = None
) -> SealedStatement:
    """The statement, proved to be the consortium's for this institution; PackageError otherwise.

    None for `release` and `consortium` takes that of any.
    """
    try:
        compact = text.strip().encode("ascii")
        encoded = jose.segments(compact)[0]
        header = _checked(jose.read_json_object(encoded))
        jwk = signer_of(header["kid"], "round-keys", jwks, at=header["iat"])
        ciphertext = jose.verified(compact, jwk).payload
    except UnicodeEncodeError as wrong:
        raise _refusal("malformed") from wrong
    except PackageError as wrong:
        raise _refusal(wrong.rule, wrong.member) from wrong
    if header["aud"] != institution:
        raise _refusal("wrong-institution", "aud")
    if consortium is not None and header["iss"] != consortium:
        raise _refusal("wrong-audience", "iss")
    if release is not None and header["sub"] != release:
        raise _refusal("other-release", "sub")
    computed_at = datetime.fromtimestamp(header["iat"], UTC)
    return SealedStatement(
        header["iss"], header["sub"], institution, computed_at, header["rkid"], bytes(encoded), ciphertext
    )


def open_statement(sealed: SealedStatement, key: SealingKeyPair) -> dict[str, Any]:
    """The document; PackageError when it is sealed to another key, was changed, or is of an unknown version."""
    if key.rkid != sealed.key:
        raise _refusal("other-key", "rkid")
    try:
        packed = key.decrypt(sealed.ciphertext, sealed.info)
        unpacker = zlib.decompressobj(_GZIP)
        text = unpacker.decompress(packed, MAX_DOCUMENT)
        if not unpacker.eof:
            raise _refusal("malformed")
    except (ValueError, zlib.error) as wrong:
        raise _refusal("cannot-open") from wrong
    document = jose.parse_json_object(text)
    if document.get("version") != DOCUMENT_VERSION:
        raise _refusal("unknown-version")
    named = (document.get("release"), document.get("institution"))
    if named != (sealed.release, sealed.institution):
        raise _refusal("cannot-open")
    return document


def rows_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a cell and peer group, in the columns of the API's statement; PackageError when columns do not fit."""
    try:
        return [
            row for indicator, columns in document["indicators"].items() for row in _rows(document, indicator, columns)
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise _refusal("malformed") from wrong


def _rows(document: Mapping[str, Any], indicator: str, columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "TIME_PERIOD": document["period"],
            "INDICATOR": indicator,
            "PEER_GROUP": group,
            **dict(zip(columns["dimensions"], key.split("."), strict=True)),
            "OWN": own,
            **dict(zip(BESIDE, figures, strict=True)),
        }
        for group, beside in columns["beside"].items()
        for key, own, *figures in zip(columns["keys"], columns["own"], *(beside[name] for name in BESIDE), strict=True)
    ]


# What a document has of each cell beside a peer group; null where the release withholds what it would compare with.
BESIDE: Final = ("BAND", "TO_MEDIAN", "TO_POOLED", "PERCENTILE_FROM", "PERCENTILE_TO")


def _checked(header: Mapping[str, Any]) -> Mapping[str, Any]:
    if header.get("typ") != STATEMENT_TYPE:
        raise _refusal("wrong-type", "typ")
    if header.keys() != set(_HEADER):
        raise _refusal("malformed" if set(_HEADER) - header.keys() else "unknown-header")
    if header["alg"] not in (*jose.ALGORITHMS, "EdDSA"):
        raise _refusal("unsupported-algorithm", "alg")
    if type(header["iat"]) is not int or not all(type(header[each]) is str for each in ("iss", "aud", "sub", "rkid")):
        raise _refusal("malformed")
    if (header["cty"], header["zip"]) != (_CONTENT, _PACKED):
        raise _refusal("unknown-version")
    return header


def _refusal(rule: str, member: str | None = None) -> PackageError:
    return PackageError(STATEMENT_RULES.get(rule, STATEMENT_RULES["malformed"]), rule=rule, member=member)
