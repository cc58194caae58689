"""Telling people what happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from consortium.notifications.models import Notice

if TYPE_CHECKING:
    from consortium.notifications.kinds import Kind
    from consortium.people.models import Person


def notify(people: Iterable[Person], kind: Kind, *, address: str, **facts: str) -> None:
    """A notice to each, written in the caller's transaction or not at all.

    `facts` fill the kind's sentence: names, codes and dates, never a figure.
    """
    Notice.objects.bulk_create(Notice(person=person, kind=kind, address=address, facts=facts) for person in people)
