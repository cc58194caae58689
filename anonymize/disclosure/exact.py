"""The cheapest pattern of a table that is small enough, by cuts.

A cell is withheld or not. A choice that leaves a sensitive cell short of its width is refuted by the linear program that
shows it: its dual solution bounds how far the cell moves under every other choice, and so demands that some of the
cells it names be withheld. Cheapest choices (`cover`) and refutations follow each other until a choice stands, and that
one is the cheapest. First fractions of cells may be withheld, which finds most refutations at little cost and often
proves at once that the given pattern is the cheapest.

Source: Fischetti and Salazar, Solving the cell suppression problem on tabular data with linear constraints, Management
Science 47 (2001): their capacity constraints. Here each sensitive cell is protected within its own scenario; what
movements of parts protect (`families`) stays as it is. The work is bounded by counts, never by time: the same problem
always has the same pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anonymize.disclosure.attack import Attack
from anonymize.disclosure.cover import Cover
from anonymize.disclosure.lattice import Floats, Indices, Mask
from anonymize.disclosure.linear import LinearProgram
from anonymize.disclosure.prices import Prices
from anonymize.disclosure.problem import Movements, Problem
from anonymize.disclosure.system import System

COLUMNS_SOLVED = 1_000_000
COLUMNS_AT_MOST = 300  # in larger tables a single program may take too long
ROUNDS = 30  # for which the work must suffice, or it is not begun
NODES = 20
FARTHEST = 1e4  # in widths: no cell moves farther here, which only understates what a choice protects
SHORT = 1e-7
BETTER = 1e-6  # of the cost: less is not worth another pattern


@dataclass(frozen=True)
class _Need:
    """A column that must rise by `width` units, and how far every column can move then; to fall is to rise mirrored."""

    at: int
    width: float
    lower: Floats
    upper: Floats


def cheaper(problem: Problem, attack: Attack, prices: Prices, movements: Movements, effort: float) -> Mask | None:
    """All cells to withhold (flat) in the cheapest pattern; None when none cheaper than the given one is found."""
    search = _Search(problem, attack, prices, movements)
    if not search.is_small(int(effort * COLUMNS_SOLVED)):
        return None
    return search.run(int(effort * COLUMNS_SOLVED))


class _Search:
    """Columns are the cells that can move, then the extra unknowns; `_open` are those to decide on."""

    def __init__(self, problem: Problem, attack: Attack, prices: Prices, movements: Movements) -> None:
        self._problem = problem
        self._attack = attack
        self._system = System.of(problem)
        self._cells: Indices = np.flatnonzero(~prices.barred)
        self._count = len(self._cells) + self._system.extra_count
        self._own = sorted(
            target for target, found in movements.items() if all(each.scenario == target for each in found)
        )
        self._kept = prices.free | (prices.true_costs == 0)
        self._kept[_touched({target: movements[target] for target in movements.keys() - set(self._own)})] = True
        self._open: Indices = np.flatnonzero(~self._kept[self._cells])
        self._costs: Floats = prices.true_costs[self._cells[self._open]]
        given = np.zeros(len(self._kept), dtype=np.bool_)
        given[_touched(movements)] = True
        self._limit = _below(float(self._costs[given[self._cells[self._open]]].sum()), self._costs)

    def is_small(self, work: int) -> bool:
        """Whether there is anything to decide, and work enough to do it."""
        wanted = self._count * len(self._own) * ROUNDS
        return self._limit > 0 and self._count <= COLUMNS_AT_MOST and wanted <= work

    def run(self, work: int) -> Mask | None:
        """The cells of the cheapest choice that costs less than the limit, if there is one."""
        self._work = work
        self._needs = [need for target in self._own for need in self._needs_of(target)]
        self._program = self._load()
        cover = Cover(self._costs)
        if self._standing(cover, whole=False) is None:
            return None
        cover.decide(NODES)
        choice = self._standing(cover, whole=True)
        if choice is None:
            return None
        withheld: Mask = self._kept.copy()
        withheld[self._cells[self._open[choice > 0.5]]] = True
        return withheld

    def _standing(self, cover: Cover, *, whole: bool) -> Floats | None:
        """The cheapest choice that nothing refutes; None when it costs the limit or the work is used up."""
        while (found := cover.solve()) is not None and found[1] < self._limit and self._work > 0:
            if not self._refute(cover, found[0], whole=whole):
                return found[0]
        return None

    def _needs_of(self, target: int) -> Iterator[_Need]:
        """What the target needs upwards and downwards, in units that keep the solver's tolerance below the width."""
        primary = self._problem.primary
        down, up = self._attack.bounds(target)
        room = np.array(self._problem.extra_room or [np.inf] * self._system.extra_count)
        fall = np.concatenate([down[self._cells], room])
        rise = np.concatenate([up[self._cells], np.full(len(room), np.inf)])
        at = int(np.searchsorted(self._cells, target))
        for widths, lower, upper in ((primary.width_up, fall, rise), (primary.width_down, rise, fall)):
            width = float(widths.flat[target])
            if width > 0:
                unit = 1.0 if self._attack.table.integral else width
                most = np.minimum(upper / unit, FARTHEST)
                most[at] = width / unit
                yield _Need(at, width / unit, -np.minimum(lower / unit, FARTHEST), most)

    def _load(self) -> LinearProgram:
        live = np.zeros(self._system.cell_count + self._system.extra_count, dtype=np.bool_)
        live[self._cells] = True
        live[self._system.cell_count :] = True
        nothing = np.zeros(self._count)
        return LinearProgram(*self._system.restricted(live), nothing, nothing)

    def _refute(self, cover: Cover, choice: Floats, *, whole: bool) -> bool:
        """Adds to the cover what refutes the choice; whether anything does."""
        refuted = False
        for need in self._needs:
            if self._stands(need, choice, whole=whole):
                continue
            cut = self._cut(need)
            if cut is None or cut @ choice > 1 - SHORT:
                if not whole:
                    continue
                cut = 1.0 - choice  # its dual solution does not tell: at least some other cell is missing
            cover.add(cut)
            refuted = True
        return refuted

    def _stands(self, need: _Need, choice: Floats, *, whole: bool) -> bool:
        """Whether the choice lets the cell move far enough; leaves the solution behind."""
        self._work -= self._count
        weight = np.ones(self._count)
        weight[self._open] = choice
        # With fractions no cell carries more than the width: what a whole cell is worth is then seen at once.
        most = FARTHEST if whole else need.width
        lower, upper = np.maximum(need.lower, -most) * weight, np.minimum(need.upper, most) * weight
        self._program.bound(np.arange(self._count), lower, upper)
        at = np.array([need.at])
        self._program.aim(at, np.ones(1))
        self._last = self._program.solve()
        stands = self._last.objective >= need.width * (1 - SHORT)
        if stands and whole and self._attack.table.integral:
            self._last = self._program.solve(np.arange(self._count) < len(self._cells))
            stands = self._last.objective >= need.width * (1 - SHORT)
        self._program.aim(at, np.zeros(1))
        return stands

    def _cut(self, need: _Need) -> Floats | None:
        """How much of what the need lacks each cell adds at most, if withheld; None when the last solution does not tell."""
        dual = self._last.reduced_costs
        if len(dual) == 0:
            return None
        adds = np.maximum(dual, 0) * need.upper + np.minimum(dual, 0) * need.lower
        lacks = need.width - (adds.sum() - adds[self._open].sum())
        return None if lacks <= SHORT * need.width else np.asarray(np.minimum(adds[self._open] / lacks, 1.0))


def _touched(movements: Movements) -> Indices:
    cells = [each.cells for found in movements.values() for each in found]
    return np.unique(np.concatenate(cells)) if cells else np.zeros(0, dtype=np.int64)


def _below(cost: float, costs: Floats) -> float:
    """The least cost that is not worth another pattern: among whole costs the next is one less."""
    whole = bool(np.all(costs == np.round(costs)))
    return cost - 1 + BETTER if whole else cost * (1 - BETTER)
