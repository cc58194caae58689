"""Until when a round's packages can be opened, for the pages that show a round or a submission."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django import template

from sharing import retention as dates

if TYPE_CHECKING:
    from sharing.models import Round

register = template.Library()


@register.inclusion_tag("sharing/_retention.html")
def retention(round: Round) -> dict[str, datetime | int | None]:
    return {
        "destroyed_at": dates.destroyed_at(round),
        "due_at": dates.due_at(round),
        "months": round.collection.retention_months,
    }
