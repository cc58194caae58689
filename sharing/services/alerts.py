"""Warnings about published series: who is told, and what each party does about them. How they arise is in `watching`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from consortium.audit.services import record
from consortium.institutions.models import ApiClient
from consortium.notifications import webhooks
from consortium.notifications.kinds import Kind
from consortium.notifications.models import EventType
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import PERMISSIONS, Actor, Permission, may
from sharing import rules, texts
from sharing.models import Alert, AlertHandling, AlertStep, NoData, Release, ReleaseCell, Submission
from sharing.models.release import HEADLINE
from sharing.services.announcing import facts_of
from sharing.states import AlertState

By = Person | ApiClient


def open_for(actor: Actor) -> int:
    """How many lasting warnings the actor's party has not acknowledged; nought for whoever may not."""
    return Alert.objects.visible_to(actor).unattended(actor).count() if may(actor, Permission.ALERT_HANDLE) else 0


def handling_of(alert: Alert, actor: Actor) -> AlertHandling:
    """What the actor's party has done about a warning; an unsaved row where it has done nothing."""
    found = AlertHandling.objects.of_party(actor.institution_id).filter(alert=alert).first()
    return found or AlertHandling(alert=alert, institution_id=actor.institution_id)


@transaction.atomic
def acknowledge(alert: Alert, *, by: By, note: str = "") -> AlertHandling:
    """Somebody of the party has seen it."""
    handling = _locked(alert, by)
    rules.check_can_acknowledge(by, handling)
    texts.check_remark(note)
    return _step(handling, AlertState.ACKNOWLEDGED, note, by)


@transaction.atomic
def follow_up(alert: Alert, *, owner: str, due: date | None, by: By, note: str = "") -> AlertHandling:
    """Somebody looks into it, until a day; again when it is handed on or needs more time."""
    handling = _locked(alert, by)
    rules.check_can_follow_up(by, handling, owner)
    texts.check_remark(note)
    handling.owner, handling.due = owner.strip(), due
    return _step(handling, AlertState.FOLLOW_UP, note, by)


@transaction.atomic
def close(alert: Alert, *, outcome: str, by: By, note: str = "") -> AlertHandling:
    """What the warning turned out to be; it stays on record."""
    handling = _locked(alert, by)
    rules.check_can_close_alert(by, handling, outcome)
    texts.check_remark(note)
    handling.outcome = outcome
    return _step(handling, AlertState.CLOSED, note, by)


def tell_raised(raised: Sequence[Alert]) -> None:
    """One notice and one message to whoever sees one of these; the caller's transaction. They name no cell."""
    for release in {alert.release_id: alert.release for alert in raised}.values():
        _tell(release, [alert for alert in raised if alert.release_id == release.pk])


def _tell(release: Release, raised: Sequence[Alert]) -> None:
    release = Release.objects.select_related("round__collection").get(pk=release.pk)
    institutions = _who_see(release, raised)
    able = [role for role, permissions in PERMISSIONS.items() if Permission.ALERT_HANDLE in permissions]
    people = Person.objects.filter(is_active=True, roles__overlap=able).select_related("institution")
    told = [
        person for person in people.filter(Q(institution=None) | Q(institution__in=institutions)) if person.is_entitled
    ]
    once = f"alert.raised/{release.public_id}/{raised[0].pk}"
    facts = facts_of(release.round)
    page = reverse("alerts")
    notify(told, Kind.ALERT_RAISED, address=page, once=once, collection=facts["collection"], period=facts["period"])
    data = {
        "collection": release.round.collection.code,
        "period": release.round.period,
        "release": release.public_id,
        "page": settings.CONCORD_URL + page,
        "api": settings.CONCORD_URL + reverse("api:alerts"),
    }
    webhooks.emit(EventType.ALERT_RAISED, institutions, data, once=once)


def _who_see(release: Release, raised: Sequence[Alert]) -> list[int]:
    """Contributors that see one of the cells: all see headlines, the rest only who answered (give-to-get)."""
    contributors = list(release.round.collection.contributors.active().values_list("pk", flat=True))
    same = [Q(indicator=alert.indicator, peer_group=alert.peer_group, key=alert.key) for alert in raised]
    cells = Q()
    for each in same:
        cells |= each
    if ReleaseCell.objects.filter(cells, HEADLINE, release=release).exists():
        return contributors
    accepted = Submission.objects.accepted().filter(round=release.round).values_list("institution", flat=True)
    declared = NoData.objects.declared().filter(round=release.round).values_list("institution", flat=True)
    answered = {*accepted, *declared}
    return [pk for pk in contributors if pk in answered]


def _locked(alert: Alert, by: By) -> AlertHandling:
    """The party's handling, made and held until the transaction ends."""
    fresh = AlertHandling(alert=alert, institution_id=by.institution_id)
    AlertHandling.objects.bulk_create([fresh], ignore_conflicts=True)
    return AlertHandling.objects.of_party(by.institution_id).select_for_update(of=("self",)).get(alert=alert)


def _step(handling: AlertHandling, state: AlertState, note: str, by: By) -> AlertHandling:
    handling.move_to(state)
    handling.save()
    person, client = (by, None) if isinstance(by, Person) else (None, by)
    AlertStep.objects.create(handling=handling, state=state, person=person, client=client, note=note.strip())
    record(f"alert.{_EVENTS[state]}", by=by, about=handling.alert, institution=handling.institution)
    return handling


_EVENTS = {
    AlertState.ACKNOWLEDGED: "acknowledged",
    AlertState.FOLLOW_UP: "followed_up",
    AlertState.CLOSED: "closed",
}
