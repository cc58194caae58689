"""Who may help somebody back in, and why not."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden, Refused
from consortium.institutions.rules import check_can_manage
from consortium.people.roles import Permission, Role, may, require, require_entitled
from consortium.sign_on.models import SignOn

if TYPE_CHECKING:
    from consortium.institutions.models import Institution
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


def check_can_forget_identity(person: Person, other: Person) -> None:
    _check_may_help(person, other)
    if person.pk == other.pk:
        raise Refused(_("Somebody else separates you from your account in the directory."), rule="own-identity")


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
    way_back = SignOn.objects.filter(institution=person.institution_id, is_enforced=True, break_glass=person)
    if way_back.exists():  # while the directory fails, nobody else comes in to help
        return False
    colleagues = type(person).objects.filter(institution=person.institution, is_active=True).exclude(pk=person.pk)
    return colleagues.filter(roles__contains=[Role.ADMINISTRATOR]).exists()


def check_can_change(sign_on: SignOn) -> None:
    if sign_on.is_enforced:
        raise Refused(_("End first that it is the only way to sign in."), rule="sign-on-enforced")


def check_may_see(person: Person, institution: Institution) -> None:
    """Administrators set it up; approvers may have to switch it on."""
    require(person, Permission.RECORDS_VIEW)
    if person.institution_id != institution.pk:
        raise Forbidden(_("This is another institution's."), rule="not-yours")


def check_can_switch_on(person: Person, sign_on: SignOn) -> None:
    """Where two people are needed, so here: whoever runs the directory decides who is who."""
    check_may_see(person, sign_on.institution)
    if not sign_on.institution.approves_submissions:
        check_can_manage(person, sign_on.institution)
    elif sign_on.set_up_by_id == person.pk:
        raise Refused(
            _("Another administrator or an approver switches on what you set up: your directory says who approves."),
            rule="own-sign-on",
        )


def check_can_enforce(sign_on: SignOn, break_glass: Person) -> None:
    if not sign_on.is_on:
        raise Refused(_("Switch single sign-on on first, and try it."), rule="sign-on-off")
    if not is_way_back(sign_on, break_glass):
        raise Refused(
            _("Name an administrator of your institution with a password, who can sign in when the directory fails."),
            rule="no-way-back",
        )


def is_way_back(sign_on: SignOn, person: Person | None) -> bool:
    return (
        person is not None
        and person.is_active
        and person.institution_id == sign_on.institution_id
        and Role.ADMINISTRATOR in person.roles
        and person.has_usable_password()
    )


def check_domains_are_ours(institution: Institution, domains: Collection[str]) -> None:
    """A domain is an institution's own when its people have it, and nobody else's people do."""
    if not domains:
        raise Refused(_("Name at least one e-mail domain."), rule="no-domain")
    people = institution.people.model.objects
    for domain in domains:
        having = people.filter(email__iendswith=f"@{domain}")
        if not having.filter(institution=institution).exists():
            raise Refused(_("Nobody of your institution has an address at %s.") % domain, rule="domain-unknown")
        if having.exclude(institution=institution).exists():
            raise Refused(_("People outside your institution have addresses at %s.") % domain, rule="domain-shared")


def may_use_password(person: Person, sign_on: SignOn | None) -> bool:
    """Whether another way than single sign-on is open: always, unless it is enforced.

    Should the one administrator who is the way back be gone, every administrator is.
    """
    if sign_on is None or not sign_on.is_enforced or person.pk == sign_on.break_glass_id:
        return True
    return Role.ADMINISTRATOR in person.roles and not is_way_back(sign_on, sign_on.break_glass)
