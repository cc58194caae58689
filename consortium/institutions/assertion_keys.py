"""The public keys that API clients sign assertions with: Ed25519, P-256, or RSA of 2048 bits and more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.utils.translation import gettext_lazy as _
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from consortium.errors import Refused

PublicKey = OKPKey | ECKey | RSAKey
Key = TypeVar("Key", OKPKey, ECKey, RSAKey)

# Which algorithms a kind of key signs with; RSA in the PSS form only (RFC 8725 advises against PKCS #1 v1.5).
ALGORITHMS: Mapping[str, tuple[str, ...]] = {"OKP": ("Ed25519", "EdDSA"), "EC": ("ES256",), "RSA": ("PS256",)}
EVERY_ALGORITHM = tuple(name for names in ALGORITHMS.values() for name in names)
_PUBLIC = {"OKP": ("crv", "x"), "EC": ("crv", "x", "y"), "RSA": ("n", "e")}
_PRIVATE = {"d", "k", "p", "q", "dp", "dq", "qi", "oth"}
_RSA_BITS = range(2048, 8193)


def public_jwk(jwk: object) -> dict[str, Any]:
    """The key's public members and its thumbprint as `kid`; Refused when it is private or of another kind."""
    if not isinstance(jwk, dict):
        raise Refused(_("A public key is a JSON Web Key: a JSON object."), rule="invalid-key")
    if _PRIVATE & jwk.keys():
        raise Refused(
            _("This is a private key. It was not kept; make a new one, and register only its public half."),
            rule="invalid-key",
        )
    key = imported(jwk)
    return {**key.as_dict(private=False), "kid": key.thumbprint()}


def imported(jwk: Mapping[str, Any]) -> PublicKey:
    """The key behind a JWK; Refused when assertions cannot be signed with its kind."""
    kind = jwk.get("kty")
    wanted = _PUBLIC.get(kind, ()) if isinstance(kind, str) else ()
    members: dict[str, Any] = {"kty": kind, **{name: jwk[name] for name in wanted if name in jwk}}
    try:
        if (kind, jwk.get("crv")) == ("OKP", "Ed25519"):
            return _held(OKPKey.import_key(members))
        if (kind, jwk.get("crv")) == ("EC", "P-256"):
            return _held(ECKey.import_key(members))
        if kind == "RSA" and len(str(jwk.get("n"))) < 2000:
            return _long_enough(_held(RSAKey.import_key(members)))
    except (JoseError, ValueError, TypeError, KeyError) as wrong:
        raise Refused(_("This is no complete public key."), rule="invalid-key") from wrong
    raise Refused(
        _("Assertions are signed with Ed25519, ES256 (P-256) or PS256 (RSA, 2048 bits or more)."), rule="invalid-key"
    )


def _held(key: Key) -> Key:
    """joserfc reads numbers late: the point must lie on its curve now, not when somebody signs in."""
    key.public_key  # noqa: B018  raises
    return key


def _long_enough(key: RSAKey) -> RSAKey:
    if key.public_key.key_size not in _RSA_BITS:
        raise Refused(_("An RSA key has at least 2048 bits."), rule="invalid-key")
    return key
