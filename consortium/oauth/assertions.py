"""Signed assertions with which an API client shows who it is (private_key_jwt, RFC 7523)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from anonymize.errors import PackageError
from anonymize.package.jose import parse_json_object
from consortium.institutions import assertion_keys as keys
from consortium.institutions.models import ApiClient, UsedAssertion

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LONGEST_LIFE = 300  # seconds between now and `exp`
SKEW = 60  # seconds by which the client's clock may differ
_MOST_CHARACTERS = 8_000


class Unproven(Exception):
    """The assertion does not show that the client sent it; the text says what is wrong."""


class _Registry(JWSRegistry):
    """Knows `EdDSA` as the Ed25519 that it is, and no size beyond an assertion's."""

    max_payload_length = _MOST_CHARACTERS

    def __init__(self, algorithms: tuple[str, ...]) -> None:
        super().__init__(algorithms=list(algorithms), strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


def client_id_of(assertion: str) -> str:
    """Whom the assertion claims to come from, before anything is proven; Unproven when it cannot be read."""
    try:
        claims = parse_json_object(_decoded(assertion, keys.EVERY_ALGORITHM).payload or b"")
    except PackageError as wrong:
        raise Unproven("The assertion's claims are no JSON object.") from wrong
    subject = claims.get("sub")
    if not isinstance(subject, str) or claims.get("iss") != subject:
        raise Unproven("iss and sub must both be the client's id.")
    return subject


def prove(client: ApiClient, assertion: str) -> None:
    """Use an assertion of the client up; Unproven unless its key signed it, for us, now, for the first time."""
    if client.public_jwk is None:
        raise Unproven("No key is registered for this client.")
    key = keys.imported(client.public_jwk)
    algorithms = keys.ALGORITHMS[client.public_jwk["kty"]]
    registry, signed = _Registry(algorithms), _decoded(assertion, algorithms)
    header = signed.headers()
    if header.get("crit") or header.get("b64") is not None:
        raise Unproven("The assertion's header has a member that this server does not know.")
    if header.get("kid") not in (None, client.public_jwk["kid"]):  # a list, which a set could not look for, is neither
        raise Unproven("kid is not the registered key's.")
    try:
        holds = jws.validate_compact(signed, key, registry=registry)
    except (JoseError, ValueError) as wrong:
        raise Unproven("The signature does not hold.") from wrong
    if not holds:
        raise Unproven("The signature does not hold.")
    claims = parse_json_object(signed.payload or b"")
    _check_claims(claims, client)
    _use_up(client, claims)


def audiences() -> set[str]:
    """What `aud` may name: this server as issuer, or its token endpoint."""
    return {settings.CONCORD_URL, settings.CONCORD_URL + reverse("token")}


def _decoded(assertion: str, algorithms: tuple[str, ...]) -> jws.CompactSignature:
    if len(assertion) > _MOST_CHARACTERS:
        raise Unproven("The assertion is too long.")
    try:
        signed = jws.extract_compact(assertion.encode("ascii"), registry=_Registry(algorithms))
        algorithm = signed.headers().get("alg")
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as wrong:
        raise Unproven("client_assertion is no compact JWS.") from wrong
    if algorithm not in algorithms:
        raise Unproven(f"alg must be one of {', '.join(algorithms)}.")
    return signed


def _check_claims(claims: Mapping[str, Any], client: ApiClient) -> None:
    now = timezone.now().timestamp()
    if (claims.get("iss"), claims.get("sub")) != (client.client_id, client.client_id):
        raise Unproven("iss and sub must both be the client's id.")
    named = claims.get("aud")
    named = [named] if isinstance(named, str) else named
    if not isinstance(named, list) or not audiences().intersection(each for each in named if isinstance(each, str)):
        raise Unproven("aud must be the issuer or the token endpoint, as the server's metadata name them.")
    expires = _time(claims, "exp")
    if expires is None:
        raise Unproven("exp is missing.")
    if expires <= now - SKEW:
        raise Unproven("The assertion is over.")
    if expires > now + LONGEST_LIFE + SKEW:
        raise Unproven(f"exp is more than {LONGEST_LIFE} seconds ahead.")
    for name in ("iat", "nbf"):
        at = _time(claims, name)
        if at is not None and at > now + SKEW:
            raise Unproven(f"{name} is ahead of the server's clock.")
    if not isinstance(claims.get("jti"), str) or not 1 <= len(claims["jti"]) <= 255:
        raise Unproven("jti is missing, or longer than 255 characters.")


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise Unproven(f"{name} must be a number of seconds.")
    return float(value)


def _use_up(client: ApiClient, claims: Mapping[str, Any]) -> None:
    """The row is what makes it single use, in whichever process it comes again."""
    over = datetime.fromtimestamp(claims["exp"], UTC) + timedelta(seconds=SKEW)
    digest = hashlib.sha256(claims["jti"].encode(errors="surrogatepass")).hexdigest()
    try:
        with transaction.atomic():
            UsedAssertion.objects.create(client=client, digest=digest, expires_at=over)
    except IntegrityError as again:
        raise Unproven("This jti was used before.") from again
