"""Who may help somebody back in, and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden, Refused
from consortium.people.roles import Permission, Role, may, require_entitled

if TYPE_CHECKING:
    from consortium.people.models import Person


def check_may_see_security(person: Person, other: Person) -> None:
    """Administrators for their own people, member services for everybody."""
    require_entitled(person)
    own = person.institution_id is not None and person.institution_id == other.institution_id
    if not (may(person, Permission.MEMBER_ADMIT) or (own and may(person, Permission.INSTITUTION_MANAGE))):
        raise Forbidden(_("Your roles do not include this."), rule="forbidden")


def check_can_reset_second_factor(person: Person, other: Person) -> None:
    _check_may_help(person, other)
    if person.pk == other.pk:
        raise Refused(_("Somebody else resets your second factor."), rule="own-second-factor")


def check_can_end_sessions(person: Person, other: Person) -> None:
    _check_may_help(person, other)


def _check_may_help(person: Person, other: Person) -> None:
    """An institution's people are its administrator's; member services help the association's own people, and where
    no other administrator is left."""
    check_may_see_security(person, other)
    helps_own = person.institution_id == other.institution_id
    if not helps_own and _has_another_administrator(other):
        raise Refused(_("An administrator of the institution does this."), rule="its-administrator")


def _has_another_administrator(person: Person) -> bool:
    if person.institution is None or not person.institution.is_active:
        return False
    colleagues = type(person).objects.filter(institution=person.institution, is_active=True).exclude(pk=person.pk)
    return colleagues.filter(roles__contains=[Role.ADMINISTRATOR]).exists()
