"""A round's sealing key with the signature of the consortium's vault over it and over the round's id."""

from __future__ import annotations

from typing import Final

from anonymize.package.consortium import Jwks, sign_claims, verify_claims
from anonymize.package.jose import Jwk
from anonymize.package.keys import SealingKey, SigningKey
from anonymize.package.rules import refusal

ROUND_KEY_TYPE: Final = "concord-round-key+jws"


def sign_jwk(jwk: Jwk, round_id: str, signing_key: SigningKey) -> str:
    """A compact JWS whose payload is `{"jwk": ..., "round": ...}`."""
    public = SealingKey.from_jwk(jwk).public_jwk()
    return sign_claims({"jwk": public, "round": round_id}, ROUND_KEY_TYPE, signing_key)


def verify_jwk(signature: str, *, round_id: str, jwks: Jwks) -> SealingKey:
    """The sealing key that the consortium's vault signed for this round; PackageError or KeyStoreError otherwise.

    The key is taken from the signed payload, never from the text beside it.
    """
    claims = verify_claims(signature, ROUND_KEY_TYPE, jwks, "round-keys")
    if claims.get("round") != round_id:
        raise refusal("wrong-round")
    jwk = claims.get("jwk")
    if not isinstance(jwk, dict):
        raise refusal("malformed")
    return SealingKey.from_jwk(jwk)
