"""Complementary suppression: what else to withhold so that no sensitive cell can be derived.

Every sensitive cell gets a movement (see `attack`): first a circuit (`routes`); where none exists, movements of its
parts that together suffice; then a linear program (`repair`). `trim` gives back what general movements do not need.
What no movement protects is reported as unprotected. The pattern comes with its movements; `audit` judges both without
this module. The same problem always has the same pattern.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from anonymize.disclosure.attack import EVERYBODY, Attack
from anonymize.disclosure.circuits import Circuit, CircuitSearch, Direction
from anonymize.disclosure.compress import Reduced, reduce_problem
from anonymize.disclosure.exact import cheaper
from anonymize.disclosure.families import Part, are_enough, needed
from anonymize.disclosure.lattice import Floats, Indices, Mask
from anonymize.disclosure.prices import Prices
from anonymize.disclosure.problem import Movement, Movements, Pattern, Problem
from anonymize.disclosure.repair import Repair
from anonymize.disclosure.routes import WIDER, Routes
from anonymize.disclosure.trim import trim

Find = Callable[[int, int, float], list[Movement]]

PARTS_TRIED = 12
STARTS = 8
TARGETS_SEARCHED = 300  # over all starts: small tables are searched again and again
PRICES_OFF = (0.6, 1.4)


def suppress(problem: Problem, *, effort: float = 1.0) -> Pattern:
    """The cells to withhold so that every primary suppression keeps its width, at little cost.

    `effort` multiplies the work spent on needing fewer of them; safety does not depend on it.
    """
    reduced = reduce_problem(problem)
    return _expand(problem, reduced, _best(reduced.problem, effort))


def _best(problem: Problem, effort: float) -> _Choice:
    """The cheapest of several searches, the first with true prices, the others with prices a little off."""
    starts = min(STARTS, int(effort * TARGETS_SEARCHED) // max(problem.primary.count, 1))
    noise = np.random.default_rng(0)
    best = _Choice(problem, np.ones(problem.table.lattice.size), effort)
    best.run()
    for _ in range(1, starts):
        if best.loss == (0, 0.0):
            break
        other = _Choice(problem, noise.uniform(*PRICES_OFF, problem.table.lattice.size), effort)
        other.run()
        best = min(best, other, key=lambda choice: choice.loss)
    best.polish()
    return best


def _expand(problem: Problem, reduced: Reduced, choice: _Choice) -> Pattern:
    """The pattern in terms of the original cells."""
    live = reduced.group >= 0
    primary = problem.primary.mask.ravel()
    chosen = np.zeros(len(live), dtype=np.bool_)
    chosen[live] = choice.prices.withheld[reduced.group[live]]
    withheld = primary | problem.mask("never") | chosen
    failed = choice.unprotected()
    unprotected = [int(cell) for cell in np.flatnonzero(primary) if not live[cell] or failed[reduced.group[cell]]]
    movements = [
        reduced.expand(movement, int(cell))
        for cell in np.flatnonzero(primary & live)
        for movement in choice.movements.get(int(reduced.group[cell]), ())
    ]
    shape = problem.table.lattice.shape
    secondary = (chosen & ~primary & ~problem.mask("never")).reshape(shape)
    return Pattern(withheld.reshape(shape), secondary, tuple(unprotected), movements)


class _Choice:
    """One search on a reduced problem; all arrays flat."""

    def __init__(self, problem: Problem, noise: Floats, effort: float) -> None:
        self._effort = effort
        self._problem = problem
        self.attack: Attack = problem.attack
        self.prices = Prices(problem, noise)
        self.movements: Movements = {}
        self._wanted: Mask = problem.primary.mask.ravel()
        self._up: Floats = problem.primary.width_up.ravel()
        self._down: Floats = problem.primary.width_down.ravel()
        # Both distances are the same but for cells that can hardly fall.
        self._width: Floats = np.maximum(self._up, self._down)
        self._height = problem.table.lattice.height
        self._search = CircuitSearch(self.attack, self.prices.for_circuits)
        self._routes = Routes(self._search, self.prices, self._width, self._wanted, effort)
        self._repair = Repair(problem, self.attack, self.prices.now, self.prices.barred)

    @property
    def loss(self) -> tuple[int, float]:
        """What is left unprotected, and what the secondary suppressions cost."""
        return int(self.unprotected().sum()), self.prices.loss

    def unprotected(self) -> Mask:
        """Primary cells without movements that suffice."""
        failed = self._wanted.copy()
        failed[list(self.movements)] = False
        return failed

    def run(self) -> None:
        """Protects every primary cell that can be protected."""
        blocked = self._routes.find(self._order())
        for target, circuit in self._routes.circuits.items():
            self.movements[target] = [_as_movement(target, circuit, float(self._width[target]))]
        for target in blocked:
            found = (
                self._both_ways(target)
                or self._by_parts(target, self._by_circuit)
                or self._by_program(target, target, float(self._up[target]), float(self._down[target]))
                or self._by_parts(target, self._by_circuit_or_program, last_resort=True)
            )
            if found:
                self.movements[target] = self._keep(found)
        self._settle(trim(self.movements, self.prices.free, self.prices.costs, self._repair, self._effort))

    def polish(self) -> None:
        """Takes the cheapest pattern of all instead, where the table is small enough to find it."""
        withheld = cheaper(self._problem, self.attack, self.prices, self.movements, self._effort)
        if withheld is None:
            return
        others = {
            target: found
            if any(each.scenario != target for each in found)
            else self._by_program(target, target, float(self._up[target]), float(self._down[target]), withheld)
            for target, found in self.movements.items()
        }
        if all(others.values()):
            self._settle(others)

    def _settle(self, movements: Movements) -> None:
        """What these movements do not need is no longer withheld."""
        self.movements = movements
        self.prices.uses[:] = 0
        for found in movements.values():
            self._keep(found)

    def _order(self) -> list[int]:
        """Aggregates first, then the widest."""
        targets = np.flatnonzero(self._wanted & ~self.prices.barred)
        order = np.lexsort((-self._width[targets], -self._height[targets]))
        return [int(target) for target in targets[order]]

    def _keep(self, found: list[Movement]) -> list[Movement]:
        for movement in found:
            self.prices.use(movement.cells, 1)
        return found

    def _both_ways(self, target: int) -> list[Movement]:
        """One circuit to rise and another to fall."""
        found = []
        ways: tuple[tuple[Direction, Floats], ...] = (("up", self._up), ("down", self._down))
        for direction, widths in ways:
            width = float(widths[target])
            if width == 0:
                continue
            circuit = self._search.find(target, width, direction, wide=WIDER)
            if circuit is None:
                return []
            found.append(replace(_as_movement(target, circuit, width), up=direction == "up", down=direction == "down"))
        return found

    def _by_parts(self, target: int, find: Find, *, last_resort: bool = False) -> list[Movement]:
        """Movements of the target's parts, the largest first, until every attacker meets one wide enough."""
        attack, width = self.attack, float(self._width[target])
        found: list[Movement] = []
        parts: list[Part] = []
        need = width
        for part in self._parts(target):
            movements = find(target, int(part), need)
            if not movements:
                continue
            found += movements
            parts.append(Part(int(part), need))
            if are_enough(attack, target, width, parts):
                return found
            need = needed(attack, target, width, float(attack.largest[[each.cell for each in parts]].sum()))
        rest = self._by_program(target, EVERYBODY, need, need) if last_resort else []
        return found + rest if rest else []

    def _parts(self, target: int) -> Indices:
        """The target's smallest parts, those with the largest contributions first."""
        below = self.attack.finest_parts(target)
        below = below[~self.prices.barred[below] & (below != target)]
        order: Indices = np.argsort(-self.attack.largest[below], kind="stable")
        return np.asarray(below[order[:PARTS_TRIED]])

    def _by_circuit(self, target: int, part: int, need: float) -> list[Movement]:
        """A circuit of the part that moves the target too."""
        circuit = self._routes.cheapest(part, need)
        if circuit is None or _sign(circuit, target) <= 0:
            return []
        return [replace(_as_movement(part, circuit, need), target=target)]

    def _by_circuit_or_program(self, target: int, part: int, need: float) -> list[Movement]:
        """Movements of the target in the scenario of the part."""
        return self._by_circuit(target, part, need) or self._by_program(target, part, need, need)

    def _by_program(
        self, target: int, scenario: int, up: float, down: float, allowed: Mask | None = None
    ) -> list[Movement]:
        """One movement to rise and one to fall, or one for both, of least cost by linear programming."""
        down = min(down, float(self._down[target]))
        found: list[Movement] = []
        if up:
            rising = self._repair.find(target, scenario, up, 1, allowed)
            if rising is None:
                return []
            if down and self._repair.reversible(rising):
                return [replace(rising, down=True)]
            found.append(rising)
        if down:
            falling = self._repair.find(target, scenario, down, -1, allowed)
            if falling is None:
                return []
            found.append(falling)
        return found


def _as_movement(target: int, circuit: Circuit, width: float) -> Movement:
    """The circuit as a movement of one of its cells, by the width, both ways."""
    changes = circuit.signs * _sign(circuit, target) * width
    return Movement(target, target, circuit.cells, changes, up=True, down=True)


def _sign(circuit: Circuit, cell: int) -> float:
    """+1, -1, or 0 where the circuit does not touch the cell."""
    return float(circuit.signs[circuit.cells == cell].sum())
