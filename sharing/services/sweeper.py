"""Finds work that nobody is doing, from the rows alone: messages may be lost, workers may die."""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import islice
from typing import Final

from django.conf import settings
from django.db.models import Count, Q
from django.utils import timezone
from oauth2_provider.models import clear_expired

from consortium.institutions.services import api_clients
from consortium.notifications.models import Announcement
from sharing import blobs, tasks, vault
from sharing.models import Release, Round, Submission
from sharing.services import deadlines
from sharing.states import ReleaseState, RoundState

log = logging.getLogger(__name__)

# The rest waits for the next sweep.
_AT_ONCE: Final = 1000
# Far longer than any request takes between storing a package and committing its row.
_ORPHAN_AGE_SECONDS: Final = 3600


def sweep() -> None:
    deadlines.close_due()
    _queue_submissions()
    _queue_round_keys()
    _queue_releases()
    _queue_announcements()


def tidy() -> None:
    remove_orphans()
    clear_expired()
    api_clients.forget_used_assertions()


def remove_orphans(older_than: float = _ORPHAN_AGE_SECONDS) -> int:
    """How many packages were removed that no row refers to: their sender never got an answer."""
    removed = 0
    old = blobs.older_than(older_than)
    while names := set(islice(old, _AT_ONCE)):
        orphans = names - set(Submission.objects.filter(blob__in=names).values_list("blob", flat=True))
        for name in orphans:
            blobs.remove(name)
        removed += len(orphans)
    if removed:
        log.info("orphaned packages removed: %s", removed)
    return removed


def _queue_submissions() -> None:
    now = timezone.now()
    given_up = now - timedelta(seconds=settings.CONCORD_PATIENCE)
    forgotten = Q(lease_until=None, queued_at__lt=given_up) | Q(lease_until__lt=now, queued_at__lt=given_up)
    waiting = Submission.objects.undecided().filter(forgotten).order_by("received_at")
    ids = list(waiting.values_list("pk", flat=True)[:_AT_ONCE])
    Submission.objects.filter(pk__in=ids).update(queued_at=now)
    for id in ids:
        tasks.send(tasks.open_submission, str(id))


def _queue_round_keys() -> None:
    rounds = Round.objects.filter(state=RoundState.OPEN).annotate(made=Count("keys"))
    for id in rounds.filter(made__lt=len(vault.SUITES)).values_list("pk", flat=True):
        tasks.send(tasks.make_round_keys, id)


def _queue_releases() -> None:
    now = timezone.now()
    given_up = now - timedelta(seconds=settings.CONCORD_PATIENCE)
    forgotten = Q(lease_until=None, started_at__lt=given_up) | Q(lease_until__lt=now)
    for id in Release.objects.filter(forgotten, state=ReleaseState.COMPUTING).values_list("pk", flat=True):
        tasks.send(tasks.compute_release, id)


def _queue_announcements() -> None:
    for id in Announcement.objects.forgotten().values_list("pk", flat=True)[:_AT_ONCE]:
        tasks.send(tasks.tell, id)
