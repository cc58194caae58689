"""Issuing the membership agreement and accepting it for an institution."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import Agreement, AgreementAcceptance
from consortium.institutions.services import institutions
from consortium.institutions.states import InstitutionState
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people.models import Person
from consortium.people.roles import Role

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from consortium.institutions.models import Institution


@dataclass(frozen=True)
class Standing:
    """Where an institution stands with the agreement. `newest` is None where none was ever issued."""

    newest: Agreement | None
    accepted: AgreementAcceptance | None  # of the highest version that it accepted
    may_send: bool

    @property
    def is_due(self) -> bool:
        """Whether there is a version to accept."""
        accepted = self.accepted.agreement.version if self.accepted else 0
        return self.newest is not None and accepted < self.newest.version


@transaction.atomic
def issue(text_en: str, text_zh: str, *, effective_on: date, accept_by: date, by: Person) -> Agreement:
    """A new version, which nobody can change. Members accept it until the end of `accept_by` and cannot send after."""
    rules.check_can_issue(by, effective_on, accept_by)
    before = Agreement.objects.newest()
    agreement = Agreement(
        version=before.version + 1 if before else 1,
        text_en=_clean(text_en),
        text_zh=_clean(text_zh),
        effective_on=effective_on,
        accept_by=accept_by,
        issued_by=by,
    )
    agreement.sha256 = agreement.digest()
    try:
        with transaction.atomic():
            agreement.save(force_insert=True)
    except IntegrityError as taken:
        raise Refused(
            _("Somebody else has just issued a version. Look at it first."), rule="issued-meanwhile"
        ) from taken
    _announce(agreement, _who_may_accept().filter(institution__state=InstitutionState.ACTIVE))
    record("agreement.issued", by=by, about=agreement, version=agreement.version, sha256=agreement.sha256)
    return agreement


@transaction.atomic
def accept(
    agreement: Agreement, institution: Institution, *, name: str, position: str, by: Person
) -> AgreementAcceptance:
    """A named person's yes to the newest version, for their institution."""
    institution = institutions.locked(institution)
    newest = Agreement.objects.newest() or agreement
    rules.check_can_accept(by, institution, agreement, newest)
    acceptance = AgreementAcceptance.objects.create(
        agreement=agreement, institution=institution, person=by, name=name, position=position, sha256=agreement.sha256
    )
    record(
        "agreement.accepted",
        by=by,
        about=acceptance,
        version=agreement.version,
        sha256=agreement.sha256,
        name=name,
        position=position,
    )
    return acceptance


def standing(institution: Institution) -> Standing:
    newest = Agreement.objects.newest()
    accepted = (
        AgreementAcceptance.objects.filter(institution=institution)
        .select_related("agreement")
        .order_by("-agreement__version")
        .first()
    )
    return Standing(newest, accepted, may_send=may_send(institution.pk))


def may_send(institution_id: int) -> bool:
    """Whether the institution accepted the version that binds by now, or a newer one; True where none binds."""
    return Agreement.objects.accepted_by(institution_id)


def check_is_accepted(institution_id: int) -> None:
    """Whoever sends is bound by the agreement."""
    if not may_send(institution_id):
        raise Refused(
            _(
                "Your institution has not accepted the membership agreement that is in force. Its administrator or an "
                "approver accepts it in the portal, under Institution. Nothing was stored."
            ),
            rule="agreement-not-accepted",
        )


def remind(on: date) -> int:
    """Tells whoever may accept, once a week and once a day before the last day; to how many that applies."""
    newest = Agreement.objects.newest()
    if newest is None or (newest.accept_by - on).days not in (7, 1):
        return 0
    people = _who_may_accept().filter(institution__state=InstitutionState.ACTIVE)
    once = f"agreement-{newest.version}-{on}"
    return _announce(newest, people.exclude(institution__acceptances__agreement=newest), once)


def shipped() -> tuple[str, str]:
    """A text to begin with, in English and Chinese."""
    folder = resources.files("consortium.institutions").joinpath("agreement")
    english, chinese = (folder.joinpath(name).read_text(encoding="utf-8") for name in ("en.txt", "zh-Hans.txt"))
    return english, chinese


def _who_may_accept() -> QuerySet[Person]:
    return Person.objects.filter(is_active=True, roles__overlap=[Role.ADMINISTRATOR, Role.APPROVER])


def _announce(agreement: Agreement, people: QuerySet[Person], once: str = "") -> int:
    told = list(people)
    notify(
        told,
        Kind.AGREEMENT_DUE,
        address=reverse("agreements"),
        once=once,
        version=str(agreement.version),
        day=agreement.accept_by.isoformat(),
    )
    return len(told)


def _clean(text: str) -> str:
    """One line ending, so that the digest of the page's text is that of the file."""
    return text.replace("\r\n", "\n").strip()
