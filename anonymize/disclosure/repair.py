"""Movements that circuits do not find: a linear program of least cost around the cell, then over the whole table."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from anonymize.disclosure.attack import Attack
from anonymize.disclosure.lattice import Floats, Indices, Mask
from anonymize.disclosure.linear import INFINITE, LinearProgram
from anonymize.disclosure.problem import Movement, Problem
from anonymize.disclosure.system import System

NEGLIGIBLE = 1e-7
SECONDS = 20.0


class Repair:
    """Searches movements by linear programming; `price` (flat, shared with the caller) is what each cell costs now."""

    def __init__(self, problem: Problem, attack: Attack, price: Floats, barred: Mask) -> None:
        self.attack = attack
        self.price = price
        self._problem = problem
        self._barred = barred
        self.columns_solved = 0
        room = problem.extra_room or (INFINITE,) * problem.extra_count
        self._extra_room = np.array(room, dtype=np.float64)

    @cached_property
    def _system(self) -> System:
        return System.of(self._problem)

    def find(self, target: int, scenario: int, width: float, sign: int, allowed: Mask | None = None) -> Movement | None:
        """The cheapest movement of the target by the width in the scenario; sign +1 is up, -1 down.

        Where cells are `allowed` no others move.
        """
        if self._barred[target]:
            return None
        bounds = self.attack.bounds(scenario)
        everywhere = ~self._barred if allowed is None else allowed & ~self._barred
        near = None if self._problem.relations or allowed is not None else self._near(target) & everywhere
        for cells in (near, everywhere):
            found = None if cells is None else self._solve(cells, target, bounds, width, sign)
            if found is not None:
                cells_moved, deltas, extras = found
                return Movement(target, scenario, cells_moved, deltas, sign > 0, sign < 0, tuple(extras))
        return None

    def again(self, movement: Movement, allowed: Mask) -> list[Movement]:
        """Movements to the same ends on allowed cells near the target only; none when one of them fails."""
        width = movement.at(movement.target)
        bounds = self.attack.bounds(movement.scenario)
        cells = allowed & ~self._barred
        if not self._problem.relations:
            cells &= self._near(movement.target)
        found: list[Movement] = []
        for sign in [1] * movement.up + [-1] * movement.down:
            if found and self.reversible(found[0]):
                return [replace(found[0], down=True)]
            solved = self._solve(cells, movement.target, bounds, width, sign)
            if solved is None:
                return []
            cells_moved, deltas, extras = solved
            found.append(
                Movement(movement.target, movement.scenario, cells_moved, deltas, sign > 0, sign < 0, tuple(extras))
            )
        return found

    def reversible(self, movement: Movement) -> bool:
        """Whether the movement stands in its scenario when it is turned round."""
        down, up = self.attack.bounds(movement.scenario)
        changes = -movement.deltas
        within = (changes >= -down[movement.cells]) & (changes <= up[movement.cells])
        return bool(within.all()) and all(
            extra <= room for extra, room in zip(movement.extra_deltas, self._extra_room, strict=True)
        )

    def _near(self, target: int) -> Mask:
        """The cells under the parents of the target's codes, and those parents' ancestors."""
        lattice = self._problem.table.lattice
        near = np.ones(lattice.shape, dtype=np.bool_)
        place = np.unravel_index(target, lattice.shape) if lattice.shape else ()
        for axis, (hierarchy, code) in enumerate(zip(lattice.hierarchies, place, strict=True)):
            path = hierarchy.path(int(code))
            top = path[1] if len(path) > 1 else path[0]
            codes = hierarchy.above[:, top] | hierarchy.above[top]
            along = [1] * len(lattice.shape)
            along[axis] = -1
            near &= codes.reshape(along)
        return near.ravel()

    def _solve(
        self, cells: Mask, target: int, bounds: tuple[Floats, Floats], width: float, sign: int
    ) -> tuple[Indices, Floats, Floats] | None:
        down, up = bounds if sign > 0 else bounds[::-1]
        live = cells & ((down > 0) | (up > 0))
        live[target] = True
        places = np.flatnonzero(live)
        extras = self._system.extra_count
        every = np.concatenate([live, np.ones(extras, dtype=np.bool_)])
        rows, columns, coefficients = self._system.restricted(every)
        count, both = len(places), len(places) + extras
        self.columns_solved += both
        if up[target] * (1 + NEGLIGIBLE) < width:
            return None
        # Amounts are counted in units of the width, or the solver's tolerance could exceed it; whole numbers stay whole.
        unit = 1.0 if self.attack.table.integral else width
        fall, rise = np.minimum(down[places] / unit, INFINITE), np.minimum(up[places] / unit, INFINITE)
        at = int(np.searchsorted(places, target))
        fall[at], rise[at] = 0.0, width / unit
        limited, free = np.minimum(self._extra_room / unit, INFINITE), np.full(extras, INFINITE)
        upper = np.concatenate([rise, free if sign > 0 else limited, fall, limited if sign > 0 else free])
        lower = np.zeros(2 * both)
        lower[at] = width / unit
        order = np.argsort(np.concatenate([rows, rows]), kind="stable")
        program = LinearProgram(
            np.concatenate([rows, rows])[order],
            np.concatenate([columns, columns + both])[order],
            np.concatenate([coefficients, -coefficients])[order],
            lower,
            upper,
            SECONDS,
        )
        price = np.concatenate([self.price[places] + NEGLIGIBLE, np.zeros(extras)])
        program.aim(np.arange(2 * both), -np.concatenate([price, price]))
        integral = self.attack.table.integral
        solution = program.solve(np.tile(np.arange(both) < count, 2) if integral else None)
        if not solution.found:
            return None
        net = solution.values[:both] - solution.values[both:]
        if integral:
            net[:count] = np.round(net[:count])
        moved = np.flatnonzero(np.abs(net[:count]) > NEGLIGIBLE)
        return places[moved], net[moved] * unit, net[count:] * unit
