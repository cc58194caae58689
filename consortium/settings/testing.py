"""For the test suite: the embedded settings with keys and storage of their own, messages in memory, cheap passwords."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from consortium.embedded import keys
from consortium.settings.embedded import *

_HOME = Path(os.environ.get("CONCORD_TEST_HOME") or tempfile.mkdtemp(prefix="concord-test-"))
os.environ["CONCORD_TEST_HOME"] = str(_HOME)  # the workers of pytest-xdist share it

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", "consortium.api_auth.ClientSecretHasher"]
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CONCORD_WEBHOOKS_TO_LOCALHOST = False
CONCORD_SIGN_ON_LOCAL = False
CONCORD_URL = "https://concord.example"
CONCORD_AUDIENCE = "concord-test"
CONCORD_SIGNING_KEY = keys.signing_key(_HOME / "keys")
CONCORD_KEY_HISTORY = None
CONCORD_VAULT_SIGNING_KEY = keys.vault_signing_key(_HOME / "keys")
CONCORD_VAULT_PUBLIC_KEY = keys.vault_public_key(_HOME / "keys")
CONCORD_KEK = keys.key_encryption_key(_HOME / "keys")
CONCORD_DELIVERY_KEY = keys.delivery_key(_HOME / "keys")
CONCORD_DELIVERY_PUBLIC_KEY = keys.delivery_public_key(CONCORD_DELIVERY_KEY)
CONCORD_BLOBS = _HOME / "blobs"
STATIC_ROOT = _HOME / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise warns when it is missing
