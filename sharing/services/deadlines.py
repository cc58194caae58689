"""The dates of a round: who is on time, more time for one institution, closing by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from consortium.audit.services import record
from sharing import rules
from sharing.models import Extension, Round, Timeliness
from sharing.services import telling
from sharing.states import RoundState

if TYPE_CHECKING:
    from datetime import datetime

    from consortium.institutions.models import Institution
    from consortium.people.models import Person


def timeliness(round: Round, institution_id: int, at: datetime) -> Timeliness:
    """How a package that is received `at` stands against the dates that hold for its institution then."""
    extension = round.extensions.filter(institution=institution_id).first()
    if at <= round.due_at or (extension is not None and at <= extension.until):
        return Timeliness.ON_TIME
    if round.grace_until is not None and at <= round.grace_until:
        return Timeliness.IN_GRACE
    return Timeliness.LATE


@transaction.atomic
def reschedule(
    round: Round,
    *,
    due_at: datetime,
    grace_until: datetime | None = None,
    closes_at: datetime | None = None,
    by: Person,
) -> Round:
    """New dates for everybody; what was received keeps the timeliness that it had."""
    round = Round.objects.select_for_update(of=("self",), no_key=True).select_related("collection").get(pk=round.pk)
    rules.check_can_reschedule(by, round)
    rules.check_can_plan(by, round.opens_at, due_at)
    rules.check_dates(due_at, grace_until, closes_at)
    round.due_at, round.grace_until, round.closes_at = due_at, grace_until, closes_at
    round.save(update_fields=["due_at", "grace_until", "closes_at"])
    record("round.rescheduled", by=by, about=round)
    return round


@transaction.atomic
def extend(round: Round, institution: Institution, *, until: datetime, reason: str, by: Person) -> Extension:
    """More time for one institution; granted again, the later word holds."""
    round = Round.objects.select_for_update(of=("self",), no_key=True).select_related("collection").get(pk=round.pk)
    rules.check_can_extend(by, round, institution, until, reason)
    extension, _is_new = Extension.objects.update_or_create(
        round=round,
        institution=institution,
        defaults={"until": until, "reason": reason.strip(), "granted_by": by},
    )
    record("extension.granted", by=by, about=extension, institution=institution, round=round.public_id)
    telling.extended(extension)
    return extension


@transaction.atomic
def end_extension(extension: Extension, *, by: Person) -> None:
    """From now on the round's own dates hold for the institution again."""
    Round.objects.select_for_update(no_key=True).get(pk=extension.round_id)
    extension = Extension.objects.select_for_update().get(pk=extension.pk)
    rules.check_can_end_extension(by, extension)
    extension.until = timezone.now()
    extension.save(update_fields=["until"])
    record("extension.ended", by=by, about=extension)


def close_due() -> int:
    """How many rounds were closed because their time had come."""
    due = Round.objects.filter(state=RoundState.OPEN, closes_at__lte=timezone.now())
    return sum(_close(pk) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic
def _close(round_id: int) -> bool:
    """Whether it was closed here: somebody may have closed it, or moved its date, meanwhile."""
    round = Round.objects.select_for_update().get(pk=round_id)
    now = timezone.now()
    if round.state != RoundState.OPEN or round.closes_at is None or round.closes_at > now:
        return False
    round.move_to(RoundState.CLOSED)
    round.closed_at = now
    round.save(update_fields=["state", "closed_at"])
    record("round.closed", by="clock", about=round)
    return True
