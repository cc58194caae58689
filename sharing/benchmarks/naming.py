"""Cells and peer groups in words, in the language of the page."""

from __future__ import annotations

from django.utils.translation import gettext as _

from anonymize.template import TOTAL, Indicator, Template
from sharing.benchmarks.peer_groups import ALL
from sharing.models import Collection
from sharing.models.collection import in_language


def cell_name(template: Template, indicator: Indicator, key: str) -> str:
    """A series key, totals left out unless there is nothing else: "Car loan · Zhejiang"."""
    names = [
        in_language(dict(dimension.code_list.by_id[code].names))
        for dimension, code in zip(template.cut(indicator), key.split("."), strict=True)
        if code != TOTAL
    ]
    return " · ".join(names) or _("In total")


def peer_group_names(collection: Collection) -> dict[str, str]:
    """Every peer group by its code, everybody first."""
    return {ALL: _("All members"), **{group.code: str(group) for group in collection.peer_groups.all()}}
