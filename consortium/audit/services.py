"""The chain of entries: each digest covers the entry and the digest before it, so a change anywhere shows."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from consortium.audit.models import Entry
from consortium.institutions.models import ApiClient, Institution
from consortium.people.models import Person

BEGINNING = "0" * 64
_LOCK = 0x636F6E63  # one writer at a time: an entry has exactly one before it

By = Person | ApiClient | str  # a process is named by a word: "vault"


@dataclass(frozen=True)
class Break:
    """The first entry that is not what was written."""

    entry: int
    what: str


def record(
    event: str, *, by: By, about: Model | None = None, institution: Institution | None = None, **details: Any
) -> Entry:
    """The entry, written in the caller's transaction or not at all.

    Take row locks first and record last: the chain's lock is held until the transaction ends. `details` name things
    (ids, rules, counts of rows) and never hold a figure. The institution is `about`'s own unless given.
    """
    entry = Entry(
        at=timezone.now(),
        event=event,
        person=by if isinstance(by, Person) else None,
        institution_id=institution.pk if institution else _institution_of(about),
        actor=_name(by),
        about_type=about._meta.model_name or "" if about else "",
        about_id=str(about.pk) if about else "",
        about=_label(about)[:200] if about else "",
        details=details,
    )
    with transaction.atomic(savepoint=False):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            # A statement of its own: it must see what the writer before committed.
            cursor.execute("SELECT digest FROM audit_entry ORDER BY id DESC LIMIT 1")
            last = cursor.fetchone()
        entry.previous = last[0] if last else BEGINNING
        entry.digest = digest_of(entry)
        entry.save(force_insert=True)
    return entry


def verify_chain(start: int = 0) -> Break | None:
    """The first entry after id `start` that was changed, or whose predecessor was removed; None when all hold."""
    entries = Entry.objects.order_by("pk")
    before = entries.filter(pk__lte=start).last()
    previous = before.digest if before else BEGINNING
    for entry in entries.filter(pk__gt=start).iterator(chunk_size=2000):
        if entry.previous != previous:
            return Break(entry.pk, "an entry before it is missing")
        if entry.digest != digest_of(entry):
            return Break(entry.pk, "it was changed")
        previous = entry.digest
    return None


def digest_of(entry: Entry) -> str:
    """SHA-256 (hex) over the entry's fields and the digest before it, as canonical JSON."""
    fields = [
        entry.previous,
        entry.at.isoformat(timespec="microseconds"),
        entry.event,
        entry.person_id,
        entry.institution_id,
        entry.actor,
        entry.about_type,
        entry.about_id,
        entry.about,
        entry.details,
    ]
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _institution_of(about: Model | None) -> int | None:
    if isinstance(about, Institution):
        return about.pk
    return getattr(about, "institution_id", None)


def _label(about: Model) -> str:
    """A name that does not depend on the reader's language, where there is one."""
    return str(getattr(about, "public_id", None) or getattr(about, "code", None) or about)


def _name(by: By) -> str:
    if isinstance(by, ApiClient):
        return f"API client {by.name or by.client_id}"[:160]
    return str(by)[:160]
