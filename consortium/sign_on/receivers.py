"""What follows from events elsewhere: factors recorded and told, sessions ended, new devices told."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.db.models.signals import post_save
from django.http import HttpRequest
from django.urls import reverse

from consortium.audit.services import record
from consortium.institutions.models import Institution
from consortium.institutions.states import InstitutionState
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.sign_on import sessions


def listen() -> None:
    authenticator_added.connect(factor_added)
    authenticator_removed.connect(factor_removed)
    authenticator_reset.connect(recovery_codes_made)
    password_changed.connect(password_was_changed)
    password_reset.connect(password_was_changed)
    password_set.connect(password_was_changed)
    post_save.connect(account_closed, sender=Person)
    post_save.connect(institution_stopped, sender=Institution)


def factor_added(user: Person, authenticator: Authenticator, **_: Any) -> None:
    _tell(user, "person.second_factor_added", Kind.SECOND_FACTOR_ADDED, authenticator)


def factor_removed(user: Person, authenticator: Authenticator, **_: Any) -> None:
    _tell(user, "person.second_factor_removed", Kind.SECOND_FACTOR_REMOVED, authenticator)


def recovery_codes_made(user: Person, authenticator: Authenticator, **_: Any) -> None:
    _tell(user, "person.recovery_codes_made", Kind.RECOVERY_CODES_MADE, authenticator)


def password_was_changed(user: Person, request: HttpRequest, **_: Any) -> None:
    """Every other session ended with it: they are signed with the password."""
    record("person.password_changed", by=user, about=user, institution=user.institution)
    notify([user], Kind.PASSWORD_CHANGED, address=reverse("usersessions_list"))
    if not request.user.is_authenticated:
        sessions.end_all(user)


def account_closed(instance: Person, *, raw: bool = False, created: bool = False, **_: Any) -> None:
    if not (raw or created or instance.is_active):
        sessions.end_all(instance)


def institution_stopped(instance: Institution, *, raw: bool = False, created: bool = False, **_: Any) -> None:
    """Its people may still sign in, and read that it is suspended; wherever they were, they are signed out."""
    if not (raw or created) and instance.state in {InstitutionState.SUSPENDED, InstitutionState.LEFT}:
        sessions.end_all(*instance.people.all())


def _tell(person: Person, event: str, kind: Kind, authenticator: Authenticator) -> None:
    if authenticator.type == Authenticator.Type.RECOVERY_CODES and kind != Kind.RECOVERY_CODES_MADE:
        return  # made and removed together with a factor
    record(event, by=person, about=person, institution=person.institution, factor=str(authenticator.type))
    notify([person], kind, address=reverse("mfa_index"))
