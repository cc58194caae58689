"""The published cells that an analysis is made of, with the viewer's own rates beside them.

Nothing else of a release is read: a cell that the person may not see, one that is withheld and one that the release does not have
are told apart by nobody but the page's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from anonymize.template import TOTAL, Dimension
from consortium.people.models import Person
from sharing.models import Collection, Release, ReleaseCell, ReleaseTotal
from sharing.services import statements

Address = tuple[str, str]  # indicator, key
Shares = Mapping[str, float | None]


@dataclass(frozen=True)
class Cell:
    """One indicator at one cell and peer group; every figure None where it is withheld.

    `weight` is the share of the denominator of all members; `trials` how many it counts, None for amounts.
    """

    pooled: float | None = None
    p25: float | None = None
    median: float | None = None
    p75: float | None = None
    contributors: int | None = None
    weight: float | None = None
    trials: float | None = None
    own: float | None = None
    withheld: bool = False


NO_CELL = Cell()
Cells = Mapping[Address, Cell]
_COLUMNS = ("pooled", "p25", "median", "p75", "contributors", "weight", "withheld")


def releases(collection: Collection, person: Person) -> list[Release]:
    """The published ones that the person may see, oldest period first."""
    found = Release.objects.visible_to(person).published().filter(round__collection__code=collection.code)
    return list(found.select_related("round__collection").order_by("round__period"))


def cells(
    release: Release, indicators: Iterable[str], peer_group: str, keys: Sequence[str], person: Person
) -> dict[Address, Cell]:
    """What the person sees of these cells; where there is nothing to see there is no entry."""
    indicators = list(indicators)
    counts = dict(ReleaseTotal.objects.visible_to(person).filter(release=release).values_list("indicator", "count"))
    own = {indicator: statements.own_rates(person, [release], indicator, keys) for indicator in indicators}
    rows = ReleaseCell.objects.visible_to(person).filter(
        release=release, indicator__in=indicators, peer_group=peer_group, key__in=keys
    )
    found: dict[Address, Cell] = {}
    for indicator, key, *figures in rows.values_list("indicator", "key", *_COLUMNS):
        row = dict(zip(_COLUMNS, figures, strict=True))
        count, weight = counts.get(indicator), row["weight"]
        trials = count * weight if count and weight is not None else None
        found[indicator, key] = Cell(**row, trials=trials, own=own[indicator].get((release.pk, key)))
    return found


def weights_over_time(
    published: Sequence[Release], indicator: str, peer_group: str, keys: Iterable[str], person: Person
) -> dict[str, dict[str, float | None]]:
    """For each period, oldest first, the weight of each of these cells."""
    rows = ReleaseCell.objects.visible_to(person).filter(
        release__in=published, indicator=indicator, peer_group=peer_group, key__in=keys
    )
    weights: dict[int, dict[str, float | None]] = {}
    for release, key, weight in rows.values_list("release", "key", "weight"):
        weights.setdefault(release, {})[key] = weight
    return {release.round.period: weights[release.pk] for release in published if release.pk in weights}


def shares(weights: Mapping[str, float | None], total: str, keys: Mapping[str, str]) -> dict[str, float | None]:
    """Each code's share of the total, None where either is withheld."""
    whole = weights.get(total)
    found = {}
    for code, key in keys.items():
        weight = weights.get(key)
        found[code] = weight / whole if whole and weight is not None else None
    return found


def key_of(cut: Sequence[Dimension], codes: Mapping[str, str]) -> str:
    """The series key at these codes, the total in every other dimension."""
    return ".".join(codes.get(dimension.id, TOTAL) for dimension in cut)


def leaf_keys(cut: Sequence[Dimension], dimension: Dimension, codes: Mapping[str, str]) -> dict[str, str]:
    """The key of each finest code of one dimension, at these codes in the others."""
    return {leaf: key_of(cut, {**codes, dimension.id: leaf}) for leaf in dimension.code_list.leaves}
