"""Several ways to do a thing, compared by what came of them: treatments, channels, campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sharing.analytics.backtest import typical
from sharing.analytics.intervals import Interval, Typical, chance
from sharing.analytics.ranking import Ranked, rank
from sharing.analytics.reading import NO_CELL, Cell, Cells, shares
from sharing.analytics.standardising import standardised


@dataclass(frozen=True)
class Option:
    """One of them. `members` is the interval around the members' median, `chance` that of the pooled rate; `ranked` is
    None where quartiles are withheld; `alike` is the pooled rate at everybody's mix of strata, as bounds.
    """

    code: str
    cell: Cell
    members: Interval | None
    chance: Interval | None
    ranked: Ranked | None
    alike: Interval | None

    @property
    def places(self) -> str:
        """Where it may stand: "2", "1 – 3", or a dash."""
        if self.ranked is None:
            return "–"
        best, worst = self.ranked.best, self.ranked.worst
        return str(best) if best == worst else f"{best} – {worst}"


def options(cells: Cells, indicator: str, keys: Mapping[str, str], *, is_share: bool, higher_is_better: bool,
            alike: Mapping[str, Interval | None]) -> list[Option]:  # fmt: skip
    """Ranked ones first, the best first; then those with a figure; then the withheld ones."""
    found = {code: cells.get((indicator, key), NO_CELL) for code, key in keys.items()}
    spread: dict[str, Typical] = {
        code: known for code, cell in found.items() if (known := typical(cell, is_share=is_share)) is not None
    }
    ranks = {each.code: each for each in rank(list(spread.items()), higher_is_better=higher_is_better)}
    unsorted = [
        Option(
            code=code,
            cell=cell,
            members=spread[code].interval() if code in spread else None,
            chance=chance(cell.pooled, cell.trials) if is_share and cell.pooled is not None and cell.trials else None,
            ranked=ranks.get(code),
            alike=alike.get(code),
        )
        for code, cell in found.items()
    ]
    return sorted(unsorted, key=lambda each: _order(each, higher_is_better=higher_is_better))


def _order(option: Option, *, higher_is_better: bool) -> tuple[int, float]:
    if option.ranked:
        return 0, option.ranked.place
    if option.cell.pooled is not None:
        return 1, -option.cell.pooled if higher_is_better else option.cell.pooled
    return 2, 0.0


@dataclass(frozen=True)
class Strata:
    """A second dimension: every option's cell in each stratum, and the option's rate at everybody's mix of strata."""

    codes: list[str]
    cells: Mapping[str, Mapping[str, Cell]]  # option -> stratum -> cell
    alike: Mapping[str, Interval | None]


def stratified(
    cells: Cells, indicator: str, total: str, strata: Mapping[str, str], keys: Mapping[str, Mapping[str, str]],
    *, is_share: bool
) -> Strata:  # fmt: skip
    """`strata` gives each stratum's key over all options, `keys` each option's key in each stratum."""
    weights = {key: cells.get((indicator, key), NO_CELL).weight for key in (total, *strata.values())}
    of_stratum = shares(weights, total, strata)
    inside = {
        option: {stratum: cells.get((indicator, key), NO_CELL) for stratum, key in by_stratum.items()}
        for option, by_stratum in keys.items()
    }
    alike = {
        option: standardised({stratum: cell.pooled for stratum, cell in row.items()}, of_stratum) if is_share else None
        for option, row in inside.items()
    }
    return Strata(list(strata), inside, alike)


def leaders(some: list[Option]) -> list[Option]:
    """The first of the ranking and all that cannot be told from it."""
    ranked = [each for each in some if each.ranked]
    if not ranked or ranked[0].ranked is None:
        return []
    beaten = ranked[0].ranked.beaten
    return [each for each in ranked if each.code not in beaten]
