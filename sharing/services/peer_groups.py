"""Custom peer groups: a member chooses with whom releases compare it, within rules that keep every other member hidden.

A group is a list of institutions of a collection, chosen by attributes or by name when it is defined. It is published for
everybody who sees the collection, from the next round that is computed, and cannot be changed, only retired: a group
that changed from round to round would show by its changes what the institutions have that came or went.
"""

from __future__ import annotations

from collections.abc import Collection as Codes, Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext_lazy as _, ngettext

from consortium.audit.services import record
from consortium.errors import Refused
from consortium.institutions.models import ApiClient, Institution
from consortium.people.models import Person
from sharing import rules
from sharing.models import Collection, PeerGroup
from sharing.models.collection import PeerGroupQuerySet

ATTRIBUTES = ("kind", "size_band", "home_region")
FEWEST = 8
MOST_OF_A_MEMBER = 2
MOST_OF_A_COLLECTION = 8


@dataclass(frozen=True)
class Choice:
    """Those of a collection's contributors who were chosen, affiliates with them, and how many count separately."""

    institutions: tuple[Institution, ...]
    contributors: frozenset[str]


def choose(collection: Collection, attributes: Mapping[str, Codes[str]], institutions: Iterable[str] = ()) -> Choice:
    """Whoever has, for every attribute given, one of its values, and whoever is named; with all their affiliates.

    Nothing chosen is nobody: no attribute and no name is not everybody.
    """
    named = set(institutions)
    asked = {name: set(values) for name, values in attributes.items() if values}
    members = list(collection.contributors.active().order_by("code"))
    unknown = sorted(named - {each.code for each in members})
    if unknown:
        raise Refused(
            _("This is no contributor of the collection: %s. Choose from its contributors.") % ", ".join(unknown[:5]),
            rule="no-contributor",
        )
    chosen = {
        each.contributor_id
        for each in members
        if each.code in named or (asked and all(getattr(each, name) in values for name, values in asked.items()))
    }
    return Choice(tuple(each for each in members if each.contributor_id in chosen), frozenset(chosen))


def check(collection: Collection, choice: Choice) -> None:
    """Whether the choice may be a peer group beside all others of the collection; refused with what would do."""
    everybody = {each.contributor_id: each for each in collection.contributors.active()}
    fewest = max(FEWEST, collection.template.disclosure.min_contributors)
    _check_size(len(choice.contributors), len(everybody.keys() - choice.contributors), fewest)
    least = collection.template.disclosure.min_contributors
    for group in _in_force(collection):
        other = _contributors_of(group, collection)
        if not choice.contributors & other:
            continue  # their difference is no other sum than they are
        for rest in (choice.contributors - other, other - choice.contributors):
            if 0 < len(rest) < least:
                raise Refused(
                    _(
                        "It differs from “%s” by too few institutions, which could be found by subtraction. "
                        "Take the same institutions, or more that are in one of the two alone."
                    )
                    % group,
                    rule="too-near-another-group",
                )


def _in_force(collection: Collection) -> PeerGroupQuerySet:
    return PeerGroup.objects.in_force(timezone.now()).filter(collections=collection)


def _check_size(chosen: int, others: int, fewest: int) -> None:
    if chosen < fewest:
        raise Refused(
            ngettext(
                "At least %(fewest)d institutions that count separately are needed: choose %(more)d more.",
                "At least %(fewest)d institutions that count separately are needed: choose %(more)d more.",
                fewest - chosen,
            )
            % {"fewest": fewest, "more": fewest - chosen},
            rule="group-too-small",
        )
    if others < fewest:
        raise Refused(
            ngettext(
                "At least %(fewest)d institutions must be left outside: choose %(less)d fewer.",
                "At least %(fewest)d institutions must be left outside: choose %(less)d fewer.",
                fewest - others,
            )
            % {"fewest": fewest, "less": fewest - others},
            rule="too-few-outside",
        )


def _contributors_of(group: PeerGroup, collection: Collection) -> set[str]:
    """Affiliates sit in the group of their head, as in `benchmarks.peer_groups`."""
    members = sorted(collection.contributors.active(), key=lambda each: (each.code != each.contributor_id, each.code))
    heads: dict[str, Institution] = {}
    for member in members:
        heads.setdefault(member.contributor_id, member)
    return {contributor for contributor, head in heads.items() if group.includes(head)}


@transaction.atomic
def define(
    collection: Collection,
    name: str,
    *,
    attributes: Mapping[str, Codes[str]],
    institutions: Iterable[str] = (),
    by: Person | ApiClient,
) -> PeerGroup:
    """The group, compared with from the next round that is computed."""
    # Two groups at once could each be far enough from all others, but not from one another.
    collection = Collection.objects.select_for_update().get(pk=collection.pk)
    rules.check_can_define_peer_group(by, name)
    choice = choose(collection, attributes, institutions)
    in_force = _in_force(collection).custom()
    if in_force.filter(owner=by.institution_id).count() >= MOST_OF_A_MEMBER:
        raise Refused(
            _("Your institution has two peer groups in this collection. Retire one first."), rule="two-groups-already"
        )
    if in_force.count() >= MOST_OF_A_COLLECTION:
        raise Refused(
            _("This collection has eight custom peer groups already, which is as many as it can hold."),
            rule="eight-groups-already",
        )
    check(collection, choice)
    number = 1 + (PeerGroup.objects.custom().aggregate(last=Max("position"))["last"] or 0)
    code = f"custom-{number}"
    group = PeerGroup.objects.create(
        code=code,
        family=code,
        names={"en": name.strip(), "zh-Hans": name.strip()},
        criteria={each: sorted(values) for each, values in attributes.items() if values},
        position=number,
        owner_id=by.institution_id,
        institutions=[each.code for each in choice.institutions],
        defined_at=timezone.now(),
    )
    collection.peer_groups.add(group)
    record("peer_group.defined", by=by, about=group, collection=collection.code, institutions=len(choice.institutions))
    return group


@transaction.atomic
def retire(group: PeerGroup, *, by: Person | ApiClient) -> PeerGroup:
    """Rounds that are computed from now on are without it; what was published stays."""
    group = PeerGroup.objects.select_for_update(of=("self",)).get(pk=group.pk)
    rules.check_can_retire_peer_group(by, group)
    group.retired_at = timezone.now()
    group.save(update_fields=["retired_at"])
    record("peer_group.retired", by=by, about=group)
    return group
