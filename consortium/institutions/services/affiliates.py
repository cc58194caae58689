"""Groups of institutions that count as one contributor, with the history that old releases need."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions import rules
from consortium.institutions.models import AffiliateGroup, Affiliation, Institution
from consortium.institutions.services import institutions
from consortium.notifications.kinds import Kind
from consortium.notifications.services import notify

if TYPE_CHECKING:
    from consortium.people.models import Person


@transaction.atomic
def create(code: str, name: str, *, name_zh: str = "", by: Person) -> AffiliateGroup:
    """A group without members. With the code of an institution, that institution is its head and joins at once."""
    rules.check_can_group(by)
    head = Institution.objects.select_for_update(no_key=True).filter(code=code).first()
    group = AffiliateGroup(code=code, name=name, name_zh=name_zh)
    try:
        with transaction.atomic():
            group.save(force_insert=True)
    except IntegrityError as taken:
        raise Refused(_("Another group has this code."), rule="code-taken") from taken
    if head is not None:
        join(head, group, by=by)
    record("affiliates.created", by=by, about=group)
    return group


@transaction.atomic
def rename(group: AffiliateGroup, name: str, *, name_zh: str = "", by: Person) -> AffiliateGroup:
    rules.check_can_group(by)
    group.name, group.name_zh = name, name_zh
    group.save(update_fields=["name", "name_zh"])
    record("affiliates.renamed", by=by, about=group)
    return group


@transaction.atomic
def join(institution: Institution, group: AffiliateGroup, *, by: Person) -> Institution:
    """From now on the institution and the group count as one; releases begun before keep counting as they did."""
    institution = institutions.locked(institution)
    rules.check_can_join_group(by, institution, group)
    Affiliation.objects.create(group=group, institution=institution, since=timezone.now(), recorded_by=by)
    _regroup(institution, group.code)
    record("affiliates.joined", by=by, about=institution, group=group.code)
    return institution


@transaction.atomic
def leave(institution: Institution, *, by: Person) -> Institution:
    """From now on the institution counts alone."""
    institution = institutions.locked(institution)
    rules.check_can_leave_group(by, institution)
    former = institution.affiliate_group
    institution.affiliations.current().update(until=timezone.now())
    _regroup(institution, "")
    record("affiliates.left", by=by, about=institution, group=former)
    return institution


def as_grouped(institutions: Iterable[Institution], at: datetime) -> None:
    """Sets `affiliate_group` of these objects, in memory, to what it was at a time; their `contributor_id` follows."""
    members = list(institutions)
    valid = Affiliation.objects.valid(at).filter(institution__in=[each.pk for each in members])
    codes = dict(valid.values_list("institution", "group__code"))
    for member in members:
        member.affiliate_group = codes.get(member.pk, "")


def _regroup(institution: Institution, code: str) -> None:
    institution.affiliate_group = code
    institution.save(update_fields=["affiliate_group"])
    notify(institution.administrators(), Kind.AFFILIATION_CHANGED, address=reverse("own-institution"))
