"""What an API client may be allowed to do: every scope on one page. Each address of the API names its own."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Scope(TextChoices):
    COLLECTIONS_READ = "collections:read", _("Read collections, rounds with their keys, and peer groups")
    SUBMISSIONS_WRITE = "submissions:write", _("Send, declare and withdraw for the institution")
    SUBMISSIONS_READ = "submissions:read", _("Read the own submissions, findings and receipts")
    RELEASES_READ = "releases:read", _("Read published releases and their cells")
    STATEMENTS_READ = "statements:read", _("Read the own figures beside a release")
    ALERTS_READ = "alerts:read", _("Read warnings about published figures")
    ALERTS_WRITE = "alerts:write", _("Acknowledge, follow up and close warnings for the institution")
    LOG_READ = "log:read", _("Follow the log of accepted packages")
    INSTITUTION_READ = "institution:read", _("Read the own institution's entry and keys")


def every_scope() -> list[str]:
    """What a client has that was issued without a choice."""
    return [str(scope) for scope in Scope]
