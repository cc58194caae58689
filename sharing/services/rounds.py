"""Planning, opening, closing and reopening rounds, and the keys that their packages are sealed to."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from anonymize.errors import TemplateError
from consortium.audit.services import record
from consortium.errors import Refused
from sharing import rules, tasks, vault
from sharing.models import Round
from sharing.services import announcing
from sharing.states import RoundState

if TYPE_CHECKING:
    from datetime import datetime

    from consortium.people.models import Person
    from sharing.models import Collection


@transaction.atomic
def plan(
    collection: Collection,
    period: str,
    *,
    opens_at: datetime,
    due_at: datetime,
    grace_until: datetime | None = None,
    closes_at: datetime | None = None,
    by: Person,
) -> Round:
    """A round of the collection for a reference period; members do not see it before it opens."""
    rules.check_can_plan(by, opens_at, due_at)
    rules.check_dates(due_at, grace_until, closes_at)
    try:
        collection.template.check_period(period)
    except TemplateError as wrong:
        raise Refused(wrong.sentence, rule="wrong-period") from wrong
    public_id = f"{collection.code}-{period}"
    try:
        with transaction.atomic():
            round = Round.objects.create(
                collection=collection,
                public_id=public_id,
                period=period,
                opens_at=opens_at,
                due_at=due_at,
                grace_until=grace_until,
                closes_at=closes_at,
            )
    except IntegrityError as taken:
        raise Refused(_("There is a round of this collection for this period."), rule="round-exists") from taken
    record("round.planned", by=by, about=round)
    return round


@transaction.atomic
def open(round: Round, *, by: Person) -> Round:
    """Members may send. The sealing keys appear as soon as the vault has made them."""
    round = _locked(round)
    rules.check_can_open(by, round)
    round.move_to(RoundState.OPEN)
    round.save(update_fields=["state"])
    record("round.opened", by=by, about=round)
    announcing.announce("round.opened", round)
    transaction.on_commit(partial(tasks.send, tasks.make_round_keys, round.pk))
    return round


@transaction.atomic
def close(round: Round, *, by: Person) -> Round:
    """Nothing more is received; what was received before is still opened and checked."""
    round = _locked(round)
    rules.check_can_close(by, round)
    round.move_to(RoundState.CLOSED)
    round.closed_at = timezone.now()
    round.save(update_fields=["state", "closed_at"])
    record("round.closed", by=by, about=round)
    return round


@transaction.atomic
def reopen(round: Round, *, by: Person, due_at: datetime | None = None) -> Round:
    """Members may send again, to the same keys. What was published stays visible until a revision replaces it."""
    round = _locked(round)
    rules.check_can_reopen(by, round)
    if round.state == RoundState.PUBLISHED:
        round.move_to(RoundState.CLOSED)
    round.move_to(RoundState.OPEN)
    round.closed_at = None
    round.due_at = due_at or round.due_at
    # Those of the first time are over, or it would close again at once.
    round.grace_until = round.closes_at = None
    round.save(update_fields=["state", "closed_at", "due_at", "grace_until", "closes_at"])
    record("round.reopened", by=by, about=round)
    announcing.announce("round.reopened", round)
    return round


def make_keys(round_id: int) -> None:
    """Called in a vault worker; does nothing once the keys are there."""
    round = Round.objects.get(pk=round_id)
    if round.keys.count() < len(vault.SUITES):
        with transaction.atomic():
            round = _locked(round)
            vault.make_round_keys(round)
            record("round.keys_made", by="vault", about=round)


def _locked(round: Round) -> Round:
    """The row, held against packages that are just being received: each holds the round while it is acknowledged."""
    return Round.objects.select_for_update(of=("self",)).select_related("collection").get(pk=round.pk)
