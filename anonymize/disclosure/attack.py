"""What an attacker knows, as bounds on every withheld cell.

The attacker knows all published cells, all equations, that cells are not negative and which cells have no contributor.
An outsider knows that a withheld count is at least one: its row is there, so somebody is in it. Where contributors attack,
each also knows its own part of every cell. Identities are not in the table, so each bound is the worst over all who could.

What follows is said of one insider; `coalition` members who pool their figures are at the end.

**Everybody.** In a cell `c` an insider holds at most `largest[c]`, so `c` may fall by `value - largest` and no more. The
only contributor of a cell (a singleton) is taken to know the cell exactly: it may not move at all.

**Everybody but the top contributor i of a cell t.** (Scenario t; protects i from all others.) In t the attacker holds
at most `second[t]`. In an ancestor c of t, i holds at least `largest[t]`, so the attacker holds at most
`value[c] - largest[t]`: c may fall by `max(value - largest, largest[t])`. The same holds for a descendant with the
value of t, as the rest of t is empty, and for that descendant's ancestors. In a singleton among these kin the one
contributor is i: it may move, and fall to nothing. If t is a singleton, so are all its parts, they are i's, and so
are all singletons that contain one of them.

Why one scenario is enough for t, when it moves t by p% of `largest[t]` both ways: let i' be another contributor of t
and j the attacker, perhaps i itself. Scale the movement by x_i'(t) / largest[t], at most 1. Cells bounded by
`value - largest` stay within any insider's bound, as the truth does and bounds are convex. Kin fall by no more than
x_i'(t), which i' holds in them beside j. So t moves by p% of x_i'(t), for every pair. Whole numbers cannot be scaled:
there t falls by at most `value - largest`, and kin by `second[t]`, which somebody other than j holds, whoever j is.

Why scenarios of descendants may stand for t: let F be disjoint descendants of t, each with a movement of its own
scenario that moves t as well. An attacker whom the k widest of them do not stop is the top contributor in each, so it
holds the sum S of their `largest` in t. That is impossible if S exceeds `largest[t]`; otherwise the others share
`value[t] - S`, and p% of that is all the next movement has to reach.

**Two who pool their figures** hold together at most `held[c]`, the two largest contributions, of any cell, and know it exactly
where there are no more than two contributors. So in the eyes of everybody `c` falls by `value - held`, and not at all with one or
two contributors. In scenario t neither of the two is i: they hold at most the second and the third of t (`rivals`), and i still
has `largest[t]` in every ancestor, which is why kin fall that far, and rise. All bounds above are of this form: what the attackers
hold at most, and that i is none of them; no step asks how many they are. Scaling: let i' be another contributor of t
and J the two, perhaps i among them. The movement times x_i'(t) / largest[t] moves t by p% of x_i'(t). Cells bounded by
`value - held` stay within J's bound, since J holds at most `held`; kin fall by no more than x_i'(t), which i' holds
in them beside J. A cell of two contributors that is kin of t holds i and i' (or what i' has of t is nothing, and the scaled movement
is too), so J does not know it. Descendants for t: a coalition that k movements do not stop has the top contributors of all k
parts among its members, so it holds S in t, at most `held[t]`; the others share the rest as before. Singletons that make up t:
one of them is nobody's of J where t has more contributors than J. Whole numbers: t falls by `value - held`, kin by the third.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from anonymize.disclosure.lattice import Floats, Indices, Kin, Mask, Table

EVERYBODY = -1
TOLERANCE = 1e-7  # of a width: solvers and sums of doubles are not exact
ROUNDING = 1e-9  # of a value: the same sum taken in another order


@dataclass(frozen=True)
class Attack:
    """The bounds of one table. `signed` marks cells (flat) that may be negative; all arrays here are flat."""

    table: Table
    signed: Mask
    insiders: bool = True
    coalition: int = 1

    @cached_property
    def kin(self) -> Kin:
        return Kin(self.table.lattice)

    @cached_property
    def value(self) -> Floats:
        return self.table.value.ravel()

    @cached_property
    def largest(self) -> Floats:
        return self.table.largest.ravel()

    @cached_property
    def second(self) -> Floats:
        return self.table.second.ravel()

    @cached_property
    def held(self) -> Floats:
        """What a coalition holds of each cell at most."""
        return self.table.top(self.coalition).ravel()

    @cached_property
    def rivals(self) -> Floats:
        """What a coalition holds of each cell at most that the cell's top contributor is no member of."""
        return (self.table.top(1 + self.coalition) - self.table.largest).ravel()

    @cached_property
    def contributors(self) -> Indices:
        return self.table.contributors.ravel()

    @cached_property
    def down(self) -> Floats:
        """How far each cell can fall in the eyes of everybody."""
        known = self.held if self.insiders else self.table.least.ravel()
        room = np.where(self.signed, np.inf, np.maximum(self.value - known, 0.0))
        return np.where(self._fixed, 0.0, room)

    @cached_property
    def up(self) -> Floats:
        """How far each cell can rise in the eyes of everybody."""
        return np.where(self._fixed, 0.0, np.inf)

    @cached_property
    def _fixed(self) -> Mask:
        fixed: Mask = self.contributors == 0
        return fixed | (self.contributors <= self.coalition) if self.insiders else fixed

    @cached_property
    def own(self) -> Floats:
        """What somebody other than the attacker surely holds in each cell, and so in all its ancestors."""
        if not self.insiders:
            return np.zeros(len(self.value))
        next_after = (self.table.top(1 + self.coalition) - self.table.top(self.coalition)).ravel()
        held = np.where((self.second > 0) & self.table.integral, next_after, self.largest)
        return np.where(self.signed, 0.0, held)

    @cached_property
    def alone(self) -> Floats:
        """How far each cell with a single contributor can fall in the eyes of all others; 0 for other cells."""
        room = np.where(self.signed, np.inf, self.value)
        return np.where((self.contributors == 1) & self.insiders, room, 0.0)

    @cached_property
    def fall(self) -> Floats:
        """How far each cell can fall when it is the target and its top contributor the one protected."""
        if not self.insiders:
            return self.down
        known = np.where((self.second > 0) & self.table.integral, self.held, self.rivals)
        room = np.maximum(self.value - known, 0.0)
        return np.where(self.signed, np.inf, room)

    def kin_of(self, target: int) -> Indices:
        """The cells in which the target's top contributor surely holds at least its part of the target, or all."""
        live = self._live_parts(target)
        same = self._same(target, live)
        finest = int(same[np.argmax(self._depth[same])])
        kin: Indices = np.unique(np.concatenate([self.kin.ancestors(finest), same, *self._of_the_one(target, live)]))
        if self.signed[target]:
            # Amounts of either sign tell nothing of who holds how much; that somebody is alone still counts.
            return np.asarray(kin[(self.contributors[kin] == 1) | (kin == target)])
        return kin

    def _of_the_one(self, target: int, live: Indices) -> list[Indices]:
        """The singletons that surely are the target's contributor's, when it is a singleton itself."""
        if self.contributors[target] != 1 or len(live) == 1:
            return []
        above = (self.kin.ancestors(int(part)) for part in live[self._height[live] == 0])
        return [cells[self.contributors[cells] == 1] for cells in above]

    def relief(self, targets: Indices | int, kin: Indices) -> Floats:
        """How far each of these kin of the targets can fall in the scenario, if not farther for everybody."""
        holds_all = self.value[kin] >= self.value[targets] * (1 - ROUNDING)
        return np.maximum(self.own[targets] * holds_all, self.alone[kin])

    def are_kin(self, targets: Indices, cells: Indices) -> Mask:
        """For each pair whether the cell is kin of the target, in the sense of `kin_of`."""
        related = np.zeros(len(cells), dtype=np.bool_)
        if not self.insiders or len(targets) == 0:
            return related
        order = np.argsort(targets, kind="stable")
        each, starts = np.unique(targets[order], return_index=True)
        for target, places in zip(each.tolist(), np.split(order, starts[1:]), strict=True):
            related[places] = np.isin(cells[places], self.kin_of(target))
        return related

    def _live_parts(self, target: int) -> Indices:
        """The target and the cells in it that somebody contributes to."""
        if self._height[target] == 0:
            return np.array([target], dtype=np.int64)
        below = self.kin.descendants(target)
        return np.asarray(below[self.contributors[below] > 0])

    def finest_parts(self, target: int) -> Indices:
        """The cells in the target that have no parts and somebody contributes to: together they are all of it."""
        live = self._live_parts(target)
        return np.asarray(live[self._height[live] == 0])

    def _same(self, target: int, live: Indices) -> Indices:
        """Those parts that surely hold all of the target; the finest lies in all the others."""
        if self.value[target] > 0 and not self.signed[live].any():
            return np.asarray(live[self.value[live] >= self.value[target] * (1 - ROUNDING)])
        finest = np.full(len(live), live[np.argmax(self._depth[live])])
        return live if self.kin.holds(live, finest).all() else np.array([target], dtype=np.int64)

    @cached_property
    def _height(self) -> Indices:
        return self.table.lattice.height

    @cached_property
    def _depth(self) -> Indices:
        return self.table.lattice.depth

    def bounds(self, scenario: int) -> tuple[Floats, Floats]:
        """How far every cell can fall and rise in the eyes of everybody, or of all but the scenario's top contributor."""
        down, up = self.down.copy(), self.up.copy()
        if scenario == EVERYBODY:
            return down, up
        kin = self.kin_of(scenario)
        if self.insiders:
            down[kin] = np.maximum(down[kin], self.relief(scenario, kin))
            up[kin] = np.inf
        down[scenario] = self.fall[scenario]
        return down, up
