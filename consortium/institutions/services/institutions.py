"""Admitting and suspending institutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import AffiliateGroup, Institution
from consortium.institutions.services.api_clients import end_tokens_of
from consortium.institutions.states import InstitutionState
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify

if TYPE_CHECKING:
    from consortium.people.models import Person


@transaction.atomic
def propose(
    code: str,
    name: str,
    *,
    by: Person,
    kind: str,
    size_band: str,
    name_zh: str = "",
    home_region: str = "",
    registration_number: str = "",
    lei: str = "",
    approves_submissions: bool = False,
) -> Institution:
    """An applicant; it can do nothing before it is admitted."""
    rules.check_can_propose(by)
    institution = Institution(
        code=code,
        name=name,
        name_zh=name_zh,
        kind=kind,
        size_band=size_band,
        home_region=home_region,
        registration_number=registration_number,
        lei=lei,
        approves_submissions=approves_submissions,
    )
    # A group contributes under its code: another institution of that code would be counted as part of it.
    if AffiliateGroup.objects.filter(code=code).exists():
        raise Refused(_("A group of affiliates has this code."), rule="code-taken")
    try:
        with transaction.atomic():
            institution.save()
    except IntegrityError as taken:
        raise Refused(_("Another institution has this code."), rule="code-taken") from taken
    record("institution.proposed", by=by, about=institution)
    return institution


@transaction.atomic
def admit(institution: Institution, *, by: Person) -> Institution:
    institution = locked(institution)
    rules.check_can_admit(by, institution)
    institution.admitted_at = timezone.now()
    _move(institution, InstitutionState.ACTIVE)
    record("institution.admitted", by=by, about=institution)
    return institution


@transaction.atomic
def correct(
    institution: Institution, *, name: str, name_zh: str, registration_number: str, lei: str, by: Person
) -> Institution:
    """An institution that is named or registered otherwise now. Its code and what peer groups ask for stay."""
    institution = locked(institution)
    rules.check_can_correct(by, institution)
    now = {"name": name, "name_zh": name_zh, "registration_number": registration_number, "lei": lei}
    before = {field: getattr(institution, field) for field in now if getattr(institution, field) != now[field]}
    if not before:
        return institution
    for field in before:
        setattr(institution, field, now[field])
    institution.save(update_fields=list(before))
    record("institution.corrected", by=by, about=institution, before=before)
    return institution


@transaction.atomic
def suspend(institution: Institution, *, reason: str, by: Person) -> Institution:
    """From here on nobody of the institution sends anything or sees figures; what it sent before stays."""
    institution = locked(institution)
    rules.check_can_suspend(by, institution)
    _move(institution, InstitutionState.SUSPENDED, reason)
    end_tokens_of(institution)
    notify(institution.administrators(), Kind.INSTITUTION_SUSPENDED, address=reverse("home"))
    record("institution.suspended", by=by, about=institution, reason=reason)
    return institution


@transaction.atomic
def reinstate(institution: Institution, *, by: Person) -> Institution:
    institution = locked(institution)
    rules.check_can_reinstate(by, institution)
    _move(institution, InstitutionState.ACTIVE)
    notify(institution.administrators(), Kind.INSTITUTION_REINSTATED, address=reverse("home"))
    record("institution.reinstated", by=by, about=institution)
    return institution


def locked(institution: Institution) -> Institution:
    """The row, held against packages that are just being received: their insert needs the institution's key."""
    return Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)


def _move(institution: Institution, state: InstitutionState, reason: str = "") -> None:
    institution.move_to(state)
    institution.state_reason = reason
    institution.save(update_fields=["state", "state_reason", "admitted_at"])
