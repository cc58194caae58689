"""Registering, replacing and revoking the keys that an institution signs with."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from anonymize.package import read_registration
from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import Institution, SigningKey
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Role

if TYPE_CHECKING:
    from collections.abc import Iterable


@transaction.atomic
def register(institution: Institution, request: str, *, by: Person, replaces: str | None = None) -> SigningKey:
    """Packages signed with the key that made the request are the institution's from now on.

    The key whose id `replaces` names stays in force for `CONCORD_KEY_OVERLAP_DAYS` and then ends by itself. Raises PackageError, when the request
    is not in order, or Refused.
    """
    institution = Institution.objects.select_for_update(no_key=True).get(pk=institution.pk)
    rules.check_can_manage(by, institution)
    now = timezone.now()
    jwk = read_registration(request, institution.code, settings.CONCORD_AUDIENCE, now.timestamp())
    former = _former(institution, replaces)
    rules.check_has_room_for_key(institution)
    try:
        with transaction.atomic():
            key = SigningKey.objects.create(
                institution=institution, kid=jwk["kid"], jwk=jwk, valid_from=now, registered_by=by, replaces=former
            )
    except IntegrityError as taken:
        # Whose it is stays unsaid.
        raise Refused(_("This key is registered already. Make a new one."), rule="key-taken") from taken
    if former is not None:
        former.ends_at = now + timedelta(days=settings.CONCORD_KEY_OVERLAP_DAYS)
        former.save(update_fields=["ends_at"])
    notify(
        _people(institution, Role.ADMINISTRATOR, Role.APPROVER),
        Kind.KEY_REGISTERED,
        address=reverse("signing-keys"),
        kid=key.kid,
    )
    record("signing_key.registered", by=by, about=key, kid=key.kid, replaces=former.kid if former else "")
    return key


@transaction.atomic
def revoke(key: SigningKey, *, by: Person, reason: SigningKey.Revocation = SigningKey.Revocation.ROUTINE) -> SigningKey:
    """Packages that were received before are still the institution's; new ones are refused, from this moment.

    When somebody else may have the key, whoever sends for the institution is told to look at what it signed.
    """
    Institution.objects.select_for_update(no_key=True).get(pk=key.institution_id)
    key = SigningKey.objects.select_for_update(of=("self",), no_key=True).select_related("institution").get(pk=key.pk)
    rules.check_can_revoke_key(by, key)
    key.revoked_at, key.revoked_by, key.revocation = timezone.now(), by, reason
    key.save(update_fields=["revoked_at", "revoked_by", "revocation"])
    is_compromised = reason == SigningKey.Revocation.COMPROMISED
    told = (Role.ADMINISTRATOR, Role.APPROVER, *([Role.SUBMITTER] if is_compromised else []))
    notify(
        _people(key.institution, *told),
        Kind.KEY_COMPROMISED if is_compromised else Kind.KEY_REVOKED,
        address=reverse("signing-keys"),
        kid=key.kid,
    )
    record("signing_key.revoked", by=by, about=key, kid=key.kid, reason=str(reason))
    return key


def _former(institution: Institution, kid: str | None) -> SigningKey | None:
    """The key to be replaced, locked; Refused unless it is in force and not replaced yet."""
    if not kid:
        return None
    former = SigningKey.objects.select_for_update(no_key=True).filter(institution=institution, kid=kid).first()
    rules.check_can_be_replaced(former)
    return former


def _people(institution: Institution, *roles: Role) -> Iterable[Person]:
    return Person.objects.filter(institution=institution, is_active=True, roles__overlap=list(roles))
