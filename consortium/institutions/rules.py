"""Who may admit, suspend and equip an institution, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden, Refused
from consortium.institutions.states import InstitutionState
from consortium.people.roles import Permission, require

if TYPE_CHECKING:
    from consortium.institutions.models import ApiClient, Institution, SigningKey
    from consortium.people.models import Person


def check_can_propose(person: Person) -> None:
    require(person, Permission.MEMBER_ADMIT)


def check_can_admit(person: Person, institution: Institution) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if institution.state != InstitutionState.APPLICANT:
        raise Refused(_("Only an applicant can be admitted."), rule="not-an-applicant")


def check_can_suspend(person: Person, institution: Institution) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if institution.state != InstitutionState.ACTIVE:
        raise Refused(_("Only an active member can be suspended."), rule="not-active")


def check_can_reinstate(person: Person, institution: Institution) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if institution.state != InstitutionState.SUSPENDED:
        raise Refused(_("Only a suspended member can be reinstated."), rule="not-suspended")


def check_can_manage(person: Person, institution: Institution) -> None:
    """Keys and API clients are the institution's own business: its administrator's, not the association's."""
    require(person, Permission.INSTITUTION_MANAGE)
    if person.institution_id != institution.pk:
        raise Forbidden(_("This is another institution's."), rule="not-yours")


def check_can_revoke_key(person: Person, key: SigningKey) -> None:
    check_can_manage(person, key.institution)
    if key.revoked_at is not None:
        raise Refused(_("This key is revoked already."), rule="already-revoked")


def check_can_revoke_client(person: Person, client: ApiClient) -> None:
    check_can_manage(person, client.institution)
