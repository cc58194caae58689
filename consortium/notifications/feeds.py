"""The link by which a person's calendar subscribes to due dates: no sign-in, not to be guessed, revocable."""

from __future__ import annotations

from django.core import signing
from django.db import transaction

from consortium.audit.services import record
from consortium.notifications.models import CalendarFeed
from consortium.notifications.models.calendar_feed import new_number
from consortium.people.models import Person

_SALT = "consortium.notifications.calendar"


def token_of(person: Person) -> str:
    """The token of the person's link; empty where there is none. It is made anew, and kept nowhere."""
    feed = CalendarFeed.objects.filter(person=person).first()
    return _token(feed) if feed else ""


@transaction.atomic
def renew(person: Person) -> str:
    """A link, or another one; the one before stops working at once."""
    feed, _is_new = CalendarFeed.objects.update_or_create(person=person, defaults={"number": new_number()})
    record("calendar_link.made", by=person, about=person)
    return _token(feed)


@transaction.atomic
def revoke(person: Person) -> None:
    deleted, _what = CalendarFeed.objects.filter(person=person).delete()
    if deleted:
        record("calendar_link.revoked", by=person, about=person)


def owner_of(token: str) -> Person | None:
    """Whose link it is, as long as it is the newest and the account and institution are in force."""
    try:
        pk, number = signing.Signer(salt=_SALT).unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError, UnicodeError):
        return None
    feed = CalendarFeed.objects.filter(person=pk, number=number).select_related("person__institution").first()
    return feed.person if feed is not None and feed.person.is_entitled else None


def _token(feed: CalendarFeed) -> str:
    return signing.Signer(salt=_SALT).sign_object([feed.person_id, feed.number])
