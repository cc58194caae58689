"""The way in from the server itself: for the first person of an installation, and for when nobody is left to help."""

from __future__ import annotations

from typing import Final

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Role
from consortium.sign_on import sessions

BY: Final = "the server's command line"


@transaction.atomic
def let_in(email: str, name: str) -> Person:
    """Member services' person of this address: opened when nobody has it, else rid of factors and sessions.

    Refused for everybody else: those have somebody in charge.
    """
    person = Person.objects.select_for_update(of=("self",), no_key=True).filter(email__iexact=email).first()
    if person is None:
        return _opened(email, name)
    if not (person.is_association and person.is_active and Role.MEMBER_SERVICES in person.roles):
        raise Refused(_("Member services help this person."), rule="not-member-services")
    Authenticator.objects.filter(user=person).delete()
    sessions.end_all(person)
    notify([person], Kind.SECOND_FACTOR_RESET, address=reverse("mfa_index"), who=BY)
    record("person.let_in", by=BY, about=person)
    return person


def link(person: Person) -> str:
    """Where the password is chosen: once, within `PASSWORD_RESET_TIMEOUT`."""
    parts = [user_pk_to_url_str(person), default_token_generator.make_token(person)]
    return str(settings.CONCORD_URL) + reverse("account_reset_password_from_key", args=parts)


def _opened(email: str, name: str) -> Person:
    if not name:
        raise Refused(_("Nobody has this address. Give a name to open an account."), rule="no-name")
    person = Person.objects.create_user(email, name=name, roles=[Role.MEMBER_SERVICES])
    record("person.let_in", by=BY, about=person, roles=person.roles)
    return person
