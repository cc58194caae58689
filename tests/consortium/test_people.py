"""Accounts and roles."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection

from consortium.audit.models import Entry
from consortium.errors import Forbidden, Refused
from consortium.people import services
from consortium.people.models import Person
from consortium.people.roles import ASSOCIATION_ROLES, MEMBER_ROLES, PERMISSIONS, Permission, Role, permissions_of
from tests.cast import found_bank, person


def test_the_database_keeps_roles_on_their_side(harbour):
    with pytest.raises(IntegrityError, match="roles_fit_the_side"):
        person("Nora", harbour.institution, Role.AUDITOR)


def test_nobody_changes_the_own_roles(dora):
    with pytest.raises(Refused, match="Somebody else changes your roles"):
        services.change_roles(dora, list(MEMBER_ROLES), by=dora)


def test_nobody_closes_the_own_account(dora):
    with pytest.raises(Refused, match="Somebody else closes your account"):
        services.close_account(dora, by=dora)


def test_a_closed_account_may_nothing_until_it_is_opened_again(ada, dora):
    closed = services.close_account(ada, by=dora)

    assert permissions_of(closed) == frozenset()
    assert not closed.is_entitled
    with pytest.raises(Refused, match="This account is closed already"):
        services.close_account(ada, by=dora)

    assert services.reopen_account(ada, by=dora).is_entitled
    with pytest.raises(Refused, match="This account is open"):
        services.reopen_account(ada, by=dora)
    assert [entry.event for entry in Entry.objects.order_by("pk")] == ["person.closed", "person.reopened"]


def test_an_institution_keeps_an_administrator(harbour, dora, mara):
    with pytest.raises(Refused, match="An institution keeps at least one administrator"):
        services.close_account(dora, by=mara)
    with pytest.raises(Refused, match="An institution keeps at least one administrator"):
        services.change_roles(dora, [Role.ANALYST], by=mara)

    second = person("Dan", harbour.institution, Role.ADMINISTRATOR)
    services.change_roles(dora, [Role.ANALYST], by=second)
    assert list(harbour.institution.administrators()) == [second]


def test_a_closed_administrator_is_none(harbour, dora, mara):
    second = person("Dan", harbour.institution, Role.ADMINISTRATOR)
    services.close_account(second, by=dora)

    with pytest.raises(Refused, match="An institution keeps at least one administrator"):
        services.close_account(dora, by=mara)


def test_everybody_has_a_role(ada, dora):
    with pytest.raises(Refused, match="Everybody has at least one role"):
        services.change_roles(ada, [], by=dora)


def test_roles_taken_meanwhile_count(harbour, dora, mara):
    """`by` is read again under the lock: an administrator who was just demoted demotes nobody."""
    second = person("Dan", harbour.institution, Role.ADMINISTRATOR)
    Person.objects.filter(pk=second.pk).update(roles=[Role.ANALYST])

    with pytest.raises(Forbidden):
        services.change_roles(dora, [Role.ANALYST], by=second)


def test_two_administrators_who_demote_each_other_at_once_do_not_both_succeed(transactional_db):
    bank = found_bank("HARBOUR")
    one = person("One", bank.institution, Role.ADMINISTRATOR)
    two = person("Two", bank.institution, Role.ADMINISTRATOR)

    def demote(who, by):
        try:
            services.change_roles(who, [Role.ANALYST], by=by)
        except Refused:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(demote, (one, two), (two, one)))

    assert sorted(done) == [False, True]
    assert bank.institution.administrators().count() == 1


def test_roles_are_changed_by_the_administrator(ada, dora):
    assert services.change_roles(ada, [Role.ANALYST], by=dora).roles == [Role.ANALYST]


def test_who_takes_another_name_is_on_record(client, ada):
    client.force_login(ada)
    client.post("/profile/", {"name": "Bela", "language": "en"})
    client.post("/profile/", {"name": "Bela", "language": "zh-hans"})
    client.post("/language/", {"language": "en"})

    (entry,) = Entry.objects.filter(event="person.renamed")
    assert (entry.person, entry.details["before"], entry.institution_id) == (ada, "Ada", ada.institution_id)


def test_a_suspended_institutions_people_may_nothing(sami):
    assert permissions_of(Person.objects.get(pk=sami.pk)) == frozenset()


def test_every_role_has_its_permissions_and_its_side():
    assert set(PERMISSIONS) == set(Role)
    assert set(Role) == MEMBER_ROLES | ASSOCIATION_ROLES
    assert not MEMBER_ROLES & ASSOCIATION_ROLES


def test_nobody_at_the_association_may_see_submissions_or_statements():
    theirs = frozenset().union(*(PERMISSIONS[role] for role in ASSOCIATION_ROLES))

    assert not theirs & {Permission.SUBMISSION_VIEW, Permission.STATEMENT_VIEW, Permission.SUBMISSION_APPROVE}
