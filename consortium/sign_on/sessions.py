"""Where a person is signed in, and ending it.

Sessions end by themselves when the password changes, because Django signs them with it. `receivers` ends those of a
closed account and of a suspended institution: the layers below know of no sessions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from typing import Final

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone

from consortium.audit.services import record
from consortium.people.models import Person
from consortium.sign_on import rules
from consortium.sign_on.devices import device_name

SEEN_EVERY: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Place:
    """One sign-in that lasts, as its owner reads it."""

    pk: int
    device: str
    address: str
    since: datetime
    seen: datetime
    is_current: bool


def of(person: Person, current_key: str | None) -> list[Place]:
    """The current one first, then by when it was last seen."""
    rows = UserSession.objects.purge_and_list(person)
    found = [
        Place(
            row.pk,
            device_name(row.user_agent),
            row.ip,
            row.created_at,
            row.last_seen_at,
            row.session_key == current_key,
        )
        for row in rows
    ]
    return sorted(found, key=lambda session: (not session.is_current, -session.seen.timestamp()))


@transaction.atomic
def end_own(person: Person, *, current_key: str | None, pk: int | None = None) -> int:
    """End one other session, or all others; how many ended."""
    others = UserSession.objects.filter(user=person).exclude(session_key=current_key)
    ended = _end(others.filter(pk=pk) if pk else others)
    if ended:
        record("person.sessions_ended", by=person, about=person, institution=person.institution, sessions=ended)
    return ended


@transaction.atomic
def end_of_another(person: Person, *, by: Person) -> int:
    """An administrator signs somebody out everywhere; how many sessions ended."""
    rules.check_can_end_sessions(by, person)
    ended = end_all(person)
    record("person.sessions_ended", by=by, about=person, institution=person.institution, sessions=ended)
    return ended


def end_all(*people: Person) -> int:
    return _end(UserSession.objects.filter(user__in=people))


def was_seen(session_key: str, address: str) -> None:
    """Keep when and from where a session was last used, to five minutes."""
    now = timezone.now()
    UserSession.objects.filter(session_key=session_key, last_seen_at__lt=now - SEEN_EVERY).update(
        last_seen_at=now, ip=address
    )


def forget_over() -> None:
    """Remove what is left of sessions that are over."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    lasting = Session.objects.values("session_key")
    UserSession.objects.exclude(session_key__in=lasting).delete()


def _end(sessions: Iterable[UserSession]) -> int:
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    ended = 0
    for session in sessions:
        store.delete(session.session_key)
        session.delete()
        ended += 1
    return ended
