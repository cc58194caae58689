"""Who may admit, suspend and equip an institution, and why not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden, Refused
from consortium.institutions.states import ApplicationState, DepartureState, InstitutionState
from consortium.people.roles import PERMISSIONS, Permission, Role, may, require

if TYPE_CHECKING:
    from consortium.institutions.models import (
        AffiliateGroup,
        Agreement,
        ApiClient,
        Application,
        ApprovalWaiver,
        Departure,
        Institution,
        SigningKey,
    )
    from consortium.notifications.models import Endpoint
    from consortium.people.models import Person

RECORDS_FOR: Final = timedelta(days=90)  # how long an institution that left reads its receipts and audit trail


# An unattended job or two, one of a hardware module, and those that are just being replaced.
MOST_SIGNING_KEYS: Final = 5
MOST_API_CLIENTS: Final = 20
MOST_NETWORKS: Final = 50  # in the allow-list of one client


def check_can_propose(person: Person) -> None:
    require(person, Permission.MEMBER_ADMIT)


def check_can_admit(person: Person, institution: Institution) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if institution.state != InstitutionState.APPLICANT:
        raise Refused(_("Only an applicant can be admitted."), rule="not-an-applicant")


def check_can_suspend(person: Person, institution: Institution) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if institution.state != InstitutionState.ACTIVE:
        raise Refused(_("Only an active member can be suspended."), rule="not-active")


def check_can_correct(person: Person, institution: Institution) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if institution.state == InstitutionState.LEFT:
        raise Refused(_("This institution has left the consortium."), rule="institution-left")


def check_can_reinstate(person: Person, institution: Institution) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if institution.state != InstitutionState.SUSPENDED:
        raise Refused(_("Only a suspended member can be reinstated."), rule="not-suspended")


def check_can_end_membership(person: Person, institution: Institution) -> None:
    """An active member leaves of its own accord; one that is suspended can only be let go."""
    require(person, Permission.MEMBER_ADMIT)
    if institution.state not in (InstitutionState.SUSPENDED, InstitutionState.APPLICANT):
        raise Refused(
            _("Only a suspended member or an applicant can be let go. An active member declares its own leaving."),
            rule="not-suspended",
        )


def check_can_manage(person: Person, institution: Institution) -> None:
    """Keys and API clients are the institution's own business: its administrator's, not the association's."""
    require(person, Permission.INSTITUTION_MANAGE)
    _check_is_own(person, institution)


def check_has_room_for_key(institution: Institution) -> None:
    """Whoever has one signs for the institution, so it has few: nobody watches a drawer full of keys."""
    if institution.signing_keys.in_force().count() >= MOST_SIGNING_KEYS:
        raise Refused(
            _("There are %(most)s signing keys in force, and no more are allowed. Revoke one that is not used.")
            % {"most": MOST_SIGNING_KEYS},
            rule="too-many-keys",
        )


def check_can_be_replaced(key: SigningKey | None) -> None:
    if key is None:
        raise Refused(_("Your institution has no such key to replace."), rule="no-such-key")
    if not key.is_in_force:
        raise Refused(_("Only a key that is in force can be replaced."), rule="key-not-in-force")
    if key.ends_at is not None:
        raise Refused(_("This key is replaced already and ends by itself."), rule="already-replaced")


def check_can_revoke_key(person: Person, key: SigningKey) -> None:
    check_can_manage(person, key.institution)
    if key.revoked_at is not None:
        raise Refused(_("This key is revoked already."), rule="already-revoked")


def check_unchanged(thing: ApiClient | Endpoint, version: str) -> None:
    """What was decided on another state of a thing is not done to this one; without a version, to any."""
    if version and version != thing.version:
        raise Refused(
            _("Somebody has changed this in the meantime. Look at it again; nothing was changed."),
            rule="changed-meanwhile",
        )


def check_can_revoke_client(person: Person, client: ApiClient) -> None:
    check_can_manage(person, client.institution)


def check_has_room_for_client(institution: Institution) -> None:
    if institution.api_clients.count() >= MOST_API_CLIENTS:
        raise Refused(
            _("There are %(most)s API clients, and no more are allowed. Revoke one that is not used.")
            % {"most": MOST_API_CLIENTS},
            rule="too-many-clients",
        )


def check_can_renew_secret(person: Person, client: ApiClient) -> None:
    check_can_manage(person, client.institution)
    if client.uses_key:
        raise Refused(_("This client signs with a key and has no secret."), rule="client-uses-key")
    if client.has_two_secrets:
        raise Refused(
            _("Two secrets are in force. End the former one before you make a third."), rule="two-secrets-in-force"
        )


def check_can_end_former_secret(person: Person, client: ApiClient) -> None:
    check_can_manage(person, client.institution)
    if not client.has_two_secrets:
        raise Refused(_("There is no former secret in force."), rule="no-former-secret")


# Applications


def check_can_review(person: Person, application: Application) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if application.state not in (ApplicationState.CONFIRMED, ApplicationState.IN_REVIEW):
        raise Refused(_("This application is decided or withdrawn."), rule="application-not-open")


def check_can_decide(person: Person, application: Application) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if application.state == ApplicationState.CONFIRMED:
        raise Refused(_("Take up the review first."), rule="application-not-in-review")
    check_can_review(person, application)


def check_can_confirm(application: Application) -> None:
    if application.state != ApplicationState.SUBMITTED:
        raise Refused(_("This application is confirmed already."), rule="application-confirmed")


def check_can_withdraw_application(application: Application) -> None:
    if not application.may_move_to(ApplicationState.WITHDRAWN):
        raise Refused(_("This application is decided or withdrawn."), rule="application-not-open")


# The membership agreement


def check_can_issue(person: Person, effective_on: date, accept_by: date) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if accept_by < max(effective_on, timezone.localdate()):
        raise Refused(
            _("The last day for accepting is neither past nor before the agreement takes effect."),
            rule="accept-by-too-early",
        )


def check_can_accept(person: Person, institution: Institution, agreement: Agreement, newest: Agreement) -> None:
    """Somebody who binds the institution: its administrator or an approver."""
    require(person, Permission.AGREEMENT_ACCEPT)
    _check_is_own(person, institution)
    if agreement.pk != newest.pk:
        raise Refused(_("A newer version of the agreement was issued. Read and accept that one."), rule="not-newest")
    if institution.acceptances.filter(agreement=agreement).exists():
        raise Refused(_("Your institution has accepted this version already."), rule="accepted-already")


# The second person's approval


def check_can_require_approval(person: Person, institution: Institution) -> None:
    check_can_manage(person, institution)
    if institution.approves_submissions:
        raise Refused(_("Submissions need a second person's approval already."), rule="approval-required-already")
    if not institution.people.filter(is_active=True, roles__contains=[Role.APPROVER]).exists():
        raise Refused(_("Nobody could approve: give somebody the role of approver first."), rule="no-approver")


def check_can_ask_for_waiver(person: Person, institution: Institution) -> None:
    check_can_manage(person, institution)
    if not institution.approves_submissions:
        raise Refused(_("Submissions need no second person's approval."), rule="approval-not-required")


def check_can_confirm_waiver(person: Person, waiver: ApprovalWaiver) -> None:
    """A second person: an approver or another administrator."""
    check_can_refuse_waiver(person, waiver)
    if waiver.asked_by_id == person.pk:
        raise Refused(_("Somebody else confirms what you asked for."), rule="own-waiver")


def check_can_refuse_waiver(person: Person, waiver: ApprovalWaiver) -> None:
    """Whoever could confirm, and whoever asked."""
    if not may(person, Permission.INSTITUTION_MANAGE):
        require(person, Permission.SUBMISSION_APPROVE)
    _check_is_own(person, waiver.institution)


# Affiliates


def check_can_group(person: Person) -> None:
    require(person, Permission.MEMBER_ADMIT)


def check_can_join_group(person: Person, institution: Institution, group: AffiliateGroup) -> None:
    check_can_group(person)
    if institution.state == InstitutionState.LEFT:
        raise Refused(_("This institution has left the consortium."), rule="institution-left")
    if institution.affiliate_group:
        raise Refused(_("This institution belongs to a group already. Take it out there first."), rule="in-a-group")


def check_can_leave_group(person: Person, institution: Institution) -> None:
    check_can_group(person)
    if not institution.affiliate_group:
        raise Refused(_("This institution belongs to no group."), rule="in-no-group")
    if institution.affiliate_group == institution.code:
        raise Refused(
            _("The group counts under this institution's code, so it stays its head."), rule="head-of-the-group"
        )


# Leaving


def check_can_declare_departure(person: Person, institution: Institution, leaves_on: date) -> None:
    check_can_manage(person, institution)
    if leaves_on < timezone.localdate():
        raise Refused(_("An institution leaves today or later."), rule="leaves-in-the-past")


def check_can_confirm_departure(person: Person, departure: Departure) -> None:
    require(person, Permission.MEMBER_ADMIT)
    if departure.state != DepartureState.DECLARED:
        raise Refused(_("Only a declared departure can be confirmed."), rule="departure-not-declared")


def check_can_call_off_departure(person: Person, departure: Departure) -> None:
    """The member's administrator, or member services at its wish."""
    if not may(person, Permission.MEMBER_ADMIT):
        check_can_manage(person, departure.institution)
    if not departure.may_move_to(DepartureState.CALLED_OFF):
        raise Refused(_("This departure is over."), rule="departure-over")


def check_can_read_records(person: Person) -> None:
    """Receipts and audit trail of the own institution, also while it is suspended and for a time after it left."""
    institution = person.institution
    # Not `require`: that answers no to everybody whose institution is not active.
    may_read = any(Permission.RECORDS_VIEW in PERMISSIONS[role] for role in person.roles)
    if not person.is_active or institution is None or not may_read:
        raise Forbidden(_("Your roles do not include this."), rule="forbidden")
    if institution.state == InstitutionState.LEFT and not is_within_records(institution):
        raise Forbidden(_("Your institution left too long ago: its records can no longer be read here."), rule="left")
    if institution.state == InstitutionState.APPLICANT:
        raise Forbidden(_("Your institution is not a member yet."), rule="not-a-member")


def is_within_records(institution: Institution) -> bool:
    return institution.left_at is not None and timezone.now() < institution.left_at + RECORDS_FOR


def _check_is_own(person: Person, institution: Institution) -> None:
    if person.institution_id != institution.pk:
        raise Forbidden(_("This is another institution's."), rule="not-yours")
