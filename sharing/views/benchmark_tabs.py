"""The tabs above every page of published figures: the explorer, an analysis for each collection that has one, and
the peer groups that all of them compare with."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from consortium.people.models import Person
from sharing.models import Collection

Tab = tuple[str, str, bool]  # name, address, whether it is the page


def benchmark_tabs(person: Person, current: str) -> list[Tab]:
    """Those whose collection the person sees; `current` is the name of the page's address."""
    pages = (
        ("benchmarks", _("Explorer"), None),
        ("calibration", _("Risk models"), "risk-model"),
        ("treatments", _("Treatments"), "treatment"),
        ("outreach", _("Outreach"), "outreach"),
        ("service", _("Service"), "service"),
        ("peer-groups", _("Peer groups"), None),
    )
    seen = set(Collection.objects.visible_to(person).values_list("code", flat=True))
    return [
        (name, reverse(page), page == current)
        for page, name, collection in pages
        if collection is None or collection in seen
    ]
