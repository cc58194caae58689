"""For collecting static files into an image: no database, no secret."""

from __future__ import annotations

import os
from pathlib import Path

from consortium.settings.base import *
from consortium.settings.base import STATIC_ROOT

SECRET_KEY = "static files need none"  # noqa: S105 - signs nothing
STATIC_ROOT = Path(os.environ.get("CONCORD_STATIC", STATIC_ROOT))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "consortium.web.static_files.StaticFiles"},
}
