"""The consortium's own signature: receipts, the rounds' sealing keys, and the published set of public keys."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from anonymize.package import SigningKey

if TYPE_CHECKING:
    from django.http import HttpResponse


def consortium_key() -> SigningKey:
    """The key of `CONCORD_SIGNING_KEY`, a file with a private JWK; read once."""
    if not settings.CONCORD_SIGNING_KEY:
        raise ImproperlyConfigured("CONCORD_SIGNING_KEY names no key file. Nothing can be signed.")
    return _read(str(settings.CONCORD_SIGNING_KEY))


def key_set() -> dict[str, Any]:
    return {"keys": [consortium_key().public_jwk()]}


@login_not_required
@login_not_required
@require_safe
@cache_control(public=True, max_age=3600)
def jwks(request: HttpRequest) -> HttpResponse:
    """The consortium's public keys, for anybody who checks a receipt or a round's key."""
    return JsonResponse(key_set(), content_type="application/jwk-set+json")


@lru_cache(maxsize=4)
def _read(path: str) -> SigningKey:
    return SigningKey.from_jwk(json.loads(Path(path).read_text(encoding="utf-8")))
