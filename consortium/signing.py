"""The consortium's own signature: on receipts here, on the rounds' sealing keys in the vault, and both public halves."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from anonymize.errors import KeyStoreError
from anonymize.package import SigningKey, ed25519_jwk
from anonymize.package.consortium import Use
from anonymize.package.jose import Jwk, decode
from consortium import key_history

if TYPE_CHECKING:
    from django.http import HttpResponse


def receipt_key() -> SigningKey:
    """The key of `CONCORD_SIGNING_KEY`, a file with a private JWK; read once."""
    if not settings.CONCORD_SIGNING_KEY:
        raise ImproperlyConfigured("CONCORD_SIGNING_KEY names no key file. No receipt can be signed.")
    return _read(str(settings.CONCORD_SIGNING_KEY))


def key_set() -> dict[str, Any]:
    """What members pin: one key for receipts and another, whose private half only the vault has, for round keys.

    With those of before, and until when each counted.
    """
    if not settings.CONCORD_VAULT_PUBLIC_KEY:
        raise ImproperlyConfigured("CONCORD_VAULT_PUBLIC_KEY is not set, so the keys cannot be published.")
    receipts, vault = receipt_key().public_jwk(), ed25519_jwk(decode(settings.CONCORD_VAULT_PUBLIC_KEY))
    if receipts["kid"] == vault["kid"]:
        raise ImproperlyConfigured("Receipts and round keys are signed with the same key. Each needs one of its own.")
    current: dict[Use, Jwk] = {"receipts": receipts, "round-keys": vault}
    try:
        return key_history.published_set(current, key_history.read(settings.CONCORD_KEY_HISTORY), time.time())
    except KeyStoreError as wrong:
        raise ImproperlyConfigured(f"CONCORD_KEY_HISTORY: {wrong.sentence}") from wrong


@login_not_required
@require_safe
@cache_control(public=True, max_age=3600)
def jwks(request: HttpRequest) -> HttpResponse:
    """The consortium's public keys, for anybody who checks a receipt or a round's key."""
    return JsonResponse(key_set(), content_type="application/jwk-set+json")


@lru_cache(maxsize=4)
def _read(path: str) -> SigningKey:
    return SigningKey.from_jwk(json.loads(Path(path).read_text(encoding="utf-8")))
