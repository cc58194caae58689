"""Complementary suppression: what else to withhold so that no sensitive cell can be derived.

Every sensitive cell gets a movement (see `attack`): first a circuit, cheapest first chosen by coordinate descent; where
none exists, movements of its parts that together suffice; last a linear program. What no movement protects is
reported as unprotected. The pattern comes with its movements; `audit` judges both without this module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from anonymize.disclosure.attack import EVERYBODY, Attack
from anonymize.disclosure.circuits import BARRED, SHORTER, Circuit, CircuitSearch
from anonymize.disclosure.compress import Reduced, reduce_problem
from anonymize.disclosure.families import Part, are_enough, needed
from anonymize.disclosure.lattice import Floats, Indices, Mask
from anonymize.disclosure.problem import Movement, Pattern, Problem
from anonymize.disclosure.repair import Repair

Find = Callable[[int, int, float], list[Movement]]

PASSES = 2
WIDER = 4
PARTS_TRIED = 12


def suppress(problem: Problem) -> Pattern:
    """The cells to withhold so that every primary suppression keeps its width, at little cost."""
    reduced = reduce_problem(problem)
    choice = _Choice(reduced.problem)
    choice.run()
    return _expand(problem, reduced, choice)


def _expand(problem: Problem, reduced: Reduced, choice: _Choice) -> Pattern:
    """The pattern in terms of the original cells."""
    live = reduced.group >= 0
    primary = problem.primary.mask.ravel()
    chosen = np.zeros(len(live), dtype=np.bool_)
    chosen[live] = choice.withheld[reduced.group[live]]
    withheld = primary | problem.mask("never") | chosen
    failed = choice.unprotected()
    unprotected = [int(cell) for cell in np.flatnonzero(primary) if not live[cell] or failed[reduced.group[cell]]]
    movements = []
    for cell in np.flatnonzero(primary & live):
        movements += [reduced.expand(each, int(cell)) for each in choice.movements.get(int(reduced.group[cell]), ())]
    shape = problem.table.lattice.shape
    return Pattern(
        withheld.reshape(shape),
        (chosen & ~primary & ~problem.mask("never")).reshape(shape),
        tuple(unprotected),
        movements,
    )


class _Choice:
    """The search on a reduced problem; all arrays flat."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.attack: Attack = problem.attack
        primary = problem.primary
        self.up: Floats = primary.width_up.ravel()
        self.down: Floats = primary.width_down.ravel()
        self.is_primary: Mask = primary.mask.ravel()
        self.barred: Mask = problem.mask("open") | problem.table.zero.ravel()
        self.free: Mask = (self.is_primary | problem.mask("never")) & ~self.barred
        self.costs = np.maximum(problem.cell_costs(), SHORTER)
        self.uses = np.zeros(len(self.costs), dtype=np.int64)
        self.price = np.where(self.barred, BARRED, np.where(self.free, SHORTER, self.costs))
        self.movements: dict[int, list[Movement]] = {}
        self.circuits: dict[int, Circuit] = {}
        tied = np.zeros(len(self.costs), dtype=np.bool_)
        for relation in problem.relations:
            tied[list(relation.cells)] = True
        # Cells of relations move together with cells elsewhere: only the linear program knows how.
        self._circuit_price = np.where(tied, BARRED, self.price) if tied.any() else self.price
        self._search = CircuitSearch(self.attack, self._circuit_price)
        self._repair = Repair(problem, self.attack, self.price, self.barred)
        self._height = problem.table.lattice.height

    @property
    def withheld(self) -> Mask:
        chosen: Mask = self.free | (self.uses > 0)
        return chosen

    def unprotected(self) -> Mask:
        """Primary cells without movements that suffice."""
        failed = self.is_primary.copy()
        failed[list(self.movements)] = False
        return failed

    def run(self) -> None:
        """Protects every primary cell that can be protected."""
        order = self._order()
        blocked = [target for target in order if target not in self.circuits and not self._by_circuit(target)]
        for _ in range(PASSES):
            if not self._improve(order):
                break
        for target, circuit in self.circuits.items():
            self.movements[target] = [_as_movement(target, circuit, self.width(target))]
        for target in blocked:
            found = (
                self._both_ways(target)
                or self._by_parts(target, self._by_circuit_of)
                or self._by_program(target, target, float(self.up[target]), float(self.down[target]))
                or self._by_parts(target, self._by_program_of, last_resort=True)
            )
            if found:
                self.movements[target] = self._keep(found)

    def width(self, target: int) -> float:
        """The wider of the two distances; both are the same but for cells that can hardly fall."""
        return float(max(self.up[target], self.down[target]))

    def _order(self) -> list[int]:
        """Aggregates first, then the widest."""
        targets = np.flatnonzero(self.is_primary & ~self.barred)
        width = np.maximum(self.up[targets], self.down[targets])
        return [int(target) for target in targets[np.lexsort((-width, -self._height[targets]))]]

    def _by_circuit(self, target: int) -> bool:
        """Finds the target a circuit, and lends it to all other targets on it that it protects as well."""
        circuit = self._search.find(target, self.width(target)) or self._search.find(
            target, self.width(target), wide=WIDER
        )
        if circuit is None:
            return False
        self._assign(target, circuit)
        for other in circuit.cells[self.is_primary[circuit.cells]]:
            if int(other) not in self.circuits and self._search.serves(circuit, int(other), self.width(int(other))):
                self._assign(int(other), circuit)
        return True

    def _assign(self, target: int, circuit: Circuit) -> None:
        self.circuits[target] = circuit
        self._use(circuit.cells, 1)

    def _use(self, cells: Indices, change: int) -> None:
        """Counts the movements that need these cells, and prices the cells accordingly."""
        self.uses[cells] += change
        price = np.where(self.free[cells] | (self.uses[cells] > 0), SHORTER, self.costs[cells])
        self.price[cells] = price
        if self._circuit_price is not self.price:
            self._circuit_price[cells] = np.where(self._circuit_price[cells] >= BARRED, BARRED, price)

    def _improve(self, order: list[int]) -> bool:
        """One pass of coordinate descent: each circuit is chosen again, the others held."""
        better = False
        for target in order:
            circuit = self.circuits.get(target)
            if circuit is None or not self._only_user(circuit):
                continue
            self._use(circuit.cells, -1)
            before = float(self.price[circuit.cells].sum())
            again = self._search.find(target, self.width(target))
            if again is not None and again.cost < before - SHORTER:
                circuit, better = again, True
            self._assign(target, circuit)
        return better

    def _only_user(self, circuit: Circuit) -> bool:
        cells = circuit.cells
        return bool(np.any(~self.free[cells] & (self.uses[cells] == 1)))

    def _both_ways(self, target: int) -> list[Movement]:
        """One circuit to rise and another to fall."""
        found = []
        for direction, width in (("up", float(self.up[target])), ("down", float(self.down[target]))):
            if width == 0:
                continue
            circuit = self._search.find(target, width, "up" if direction == "up" else "down", wide=WIDER)
            if circuit is None:
                return []
            found.append(replace(_as_movement(target, circuit, width), up=direction == "up", down=direction == "down"))
        return found

    def _keep(self, found: list[Movement]) -> list[Movement]:
        for movement in found:
            self._use(movement.cells, 1)
        return found

    def _by_parts(self, target: int, find: Find, *, last_resort: bool = False) -> list[Movement]:
        """Movements of the target's parts, the largest first, until every attacker meets one wide enough."""
        attack, width = self.attack, self.width(target)
        if attack.signed[target]:
            return []
        found: list[Movement] = []
        parts: list[Part] = []
        need = width
        for part in self._parts(target):
            movements = find(target, int(part), need)
            if not movements:
                continue
            found += movements
            parts.append(Part(float(attack.largest[part]), need))
            if are_enough(attack, target, width, parts):
                return found
            need = needed(attack, target, width, float(attack.value[target]) - sum(each.largest for each in parts))
        rest = self._by_program(target, EVERYBODY, need, need) if last_resort else []
        return found + rest if rest else []

    def _by_circuit_of(self, target: int, part: int, need: float) -> list[Movement]:
        """A circuit of the part that moves the target too."""
        circuit = self._search.find(part, need) or self._search.find(part, need, wide=WIDER)
        if circuit is None or self._sign(circuit, target) <= 0:
            return []
        return [replace(_as_movement(part, circuit, need), target=target)]

    def _by_program_of(self, target: int, part: int, need: float) -> list[Movement]:
        """Movements of the target in the scenario of the part, by a circuit or a linear program."""
        return self._by_circuit_of(target, part, need) or self._by_program(target, part, need, need)

    def _parts(self, target: int) -> Indices:
        """The target's smallest parts, those with the largest contributions first."""
        below = self.attack.kin.descendants(target)
        below = below[(self._height[below] == 0) & ~self.barred[below] & (below != target)]
        order: Indices = np.argsort(-self.attack.largest[below], kind="stable")
        return np.asarray(below[order[:PARTS_TRIED]])

    @staticmethod
    def _sign(circuit: Circuit, target: int) -> float:
        return float(circuit.signs[circuit.cells == target].sum())

    def _by_program(self, target: int, scenario: int, up: float, down: float) -> list[Movement]:
        """One movement to rise and one to fall, or one for both, of least cost by linear programming."""
        down = min(down, float(self.down[target]))
        rising = self._repair.find(target, scenario, up, 1) if up else None
        if rising is not None and down and self._repair.reversible(rising):
            return [replace(rising, down=True)]
        falling = self._repair.find(target, scenario, down, -1) if down and (rising or not up) else None
        complete = (rising is not None or not up) and (falling is not None or not down)
        return [movement for movement in (rising, falling) if movement is not None] if complete else []


def _as_movement(target: int, circuit: Circuit, width: float) -> Movement:
    """The circuit as a movement of one of its cells, by the width, both ways."""
    sign = float(circuit.signs[circuit.cells == target].sum())
    return Movement(target, target, circuit.cells, circuit.signs * sign * width, up=True, down=True)
