"""Starting, approving, publishing, refusing and withdrawing a release. Computing one is in `computing`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from consortium.audit.services import record
from sharing import rules, tasks, texts
from sharing.models import Release, ReleaseApproval, Round
from sharing.services import announcing
from sharing.states import ReleaseState, RoundState

if TYPE_CHECKING:
    from consortium.people.models import Person


@transaction.atomic
def start(round: Round, *, by: Person) -> Release:
    """A new draft of the round's release, which the vault computes."""
    round = Round.objects.select_for_update(of=("self",)).select_related("collection").get(pk=round.pk)
    rules.check_can_start_release(by, round)
    round.move_to(RoundState.COMPUTING)
    round.save(update_fields=["state"])
    revision = 1 + (round.releases.aggregate(last=Max("revision"))["last"] or 0)
    release = Release.objects.create(
        round=round,
        public_id=f"{round.public_id}-r{revision}",
        revision=revision,
        prepared_by=by,
        expected=round.collection.contributors.active().count(),
    )
    record("release.started", by=by, about=release)
    transaction.on_commit(partial(tasks.send, tasks.compute_release, release.pk))
    return release


@transaction.atomic
def approve(release: Release, *, by: Person) -> None:
    """One person's yes to a draft that somebody else prepared."""
    release = locked(release)
    rules.check_can_approve_release(by, release)
    ReleaseApproval.objects.create(release=release, person=by)
    record("release.approved", by=by, about=release)


@transaction.atomic
def publish(release: Release, *, by: Person) -> None:
    """Show an approved release to its contributors; a former revision gives way and stays visible as withdrawn."""
    release = locked(release)
    rules.check_can_publish(by, release)
    for former in release.round.releases.select_for_update().filter(state=ReleaseState.PUBLISHED):
        former.move_to(ReleaseState.WITHDRAWN)
        former.reason = f"Replaced by revision {release.revision}."
        former.save(update_fields=["state", "reason"])
        record("release.replaced", by=by, about=former, revision=release.revision)
    release.move_to(ReleaseState.PUBLISHED)
    release.published_at = timezone.now()
    release.published_by = by
    release.save(update_fields=["state", "published_at", "published_by"])
    _move_round(release.round, RoundState.PUBLISHED)
    record("release.published", by=by, about=release)
    announcing.announce("release.published", release)


@transaction.atomic
def refuse(release: Release, *, reason: str, by: Person) -> None:
    """The draft is not published; its round can be reopened or computed again."""
    release = locked(release)
    rules.check_can_refuse(by, release)
    texts.check_has_reason(reason)
    release.move_to(ReleaseState.REFUSED)
    release.reason = reason.strip()
    release.save(update_fields=["state", "reason"])
    _move_round(release.round, RoundState.CLOSED)
    record("release.refused", by=by, about=release)


@transaction.atomic
def withdraw(release: Release, *, reason: str, by: Person) -> None:
    """What was published no longer holds; it stays visible as withdrawn, with the reason."""
    release = locked(release)
    rules.check_can_withdraw_release(by, release)
    texts.check_has_reason(reason)
    release.move_to(ReleaseState.WITHDRAWN)
    release.reason = reason.strip()
    release.save(update_fields=["state", "reason"])
    if release.round.state == RoundState.PUBLISHED:
        _move_round(release.round, RoundState.CLOSED)
    record("release.withdrawn", by=by, about=release)
    announcing.announce("release.withdrawn", release)


def locked(release: Release) -> Release:
    """The row and its round's, held until the transaction ends; the round first, as everybody does."""
    Round.objects.select_for_update().get(pk=release.round_id)
    found = Release.objects.select_for_update(of=("self",)).select_related("round__collection")
    return found.get(pk=release.pk)


def _move_round(round: Round, state: RoundState) -> None:
    round.move_to(state)
    round.save(update_fields=["state"])
