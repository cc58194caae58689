"""What every way of running Concord shares; embedded and production add where it runs and with which secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from celery.schedules import crontab
from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parents[2]

INSTALLED_APPS = [
    "consortium.web",  # first: its templates go before those of the packages
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.socialaccount.providers.saml",
    "allauth.usersessions",
    "django.forms",
    "django_celery_beat",
    "django_celery_results",
    "django_htmx",
    "drf_spectacular",
    "oauth2_provider",
    "rest_framework",
    "consortium",
    "consortium.audit",
    "consortium.institutions",
    "consortium.limits",
    "consortium.notifications",
    "consortium.people",
    "consortium.sign_on",
    "consortium.administration",
    "consortium.membership",
    "consortium.portal",
    "sharing",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "consortium.web.middleware.content_policy",
    "consortium.limits.middleware.announced",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "consortium.web.middleware.signed_in_pages_stay_private",
    "consortium.web.middleware.person_language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "consortium.sign_on.middleware.SecondFactor",
    "consortium.sign_on.middleware.LastSeen",
    "django_htmx.middleware.HtmxMiddleware",
    "consortium.api.stated_lengths",
    "consortium.web.middleware.no_null_characters",
    "consortium.web.middleware.Refusals",
    "consortium.api.DatabaseAway",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "consortium.web.navigation.portal",
            ],
        },
    },
]

FORM_RENDERER = "consortium.web.forms.Renderer"

# Where this consortium runs: named here, given by embedded or production.
HOME = BASE_DIR / "var"
DATABASE_URL = ""
CELERY_BROKER_URL = ""

ROOT_URLCONF = "consortium.urls"
WSGI_APPLICATION = "consortium.wsgi.application"
ASGI_APPLICATION = "consortium.asgi.application"

AUTH_USER_MODEL = "people.Person"
# An e-mail address is unique without regard to case, by a constraint that the check does not look for.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
OAUTH2_PROVIDER_APPLICATION_MODEL = "institutions.ApiClient"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "consortium.api_auth.ClientSecretHasher",  # the secrets of API clients, by name only
]

_PASSWORDS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_PASSWORDS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_PASSWORDS}.CommonPasswordValidator"},
    {"NAME": f"{_PASSWORDS}.UserAttributeSimilarityValidator", "OPTIONS": {"user_attributes": ("email", "name")}},
]

OAUTH2_PROVIDER: dict[str, Any] = {
    "OAUTH2_SERVER_CLASS": "oauthlib.oauth2.BackendApplicationServer",  # client credentials and no other grant
    "OAUTH2_VALIDATOR_CLASS": "consortium.oauth.validator.Validator",
    "SCOPES_BACKEND_CLASS": "consortium.oauth.validator.ClientScopes",
    "CLIENT_SECRET_HASHER": "random_secret",
    "ACCESS_TOKEN_EXPIRE_SECONDS": 1800,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,  # tokens are stored as digests
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "consortium.api_auth.BearerToken",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["consortium.api_auth.IsEntitled"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["consortium.api_body.JsonBody"],
    "DEFAULT_PAGINATION_CLASS": "consortium.api.Pages",
    "DEFAULT_SCHEMA_CLASS": "consortium.openapi.schema.Operation",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "consortium.api.answer_exception",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Concord",
    "DESCRIPTION": "Shared benchmarks without shared figures. Errors are problem documents (RFC 9457).",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "sharing.api.examples.describe"],
    "ENUM_NAME_OVERRIDES": {
        "AlertKind": "sharing.models.alert.AlertKind",
        "InstitutionKind": "consortium.institutions.models.institution.InstitutionKind",
        "InstitutionState": "consortium.institutions.states.InstitutionState",
        "ReleaseState": "sharing.states.ReleaseState",
        "RoundState": "sharing.states.RoundState",
        "SubmissionState": "sharing.states.SubmissionState",
    },
}

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "consortium.sign_on.adapters.Accounts"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
# Addresses are entered by an administrator who knows the person.
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
PASSWORD_RESET_TIMEOUT = 4 * 3600
# Guesses at one address: few at once, fewer each hour; the owner's own browser has attempts of its own (sign_on.devices).
ACCOUNT_RATE_LIMITS = {
    "login_failed": "20/m/ip,200/h/ip,5/5m/key,15/h/key,50/d/key",
    "reset_password": "10/m/ip,3/h/key",
}
MFA_ADAPTER = "consortium.sign_on.adapters.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # an administrator entered the address
MFA_TOTP_ISSUER = "Concord"
MFA_TOTP_TOLERANCE = 1  # clocks of telephones
# Institutions' own directories; see sign_on.directories.
SOCIALACCOUNT_ADAPTER = "consortium.sign_on.directories.Directories"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {"provider_class": "consortium.sign_on.oidc.Directory"},
    "saml": {"provider_class": "consortium.sign_on.saml.Directory"},
}
CONCORD_SIGN_ON_LOCAL = False  # directories without TLS, or at private addresses: only to try one on one machine
# Who needs a second factor: "required" of everybody, "association" of the association's own people, "optional".
CONCORD_MFA = "required"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "consortium" / "web" / "locale"]
FORMAT_MODULE_PATH = ["consortium.web.dates"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
CONCORD_ASSETS = BASE_DIR / "var" / "assets"  # scripts emitted once by installed packages; safe to delete

# The consortium's identity and keys. A process holds only the secrets of its own job; see docs/operations.md.
CONCORD_URL = "http://127.0.0.1:8000"  # where the portal is reached, for the links in letters
CONCORD_WEBHOOKS_TO_LOCALHOST = False  # only where members' systems and the platform share a developer's machine
CONCORD_AUDIENCE = ""  # what members' packages name as `aud`
CONCORD_SIGNING_KEY: Path | None = None  # private JWK file: signs receipts; only in web
CONCORD_KEY_HISTORY: Path | None = None  # public: the keys of before, and how each named the next
CONCORD_VAULT_SIGNING_KEY = ""  # base64url, private Ed25519: signs the rounds' sealing keys; only in a vault worker
CONCORD_VAULT_PUBLIC_KEY = ""  # base64url, its public half: published by web
CONCORD_KEY_OVERLAP_DAYS = 30  # how long a member's signing key stays in force once another has replaced it
CONCORD_KEK = ""  # wraps the rounds' private keys: 32 bytes in base64url, or an address; only in a vault worker
CONCORD_FORMER_KEKS = ""  # those that only unwrap, until `manage.py rewrap_keys` is done, separated by blanks
CONCORD_KEK_PIN = ""  # of the hardware module, when a key-encryption key is in one
CONCORD_KEK_TOKEN = ""  # for the key server, when a key-encryption key is in one
CONCORD_DELIVERY_KEY = ""  # base64url, private X25519: opens members' statements; only in web
CONCORD_DELIVERY_PUBLIC_KEY = ""  # base64url, its public half
CONCORD_PATIENCE = 60  # seconds after which a silent worker or a lost message is given up and the work queued again
CONCORD_BLOBS = BASE_DIR / "var" / "blobs"  # sealed packages
CONCORD_TRUSTED_PROXIES: list[str] = []  # networks of the proxies whose X-Forwarded-For is believed

# Requests in a window of seconds, shared by all web processes. "address" counts only what authenticates nobody.
CONCORD_RATE_LIMITS: dict[str, tuple[int, int]] = {
    "client": (1200, 60),
    "person": (1200, 60),
    "token": (60, 60),
    "address": (300, 60),
}
# Shared by the web processes, and no server more: an unlogged table, for what is asked rarely (sign-in attempts).
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "limits_cache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = "django-db"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "office"
# What needs the rounds' private keys; everything else is the office's.
_VAULT = ("make_round_keys", "open_submission", "compute_release")
CELERY_TASK_ROUTES = {f"sharing.tasks.{name}": {"queue": "vault"} for name in _VAULT}
# A killed worker's task comes back: every task may run twice, and the row it is about says whether there is work left.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
# pgmq's queue names have no room for the names that remote control makes up.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its broker however long it is away
CELERY_BROKER_CONNECTION_TIMEOUT = 2  # seconds; whoever queues work has somebody waiting
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    # Work whose message was lost, or whose worker died, is queued again.
    "sweep": {"task": "sharing.tasks.sweep", "schedule": 30.0},
    "embargoes": {"task": "sharing.tasks.publish_due", "schedule": 20.0},
    "warnings": {"task": "sharing.tasks.watch_changed", "schedule": 900.0},
    "tidy": {"task": "sharing.tasks.tidy", "schedule": 3600.0},
    "leaving": {"task": "consortium.institutions.tasks.complete_departures", "schedule": crontab(minute=5)},
    "joining": {"task": "consortium.institutions.tasks.forget_applications", "schedule": 24 * 3600.0},
    "agreement": {"task": "consortium.institutions.tasks.remind_of_agreement", "schedule": crontab(hour=1, minute=10)},
    "retention": {"task": "sharing.tasks.destroy_expired_keys", "schedule": 6 * 3600.0},
    "sessions": {"task": "consortium.sign_on.tasks.forget_sessions", "schedule": 3600.0},
    "forget-limits": {"task": "consortium.limits.tasks.forget_unused", "schedule": 900.0},
    "reminders": {"task": "sharing.tasks.remind", "schedule": crontab(minute=20)},
    "letters": {"task": "consortium.notifications.tasks.deliver_waiting", "schedule": 60.0},
    "webhooks": {"task": "consortium.notifications.tasks.deliver_webhooks", "schedule": 30.0},
    "forgetting": {"task": "consortium.notifications.tasks.tidy", "schedule": 24 * 3600.0},
    "notices": {"task": "consortium.notifications.tasks.mail_notices", "schedule": 60.0},
    "digests": {"task": "consortium.notifications.tasks.mail_digests", "schedule": crontab(hour=22, minute=30)},
}

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"httpx": {"level": "WARNING"}, "pgmq": {"level": "WARNING"}},
}
