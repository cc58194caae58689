"""Who may open, change and close accounts, and why not."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden, Refused
from consortium.people.roles import ASSOCIATION_ROLES, MEMBER_ROLES, Permission, may, require_entitled

if TYPE_CHECKING:
    from consortium.institutions.models import Institution
    from consortium.people.models import Person


def check_can_invite(person: Person, institution: Institution | None, roles: Collection[str]) -> None:
    """A member's administrator invites its own people; member services invite anybody."""
    require_entitled(person)
    _check_in_charge(person, institution.pk if institution else None)
    if not set(roles) <= (ASSOCIATION_ROLES if institution is None else MEMBER_ROLES):
        raise Refused(_("Members and the association have different roles."), rule="roles-of-the-other-side")


def check_can_change_roles(person: Person, other: Person, roles: Collection[str]) -> None:
    check_can_invite(person, other.institution, roles)
    if person.pk == other.pk:
        raise Refused(_("Somebody else changes your roles."), rule="own-roles")


def check_can_close_account(person: Person, other: Person) -> None:
    require_entitled(person)
    _check_in_charge(person, other.institution_id)
    if person.pk == other.pk:
        raise Refused(_("Somebody else closes your account."), rule="own-account")


def _check_in_charge(person: Person, institution_id: int | None) -> None:
    if may(person, Permission.MEMBER_ADMIT):
        return
    own = institution_id is not None and person.institution_id == institution_id
    if not (own and may(person, Permission.INSTITUTION_MANAGE)):
        raise Forbidden(_("Your roles do not include this."), rule="forbidden")
