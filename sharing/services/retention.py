"""Destroying the private keys of rounds, by date or by two people: what was sealed to them is gone for everybody.

The wrapped keys are overwritten in the database and the packages removed from storage. What proves that a package was
there (its row, receipt and leaf in the log) stays. docs/key-ceremony.md says what this means for backups.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing import blobs, retention
from sharing.models import Destruction, Round

if TYPE_CHECKING:
    from consortium.audit.services import By

log = logging.getLogger(__name__)


def destroy_expired() -> int:
    """How many rounds lost their keys because their time was over. Each is a transaction of its own."""
    kept = Round.objects.filter(keys__destroyed_at=None, keys__isnull=False).distinct()
    return sum(_destroy_if_due(pk) for pk in kept.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _destroy_if_due(pk: int) -> bool:
    round = _locked(pk)
    due = retention.due_at(round)
    if due is None or due > timezone.now():
        return False
    try:
        retention.check_is_at_rest(round)
    except Refused:
        return False  # a package is just being checked; the next day is soon enough
    round.destructions.filter(ended_at=None).update(ended_at=timezone.now())
    _destroy(round, by="retention", why="retention")
    return True


@transaction.atomic
def ask(round: Round, *, reason: str, by: Person) -> Destruction:
    """Ask to destroy a round's keys before their time; nothing happens before a second person confirms."""
    round = _locked(round.pk)
    retention.check_can_ask(by, round)
    try:
        with transaction.atomic():
            asked = Destruction.objects.create(round=round, reason=reason, asked_by=by)
    except IntegrityError as other:
        raise Refused(
            _("Somebody has asked for this already; a second person confirms it."), rule="asked-already"
        ) from other
    record("round.destruction_asked", by=by, about=round, reason=reason)
    return asked


@transaction.atomic
def confirm(destruction: Destruction, *, by: Person) -> None:
    """The second person's yes: the keys are gone when this returns."""
    destruction = _waiting(destruction)
    retention.check_can_confirm(by, destruction)
    destruction.confirmed_by, destruction.ended_at = by, timezone.now()
    destruction.save(update_fields=["confirmed_by", "ended_at"])
    _destroy(destruction.round, by=by, why=destruction.reason)


@transaction.atomic
def call_off(destruction: Destruction, *, by: Person) -> None:
    """The keys stay until their time is over."""
    destruction = _waiting(destruction)
    retention.check_can_call_off(by, destruction)
    destruction.called_off_by, destruction.ended_at = by, timezone.now()
    destruction.save(update_fields=["called_off_by", "ended_at"])
    record("round.destruction_called_off", by=by, about=destruction.round)


def _locked(pk: int) -> Round:
    return Round.objects.select_for_update(of=("self",)).select_related("collection").get(pk=pk)


def _waiting(destruction: Destruction) -> Destruction:
    """The request and its round, locked: the round first, as everywhere."""
    round = _locked(destruction.round_id)
    found = Destruction.objects.select_for_update(of=("self",)).get(pk=destruction.pk)
    found.round = round
    return found


def _destroy(round: Round, *, by: By, why: str) -> None:
    """The round is locked. Packages go once this is committed; what a killed process left, `tidy` removes."""
    now = timezone.now()
    submissions = round.submissions.exclude(blob="").order_by("pk")
    names = list(submissions.values_list("blob", flat=True))
    senders = set(round.submissions.values_list("institution", flat=True))
    submissions.update(blob="")
    keys = round.keys.filter(destroyed_at=None).update(wrapped_private=None, destroyed_at=now)
    people = Person.objects.filter(
        institution__in=senders, is_active=True, roles__overlap=[Role.SUBMITTER, Role.APPROVER, Role.ADMINISTRATOR]
    )
    facts = {"collection": round.collection.code, "period": round.period}
    notify(people, Kind.ROUND_KEYS_DESTROYED, address=reverse("submissions"), **facts)
    record("round.keys_destroyed", by=by, about=round, keys=keys, packages=len(names), reason=why)
    transaction.on_commit(partial(_remove, names))
    log.info("keys of round %s destroyed", round.public_id)


def _remove(names: Iterable[str]) -> None:
    for name in names:
        blobs.remove(name)
