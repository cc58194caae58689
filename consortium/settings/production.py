"""Real servers and keys, all from environment variables, all checked before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

import dj_database_url

from consortium.settings import environment as rules
from consortium.settings.base import *
from consortium.settings.base import LOGGING
from consortium.settings.environment import Environment

_env = Environment(os.environ)
PROCESS = _env.required("CONCORD_PROCESS", "which process this is", check=rules.is_process)

SECRET_KEY = _env.required(
    "CONCORD_SECRET_KEY", "a random text that signs sessions, the same in every process", check=rules.is_long
)
# They open sessions, links and sealed secrets of before; nothing new is signed or sealed with them.
SECRET_KEY_FALLBACKS = _env.optional("CONCORD_FORMER_SECRET_KEYS").split()
if any(rules.is_long(each) for each in SECRET_KEY_FALLBACKS):
    _env.problems.append("CONCORD_FORMER_SECRET_KEYS holds a key shorter than 50 characters.")
DATABASE_URL = _env.required("DATABASE_URL", "the PostgreSQL server", check=rules.is_postgres)
CELERY_BROKER_URL = _env.required("CELERY_BROKER_URL", "the RabbitMQ server", check=rules.is_amqp)
CONCORD_AUDIENCE = _env.required("CONCORD_AUDIENCE", "the consortium's identifier, which members' packages name")
CONCORD_BLOBS = Path(
    _env.required("CONCORD_BLOBS", "the directory of sealed packages", check=rules.is_directory) or "/nonexistent"
)
_hosts = _env.required("CONCORD_HOSTS", "the host names of the portal, separated by commas", check=rules.is_hosts)

_signing_key = _env.key(
    "CONCORD_SIGNING_KEY_FILE", PROCESS, "the key that signs receipts, a private JWK", check=rules.is_readable_file
)
CONCORD_SIGNING_KEY = Path(_signing_key) if _signing_key else None
_history = _env.optional("CONCORD_KEY_HISTORY")
CONCORD_KEY_HISTORY = Path(_history) if _history else None
if CONCORD_KEY_HISTORY and not CONCORD_KEY_HISTORY.is_file():
    _env.problems.append(f"CONCORD_KEY_HISTORY names {_history}, which is not there.")
CONCORD_VAULT_SIGNING_KEY = _env.key(
    "CONCORD_VAULT_SIGNING_KEY", PROCESS, "the private key that signs the rounds' sealing keys", check=rules.is_32_bytes
)
CONCORD_VAULT_PUBLIC_KEY = _env.key(
    "CONCORD_VAULT_PUBLIC_KEY", PROCESS, "the public half of the vault's signing key", check=rules.is_32_bytes
)
CONCORD_KEK = _env.key("CONCORD_KEK", PROCESS, "the vault's key-encryption key")
CONCORD_FORMER_KEKS = _env.optional_key("CONCORD_FORMER_KEKS", PROCESS)
CONCORD_KEK_PIN = _env.optional_key("CONCORD_KEK_PIN", PROCESS)
CONCORD_KEK_TOKEN = _env.optional_key("CONCORD_KEK_TOKEN", PROCESS)
if CONCORD_KEK and (_wrong := rules.is_keyring(CONCORD_KEK, CONCORD_FORMER_KEKS, CONCORD_KEK_PIN, CONCORD_KEK_TOKEN)):
    _env.problems.append(f"CONCORD_KEK or CONCORD_FORMER_KEKS: {_wrong}")
CONCORD_DELIVERY_KEY = _env.key(
    "CONCORD_DELIVERY_KEY", PROCESS, "the private key that opens statements", check=rules.is_32_bytes
)
CONCORD_DELIVERY_PUBLIC_KEY = _env.key(
    "CONCORD_DELIVERY_PUBLIC_KEY", PROCESS, "the public key that statements are sealed to", check=rules.is_32_bytes
)
# The only way to serve without TLS is to say so, for a test on one machine.
_tls = _env.optional("CONCORD_TLS", "proxy")
if _tls not in {"proxy", "off"}:
    _env.problems.append("CONCORD_TLS is “proxy” (a reverse proxy ends TLS and sets X-Forwarded-Proto) or “off”.")
_proxies = _env.optional("CONCORD_TRUSTED_PROXIES", "127.0.0.1 ::1" if _tls == "proxy" else "")
if _proxies and (_wrong := rules.is_networks(_proxies)):
    _env.problems.append(f"CONCORD_TRUSTED_PROXIES {_wrong}.")
# The association's own people always need a second factor.
CONCORD_MFA = _env.optional("CONCORD_MFA", "required")
if CONCORD_MFA not in {"required", "association"}:
    _env.problems.append("CONCORD_MFA is “required” (of everybody) or “association” (of the association's own people).")
_env.finish()

CONCORD_TRUSTED_PROXIES = _proxies.replace(",", " ").split()
ALLOWED_HOSTS = [host for host in _hosts.replace(",", " ").split() if host]
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=600, conn_health_checks=True)}

if _tls == "proxy":
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS]
SESSION_COOKIE_AGE = 8 * 3600  # a working day
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

_scheme = "https" if _tls == "proxy" else "http"
CONCORD_URL = _env.optional("CONCORD_URL", f"{_scheme}://{ALLOWED_HOSTS[0]}").rstrip("/")
STATIC_ROOT = Path(_env.optional("CONCORD_STATIC", str(STATIC_ROOT)))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "consortium.web.static_files.StaticFiles"},
}
EMAIL_HOST = _env.optional("EMAIL_HOST", "localhost")
EMAIL_PORT = int(_env.optional("EMAIL_PORT", "25"))
EMAIL_HOST_USER = _env.optional("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = _env.optional("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = _env.optional("EMAIL_USE_TLS", "yes") == "yes"
EMAIL_TIMEOUT = 30  # a mail server that does not answer holds no worker longer
DEFAULT_FROM_EMAIL = _env.optional("EMAIL_FROM", f"concord@{ALLOWED_HOSTS[0]}")

LOGGING = {**LOGGING, "root": {**LOGGING["root"], "level": _env.optional("CONCORD_LOG_LEVEL", "INFO")}}
