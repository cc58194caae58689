"""What a reviewer compares a draft with: the headline figures of the release before it."""

from __future__ import annotations

from dataclasses import dataclass

from sharing.benchmarks.explorer import ALL
from sharing.models import Release, ReleaseCell
from sharing.models.collection import in_language


@dataclass(frozen=True)
class Movement:
    """One indicator over all loans, now and in the release before; figures are fractions, None when withheld."""

    indicator: str
    kind: str
    pooled: float | None
    before: float | None
    contributors: int | None
    contributors_before: int | None

    @property
    def change(self) -> float | None:
        return None if self.pooled is None or self.before is None else self.pooled - self.before


def previous(release: Release) -> Release | None:
    """The last published release of an earlier period of the same collection, or of the same round."""
    published = Release.objects.published().filter(round__collection__code=release.round.collection.code)
    return published.filter(round__period__lte=release.round.period).exclude(pk=release.pk).order_by(
        "-round__period", "-revision"
    ).first()


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
