"""Reminding whoever has not answered: by button and by rule, once a day at most, the right people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from consortium.audit.services import record
from consortium.notifications import webhooks
from consortium.notifications.kinds import Kind
from consortium.notifications.models import EventType
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Role
from sharing import board, rules, texts
from sharing.board import Standing
from sharing.models import Reminder, Round
from sharing.services.announcing import data_of, facts_of

if TYPE_CHECKING:
    from sharing.models import Collection as AskedCollection

_LOCK: Final = 0x72656D69
CATCH_UP: Final = timedelta(days=2)  # for which a day is made up for when nothing ran on it
_FURTHER: Final = frozenset({Role.APPROVER, Role.ADMINISTRATOR})


@dataclass(frozen=True)
class Preview:
    """Who would be reminded, who was today already, and how many people would hear of it."""

    institutions: Sequence[Standing]
    already: Sequence[Standing]
    without_people: Sequence[Standing]
    people: int


def preview(round: Round, standings: Iterable[Standing]) -> Preview:
    """What `remind` would do now; nothing is written."""
    silent = [standing for standing in standings if standing.is_silent]
    today = _reminded(round, timezone.now().date())
    due = [standing for standing in silent if standing.institution_id not in today]
    people = _people(round, due)
    reached = {person.institution_id for person in people}
    return Preview(
        institutions=due,
        already=[standing for standing in silent if standing.institution_id in today],
        without_people=[standing for standing in due if standing.institution_id not in reached],
        people=len(people),
    )


@transaction.atomic
def remind(round: Round, institutions: Collection[int], *, by: Person, remark: str = "") -> int:
    """How many institutions are reminded: of these, those that are silent and were not reminded today."""
    rules.check_can_remind(by, round)
    texts.check_remark(remark)
    _one_at_a_time(round)
    due = [s for s in board.every_standing(round) if s.is_silent and s.institution_id in institutions]
    reminded = _write(round, due, by=by, remark=remark.strip())
    _tell(round, reminded, Kind.ROUND_REMINDER, remark=remark.strip())
    record("round.reminded", by=by, about=round, institutions=len(reminded))
    return len(reminded)


def remind_due() -> int:
    """How many institutions were reminded by the rules of their collections. May run twice, and late."""
    rounds = Round.objects.open().select_related("collection")
    return sum(_remind_by_rule(round) for round in rounds)


@transaction.atomic
def change_rule(collection: AskedCollection, days: Collection[int], escalation_days: int, *, by: Person) -> None:
    """The days, before (negative) or after the due date, on which whoever is silent is reminded."""
    rules.check_can_change_reminders(by, days)
    collection.reminder_days, collection.escalation_days = sorted(set(days)), escalation_days
    collection.save(update_fields=["reminder_days", "escalation_days"])
    record("collection.reminders_changed", by=by, about=collection, days=collection.reminder_days)


@transaction.atomic
def _remind_by_rule(round: Round) -> int:
    days = round.collection.reminder_days
    if not days:
        return 0
    _one_at_a_time(round)
    now = timezone.now()
    last = dict(Reminder.objects.filter(round=round).order_by("on").values_list("institution", "on"))
    due = [
        standing
        for standing in board.every_standing(round)
        if standing.is_silent and _is_turn(standing, round, days, last.get(standing.institution_id), now)
    ]
    reminded = _write(round, due)
    for kind, some in (
        (Kind.ROUND_DUE_SOON, [s for s in reminded if s.deadline > now]),
        (Kind.ROUND_OVERDUE, [s for s in reminded if s.deadline <= now]),
    ):
        _tell(round, some, kind)
    return len(reminded)


def _is_turn(standing: Standing, round: Round, days: Iterable[int], last: date | None, now: datetime) -> bool:
    """Whether a day of the rule has come for this institution, counted from the date that holds for it."""
    today = now.date()
    came = [day for each in days if (day := standing.deadline.date() + timedelta(days=each)) <= today]
    # Nobody is reminded on the day that a round opens of what was due to be said before it did.
    came = [day for day in came if day > round.opens_at.date() and today - day <= CATCH_UP]
    return bool(came) and (last is None or last < max(came))


def _write(round: Round, due: Sequence[Standing], *, by: Person | None = None, remark: str = "") -> list[Standing]:
    """The rows; those that were reminded today already are left out."""
    today = timezone.now().date()
    already = _reminded(round, today)
    fresh = [standing for standing in due if standing.institution_id not in already]
    Reminder.objects.bulk_create(
        [
            Reminder(
                round=round,
                institution_id=standing.institution_id,
                on=today,
                by=by,
                remark=remark,
                escalated=_is_escalated(round, standing),
            )
            for standing in fresh
        ],
        batch_size=1000,
    )
    return fresh


def _tell(round: Round, reminded: Sequence[Standing], kind: Kind, *, remark: str = "") -> None:
    if not reminded:
        return
    facts = {**facts_of(round), **({"remark": remark} if remark else {})}
    once = f"{kind}/{round.pk}/{timezone.now().date()}"
    by_deadline: dict[date, list[Standing]] = {}
    for standing in reminded:
        by_deadline.setdefault(standing.deadline.date(), []).append(standing)
    for deadline, some in by_deadline.items():
        facts["due"] = deadline.isoformat()
        notify(_people(round, some), kind, address=reverse("submissions"), once=once, **facts)
    webhooks.emit(EventType.ROUND_DUE, [s.institution_id for s in reminded], data_of(round), once=once)


def _people(round: Round, standings: Sequence[Standing]) -> list[Person]:
    """Those who send; those who answer for the institution too, once it is overdue for long or nobody sends."""
    escalated = {s.institution_id for s in standings if _is_escalated(round, s)}
    asked = {s.institution_id for s in standings}
    everybody = list(Person.objects.filter(institution__in=asked, is_active=True))
    senders = [person for person in everybody if Role.SUBMITTER in person.roles]
    unmanned = asked - {person.institution_id for person in senders}
    further = [
        person
        for person in everybody
        if Role.SUBMITTER not in person.roles
        and person.institution_id in escalated | unmanned
        and not _FURTHER.isdisjoint(person.roles)
    ]
    return senders + further


def _is_escalated(round: Round, standing: Standing) -> bool:
    return timezone.now() >= standing.deadline + timedelta(days=round.collection.escalation_days)


def _reminded(round: Round, day: date) -> set[int]:
    return set(Reminder.objects.filter(round=round, on=day).values_list("institution", flat=True))


def _one_at_a_time(round: Round) -> None:
    """Not a lock on the round's row, which would hold up the packages that are just arriving."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK, round.pk])
