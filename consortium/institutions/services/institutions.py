"""Admitting and suspending institutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import Institution
from consortium.institutions.states import InstitutionState

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
    affiliate_group: str = "",
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
        affiliate_group=affiliate_group,
        approves_submissions=approves_submissions,
    )
    try:
        with transaction.atomic():
            institution.save()
    except IntegrityError as taken:
        raise Refused(_("Another institution has this code."), rule="code-taken") from taken
    record("institution.proposed", by=by, about=institution)
    return institution


@transaction.atomic
def admit(institution: Institution, *, by: Person) -> Institution:
    institution = _locked(institution)
    rules.check_can_admit(by, institution)
    institution.admitted_at = timezone.now()
    _move(institution, InstitutionState.ACTIVE)
    record("institution.admitted", by=by, about=institution)
    return institution


@transaction.atomic
def suspend(institution: Institution, *, reason: str, by: Person) -> Institution:
    """From here on nobody of the institution sees or sends anything; what it sent before stays."""
    institution = _locked(institution)
    rules.check_can_suspend(by, institution)
    _move(institution, InstitutionState.SUSPENDED)
    record("institution.suspended", by=by, about=institution, reason=reason)
    return institution


@transaction.atomic
def reinstate(institution: Institution, *, by: Person) -> Institution:
    institution = _locked(institution)
    rules.check_can_reinstate(by, institution)
    _move(institution, InstitutionState.ACTIVE)
    record("institution.reinstated", by=by, about=institution)
    return institution


def _locked(institution: Institution) -> Institution:
    """The row, held against packages that are just being received: their insert needs the institution's key."""
    return Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)


def _move(institution: Institution, state: InstitutionState) -> None:
    institution.move_to(state)
    institution.save(update_fields=["state", "admitted_at"])
