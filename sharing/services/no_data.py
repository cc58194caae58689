"""Declaring that there is nothing to send for a round, approving that, sending it back, withdrawing it."""

from __future__ import annotations

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Forbidden, Refused
from consortium.institutions.models import ApiClient, Institution
from consortium.institutions.states import InstitutionState
from consortium.people.models import Person
from sharing import rules, texts
from sharing.models import NoData, Round
from sharing.services import telling
from sharing.states import NoDataState


@transaction.atomic
def declare(round: Round, reason: str, text: str = "", *, by: Person | ApiClient) -> NoData:
    """The institution's word; a second person approves it where submissions are approved."""
    institution = _held(round, by)
    rules.check_can_declare_no_data(by, round, reason, text)
    waits = institution.approves_submissions
    try:
        with transaction.atomic():
            declaration = NoData.objects.create(
                round=round,
                institution=institution,
                state=NoDataState.AWAITING_APPROVAL if waits else NoDataState.DECLARED,
                reason=reason,
                text=text.strip(),
                declared_by=by if isinstance(by, Person) else None,
                declared_by_client=by if isinstance(by, ApiClient) else None,
                decided_at=None if waits else timezone.now(),
            )
    except IntegrityError as taken:
        raise Refused(_("You have declared already that there is no data."), rule="declared-already") from taken
    record("no_data.declared", by=by, about=declaration, round=round.public_id, reason=reason)
    telling.declared(declaration, but=by)
    return declaration


@transaction.atomic
def approve(declaration: NoData, *, by: Person) -> NoData:
    declaration = _locked(declaration)
    rules.check_can_approve_no_data(by, declaration)
    declaration.approved_by = by
    return _end(declaration, NoDataState.DECLARED, by)


@transaction.atomic
def send_back(declaration: NoData, reason: str, *, by: Person) -> NoData:
    """The approver's no; the round waits for an answer again."""
    declaration = _locked(declaration)
    rules.check_can_approve_no_data(by, declaration)
    texts.check_has_words(reason)
    declaration.remark = reason.strip()
    return _end(declaration, NoDataState.SENT_BACK, by)


@transaction.atomic
def withdraw(declaration: NoData, *, by: Person | ApiClient) -> NoData:
    declaration = _locked(declaration)
    rules.check_can_withdraw_no_data(by, declaration)
    return _end(declaration, NoDataState.WITHDRAWN, by)


def _end(declaration: NoData, state: NoDataState, by: Person | ApiClient) -> NoData:
    declaration.move_to(state)
    declaration.decided_at = timezone.now()
    declaration.save(update_fields=["state", "decided_at", "approved_by", "remark"])
    record(f"no_data.{state}", by=by, about=declaration, round=declaration.round.public_id)
    telling.declared(declaration, but=by)
    return declaration


def _held(round: Round, by: Person | ApiClient) -> Institution:
    """The sender's institution and the round, held as a package holds them: neither suspended nor closed meanwhile."""
    if by.institution_id is None:
        raise Forbidden(_("Only a member institution declares that it has no data."), rule="not-a-contributor")
    institution = Institution.objects.select_for_update(no_key=True).get(pk=by.institution_id)
    if institution.state != InstitutionState.ACTIVE:
        raise Forbidden(_("Your institution is suspended. Nothing was stored."), rule="not-entitled")
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM sharing_round WHERE id = %s FOR KEY SHARE", [round.pk])
        (round.state,) = cursor.fetchone()
    return institution


def _locked(declaration: NoData) -> NoData:
    round = Round.objects.select_for_update(of=("self",), no_key=True).select_related("collection")
    held = round.get(pk=declaration.round_id)
    declaration = NoData.objects.select_for_update(of=("self",)).get(pk=declaration.pk)
    declaration.round = held
    return declaration
