"""Compact JWS as this project uses it: two algorithms, one header size, no options.

`joserfc` does the signing and verifying. Its defaults stop at 128 kB and warn at the older name `EdDSA`; `Registry`
raises the one and reads the other as the `Ed25519` that it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from joserfc.jws import CompactSignature, JWSRegistry
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from anonymize.package.rules import refusal

Jwk = Mapping[str, Any]

ALGORITHMS: Final = ("Ed25519", "ES256")
MAX_HEADER: Final = 4096  # characters of the encoded header; a package's own takes about 600
_SIGNATURE_CHARACTERS: Final = 86  # the 64 bytes of both algorithms
# Refused in every public key that we read: somebody is about to publish a private one.
_PRIVATE_MEMBERS: Final = frozenset({"d", "k", "p", "q", "dp", "dq", "qi", "oth", "priv"})


class Registry(JWSRegistry):
    """A registry whose size limit is the caller's and which knows `Ed25519` by both its names."""

    max_header_length = MAX_HEADER

    def __init__(self, max_payload: int) -> None:
        # The header's members are checked by whoever reads them, against a list of their own.
        super().__init__(algorithms=ALGORITHMS, strict_check_header=False)
        self.max_payload_length = max_payload

    def get_alg(self, name: str) -> Any:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


def sign(header: dict[str, Any], payload: bytes, key: OKPKey | ECKey) -> str:
    """A compact JWS over the payload."""
    return jws.serialize_compact(header, payload, key, registry=Registry(len(payload) * 4 // 3 + 4))


def segments(compact: bytes) -> tuple[bytes, memoryview, bytes]:
    """The three encoded parts of a compact JWS; PackageError when there are more or fewer. The payload is not copied."""
    first, last = compact.find(b"."), compact.rfind(b".")
    if first != last and compact.find(b".", first + 1) != last:
        raise refusal("malformed")
    header, signature = compact[:first], compact[last + 1 :]
    if first == last or not header or not signature or last == first + 1:
        # Whatever lacks its end may still be told apart from noise by its start: `{"` in base64url.
        raise refusal("truncated" if compact.startswith(b"ey") else "malformed")
    return header, memoryview(compact)[first + 1 : last], signature


def read_json_object(encoded: bytes) -> dict[str, Any]:
    """A base64url JSON object without duplicate members; PackageError otherwise."""
    if len(encoded) > MAX_HEADER:
        raise refusal("malformed")
    try:
        text = urlsafe_b64decode(encoded)
    except ValueError as wrong:
        raise refusal("malformed") from wrong
    return parse_json_object(text)


def parse_json_object(text: bytes) -> dict[str, Any]:
    """A JSON object without duplicate members; PackageError otherwise."""
    try:
        value = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as wrong:
        raise refusal("malformed") from wrong
    if not isinstance(value, dict):
        raise refusal("malformed")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def verified(compact: bytes, jwk: Jwk) -> CompactSignature:
    """The decoded JWS once its signature holds; PackageError otherwise. The header must have been read before."""
    if (length := len(segments(compact)[2])) != _SIGNATURE_CHARACTERS:
        raise refusal("truncated" if length < _SIGNATURE_CHARACTERS else "malformed")
    registry = Registry(len(compact))
    try:
        signed = jws.extract_compact(compact, registry=registry)
    except (JoseError, ValueError) as wrong:
        raise refusal("malformed") from wrong
    try:
        valid = jws.validate_compact(signed, verifying_key(jwk, str(signed.headers()["alg"])), registry=registry)
    except (JoseError, ValueError) as wrong:
        raise refusal("bad-signature") from wrong
    if not valid:
        raise refusal("bad-signature")
    return signed


def verifying_key(jwk: Jwk, alg: str) -> OKPKey | ECKey:
    """The public key, when it is of the kind that `alg` needs."""
    kind = (jwk.get("kty"), jwk.get("crv"))
    public = {name: value for name, value in jwk.items() if name in {"kty", "crv", "x", "y"}}
    if kind == ("OKP", "Ed25519") and alg in {"Ed25519", "EdDSA"}:
        return OKPKey.import_key(public)
    if kind == ("EC", "P-256") and alg == "ES256":
        return ECKey.import_key(public)
    raise refusal("unsupported-algorithm", member="alg")


def is_public(jwk: Jwk) -> bool:
    """Whether a JWK holds no private half."""
    return _PRIVATE_MEMBERS.isdisjoint(jwk)


def encode(raw: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(raw).decode("ascii")


def decode(text: str) -> bytes:
    """The bytes behind strict base64url; ValueError otherwise."""
    return urlsafe_b64decode(text.encode("ascii"))
