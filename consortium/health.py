"""Whether a web process lives, and whether it can do its work."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from consortium.api import problem
from consortium.signing import key_set

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase


@login_not_required
@login_not_required
@require_safe
@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse("alive\n", content_type="text/plain")


@login_not_required
@login_not_required
@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponseBase:
    """200 when the database answers, packages can be stored and receipts signed; else 503 naming what is missing."""
    missing = [name for name, check in CHECKS.items() if not _holds(check)]
    if missing:
        return problem(503, "not-ready", f"Not ready: {', '.join(missing)}.")
    return JsonResponse({"ready": True})


def _database() -> object:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone()


def _storage() -> bool:
    root = settings.CONCORD_BLOBS
    root.mkdir(parents=True, exist_ok=True)
    return os.access(root, os.W_OK)


CHECKS: dict[str, Callable[[], object]] = {"database": _database, "storage": _storage, "signing keys": key_set}


def _holds(check: Callable[[], object]) -> bool:
    try:
        return bool(check())
    except Exception:  # noqa: BLE001  whatever it is, this process cannot work
        return False
