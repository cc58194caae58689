"""Which tone and drawing stand for a state, for every state table of the portal."""

from __future__ import annotations

from collections.abc import Mapping

_BADGES: Mapping[str, tuple[str, str]] = {
    # institutions
    "applicant": ("info", "clock"),
    "active": ("good", "check"),
    "suspended": ("warn", "pause"),
    "left": ("neutral", "cross"),
    # applications
    "submitted": ("neutral", "clock"),
    "confirmed": ("info", "open"),
    "admitted": ("good", "check"),
    "declined": ("bad", "cross"),
    # an institution that is leaving
    "leaving": ("warn", "clock"),
    # the agreement
    "due": ("warn", "clock"),
    "overdue": ("bad", "alert"),
    # rounds
    "planned": ("neutral", "clock"),
    "open": ("info", "open"),
    "closed": ("neutral", "withheld"),
    "computing": ("info", "work"),
    "in_review": ("warn", "audit"),
    "scheduled": ("info", "clock"),
    "published": ("good", "check"),
    # submissions
    "received": ("info", "work"),
    "awaiting_approval": ("warn", "person"),
    "accepted": ("good", "check"),
    "rejected": ("bad", "cross"),
    "superseded": ("neutral", "replaced"),
    "withdrawn": ("neutral", "down"),
    "missing": ("neutral", "clock"),
    "late": ("bad", "alert"),
    "sent_back": ("warn", "replaced"),
    "checked": ("info", "check"),
    "on_time": ("good", "check"),
    "in_grace": ("warn", "clock"),
    # declarations of no data
    "declared": ("good", "check"),
    "replaced": ("neutral", "replaced"),
    # questions of the association
    "query_open": ("warn", "clock"),
    "answered": ("info", "check"),
    "query_closed": ("neutral", "check"),
    # warnings
    "alert_open": ("warn", "alert"),
    "acknowledged": ("info", "check"),
    "follow_up": ("info", "clock"),
    "alert_closed": ("neutral", "check"),
    "elevated": ("warn", "alert"),
    "severe": ("bad", "alert"),
    # releases
    "failed": ("bad", "alert"),
    "refused": ("bad", "cross"),
    # findings
    "error": ("bad", "cross"),
    "warning": ("warn", "alert"),
    # the progress board
    "trial": ("info", "clock"),
    "silent": ("neutral", "clock"),
    # deliveries of webhooks
    "waiting": ("info", "clock"),
    "delivered": ("good", "check"),
    # proofs
    "passed": ("good", "shield"),
    "not_passed": ("bad", "alert"),
}


def badge_of(state: str) -> tuple[str, str]:
    """Tone and drawing; a state without an entry is a mistake that a test finds."""
    return _BADGES[state]
