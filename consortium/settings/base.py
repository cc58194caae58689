"""What every way of running Concord shares; embedded and production add the rest."""

from __future__ import annotations

from pathlib import Path

from django.utils.translation import gettext_lazy as _

BASE_DIR = Path(__file__).resolve().parents[2]

INSTALLED_APPS = [
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
    "django_celery_beat",
    "django_celery_results",
    "django_htmx",
    "drf_spectacular",
    "oauth2_provider",
    "rest_framework",
    "consortium.web",
    "consortium.audit",
    "consortium.institutions",
    "consortium.people",
    "consortium.administration",
    "consortium.portal",
    "sharing",
]

AUTH_USER_MODEL = "people.Person"
OAUTH2_PROVIDER_APPLICATION_MODEL = "institutions.ApiClient"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "consortium" / "web" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
