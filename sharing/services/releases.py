"""A release from its start to its end: review, approval, embargo, publication. Computing one is in `computing`.

Any change of a draft ends the approvals it has, and whoever changed it approves it no more.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from consortium.audit.services import record
from sharing import rules, tasks, texts
from sharing.models import EditKind, Release, ReleaseApproval, ReleaseComment, ReleaseEdit, Round
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
def annotate(release: Release, *, note: str, by: Person) -> None:
    """The note that readers see with the release: of a correction, what was wrong."""
    release = locked(release)
    rules.check_can_change_draft(by, release)
    texts.check_remark(note)
    release.note = note.strip()
    release.save(update_fields=["note"])
    _changed(release, EditKind.NOTE, by)


@transaction.atomic
def withhold_besides(release: Release, *, cells: Collection[tuple[str, str]], by: Person) -> None:
    """Compute the draft again with these cells (peer group, key) withheld in every indicator; [] takes them all back."""
    release = locked(release)
    rules.check_can_change_draft(by, release)
    rules.check_are_cells(release, cells)
    release.also_withhold = sorted([group, key] for group, key in cells)
    release.cells_of_release.all().delete()
    release.statements.all().delete()
    release.move_to(ReleaseState.COMPUTING)
    release.audit_passed, release.audit, release.lease_until = False, {}, None
    release.save(update_fields=["also_withhold", "state", "audit_passed", "audit", "lease_until"])
    _move_round(release.round, RoundState.COMPUTING)
    _changed(release, EditKind.WITHHOLD, by)
    transaction.on_commit(partial(tasks.send, tasks.compute_release, release.pk))


@transaction.atomic
def comment(release: Release, *, text: str, by: Person) -> ReleaseComment:
    """A remark among reviewers; it changes nothing."""
    rules.check_can_comment_release(by)
    texts.check_has_message(text)
    written = ReleaseComment.objects.create(release=release, person=by, text=text.strip())
    record("release.commented", by=by, about=release)
    return written


@transaction.atomic
def publish(release: Release, *, by: Person) -> None:
    """Show an approved release to its contributors at once."""
    release = locked(release)
    rules.check_can_publish(by, release)
    _publish(release, by)


@transaction.atomic
def schedule(release: Release, *, at: datetime, by: Person) -> None:
    """Publish an approved release by itself at a time; nobody but reviewers sees it before."""
    release = locked(release)
    rules.check_can_schedule(by, release, at)
    release.move_to(ReleaseState.SCHEDULED)
    release.publish_at, release.published_by = at, by
    release.save(update_fields=["state", "publish_at", "published_by"])
    record("release.scheduled", by=by, about=release, at=at.isoformat())


@transaction.atomic
def call_off(release: Release, *, by: Person) -> None:
    """The embargo's end is called off; the draft keeps its approvals."""
    release = locked(release)
    rules.check_can_call_off(by, release)
    release.move_to(ReleaseState.IN_REVIEW)
    release.publish_at = release.published_by = None
    release.save(update_fields=["state", "publish_at", "published_by"])
    record("release.called_off", by=by, about=release)


def publish_due() -> int:
    """Publish what is due, in the name of whoever scheduled it; how many there were. Called every minute by beat."""
    published = 0
    for waiting in Release.objects.due():
        with transaction.atomic():
            release = locked(waiting)
            # Somebody may have called it off, or another worker published it, since the row was read.
            if release.state == ReleaseState.SCHEDULED and release.published_by is not None:
                _publish(release, release.published_by)
                published += 1
    return published


def _publish(release: Release, by: Person) -> None:
    """A former revision gives way and stays visible as withdrawn."""
    now = timezone.now()
    for former in release.round.releases.select_for_update().filter(state=ReleaseState.PUBLISHED):
        former.move_to(ReleaseState.WITHDRAWN)
        former.reason = f"Replaced by revision {release.revision}. {release.note}".strip()
        former.withdrawn_at = now
        former.save(update_fields=["state", "reason", "withdrawn_at"])
        record("release.replaced", by=by, about=former, revision=release.revision)
    release.move_to(ReleaseState.PUBLISHED)
    release.published_at = now
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
    release.withdrawn_at = timezone.now()
    release.save(update_fields=["state", "reason", "withdrawn_at"])
    if release.round.state == RoundState.PUBLISHED:
        _move_round(release.round, RoundState.CLOSED)
    record("release.withdrawn", by=by, about=release)
    announcing.announce("release.withdrawn", release)


def locked(release: Release) -> Release:
    """The row and its round's, held until the transaction ends; the round first, as everybody does."""
    Round.objects.select_for_update().get(pk=release.round_id)
    found = Release.objects.select_for_update(of=("self",)).select_related("round__collection")
    return found.get(pk=release.pk)


def _changed(release: Release, what: EditKind, by: Person) -> None:
    """The draft is another one now: nobody has approved it."""
    ReleaseEdit.objects.create(release=release, person=by, what=what)
    reset, _rows = release.approvals.all().delete()
    record("release.changed", by=by, about=release, what=str(what), approvals_reset=reset)


def _move_round(round: Round, state: RoundState) -> None:
    round.move_to(state)
    round.save(update_fields=["state"])
