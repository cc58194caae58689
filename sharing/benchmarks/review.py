"""What a reviewer compares a draft with: the headline figures of the release before it."""

from __future__ import annotations

from dataclasses import dataclass

from sharing.benchmarks.explorer import ALL
from sharing.models import Release, ReleaseCell
from sharing.models.collection import in_language


@dataclass(frozen=True)
class Movement:
    """One indicator in total, now and in the release before; figures are fractions, None when withheld."""

    indicator: str
    kind: str
    pooled: float | None
    before: float | None
    contributors: int | None
    contributors_before: int | None

    @property
    def change(self) -> float | None:
        return None if self.pooled is None or self.before is None else self.pooled - self.before


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


def previous(release: Release) -> Release | None:
    """The last published release of an earlier period of the same collection, or of the same round."""
    published = Release.objects.published().filter(round__collection__code=release.round.collection.code)
    return (
        published.filter(round__period__lte=release.round.period)
        .exclude(pk=release.pk)
        .order_by("-round__period", "-revision")
        .first()
    )


def movements(release: Release) -> list[Movement]:
    """The caller is a reviewer and has found the release through `visible_to`."""
    before = previous(release)
    template = release.round.collection.template
    now_cells, before_cells = _headlines(release), _headlines(before) if before else {}
    found = []
    for indicator in template.indicators:
        key = ".".join("_T" for _dimension in template.cut(indicator))
        now, then = now_cells.get((indicator.id, key)), before_cells.get((indicator.id, key))
        if now is None:
            continue
        found.append(
            Movement(
                indicator=in_language(dict(indicator.names)),
                kind=indicator.format,
                pooled=now.pooled,
                before=then.pooled if then else None,
                contributors=now.contributors,
                contributors_before=then.contributors if then else None,
            )
        )
    return found


def _headlines(release: Release) -> dict[tuple[str, str], ReleaseCell]:
    cells = ReleaseCell.objects.filter(release=release, peer_group=ALL, key__regex=r"^_T(\._T)*$")
    return {(cell.indicator, cell.key): cell for cell in cells}
