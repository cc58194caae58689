"""How a member leaves: declared by itself, confirmed by the association, done on its day."""

from __future__ import annotations

import logging
from datetime import date
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import By, record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import ApprovalWaiver, Departure, Institution
from consortium.institutions.services import institutions
from consortium.institutions.states import DepartureState, InstitutionState
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Role

if TYPE_CHECKING:
    from django.db.models import QuerySet

log = logging.getLogger(__name__)


@transaction.atomic
def declare(institution: Institution, leaves_on: date, *, reason: str, by: Person) -> Departure:
    institution = institutions.locked(institution)
    rules.check_can_declare_departure(by, institution, leaves_on)
    departure = Departure(institution=institution, leaves_on=leaves_on, reason=reason, declared_by=by)
    try:
        with transaction.atomic():
            departure.save(force_insert=True)
    except IntegrityError as taken:
        raise Refused(_("Your institution is leaving already."), rule="leaving-already") from taken
    address = reverse("institution", args=[institution.code])
    notify(_member_services(), Kind.DEPARTURE_DECLARED, address=address, **_facts(departure))
    record("departure.declared", by=by, about=departure, leaves_on=leaves_on.isoformat())
    return departure


@transaction.atomic
def call_off(departure: Departure, *, by: Person) -> Departure:
    """The institution stays."""
    departure = _locked(departure)
    rules.check_can_call_off_departure(by, departure)
    departure.move_to(DepartureState.CALLED_OFF)
    departure.save(update_fields=["state"])
    told = _member_services() if by.institution_id else departure.institution.administrators()
    address = reverse("institution", args=[departure.institution.code]) if by.institution_id else reverse("leaving")
    notify(told, Kind.DEPARTURE_CALLED_OFF, address=address, name=departure.institution.name)
    record("departure.called_off", by=by, about=departure)
    return departure


@transaction.atomic
def confirm(departure: Departure, *, by: Person) -> Departure:
    """The institution leaves at the beginning of its day, or now when that has come."""
    departure = _locked(departure)
    rules.check_can_confirm_departure(by, departure)
    departure.move_to(DepartureState.CONFIRMED)
    departure.confirmed_by, departure.confirmed_at = by, timezone.now()
    departure.save()
    notify(
        departure.institution.administrators(),
        Kind.DEPARTURE_CONFIRMED,
        address=reverse("leaving"),
        **_facts(departure),
    )
    record("departure.confirmed", by=by, about=departure)
    if departure.leaves_on <= timezone.localdate():
        _complete(departure, by)
    return departure


@transaction.atomic
def end_membership(institution: Institution, *, reason: str, by: Person) -> Institution:
    """The association lets go of a suspended member, or of an applicant that never came."""
    institution = institutions.locked(institution)
    rules.check_can_end_membership(by, institution)
    Departure.objects.filter(
        institution=institution, state__in=[DepartureState.DECLARED, DepartureState.CONFIRMED]
    ).update(state=DepartureState.CALLED_OFF)
    _leave(institution, by, reason)
    return institution


def complete_due() -> int:
    """Whoever was to leave by today has left: how many just did. Each in a transaction of its own; may run twice."""
    due = Departure.objects.filter(state=DepartureState.CONFIRMED, leaves_on__lte=timezone.localdate())
    done = 0
    for departure in due.order_by("pk"):
        with transaction.atomic():
            departure = _locked(departure)
            if departure.state == DepartureState.CONFIRMED:
                _complete(departure, "the calendar")
                done += 1
    return done


def _locked(departure: Departure) -> Departure:
    """The institution's row before the departure's, as everywhere."""
    institution = institutions.locked(departure.institution)
    departure = Departure.objects.select_for_update(of=("self",), no_key=True).get(pk=departure.pk)
    departure.institution = institution
    return departure


def _complete(departure: Departure, by: By) -> None:
    departure.move_to(DepartureState.DONE)
    departure.save(update_fields=["state"])
    _leave(departure.institution, by, departure.reason)


def _leave(institution: Institution, by: By, reason: str) -> None:
    """Keys, API clients and invitations end; submissions, releases and receipts stay."""
    now = timezone.now()
    institution.move_to(InstitutionState.LEFT)
    institution.left_at, institution.state_reason = now, reason
    institution.save(update_fields=["state", "left_at", "state_reason"])
    ApprovalWaiver.objects.filter(institution=institution).delete()
    institution.invitations.pending().update(revoked_at=now)
    keys = list(institution.signing_keys.filter(revoked_at=None))
    institution.signing_keys.filter(revoked_at=None).update(revoked_at=now)
    clients = list(institution.api_clients.values_list("client_id", flat=True))
    institution.api_clients.all().delete()
    until = (now + rules.RECORDS_FOR).date().isoformat()
    notify(institution.administrators(), Kind.INSTITUTION_LEFT, address=reverse("records"), day=until)
    for key in keys:
        record("signing_key.revoked", by=by, about=key, kid=key.kid)
    for client in clients:
        record("api_client.revoked", by=by, about=institution, client=client)
    record("institution.left", by=by, about=institution)


def _member_services() -> QuerySet[Person]:
    return Person.objects.filter(institution=None, is_active=True, roles__contains=[Role.MEMBER_SERVICES])


def _facts(departure: Departure) -> dict[str, str]:
    return {"name": departure.institution.name, "day": departure.leaves_on.isoformat()}
