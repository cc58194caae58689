"""What happens when: rounds opening and due, releases expected; as days of a month and as iCalendar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Max, OuterRef, Subquery
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy
from icalendar import Alarm, Calendar, Event, vText

from consortium.audit.models import Entry as AuditEntry
from consortium.people.models import Person
from consortium.people.roles import Permission, may
from sharing.models import Extension, NoData, Release, Round, Submission
from sharing.states import ReleaseState, RoundState

AHEAD: Final = timedelta(days=400)
BEHIND: Final = timedelta(days=120)  # a feed forgets what is over for so long
ALARMS: Final = (timedelta(days=-7), timedelta(days=-1))
# A draft, two approvals and the publication: what the association plans with, not a promise.
USUALLY_RELEASED_AFTER: Final = timedelta(days=14)
_BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
_CENTURY: Final = range(2000, 2100)  # days are counted from and to it, and dates end somewhere
OPENS, DUE, GRACE, RELEASE = "opens", "due", "grace", "release"
WORDS: Final[dict[str, str | Promise]] = {
    OPENS: gettext_lazy("Opens"),
    DUE: gettext_lazy("Due"),
    GRACE: gettext_lazy("Grace ends"),
    RELEASE: gettext_lazy("Release expected"),
}


@dataclass(frozen=True)
class Entry:
    """One moment of one round; `is_done` where nothing is left to do for the reader."""

    round: Round
    kind: str
    at: datetime
    changed_at: datetime  # when its date, or what is left to do, was last changed
    is_done: bool = False
    is_extended: bool = False

    @property
    def words(self) -> str:
        return str(WORDS[self.kind])

    @property
    def address(self) -> str:
        return reverse("submissions")

    def title(self) -> str:
        return f"{self.words}: {self.round.collection} {self.round.period}"


def entries(person: Person, start: datetime, end: datetime) -> list[Entry]:
    """What the person may see between two moments, in order. A member's own extension moves its due date."""
    rounds = list(_rounds(person, start, end))
    extended = _extended(person, rounds)
    answered = _answered(person, rounds)
    changed = _changed(rounds, extended)
    found = (
        Entry(
            round,
            kind,
            at,
            changed_at=max(changed[round.pk], answered.get(round.pk) or changed[round.pk]),
            is_done=round.pk in answered and kind in {DUE, GRACE},
            is_extended=at > round.due_at and kind == DUE,
        )
        for round in rounds
        for kind, at in _moments(round, extended.get(round.pk), person)
    )
    return sorted((e for e in found if start <= e.at < end), key=lambda e: (e.at, e.round.public_id, e.kind))


def feed(person: Person, now: datetime) -> bytes:
    """The person's due dates as iCalendar (RFC 5545), in the language of the moment; times are UTC."""
    calendar = Calendar()
    calendar.add("prodid", "-//Concord//Due dates//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _("Concord: due dates"))
    calendar.add("x-published-ttl", "PT4H")
    calendar.add("refresh-interval", timedelta(hours=4), parameters={"value": "DURATION"})
    for entry in entries(person, now - BEHIND, now + AHEAD):
        if entry.kind in {OPENS, DUE}:
            calendar.add_component(_event(entry))
    return bytes(calendar.to_ical())


def month_of(text: str, today: date) -> date:
    """The first day of a month of this century, written as 2026-11; of this month where it is not one."""
    this_month = today.replace(day=1)
    try:
        month = date.fromisoformat(f"{text}-01") if len(text) == len("2026-11") else this_month
    except ValueError:
        return this_month
    return month if month.year in _CENTURY else this_month


def by_day(found: Iterable[Entry]) -> list[tuple[date, list[Entry]]]:
    """The days on which something happens, in UTC."""
    days: dict[date, list[Entry]] = {}
    for entry in found:
        days.setdefault(entry.at.astimezone(UTC).date(), []).append(entry)
    return sorted(days.items())


def _rounds(person: Person, start: datetime, end: datetime) -> Iterable[Round]:
    visible = Round.objects.visible_to(person).select_related("collection")
    # Whatever of a round lies in between lies at most a year from its opening.
    embargo = Release.objects.filter(round=OuterRef("pk"), state=ReleaseState.SCHEDULED).values("publish_at")
    found = visible.filter(opens_at__lt=end, due_at__gte=start - AHEAD).order_by("due_at")
    return found.annotate(embargo=Subquery(embargo[:1]))


def _extended(person: Person, rounds: Sequence[Round]) -> dict[int, Extension]:
    if person.institution_id is None:
        return {}
    return {each.round_id: each for each in Extension.objects.visible_to(person).filter(round__in=rounds)}


def _answered(person: Person, rounds: Sequence[Round]) -> dict[int, datetime | None]:
    """Rounds for which the person's institution has nothing left to do, and since when."""
    if person.institution_id is None:
        return {}
    accepted = Submission.objects.visible_to(person).accepted().filter(round__in=rounds)
    declared = NoData.objects.visible_to(person).declared().filter(round__in=rounds)
    return dict([*declared.values_list("round", "decided_at"), *accepted.values_list("round", "decided_at")])


def _changed(rounds: Sequence[Round], extended: Mapping[int, Extension]) -> dict[int, datetime]:
    """When something last happened to each round, or to the extension of it, from the audit trail."""
    last = _last_entries("round", [round.pk for round in rounds])
    moved = _last_entries("extension", [extension.pk for extension in extended.values()])
    changed = {round.pk: last.get(str(round.pk), round.opens_at) for round in rounds}
    for round_id, extension in extended.items():
        changed[round_id] = max(changed[round_id], moved.get(str(extension.pk), extension.granted_at))
    return changed


def _last_entries(about: str, keys: Iterable[int]) -> dict[str, datetime]:
    entries = AuditEntry.objects.filter(about_type=about, about_id__in=[str(key) for key in keys])
    return dict(entries.order_by().values_list("about_id").annotate(Max("at")))


def _moments(round: Round, extension: Extension | None, person: Person) -> Iterable[tuple[str, datetime]]:
    yield OPENS, round.opens_at
    due = max(extension.until, round.due_at) if extension else round.due_at
    yield DUE, due
    if round.grace_until is not None and round.grace_until > due:
        yield GRACE, round.grace_until
    if round.state != RoundState.PUBLISHED and may(person, Permission.RELEASE_VIEW):
        embargo: datetime | None = getattr(round, "embargo", None)
        yield RELEASE, embargo or round.due_at + USUALLY_RELEASED_AFTER


def _event(entry: Entry) -> Event:
    """The same moment keeps its UID whatever its date becomes; a later SEQUENCE wins in every calendar."""
    event = Event()
    event.add("uid", f"{entry.round.public_id}-{entry.kind}@{settings.CONCORD_AUDIENCE}")
    event.add("summary", entry.title())
    event.add("dtstart", entry.at.astimezone(UTC))
    event.add("dtend", entry.at.astimezone(UTC) + timedelta(minutes=30))
    event.add("dtstamp", entry.changed_at.astimezone(UTC))
    event.add("last-modified", entry.changed_at.astimezone(UTC))
    event.add("sequence", int((entry.changed_at - _BEGINNING).total_seconds()))
    event.add("url", settings.CONCORD_URL + entry.address)
    event.add("transp", "TRANSPARENT")
    event.add("categories", [vText(str(entry.round.collection))])
    event.add("description", _("Nothing is left to do.") if entry.is_done else entry.words)
    if entry.kind == DUE and not entry.is_done:
        for before in ALARMS:
            event.add_component(_alarm(before, entry))
    return event


def _alarm(before: timedelta, entry: Entry) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", before)
    alarm.add("description", entry.title())
    return alarm
