"""What a person owes beside the rounds: questions to answer, an agreement to accept, a key to renew, applications to read.

Each is one line on the home page, there only for whoever can do it, and gone when it is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _, ngettext

from consortium.institutions import rules as member_rules
from consortium.institutions.models import ApprovalWaiver, Departure, Institution, SigningKey
from consortium.institutions.services import agreements
from consortium.institutions.states import DepartureState
from consortium.people.models import Person
from consortium.people.roles import Permission, may
from consortium.web.offers import refusal
from sharing import rules
from sharing.models import NoData, Query
from sharing.services import alerts, own_alerts
from sharing.states import NoDataState, QueryState

KEY_WARNING = timedelta(days=30)


@dataclass(frozen=True)
class Owed:
    """`text` is what to do, `meta` what it is about or until when, `address` where."""

    text: str
    meta: str
    address: str


def owed(person: Person) -> list[Owed]:
    """The most pressing first."""
    if person.institution is None:
        return [*_of_association(person), *_warnings(person)]
    return [*_of_member(person, person.institution), *_warnings(person)]


def _warnings(person: Person) -> Iterator[Owed]:
    """What nobody of the own side has acknowledged, and own figures that nobody has had looked over."""
    if count := alerts.open_for(person):
        text = ngettext("Acknowledge %(count)s warning", "Acknowledge %(count)s warnings", count) % {"count": count}
        yield Owed(text, _("about published figures"), reverse("alerts"))
    if own_alerts.has_unlooked(person):
        yield Owed(_("Look over our own series"), _("there are new statements"), reverse("own-alerts"))


def _of_member(person: Person, institution: Institution) -> Iterator[Owed]:
    yield from _agreement(person, institution)
    yield from _queries(person)
    yield from _declarations(person)
    yield from _waivers(person, institution)
    yield from _keys(person, institution)


def _agreement(person: Person, institution: Institution) -> Iterator[Owed]:
    newest = agreements.standing(institution).newest
    if newest is None or refusal(member_rules.check_can_accept, person, institution, newest, newest) is not None:
        return
    until = _("by %(day)s; after it nothing can be sent") % {"day": date_format(newest.accept_by)}
    text = _("Accept version %(version)s of the membership agreement") % {"version": newest.version}
    yield Owed(text, until, reverse("agreements"))


def _queries(person: Person) -> Iterator[Owed]:
    asked = Query.objects.visible_to(person).filter(state=QueryState.OPEN)
    for query in asked.select_related("submission__round__collection"):
        if refusal(rules.check_can_answer, person, query) is None:
            yield Owed(
                _("Answer a question from the association"),
                str(query.submission.round),
                reverse("query", args=[query.pk]),
            )


def _declarations(person: Person) -> Iterator[Owed]:
    waiting = NoData.objects.visible_to(person).filter(state=NoDataState.AWAITING_APPROVAL)
    for declaration in waiting.select_related("round__collection"):
        if refusal(rules.check_can_approve_no_data, person, declaration) is None:
            address = reverse("no-data", args=[declaration.round.public_id])
            yield Owed(_("Approve that there is nothing to send"), str(declaration.round), address)


def _waivers(person: Person, institution: Institution) -> Iterator[Owed]:
    for waiver in ApprovalWaiver.objects.filter(institution=institution).select_related("asked_by"):
        if refusal(member_rules.check_can_confirm_waiver, person, waiver) is None:
            asked = _("asked by %(who)s") % {"who": waiver.asked_by}
            yield Owed(_("Confirm that submissions leave without a second person"), asked, reverse("own-institution"))


def _keys(person: Person, institution: Institution) -> Iterator[Owed]:
    """Keys in force that end soon, unless one stays."""
    if not may(person, Permission.INSTITUTION_MANAGE):
        return
    soon = timezone.now() + KEY_WARNING
    in_force = list(SigningKey.objects.filter(institution=institution).in_force())
    lasting = [key for key in in_force if key.ends_at is None or key.ends_at > soon]
    if in_force and not lasting:
        last = max(key.ends_at for key in in_force if key.ends_at)
        yield Owed(
            _("Register a new signing key"),
            _("the one in force ends on %(day)s") % {"day": date_format(last)},
            reverse("signing-keys"),
        )


def _of_association(person: Person) -> Iterator[Owed]:
    if may(person, Permission.MEMBER_ADMIT):
        leaving = Departure.objects.filter(state=DepartureState.DECLARED).select_related("institution")
        for departure in leaving.order_by("leaves_on"):
            day = _("leaves on %(day)s") % {"day": date_format(departure.leaves_on)}
            text = _("Confirm that %(institution)s leaves") % {"institution": departure.institution}
            yield Owed(text, day, reverse("institution", args=[departure.institution.code]))
    if may(person, Permission.RELEASE_REVIEW):
        answered = Query.objects.visible_to(person).filter(state=QueryState.ANSWERED).aggregate(all=Count("pk"))["all"]
        if answered:
            text = ngettext("Read %(count)s answer", "Read %(count)s answers", answered) % {"count": answered}
            yield Owed(text, _("to questions about findings"), reverse("queries"))
