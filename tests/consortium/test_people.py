"""Accounts and roles."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.people import services
from consortium.people.models import Person
from consortium.people.roles import ASSOCIATION_ROLES, MEMBER_ROLES, PERMISSIONS, Permission, Role, may, permissions_of
from tests.cast import person


def test_an_administrator_invites_its_own_people(harbour, dora):
    invited = services.invite("new@example.org", "Nora", [Role.ANALYST], institution=harbour.institution, by=dora)

    assert may(invited, Permission.STATEMENT_VIEW)
    assert not invited.has_usable_password()
    assert Entry.objects.get().event == "person.invited"


def test_an_administrator_invites_nobody_elsewhere(outsiders_bank, dora):
    with pytest.raises(Forbidden, match="Your roles do not include this"):
        services.invite("new@example.org", "Nora", [Role.ANALYST], institution=outsiders_bank.institution, by=dora)
    with pytest.raises(Forbidden, match="Your roles do not include this"):
        services.invite("new@example.org", "Nora", [Role.AUDITOR], institution=None, by=dora)


def test_member_services_invite_anybody(harbour, mara):
    services.invite("one@example.org", "One", [Role.ADMINISTRATOR], institution=harbour.institution, by=mara)
    services.invite("two@example.org", "Two", [Role.AUDITOR], institution=None, by=mara)


def test_roles_stay_on_their_side(harbour, mara):
    with pytest.raises(Refused, match="Members and the association have different roles"):
        services.invite("new@example.org", "Nora", [Role.STATISTICIAN], institution=harbour.institution, by=mara)


def test_the_database_keeps_roles_on_their_side(harbour):
    with pytest.raises(IntegrityError, match="roles_fit_the_side"):
        person("Nora", harbour.institution, Role.AUDITOR)


def test_an_address_has_one_account_however_it_is_written(harbour, ada, dora):
    with pytest.raises(Refused, match="There is an account with this e-mail address"):
        services.invite("ADA@example.org", "Ada", [Role.ANALYST], institution=harbour.institution, by=dora)


def test_nobody_changes_the_own_roles(dora):
    with pytest.raises(Refused, match="Somebody else changes your roles"):
        services.change_roles(dora, list(MEMBER_ROLES), by=dora)


def test_nobody_closes_the_own_account(dora):
    with pytest.raises(Refused, match="Somebody else closes your account"):
        services.close_account(dora, by=dora)


def test_a_closed_account_may_nothing(ada, dora):
    closed = services.close_account(ada, by=dora)

    assert permissions_of(closed) == frozenset()
    assert not closed.is_entitled


def test_roles_are_changed_by_the_administrator(ada, dora):
    assert services.change_roles(ada, [Role.ANALYST], by=dora).roles == [Role.ANALYST]


def test_a_suspended_institutions_people_may_nothing(sami):
    assert permissions_of(Person.objects.get(pk=sami.pk)) == frozenset()


def test_every_role_has_its_permissions_and_its_side():
    assert set(PERMISSIONS) == set(Role)
    assert set(Role) == MEMBER_ROLES | ASSOCIATION_ROLES
    assert not MEMBER_ROLES & ASSOCIATION_ROLES


def test_nobody_at_the_association_may_see_submissions_or_statements():
    theirs = frozenset().union(*(PERMISSIONS[role] for role in ASSOCIATION_ROLES))

    assert not theirs & {Permission.SUBMISSION_VIEW, Permission.STATEMENT_VIEW, Permission.SUBMISSION_APPROVE}
