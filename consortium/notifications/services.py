"""Telling people what happened, in the portal and by mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from consortium.notifications import mail, tasks
from consortium.notifications.kinds import ALWAYS_MAILED_TOPICS, Kind, Topic, is_always_mailed, topic_of
from consortium.notifications.models import Announcement, Channel, Mail, Notice, Preference
from consortium.people.models import Person
from consortium.queue import send as queue

AT_A_TIME: Final = 1000
IN_A_DIGEST: Final = 50
_SALT: Final = "consortium.notifications.no-more-mail"

Fact = str | Mapping[str, str]  # a plain name, a day as 2026-11-23, or a name per language: {"en": …, "zh-Hans": …}


def notify(people: Iterable[Person], kind: Kind, *, address: str, once: str = "", **facts: Fact) -> None:
    """A notice to each whose account is open, written in the caller's transaction or not at all, then mailed.

    `facts` fill the kind's sentence: names, codes and days, never a figure. `once` names the event where telling may
    run twice: nobody is told of the same one again.
    """
    chosen = Channel.OFF
    told = (person for person in people if person.is_active)
    while batch := list(islice(told, AT_A_TIME)):
        channels = _channels(batch, kind)
        notices = [
            Notice(person=person, kind=kind, address=address, facts=facts, once=once, mail=channels[person.pk])
            for person in batch
        ]
        Notice.objects.bulk_create(notices, ignore_conflicts=bool(once))
        if Channel.AT_ONCE in channels.values():
            chosen = Channel.AT_ONCE
    if chosen == Channel.AT_ONCE:
        transaction.on_commit(partial(queue, tasks.mail_notices))


def announce(event: str, about: object) -> Announcement:
    """Remember, in the caller's transaction, that people are to be told; whoever calls also queues it."""
    return Announcement.objects.create(event=event, about=str(about))


def mail_notices() -> int:
    """How many notices became letters: those that are mailed at once, and have not been."""
    written = 0
    while count := _mail_some():
        written += count
    return written


def mail_digests() -> int:
    """How many people got a letter with what they have not read since the last one."""
    waiting = Notice.objects.to_mail(Channel.DIGEST).order_by().values_list("person", flat=True).distinct()
    return sum(_mail_digest(person_id) for person_id in list(waiting))


def read(notices: Iterable[Notice] | None, *, by: Person) -> None:
    """Mark these of the person's notices as read; None for all."""
    unread = Notice.objects.visible_to(by).unread()
    if notices is not None:
        unread = unread.filter(pk__in=[notice.pk for notice in notices])
    unread.update(read_at=timezone.now())


def preferences(person: Person) -> dict[Topic, Channel]:
    """When the person is mailed, for every topic."""
    chosen = dict(Preference.objects.filter(person=person).values_list("topic", "mail"))
    return {
        topic: Channel.AT_ONCE if topic in ALWAYS_MAILED_TOPICS else Channel(chosen.get(topic, Channel.AT_ONCE))
        for topic in Topic
    }


def prefer(person: Person, choices: Mapping[Topic, Channel]) -> None:
    """What is always mailed stays so, whatever is chosen."""
    Preference.objects.bulk_create(
        [
            Preference(person=person, topic=topic, mail=channel)
            for topic, channel in choices.items()
            if topic not in ALWAYS_MAILED_TOPICS
        ],
        update_conflicts=True,
        unique_fields=["person", "topic"],
        update_fields=["mail"],
    )


def no_more_mail(token: str) -> Person:
    """Stop the mail of all topics that can be stopped, for whoever the link was mailed to; BadSignature otherwise."""
    person = owner_of(token)
    prefer(person, dict.fromkeys(Topic, Channel.OFF))
    return person


def owner_of(token: str) -> Person:
    """Whom a link to stop the mail belongs to; BadSignature when it is nobody's."""
    try:
        return Person.objects.get(pk=signing.loads(token, salt=_SALT))
    except (Person.DoesNotExist, ValueError, TypeError) as nobody:
        raise signing.BadSignature from nobody


def _channels(people: Sequence[Person], kind: Kind) -> dict[int, str]:
    """When each is mailed; one query."""
    channels: dict[int, str] = {person.pk: Channel.AT_ONCE for person in people}
    if not is_always_mailed(kind):
        chosen = Preference.objects.filter(topic=topic_of(kind), person__in=list(channels))
        channels |= dict(chosen.values_list("person", "mail"))
    return channels


@transaction.atomic
def _mail_some() -> int:
    """A batch, claimed and written together: two workers write no letter twice."""
    waiting = Notice.objects.to_mail(Channel.AT_ONCE).select_for_update(of=("self",), skip_locked=True)
    notices = list(waiting.select_related("person__institution").order_by("pk")[: mail.AT_ONCE])
    mail.send_all([_letter(notice.person, [notice]) for notice in notices if _may_be_mailed(notice)])
    Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(mailed_at=timezone.now())
    return len(notices)


@transaction.atomic
def _mail_digest(person_id: int) -> bool:
    """Whether there was something left to say. What was read in the portal meanwhile is not mailed."""
    waiting = Notice.objects.to_mail(Channel.DIGEST).filter(person=person_id)
    notices = list(waiting.select_for_update(of=("self",), skip_locked=True).select_related("person__institution"))
    unread = [notice for notice in notices if notice.read_at is None and _may_be_mailed(notice)]
    Notice.objects.filter(pk__in=[notice.pk for notice in notices]).update(mailed_at=timezone.now())
    if not unread:
        return False
    mail.send_all([_letter(unread[0].person, unread)])
    return True


def _may_be_mailed(notice: Notice) -> bool:
    """What concerns the account itself reaches its owner while the institution is suspended too."""
    if topic_of(notice.kind) in ALWAYS_MAILED_TOPICS:
        return notice.person.is_active
    return notice.person.is_entitled


def _letter(person: Person, notices: Sequence[Notice]) -> Mail:
    """One notice, or a digest of several; with the links by which a person gets less of them."""
    stop = f"{settings.CONCORD_URL}{reverse('no-more-mail', args=[signing.dumps(person.pk, salt=_SALT)])}"
    optional = not all(is_always_mailed(notice.kind) for notice in notices)
    headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return mail.write(
        person.email,
        "notifications/notices",
        person.language,
        headers=headers if optional else None,
        notices=notices[:IN_A_DIGEST],
        more=max(len(notices) - IN_A_DIGEST, 0),
        count=len(notices),
        person=person,
        stop=stop if optional else "",
    )
