"""Who needs a second factor, who has one, and how a lost one is set up anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from consortium.audit.services import record
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.sign_on import rules, sessions

if TYPE_CHECKING:
    from django.db.models import QuerySet

REQUIRED: Final = "required"  # of everybody
ASSOCIATION: Final = "association"  # of the association's own people
OPTIONAL: Final = "optional"
# Recovery codes replace a factor once; they are none.
FACTORS: Final = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


def is_required_of(person: Person) -> bool:
    """Anything but the two known exceptions asks everybody."""
    if settings.CONCORD_MFA == OPTIONAL:
        return False
    return settings.CONCORD_MFA != ASSOCIATION or person.is_association


def factors_of(person: Person) -> QuerySet[Authenticator]:
    found: QuerySet[Authenticator] = Authenticator.objects.filter(user=person, type__in=FACTORS)
    return found


def has_one(person: Person) -> bool:
    return factors_of(person).exists()


def is_last_required(authenticator: Authenticator) -> bool:
    """Whether its owner would be left without the factor that the policy asks for."""
    person = Person.objects.get(pk=authenticator.user_id)
    if authenticator.type not in FACTORS or not is_required_of(person):
        return False
    return not factors_of(person).exclude(pk=authenticator.pk).exists()


@transaction.atomic
def reset(person: Person, *, by: Person) -> None:
    """Forget every factor and recovery code of somebody who lost them, and end all sessions.

    The next sign-in asks for a new set-up where one is required.
    """
    person = Person.objects.select_for_update(of=("self",), no_key=True).get(pk=person.pk)
    rules.check_can_reset_second_factor(by, person)
    Authenticator.objects.filter(user=person).delete()
    sessions.end_all(person)
    record("person.second_factor_reset", by=by, about=person, institution=person.institution)
    notify([person], Kind.SECOND_FACTOR_RESET, address=reverse("mfa_index"), who=by.name)
