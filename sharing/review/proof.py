"""The audit's summary: for each measure how many cells were sensitive, and how wide the narrowest interval is."""

from __future__ import annotations

from dataclasses import dataclass

from sharing.models import Release
from sharing.models.collection import in_language


@dataclass(frozen=True)
class Proof:
    """The audit of one measure's table. `narrowest` is the tightest interval in units of the width it needs (1 or more).

    `above_share` counts published cells of which one contributor holds more than the familiar share: a warning only.
    """

    measure: str
    primary: int
    secondary: int
    narrowest: float | None
    above_share: int
    ok: bool


def proofs(release: Release) -> list[Proof]:
    """One for each measure that an indicator uses; empty before the release is computed."""
    template = release.round.collection.template
    return [
        Proof(
            measure=in_language(dict(template.measure(record["measure"]).names)),
            primary=record["primary"],
            secondary=record["secondary"],
            narrowest=record["narrowest"],
            above_share=record["above_largest_share"],
            ok=record["ok"],
        )
        for record in release.audit.get("measures", ())
    ]
