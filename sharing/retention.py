"""How long packages can be opened: when a round's private keys are destroyed, and who may bring that forward."""

from __future__ import annotations

import calendar
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from consortium.errors import Refused
from consortium.people.roles import Permission, require
from sharing.models import Destruction, Release, Round
from sharing.states import RoundState, SubmissionState

if TYPE_CHECKING:
    from consortium.people.models import Person

# In any other state somebody still works with the packages.
_AT_REST = (RoundState.CLOSED, RoundState.PUBLISHED)


def destroyed_at(round: Round) -> datetime | None:
    """When the round's private keys were destroyed; None while there are any, or before there were."""
    keys = list(round.keys.all())
    moments = [key.destroyed_at for key in keys if key.destroyed_at is not None]
    return max(moments) if keys and len(moments) == len(keys) else None


def due_at(round: Round) -> datetime | None:
    """When its keys will be destroyed: months after it was last published or closed; None while it is worked with."""
    if round.state not in _AT_REST or destroyed_at(round) is not None:
        return None
    published = Release.objects.filter(round=round).aggregate(last=Max("published_at"))["last"]
    ends = [moment for moment in (published, round.closed_at) if moment is not None]
    return months_after(max(ends), round.collection.retention_months) if ends else None


def months_after(moment: datetime, months: int) -> datetime:
    """The same day and time so many months later, or the last day of a month that is shorter."""
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


# Rules


def check_can_be_opened(round: Round) -> None:
    """Whether its packages can still be opened, so that reopening and computing have a meaning."""
    if destroyed_at(round) is not None:
        raise Refused(
            _("The keys of this round were destroyed: its packages cannot be opened any more."), rule="keys-destroyed"
        )


def check_can_ask(person: Person, round: Round) -> None:
    """Whether the person may ask to destroy the keys before their time."""
    require(person, Permission.ROUND_MANAGE)
    check_is_at_rest(round)
    if round.destructions.filter(ended_at=None).exists():
        raise Refused(_("Somebody has asked for this already; a second person confirms it."), rule="asked-already")


def check_can_confirm(person: Person, destruction: Destruction) -> None:
    require(person, Permission.ROUND_MANAGE)
    check_is_waiting(destruction)
    if destruction.asked_by_id == person.pk:
        raise Refused(_("Keys are destroyed by two people: somebody else confirms it."), rule="own-request")
    check_is_at_rest(destruction.round)


def check_can_call_off(person: Person, destruction: Destruction) -> None:
    require(person, Permission.ROUND_MANAGE)
    check_is_waiting(destruction)


def check_is_waiting(destruction: Destruction) -> None:
    if destruction.ended_at is not None:
        raise Refused(_("This request is answered already."), rule="answered-already")


def check_is_at_rest(round: Round) -> None:
    check_can_be_opened(round)
    if round.state not in _AT_REST:
        raise Refused(_("Only the keys of a closed or published round can be destroyed."), rule="round-in-use")
    if round.extensions.running().exists():
        raise Refused(
            _("An institution has more time for this round, so its keys are still needed."), rule="extension-running"
        )
    if not round.keys.exists():
        raise Refused(_("This round has no keys."), rule="no-keys")
    if round.submissions.filter(state=SubmissionState.RECEIVED).exists():
        raise Refused(_("Packages of this round are still being checked."), rule="still-checking")
