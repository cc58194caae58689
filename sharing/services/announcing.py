"""Telling people and systems of what happens to rounds and releases.

The change writes an announcement in its own transaction; the office tells everybody, and the sweeper finds what was
forgotten. A notice and a message name the round or release; they never hold a figure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from consortium.notifications import webhooks
from consortium.notifications.kinds import Kind
from consortium.notifications.models import Announcement, EventType
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import PERMISSIONS, Permission, Role
from sharing import tasks
from sharing.models import Release, Round, Submission
from sharing.states import ReleaseState, RoundState

_SENDERS = (Role.SUBMITTER, Role.APPROVER)


def announce(event: str, about: Round | Release) -> None:
    """Tell of it once the caller's transaction has committed."""
    announcement = Announcement.objects.create(event=event, about=str(about.pk))
    transaction.on_commit(partial(tasks.send, tasks.tell, announcement.pk))


@transaction.atomic
def tell(announcement_id: int) -> None:
    """Called in the office; does nothing when everybody was told, or another worker is at it."""
    waiting = Announcement.objects.select_for_update(skip_locked=True).filter(pk=announcement_id, done_at=None)
    announcement = waiting.first()
    if announcement is None:
        return
    _TELL[announcement.event](announcement)
    announcement.done_at = timezone.now()
    announcement.save(update_fields=["done_at"])


def facts_of(round: Round) -> dict[str, Any]:
    """What the sentences about a round name."""
    return {
        "collection": round.collection.document["name"],
        "period": round.period,
        "due": round.due_at.date().isoformat(),
    }


def data_of(round: Round) -> dict[str, str]:
    """What a message to a webhook says about a round."""
    return {
        "round": round.public_id,
        "collection": round.collection.code,
        "period": round.period,
        "due_at": round.due_at.isoformat(),
        "api": _url("api:round", round.public_id),
    }


def submission_changed(submission: Submission, type: EventType) -> None:
    """Tell the systems of the institution, in the caller's transaction; trials are the sender's own business."""
    if submission.is_trial:
        return
    data = {
        **data_of(submission.round),
        "submission": str(submission.pk),
        "version": str(submission.version),
        "page": _url("submission", submission.pk),
        "api": _url("api:submission", submission.pk),
    }
    webhooks.emit(type, [submission.institution_id], data, once=f"{type}/{submission.pk}")


def _round_opened(announcement: Announcement) -> None:
    round = _round(announcement)
    if round.state != RoundState.OPEN:
        return  # closed again before anybody was told
    kind = Kind.ROUND_OPENED if announcement.event == "round.opened" else Kind.ROUND_REOPENED
    contributors = list(round.collection.contributors.active().values_list("pk", flat=True))
    people = Person.objects.filter(institution__in=contributors, is_active=True, roles__overlap=_SENDERS)
    once = f"{announcement.event}/{announcement.pk}"
    notify(people, kind, address=reverse("submissions"), once=once, **facts_of(round))
    webhooks.emit(EventType.ROUND_OPENED, contributors, data_of(round), once=once)


def _release_in_review(announcement: Announcement) -> None:
    release = _release(announcement)
    if release.state == ReleaseState.IN_REVIEW:
        reviewers = _able(Permission.RELEASE_REVIEW).filter(institution=None)
        _notify(reviewers, Kind.RELEASE_IN_REVIEW, release, announcement)


def _release_published(announcement: Announcement) -> None:
    """Whoever has a statement hears of it in the same notice; a correction is called one."""
    release = _release(announcement)
    if release.state != ReleaseState.PUBLISHED:
        return
    is_corrected = (
        release.revision > 1
        and release.round.releases.filter(state=ReleaseState.WITHDRAWN, revision__lt=release.revision).exists()
    )
    compared = set(release.statements.values_list("institution", flat=True))
    readers = _readers(release)
    if is_corrected:
        _notify(readers, Kind.RELEASE_CORRECTED, release, announcement)
    else:
        _notify((p for p in readers if p.institution_id in compared), Kind.STATEMENT_READY, release, announcement)
        _notify((p for p in readers if p.institution_id not in compared), Kind.RELEASE_PUBLISHED, release, announcement)
    _emit(EventType.RELEASE_PUBLISHED, release, {p.institution_id for p in readers if p.institution_id}, announcement)
    _emit(EventType.STATEMENT_READY, release, compared, announcement)
    _watch(release)


def _release_withdrawn(announcement: Announcement) -> None:
    release = _release(announcement)
    readers = _readers(release)
    _notify(readers, Kind.RELEASE_WITHDRAWN, release, announcement)
    _emit(EventType.RELEASE_WITHDRAWN, release, {p.institution_id for p in readers if p.institution_id}, announcement)
    _watch(release)


_TELL: Mapping[str, Callable[[Announcement], None]] = {
    "round.opened": _round_opened,
    "round.reopened": _round_opened,
    "release.in_review": _release_in_review,
    "release.published": _release_published,
    "release.withdrawn": _release_withdrawn,
}


def _watch(release: Release) -> None:
    """What is in force has changed, so warnings may have."""
    transaction.on_commit(partial(tasks.send, tasks.watch_collection, release.round.collection.code))


def _notify(people: Iterable[Person], kind: Kind, release: Release, announcement: Announcement) -> None:
    address = reverse("release", args=[release.public_id])
    once = f"{announcement.event}/{announcement.pk}"
    facts = facts_of(release.round)
    notify(people, kind, address=address, once=once, collection=facts["collection"], period=facts["period"])


def _emit(type: EventType, release: Release, institutions: Iterable[int], announcement: Announcement) -> None:
    data = {
        "release": release.public_id,
        "round": release.round.public_id,
        "collection": release.round.collection.code,
        "period": release.round.period,
        "revision": str(release.revision),
        "page": _url("release", release.public_id),
        "api": _url("api:statement" if type == EventType.STATEMENT_READY else "api:release", release.public_id),
    }
    webhooks.emit(type, institutions, data, once=f"{type}/{announcement.pk}")


def _readers(release: Release) -> list[Person]:
    """Everybody who may see the release now: its contributors' people and the association's."""
    contributors = release.round.collection.contributors.active()
    able = _able(Permission.RELEASE_VIEW)
    return list(able.filter(institution__in=contributors) | able.filter(institution=None))


def _able(permission: Permission) -> Any:
    roles = [role for role, permissions in PERMISSIONS.items() if permission in permissions]
    return Person.objects.filter(is_active=True, roles__overlap=roles)


def _round(announcement: Announcement) -> Round:
    return Round.objects.select_related("collection").get(pk=announcement.about)


def _release(announcement: Announcement) -> Release:
    return Release.objects.select_related("round__collection").get(pk=announcement.about)


def _url(name: str, *args: object) -> str:
    return settings.CONCORD_URL + reverse(name, args=args)
