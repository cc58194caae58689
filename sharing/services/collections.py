"""Defining what is collected and of whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from anonymize.errors import TemplateError
from anonymize.template import Template, parse
from consortium.audit.services import record
from consortium.errors import Refused
from sharing.models import Collection
from sharing.rules import check_can_define, check_can_invite_contributors

if TYPE_CHECKING:
    from consortium.institutions.models import Institution
    from consortium.people.models import Person
    from sharing.models import PeerGroup

# What was agreed about the collection, and is no part of its template.
_KEPT: Final = ("size_limit", "retention_months", "reminder_days", "escalation_days")


@transaction.atomic
def define(document: Mapping[str, Any], *, by: Person) -> Collection:
    """A collection, or a new version of one, which takes over contributors, peer groups and settings of the latest.

    Rounds that were planned under an earlier version keep it.
    """
    template = _parsed(document)
    latest = Collection.objects.select_for_update().filter(code=template.id).order_by("-created_at", "-pk").first()
    check_can_define(by, template, latest)
    collection = Collection.objects.create(code=template.id, version=template.version, document=dict(document))
    if latest is not None:
        collection.contributors.set(latest.contributors.all())
        collection.peer_groups.set(latest.peer_groups.all())
        for setting in _KEPT:
            setattr(collection, setting, getattr(latest, setting))
        collection.save(update_fields=_KEPT)
    record("collection.defined", by=by, about=collection, version=template.version)
    return collection


@transaction.atomic
def add_contributors(collection: Collection, institutions: Iterable[Institution], *, by: Person) -> None:
    """The institutions are asked from now on; those that were are still."""
    check_can_invite_contributors(by)
    added = [institution.pk for institution in institutions]
    collection.contributors.add(*added)
    record("collection.contributors_added", by=by, about=collection, institutions=len(added))


@transaction.atomic
def compare_by(collection: Collection, groups: Iterable[PeerGroup], *, by: Person) -> None:
    """Releases of the collection are broken down by these peer groups."""
    check_can_invite_contributors(by)
    chosen = list(groups)
    collection.peer_groups.set(chosen)
    record("collection.peer_groups_chosen", by=by, about=collection, groups=sorted(group.code for group in chosen))


def _parsed(document: Mapping[str, Any]) -> Template:
    try:
        return parse(document)
    except TemplateError as wrong:
        raise Refused(_("The template cannot be used: %s") % wrong.sentence, rule="template") from wrong
