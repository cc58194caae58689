"""Checks movements against the definition alone: additive, on withheld cells, within bounds, by how much.

Nothing here knows how a movement was found. All movements are checked at once, as arrays of (movement, cell, change).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anonymize.disclosure.attack import EVERYBODY, TOLERANCE, Attack
from anonymize.disclosure.families import Part, are_enough
from anonymize.disclosure.lattice import Floats, Indices, Mask
from anonymize.disclosure.problem import Movement, Problem
from anonymize.disclosure.system import System


@dataclass(frozen=True)
class Reach:
    """How far checked movements take a target: by those of its own scenario, and by those of its parts."""

    up: float
    down: float
    parts: tuple[tuple[int, float, float], ...] = ()  # part, up, down
    everybody_up: float = 0.0
    everybody_down: float = 0.0


def proven(problem: Problem, attack: Attack, live: Mask, system: System, movements: Sequence[Movement]) -> set[int]:
    """The primary cells whose widths these movements reach; `live` marks cells an attacker does not know."""
    reaches = check(attack, live, system, movements, np.array(problem.extra_room or [np.inf] * problem.extra_count))
    up, down = problem.primary.width_up.ravel(), problem.primary.width_down.ravel()
    return {
        target
        for target, reach in reaches.items()
        if suffices(attack, target, reach, float(up[target]), float(down[target]))
    }


def suffices(attack: Attack, target: int, reach: Reach, up: float, down: float) -> bool:
    """Whether the movements stop every attacker from coming nearer than the widths, on both sides."""
    parts = _disjoint(attack, target, reach.parts)
    rises, falls = [Part(part, rise) for part, rise, _ in parts], [Part(part, fall) for part, _, fall in parts]
    can_rise = reach.up >= up * (1 - TOLERANCE) or are_enough(attack, target, up, rises, reach.everybody_up)
    can_fall = reach.down >= down * (1 - TOLERANCE) or are_enough(attack, target, down, falls, reach.everybody_down)
    return can_rise and can_fall


def _disjoint(attack: Attack, target: int, parts: Sequence[tuple[int, float, float]]) -> list[tuple[int, float, float]]:
    """Those parts that lie in the target and in none of the others kept."""
    kept: list[tuple[int, float, float]] = []
    for part in parts:
        known = attack.signed[target] or not attack.signed[part[0]]
        inside = known and attack.kin.contains(target, part[0])
        if inside and all(attack.kin.apart(part[0], other[0]) for other in kept):
            kept.append(part)
    return kept


def check(
    attack: Attack, live: Mask, system: System, movements: Sequence[Movement], extra_room: Floats
) -> dict[int, Reach]:
    """The reach of every target by those movements that stand."""
    if not movements:
        return {}
    number = np.repeat(np.arange(len(movements)), [len(movement.cells) for movement in movements])
    cells = np.concatenate([movement.cells for movement in movements])
    deltas = np.concatenate([movement.deltas for movement in movements])
    stands = _on_live(number, cells, live, len(movements))
    stands &= _additive(system, movements, number, cells, deltas)
    if attack.table.integral:
        # Half a contributor is no possible table, and the attacker knows.
        stands &= np.bincount(number, weights=deltas != np.round(deltas), minlength=len(movements)) == 0
    up = stands & _within(attack, movements, number, cells, deltas)
    down = stands & _within(attack, movements, number, cells, -deltas)
    return _reaches(movements, number, cells, deltas, up, down, extra_room)


def _on_live(number: Indices, cells: Indices, live: Mask, count: int) -> Mask:
    return np.asarray(np.bincount(number, weights=~live[cells], minlength=count) == 0)


def _additive(system: System, movements: Sequence[Movement], number: Indices, cells: Indices, deltas: Floats) -> Mask:
    """Whether each movement leaves every equation as it was, to a part in a million of its largest change."""
    extras = [np.array(movement.extra_deltas) for movement in movements]
    if any(len(each) for each in extras):
        number = np.concatenate([number, np.repeat(np.arange(len(extras)), [len(each) for each in extras])])
        cells = np.concatenate([cells, *[system.cell_count + np.arange(len(each)) for each in extras]])
        deltas = np.concatenate([deltas, *extras])
    owner, rows, terms = system.terms(cells, deltas)
    keys, places = np.unique(number[owner] * np.int64(system.row_count) + rows, return_inverse=True)
    residuals = np.abs(np.bincount(places, weights=terms, minlength=len(keys)))
    scale = np.zeros(len(movements))
    np.maximum.at(scale, number, np.abs(deltas))
    broken = residuals > 1e-6 * scale[keys // max(system.row_count, 1)]
    result = np.ones(len(movements), dtype=np.bool_)
    result[keys[broken] // max(system.row_count, 1)] = False
    return result


def _within(attack: Attack, movements: Sequence[Movement], number: Indices, cells: Indices, changes: Floats) -> Mask:
    """Whether each movement keeps the bounds of its scenario, cell by cell."""
    scenario = np.array([movement.scenario for movement in movements], dtype=np.int64)
    slack = TOLERANCE * np.abs(changes)
    fits = (changes >= -attack.down[cells] - slack) & (changes <= attack.up[cells] + slack)
    own = np.flatnonzero(cells == scenario[number])
    fits[own] = changes[own] >= -attack.fall[cells[own]] - slack[own]
    left = np.flatnonzero(~fits)
    left = left[(scenario[number[left]] != EVERYBODY) & (cells[left] != scenario[number[left]])]
    of = scenario[number[left]]
    fits[left] = attack.are_kin(of, cells[left]) & (changes[left] >= -attack.relief(of, cells[left]) - slack[left])
    return np.asarray(np.bincount(number, weights=~fits, minlength=len(movements)) == 0)


def _reaches(
    movements: Sequence[Movement],
    number: Indices,
    cells: Indices,
    deltas: Floats,
    up: Mask,
    down: Mask,
    extra_room: Floats,
) -> dict[int, Reach]:
    targets = np.array([movement.target for movement in movements], dtype=np.int64)
    moved = np.bincount(number, weights=np.where(cells == targets[number], deltas, 0.0), minlength=len(movements))
    found: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
    for place, movement in enumerate(movements):
        extra = np.array(movement.extra_deltas)
        room = extra_room[: len(extra)] * (1 + TOLERANCE)
        rise = moved[place] if movement.up and up[place] and np.all(extra >= -room) else 0.0
        fall = moved[place] if movement.down and down[place] and np.all(-extra >= -room) else 0.0
        found[movement.target].append((movement.scenario, max(float(rise), 0.0), max(float(fall), 0.0)))
    return {target: _reach(target, entries) for target, entries in found.items()}


def _reach(target: int, entries: Sequence[tuple[int, float, float]]) -> Reach:
    best: dict[int, tuple[float, float]] = {}
    for scenario, rise, fall in entries:
        old = best.get(scenario, (0.0, 0.0))
        best[scenario] = (max(old[0], rise), max(old[1], fall))
    up, down = best.pop(target, (0.0, 0.0))
    all_up, all_down = best.pop(EVERYBODY, (0.0, 0.0))
    return Reach(up, down, tuple((part, rise, fall) for part, (rise, fall) in best.items()), all_up, all_down)
