"""Whether submissions need a second person's approval: one person asks for it, two end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import ApprovalWaiver, Institution
from consortium.institutions.services import institutions
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Role

if TYPE_CHECKING:
    from django.db.models import QuerySet


@transaction.atomic
def require_approval(institution: Institution, *, by: Person) -> Institution:
    """From now on nothing leaves the institution before a second person has approved it."""
    institution = institutions.locked(institution)
    rules.check_can_require_approval(by, institution)
    _set(institution, needed=True)
    record("approval.required", by=by, about=institution)
    return institution


@transaction.atomic
def ask_for_waiver(institution: Institution, *, by: Person) -> ApprovalWaiver:
    """Nothing changes before a second person agrees."""
    institution = institutions.locked(institution)
    rules.check_can_ask_for_waiver(by, institution)
    waiver = ApprovalWaiver(institution=institution, asked_by=by)
    try:
        with transaction.atomic():
            waiver.save(force_insert=True)
    except IntegrityError as asked:
        raise Refused(_("This was asked for already, and waits for a second person."), rule="asked-already") from asked
    notify(_others(institution, by), Kind.WAIVER_ASKED, address=reverse("own-institution"), name=by.name)
    record("approval.waiver_asked", by=by, about=institution)
    return waiver


@transaction.atomic
def confirm_waiver(waiver: ApprovalWaiver, *, by: Person) -> Institution:
    """Submissions leave without a second person's approval from now on."""
    institution, waiver = _locked(waiver)
    rules.check_can_confirm_waiver(by, waiver)
    waiver.delete()
    _set(institution, needed=False)
    notify(_others(institution, by), Kind.WAIVER_CONFIRMED, address=reverse("own-institution"))
    record("approval.waived", by=by, about=institution)
    return institution


@transaction.atomic
def refuse_waiver(waiver: ApprovalWaiver, *, by: Person) -> Institution:
    """All stays as it is; whoever asked may also take it back."""
    institution, waiver = _locked(waiver)
    rules.check_can_refuse_waiver(by, waiver)
    waiver.delete()
    notify(_others(institution, by), Kind.WAIVER_REFUSED, address=reverse("own-institution"))
    record("approval.waiver_refused", by=by, about=institution)
    return institution


def _locked(waiver: ApprovalWaiver) -> tuple[Institution, ApprovalWaiver]:
    institution = institutions.locked(waiver.institution)
    found = ApprovalWaiver.objects.select_related("asked_by").filter(pk=waiver.pk).first()
    if found is None:
        raise Refused(_("Somebody else has decided this already."), rule="decided-already")
    found.institution = institution
    return institution, found


def _set(institution: Institution, *, needed: bool) -> None:
    institution.approves_submissions = needed
    institution.save(update_fields=["approves_submissions"])


def _others(institution: Institution, by: Person) -> QuerySet[Person]:
    people = Person.objects.filter(institution=institution, is_active=True)
    return people.filter(roles__overlap=[Role.ADMINISTRATOR, Role.APPROVER]).exclude(pk=by.pk)
