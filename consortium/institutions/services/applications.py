"""From an institution's application to its admission."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import AffiliateGroup, Application, ApplicationQuestion, Institution
from consortium.institutions.services import affiliates, institutions
from consortium.institutions.states import ApplicationState, InstitutionState
from consortium.notifications import mail
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify
from consortium.people import invitations
from consortium.people.models import Person
from consortium.people.roles import Role

if TYPE_CHECKING:
    from django.db.models import QuerySet

PER_ADDRESS: Final = 5  # applications a day from one network address
PER_CONTACT: Final = 3  # letters a day to one e-mail address
UNCONFIRMED_FOR: Final = timedelta(days=14)
_A_DAY: Final = timedelta(days=1)
_signer = Signer(salt="application")


@transaction.atomic
def submit(fields: Mapping[str, Any], *, language: str, address: str) -> None:
    """Keeps an application and mails its contact the link that confirms it; `address` is the caller's.

    Whether anybody applied before, or is a member, is never told. A contact who was written to often enough today is
    not written to again.
    """
    source = salted_hmac("application source", address).hexdigest()
    today = Application.objects.filter(submitted_at__gt=timezone.now() - _A_DAY)
    if today.filter(source=source).count() >= PER_ADDRESS:
        raise Refused(_("Too many applications came from your network today. Try again tomorrow."), rule="too-many")
    if today.filter(contact_email__iexact=fields["contact_email"]).count() >= PER_CONTACT:
        return
    application = Application.objects.create(**fields, language=language, source=source)
    _write(application, "confirm", days=UNCONFIRMED_FOR.days)


def link(application: Application) -> str:
    """The applicant's own page. It follows from the application and the platform's secret, and is stored nowhere."""
    return settings.CONCORD_URL + reverse("application-follow", args=[_signer.sign(str(application.public_id))])


def follow(token: str) -> Application | None:
    """The application that a link is about."""
    try:
        public_id = _signer.unsign(token)
    except BadSignature:
        return None
    return Application.objects.filter(public_id=public_id).first()


@transaction.atomic
def confirm(application: Application) -> Application:
    """The contact's address is theirs; member services see the application from now on."""
    application = _locked(application)
    rules.check_can_confirm(application)
    application.move_to(ApplicationState.CONFIRMED)
    application.confirmed_at = timezone.now()
    application.save(update_fields=["state", "confirmed_at"])
    notify(_member_services(), Kind.APPLICATION_RECEIVED, address=_address(application), name=application.name)
    record("application.confirmed", by="applicant", about=application)
    return application


@transaction.atomic
def take_up(application: Application, *, by: Person) -> Application:
    application = _locked(application)
    rules.check_can_review(by, application)
    application.move_to(ApplicationState.IN_REVIEW)
    application.reviewer = by
    application.save(update_fields=["state", "reviewer"])
    record("application.taken_up", by=by, about=application)
    return application


@transaction.atomic
def ask(application: Application, question: str, *, by: Person) -> ApplicationQuestion:
    """Mails the question; the applicant answers it on the page that the letter links to."""
    application = _locked(application)
    rules.check_can_decide(by, application)
    asked = application.questions.create(question=question, asked_by=by)
    _write(application, "question", question=question)
    record("application.asked", by=by, about=application)
    return asked


@transaction.atomic
def answer(application: Application, question: ApplicationQuestion, text: str) -> ApplicationQuestion:
    application = _locked(application)
    question = application.questions.get(pk=question.pk)
    if application.state != ApplicationState.IN_REVIEW:
        raise Refused(_("This application is decided or withdrawn."), rule="application-not-open")
    if question.answered_at is not None:
        raise Refused(_("This question is answered already."), rule="answered-already")
    question.answer, question.answered_at = text, timezone.now()
    question.save(update_fields=["answer", "answered_at"])
    told = [question.asked_by] if question.asked_by.is_active else _member_services()
    notify(told, Kind.APPLICATION_ANSWERED, address=_address(application), name=application.name)
    record("application.answered", by="applicant", about=application)
    return question


@transaction.atomic
def withdraw(application: Application) -> Application:
    application = _locked(application)
    rules.check_can_withdraw_application(application)
    application.move_to(ApplicationState.WITHDRAWN)
    application.save(update_fields=["state"])
    if application.confirmed_at is not None:
        notify(_member_services(), Kind.APPLICATION_WITHDRAWN, address=_address(application), name=application.name)
        record("application.withdrawn", by="applicant", about=application)
    return application


@transaction.atomic
def decline(application: Application, reason: str, *, by: Person) -> Application:
    """The applicant reads the reason in a letter."""
    application = _locked(application)
    rules.check_can_decide(by, application)
    _decide(application, ApplicationState.DECLINED, by)
    application.decision = reason
    application.save()
    _write(application, "declined", reason=reason)
    record("application.declined", by=by, about=application)
    return application


@transaction.atomic
def admit(
    application: Application,
    *,
    code: str,
    group: AffiliateGroup | None,
    administrator: str,
    email: str,
    by: Person,
) -> Institution:
    """The applicant becomes a member, and its first administrator is invited by e-mail."""
    application = _locked(application)
    rules.check_can_decide(by, application)
    same = ("name", "name_zh", "kind", "size_band", "home_region", "registration_number", "lei")
    proposed = institutions.propose(code, by=by, **{field: getattr(application, field) for field in same})
    institution = institutions.admit(proposed, by=by)
    if group is not None:
        institution = affiliates.join(institution, group, by=by)
    _decide(application, ApplicationState.ADMITTED, by)
    application.institution = institution
    application.save()
    invitations.invite(
        email, administrator, [Role.ADMINISTRATOR], institution=institution, by=by, language=application.language
    )
    record("application.admitted", by=by, about=application, code=code)
    return institution


def look_alikes(application: Application) -> QuerySet[Institution]:
    """Members that may be the same institution: of its name, registration number or LEI."""
    same = Q(name__iexact=application.name)
    for field in ("name_zh", "registration_number", "lei"):
        if value := getattr(application, field):
            same |= Q(**{field: value})
    found = Institution.objects.filter(same).exclude(state=InstitutionState.LEFT)
    return found.exclude(application=application)


def forget_unconfirmed() -> int:
    """Applications that nobody confirmed are removed: how many were."""
    old = Application.objects.filter(
        state=ApplicationState.SUBMITTED, submitted_at__lt=timezone.now() - UNCONFIRMED_FOR
    )
    return old.delete()[0]


def _locked(application: Application) -> Application:
    return Application.objects.select_for_update(no_key=True).get(pk=application.pk)


def _decide(application: Application, state: ApplicationState, by: Person) -> None:
    application.move_to(state)
    application.decided_by, application.decided_at = by, timezone.now()


def _member_services() -> QuerySet[Person]:
    return Person.objects.filter(institution=None, is_active=True, roles__contains=[Role.MEMBER_SERVICES])


def _address(application: Application) -> str:
    return reverse("application", args=[application.public_id])


def _write(application: Application, letter: str, **context: Any) -> None:
    mail.send(
        application.contact_email,
        f"institutions/mail/application_{letter}",
        application.language,
        application=application,
        link=link(application),
        **context,
    )
