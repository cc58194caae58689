"""Inviting people: a link of their own, good for a week and for one account."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.notifications import mail
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people import rules
from consortium.people.models import Invitation, Person

if TYPE_CHECKING:
    from consortium.institutions.models import Institution

GOOD_FOR: Final = timedelta(days=7)


@transaction.atomic
def invite(
    email: str,
    name: str,
    roles: Collection[str],
    *,
    institution: Institution | None,
    by: Person,
    language: str = "en",
) -> Invitation:
    """Mails a link with which the invited person opens an account of these roles."""
    rules.check_can_invite(by, institution, roles)
    rules.check_has_no_account(email)
    token = _new_token()
    invitation = Invitation(
        email=email,
        name=name,
        institution=institution,
        roles=sorted(roles),
        language=language,
        invited_by=by,
        token_sha256=_digest(token),
        expires_at=timezone.now() + GOOD_FOR,
    )
    try:
        with transaction.atomic():
            invitation.save()
    except IntegrityError as taken:
        raise Refused(
            _("This e-mail address is invited already. Send the invitation again instead."), rule="invited-already"
        ) from taken
    _mail(invitation, token)
    record("person.invited", by=by, about=invitation, roles=invitation.roles)
    return invitation


@transaction.atomic
def resend(invitation: Invitation, *, by: Person) -> Invitation:
    """A new link for another week; the one before opens nothing any more."""
    invitation = _locked(invitation)
    rules.check_can_change_invitation(by, invitation)
    rules.check_can_invite(by, invitation.institution, invitation.roles)
    token = _new_token()
    invitation.token_sha256 = _digest(token)
    invitation.expires_at = timezone.now() + GOOD_FOR
    invitation.invited_by = by
    invitation.save(update_fields=["token_sha256", "expires_at", "invited_by"])
    _mail(invitation, token)
    record("invitation.sent_again", by=by, about=invitation)
    return invitation


@transaction.atomic
def revoke(invitation: Invitation, *, by: Person) -> Invitation:
    """Its link opens nothing any more."""
    invitation = _locked(invitation)
    rules.check_can_change_invitation(by, invitation)
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    record("invitation.revoked", by=by, about=invitation)
    return invitation


def find(token: str) -> Invitation | None:
    """The invitation that a link opens; None when it is used, revoked, over or was never there."""
    pending = Invitation.objects.pending().filter(token_sha256=_digest(token), expires_at__gt=timezone.now())
    return pending.select_related("institution", "invited_by__institution").first()


@transaction.atomic
def accept(invitation: Invitation, *, name: str, language: str, password: str) -> Person:
    """The account, opened by its owner. Refused when the invitation was used meanwhile, or nobody stands behind it."""
    token_sha256 = invitation.token_sha256
    invitation = _locked(invitation)
    rules.check_can_be_accepted(invitation, token_sha256)
    try:
        with transaction.atomic():
            person = Person.objects.create_user(
                invitation.email,
                password,
                name=name,
                language=language,
                roles=invitation.roles,
                institution=invitation.institution,
            )
    except IntegrityError as taken:
        raise Refused(_("There is an account with this e-mail address."), rule="email-taken") from taken
    invitation.person, invitation.accepted_at = person, timezone.now()
    invitation.save(update_fields=["person", "accepted_at"])
    notify([invitation.invited_by], Kind.PERSON_JOINED, address=reverse("home"), name=person.name)
    record("person.joined", by=person, about=person, institution=invitation.institution, roles=person.roles)
    return person


def _locked(invitation: Invitation) -> Invitation:
    rows = Invitation.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("institution", "invited_by__institution").get(pk=invitation.pk)


def _new_token() -> str:
    return secrets.token_urlsafe(32)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _mail(invitation: Invitation, token: str) -> None:
    mail.send(
        invitation.email,
        "people/mail/invitation",
        invitation.language,
        name=invitation.name,
        institution=invitation.institution,
        inviter=invitation.invited_by.name,
        link=settings.CONCORD_URL + reverse("invitation", args=[token]),
        days=GOOD_FOR.days,
    )
