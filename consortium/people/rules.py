"""Who may open, change and close accounts, and why not."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden, Refused
from consortium.institutions.states import InstitutionState
from consortium.people.models import Person
from consortium.people.roles import ASSOCIATION_ROLES, MEMBER_ROLES, Permission, Role, may, require_entitled

if TYPE_CHECKING:
    from consortium.institutions.models import Institution
    from consortium.people.models import Invitation


def check_can_invite(person: Person, institution: Institution | None, roles: Collection[str]) -> None:
    """A member's administrator invites its own people; member services invite anybody."""
    check_in_charge(person, institution.pk if institution else None)
    _check_roles(institution, roles)
    if institution is not None and institution.state == InstitutionState.LEFT:
        raise Refused(_("This institution has left the consortium."), rule="institution-left")


def check_has_no_account(email: str) -> None:
    if Person.objects.filter(email__iexact=email).exists():
        raise Refused(_("There is an account with this e-mail address."), rule="email-taken")


def check_can_change_invitation(person: Person, invitation: Invitation) -> None:
    check_in_charge(person, invitation.institution_id)
    if invitation.accepted_at is not None:
        raise Refused(_("This invitation was accepted already."), rule="invitation-accepted")
    if invitation.revoked_at is not None:
        raise Refused(_("This invitation was revoked."), rule="invitation-revoked")


def check_can_be_accepted(invitation: Invitation, token_sha256: str) -> None:
    """The link must still be the last one sent, and whoever invited must still be in charge."""
    used = invitation.accepted_at is not None or invitation.revoked_at is not None
    if used or invitation.is_over or invitation.token_sha256 != token_sha256:
        raise Refused(_("This link is used, revoked or over. Ask for a new invitation."), rule="invitation-over")
    try:
        check_can_invite(invitation.invited_by, invitation.institution, invitation.roles)
    except Refused as refused:
        raise Refused(
            _("Whoever invited you can no longer do so. Ask for a new invitation."), rule="inviter-not-in-charge"
        ) from refused


def check_can_change_roles(person: Person, other: Person, roles: Collection[str]) -> None:
    check_in_charge(person, other.institution_id)
    _check_roles(other.institution, roles)
    if person.pk == other.pk:
        raise Refused(_("Somebody else changes your roles."), rule="own-roles")
    if Role.ADMINISTRATOR not in roles:
        _check_is_not_the_last_administrator(other)


def check_can_close_account(person: Person, other: Person) -> None:
    check_in_charge(person, other.institution_id)
    if person.pk == other.pk:
        raise Refused(_("Somebody else closes your account."), rule="own-account")
    if not other.is_active:
        raise Refused(_("This account is closed already."), rule="closed-already")
    _check_is_not_the_last_administrator(other)


def check_can_reopen_account(person: Person, other: Person) -> None:
    check_in_charge(person, other.institution_id)
    if other.is_active:
        raise Refused(_("This account is open."), rule="open-already")


def check_in_charge(person: Person, institution_id: int | None) -> None:
    """Of the people of an institution, or of the association's (None)."""
    require_entitled(person)
    if may(person, Permission.MEMBER_ADMIT):
        return
    own = institution_id is not None and person.institution_id == institution_id
    if not (own and may(person, Permission.INSTITUTION_MANAGE)):
        raise Forbidden(_("Your roles do not include this."), rule="forbidden")


def _check_roles(institution: Institution | None, roles: Collection[str]) -> None:
    if not set(roles) <= (ASSOCIATION_ROLES if institution is None else MEMBER_ROLES):
        raise Refused(_("Members and the association have different roles."), rule="roles-of-the-other-side")
    if not roles:
        raise Refused(_("Everybody has at least one role. Close the account instead."), rule="no-role")


def _check_is_not_the_last_administrator(other: Person) -> None:
    if other.institution is None or not other.is_active or Role.ADMINISTRATOR not in other.roles:
        return
    others = Person.objects.filter(
        institution=other.institution_id, is_active=True, roles__contains=[Role.ADMINISTRATOR]
    )
    if not others.exclude(pk=other.pk).exists():
        raise Refused(
            _("An institution keeps at least one administrator. Make somebody else administrator first."),
            rule="last-administrator",
        )
