"""What happens to accounts."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.people import rules
from consortium.people.models import Person

if TYPE_CHECKING:
    from consortium.institutions.models import Institution


@transaction.atomic
def invite(
    email: str,
    name: str,
    roles: Collection[str],
    *,
    institution: Institution | None,
    by: Person,
    language: str = "en",
) -> Person:
    """An account without a password; its owner sets one through the link for a forgotten password."""
    rules.check_can_invite(by, institution, roles)
    try:
        with transaction.atomic():
            person = Person.objects.create_user(
                email, None, name=name, roles=sorted(roles), institution=institution, language=language
            )
    except IntegrityError as taken:
        raise Refused(_("There is an account with this e-mail address."), rule="email-taken") from taken
    record("person.invited", by=by, about=person, institution=institution, roles=person.roles)
    return person


@transaction.atomic
def change_roles(person: Person, roles: Collection[str], *, by: Person) -> Person:
    person = Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)
    rules.check_can_change_roles(by, person, roles)
    person.roles = sorted(roles)
    person.save(update_fields=["roles"])
    record("person.roles_changed", by=by, about=person, roles=person.roles)
    return person


@transaction.atomic
def close_account(person: Person, *, by: Person) -> Person:
    """Nobody signs in with it again; what its owner did stays on record."""
    person = Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)
    rules.check_can_close_account(by, person)
    person.is_active = False
    person.save(update_fields=["is_active"])
    record("person.closed", by=by, about=person)
    return person


def change_profile(person: Person, *, name: str, language: str) -> None:
    """A person names itself and chooses the language of its pages and mail."""
    person.name, person.language = name, language
    person.save(update_fields=["name", "language"])
