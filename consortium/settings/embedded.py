"""The default: everything under one directory of this machine, keys and database included, nothing to set up.

`CONCORD_HOME` chooses the directory (default `var/`). `DATABASE_URL` and `CELERY_BROKER_URL` choose real servers.
"""

from __future__ import annotations

import os
from pathlib import Path

import dj_database_url

from consortium.embedded import broker, keys, postgres
from consortium.settings.base import *
from consortium.settings.base import BASE_DIR, CELERY_BEAT_SCHEDULE, CONCORD_PATIENCE

HOME = Path(os.environ.get("CONCORD_HOME", BASE_DIR / "var"))
_KEYS = HOME / "keys"

DATABASE_URL = os.environ.get("DATABASE_URL") or postgres.use(HOME / "postgres").url
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True)}

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL") or broker.url(DATABASE_URL)
CELERY_BROKER_TRANSPORT_OPTIONS = (
    broker.transport_options(visibility_timeout=900) if CELERY_BROKER_URL.startswith("pgmq:") else {}
)

SECRET_KEY = keys.django_secret(_KEYS)
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
WHITENOISE_USE_FINDERS = True
STATIC_ROOT = HOME / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = HOME / "mail"
DEFAULT_FROM_EMAIL = "Concord <concord@localhost>"
CONCORD_WEBHOOKS_TO_LOCALHOST = True
CONCORD_URL = os.environ.get("CONCORD_URL", "http://localhost:8000")

# A demo on one's own machine opens with one click.
CONCORD_MFA = os.environ.get("CONCORD_MFA", "optional")
CONCORD_SIGN_ON_LOCAL = True

CONCORD_AUDIENCE = os.environ.get("CONCORD_AUDIENCE", "concord-demo")
CONCORD_BLOBS = HOME / "blobs"
CONCORD_PATIENCE = int(os.environ.get("CONCORD_PATIENCE", CONCORD_PATIENCE))
CELERY_BEAT_SCHEDULE = {
    **CELERY_BEAT_SCHEDULE,
    "sweep": {**CELERY_BEAT_SCHEDULE["sweep"], "schedule": CONCORD_PATIENCE / 2},
}
# Each process holds only what its job needs, here as in production; a command run by hand is the vault and the web.
_PROCESS = os.environ.get("CONCORD_PROCESS", "all")
_DELIVERY_KEY = keys.delivery_key(_KEYS)
CONCORD_SIGNING_KEY = keys.signing_key(_KEYS) if _PROCESS in {"web", "all"} else None
CONCORD_KEY_HISTORY = _KEYS / "key-history.json"
CONCORD_VAULT_SIGNING_KEY = keys.vault_signing_key(_KEYS) if _PROCESS in {"vault", "all"} else ""
CONCORD_VAULT_PUBLIC_KEY = keys.vault_public_key(_KEYS)
CONCORD_KEK = keys.key_encryption_key(_KEYS) if _PROCESS in {"vault", "all"} else ""
CONCORD_DELIVERY_KEY = _DELIVERY_KEY if _PROCESS in {"web", "all"} else ""
CONCORD_DELIVERY_PUBLIC_KEY = keys.delivery_public_key(_DELIVERY_KEY)
