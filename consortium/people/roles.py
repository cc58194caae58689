"""Every permission on one page: who may do what.

A role belongs to a side: members act for their own institution, the association's staff for the consortium. A
permission says *what kind* of thing a person may do; the rules beside each service say *which* ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from consortium.errors import Forbidden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Actor(Protocol):
    """Whoever asks: a person, or an API client that acts for an institution."""

    @property
    def institution_id(self) -> int | None: ...

    @property
    def roles(self) -> Sequence[str]: ...

    @property
    def is_entitled(self) -> bool: ...


class Role(TextChoices):
    SUBMITTER = "submitter", _("Submitter")
    ANALYST = "analyst", _("Analyst")
    APPROVER = "approver", _("Approver")
    ADMINISTRATOR = "administrator", _("Member administrator")
    COLLECTION_MANAGER = "collection_manager", _("Collection manager")
    STATISTICIAN = "statistician", _("Statistician")
    SECRETARIAT = "secretariat", _("Secretariat")
    POLICY_EDITOR = "policy_editor", _("Policy editor")
    MEMBER_SERVICES = "member_services", _("Member services")
    AUDITOR = "auditor", _("Auditor")
    OBSERVER = "observer", _("Regulator observer")


MEMBER_ROLES = frozenset({Role.SUBMITTER, Role.ANALYST, Role.APPROVER, Role.ADMINISTRATOR})
ASSOCIATION_ROLES = frozenset(Role) - MEMBER_ROLES


class Permission(TextChoices):
    # members, for their own institution
    SUBMISSION_VIEW = "submission.view"
    SUBMISSION_SEND = "submission.send"
    SUBMISSION_APPROVE = "submission.approve"
    SUBMISSION_WITHDRAW = "submission.withdraw"
    STATEMENT_VIEW = "statement.view"
    INSTITUTION_VIEW = "institution.view"
    INSTITUTION_MANAGE = "institution.manage"
    AGREEMENT_ACCEPT = "agreement.accept"
    RECORDS_VIEW = "institution.view_records"
    # everybody who is entitled to published figures
    RELEASE_VIEW = "release.view"
    ALERT_HANDLE = "alert.handle"
    # the association
    COLLECTION_MANAGE = "collection.manage"
    ROUND_MANAGE = "round.manage"
    ROUND_PROGRESS_VIEW = "round.view_progress"
    RELEASE_COMPUTE = "release.compute"
    RELEASE_REVIEW = "release.review"
    RELEASE_APPROVE = "release.approve"
    RELEASE_PUBLISH = "release.publish"
    MEMBER_ADMIT = "member.admit"
    MEMBER_VIEW = "member.view"
    AUDIT_VIEW = "audit.view"


_MEMBER = {
    Permission.SUBMISSION_VIEW,
    Permission.STATEMENT_VIEW,
    Permission.RELEASE_VIEW,
    Permission.ALERT_HANDLE,
    Permission.INSTITUTION_VIEW,
}

PERMISSIONS: Mapping[str, frozenset[Permission]] = {
    Role.SUBMITTER: frozenset({*_MEMBER, Permission.SUBMISSION_SEND, Permission.SUBMISSION_WITHDRAW}),
    Role.ANALYST: frozenset(_MEMBER),
    Role.APPROVER: frozenset(
        {
            *_MEMBER,
            Permission.SUBMISSION_APPROVE,
            Permission.SUBMISSION_WITHDRAW,
            Permission.AGREEMENT_ACCEPT,
            Permission.RECORDS_VIEW,
        }
    ),
    Role.ADMINISTRATOR: frozenset(
        {*_MEMBER, Permission.INSTITUTION_MANAGE, Permission.AGREEMENT_ACCEPT, Permission.RECORDS_VIEW}
    ),
    Role.COLLECTION_MANAGER: frozenset(
        {
            Permission.COLLECTION_MANAGE,
            Permission.ROUND_MANAGE,
            Permission.ROUND_PROGRESS_VIEW,
            Permission.RELEASE_VIEW,
            Permission.ALERT_HANDLE,
            Permission.MEMBER_VIEW,
        }
    ),
    Role.STATISTICIAN: frozenset(
        {
            Permission.ROUND_PROGRESS_VIEW,
            Permission.RELEASE_VIEW,
            Permission.ALERT_HANDLE,
            Permission.RELEASE_COMPUTE,
            Permission.RELEASE_REVIEW,
            Permission.RELEASE_APPROVE,
            Permission.RELEASE_PUBLISH,
            Permission.MEMBER_VIEW,
        }
    ),
    Role.SECRETARIAT: frozenset(
        {Permission.RELEASE_VIEW, Permission.ALERT_HANDLE, Permission.MEMBER_VIEW, Permission.ROUND_PROGRESS_VIEW}
    ),
    Role.POLICY_EDITOR: frozenset({Permission.RELEASE_VIEW}),
    Role.MEMBER_SERVICES: frozenset({Permission.MEMBER_ADMIT, Permission.MEMBER_VIEW, Permission.ROUND_PROGRESS_VIEW}),
    Role.AUDITOR: frozenset({Permission.AUDIT_VIEW, Permission.MEMBER_VIEW, Permission.ROUND_PROGRESS_VIEW}),
    Role.OBSERVER: frozenset({Permission.RELEASE_VIEW}),
}


def permissions_of(actor: Actor) -> frozenset[Permission]:
    """Everything an actor may do; nothing when the account or the institution is not active."""
    if not actor.is_entitled:
        return frozenset()
    return frozenset().union(*(PERMISSIONS[role] for role in actor.roles))


def may(actor: Actor, permission: Permission) -> bool:
    return permission in permissions_of(actor)


def require_entitled(actor: Actor) -> None:
    if not actor.is_entitled:
        raise Forbidden(_("Your institution is suspended, or your account is closed."), rule="not-entitled")


def require(actor: Actor, permission: Permission) -> None:
    require_entitled(actor)
    if not may(actor, permission):
        raise Forbidden(_("Your roles do not include this."), rule="forbidden")
