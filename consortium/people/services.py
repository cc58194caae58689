"""What happens to accounts. Opening them is in `invitations`."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.urls import reverse

from consortium.audit.services import record
from consortium.institutions.models import Institution
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people import rules
from consortium.people.models import Person
from consortium.people.roles import Role


@transaction.atomic
def change_roles(person: Person, roles: Collection[str], *, by: Person) -> Person:
    person, by = _locked(person, by)
    rules.check_can_change_roles(by, person, roles)
    person.roles = sorted(roles)
    person.save(update_fields=["roles"])
    notify([person], Kind.PERSON_ROLES_CHANGED, address=reverse("profile"), name=by.name)
    record("person.roles_changed", by=by, about=person, roles=person.roles)
    return person


@transaction.atomic
def close_account(person: Person, *, by: Person) -> Person:
    """Nobody signs in with it again; what its owner did stays on record."""
    person, by = _locked(person, by)
    rules.check_can_close_account(by, person)
    person.is_active = False
    person.save(update_fields=["is_active"])
    record("person.closed", by=by, about=person)
    return person


@transaction.atomic
def reopen_account(person: Person, *, by: Person) -> Person:
    """Its owner signs in as before, with the roles it had."""
    person, by = _locked(person, by)
    rules.check_can_reopen_account(by, person)
    person.is_active = True
    person.save(update_fields=["is_active"])
    record("person.reopened", by=by, about=person)
    return person


@transaction.atomic
def change_profile(person: Person, *, name: str, language: str) -> None:
    """A person names itself and chooses the language of its pages and mail.

    A new name is on record: others read it under approvals.
    """
    before = Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk).name
    person.name, person.language = name, language
    person.save(update_fields=["name", "language"])
    if name != before:
        record("person.renamed", by=person, about=person, before=before)


def _locked(person: Person, by: Person) -> tuple[Person, Person]:
    """Both as they are now, while nobody else changes people of the same side: two administrators who demote each
    other at once must not both succeed.
    """
    people = Person.objects.select_for_update(of=("self",), no_key=True)
    if person.institution_id is not None:
        Institution.objects.select_for_update(no_key=True).get(pk=person.institution_id)
    else:
        list(people.filter(institution=None, roles__contains=[Role.MEMBER_SERVICES]).order_by("pk"))
    found = people.select_related("institution").get(pk=person.pk)
    return found, Person.objects.select_related("institution").get(pk=by.pk)
