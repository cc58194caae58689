"""Attacks a pattern the way an attacker would, however it was chosen.

Each sensitive cell is either proven (a movement given with the pattern, checked by `certificates`) or attacked: two
linear programs find how far it can rise and fall in the eyes of all but its top contributor, over all tables that
agree with what is published. Where that is too near, programs of its parts are tried as in `families`. Whole numbers
are attacked as whole numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anonymize.disclosure.attack import EVERYBODY, Attack
from anonymize.disclosure.certificates import Reach, proven, suffices
from anonymize.disclosure.lattice import Floats, Indices, Mask
from anonymize.disclosure.linear import LinearProgram
from anonymize.disclosure.problem import Movement, Problem
from anonymize.disclosure.system import System

PUBLISHED = "published"
PROVEN = "proven"
SOLVED = "solved"
NARROW = "narrow"
SAFE = (PROVEN, SOLVED)
PARTS_TRIED = 12
FARTHEST = 1e4  # in widths: an interval ends there at the latest, which only understates it
SECONDS = 30.0


@dataclass(frozen=True)
class Finding:
    """What an attacker can tell of one sensitive cell: its status, and how far at least it can fall and rise."""

    cell: int
    status: str
    fall: float
    rise: float
    needed_fall: float
    needed_rise: float
    solver: str = ""


@dataclass(frozen=True)
class Audit:
    """One finding for every sensitive cell."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every sensitive cell keeps its width."""
        return all(finding.status in SAFE for finding in self.findings)

    @property
    def failed(self) -> tuple[int, ...]:
        """The flat indices of cells that an attacker can come too near."""
        return tuple(finding.cell for finding in self.findings if finding.status not in SAFE)

    def to_dict(self) -> dict[str, Any]:
        """The record of the audit; it names sensitive cells and is for staff only."""
        return {
            "ok": self.ok,
            "statuses": dict(sorted(Counter(finding.status for finding in self.findings).items())),
            "findings": [vars(finding) for finding in self.findings],
        }


def audit(problem: Problem, withheld: Mask, movements: Sequence[Movement] = ()) -> Audit:
    """How near an attacker comes to each sensitive cell when these cells are withheld and all others published.

    `movements` are the pattern's own proofs: each is checked from scratch, and what they prove need not be attacked.
    """
    if withheld.shape != problem.table.lattice.shape:
        raise ValueError(f"withheld has the shape {withheld.shape}, the table {problem.table.lattice.shape}")
    attack = problem.attack
    live = (withheld.ravel() | problem.mask("never")) & ~problem.mask("open") & ~problem.table.zero.ravel()
    system = System.of(problem)
    by_proof = proven(problem, attack, live, system, movements)
    sensitive = [int(cell) for cell in np.flatnonzero(problem.primary.mask)]
    attacked = [cell for cell in sensitive if live[cell] and cell not in by_proof]
    reaches = _Attacker(problem, attack, live, system).run(attacked) if attacked else {}
    return Audit(tuple(_finding(problem, attack, live, cell, reaches.get(cell)) for cell in sensitive))


def _finding(problem: Problem, attack: Attack, live: Mask, cell: int, attacked: tuple[Reach, str] | None) -> Finding:
    up, down = float(problem.primary.width_up.flat[cell]), float(problem.primary.width_down.flat[cell])
    if not live[cell]:
        return Finding(cell, PUBLISHED, 0.0, 0.0, down, up)
    if attacked is None:
        return Finding(cell, PROVEN, down, up, down, up)
    reach, word = attacked
    status = SOLVED if suffices(attack, cell, reach, up, down) else NARROW
    return Finding(cell, status, reach.down, reach.up, down, up, word)


class _Attacker:
    """Solves linear programs over what is withheld, one connected component at a time."""

    def __init__(self, problem: Problem, attack: Attack, live: Mask, system: System) -> None:
        self.problem = problem
        self.attack = attack
        self.live = np.concatenate([live, np.ones(system.extra_count, dtype=np.bool_)])
        self.system = system
        self.labels = system.components(self.live)
        self.extra_room = np.array(problem.extra_room or [np.inf] * system.extra_count)

    def run(self, targets: Sequence[int]) -> Mapping[int, tuple[Reach, str]]:
        """The reach of each target and the solver's word."""
        found: dict[int, tuple[Reach, str]] = {}
        for label in np.unique(self.labels[list(targets)]):
            component = _Component(self, np.flatnonzero(self.live & (self.labels == label)))
            for target in targets:
                if self.labels[target] == label:
                    found[target] = self._attack(component, target)
        return found

    def _attack(self, component: _Component, target: int) -> tuple[Reach, str]:
        """Attacks the cell itself; if that comes too near, what protects its parts is counted too."""
        up = float(self.problem.primary.width_up.flat[target])
        down = float(self.problem.primary.width_down.flat[target])
        rise, fall, word = component.reach(target, target, max(up, down))
        reach = Reach(rise, fall)
        if suffices(self.attack, target, reach, up, down):
            return reach, word
        everybody_rise, everybody_fall, _ = component.reach(target, EVERYBODY, max(up, down))
        parts: list[tuple[int, float, float]] = []
        for part in self._parts(target):
            part_rise, part_fall, _ = component.reach(target, int(part), max(up, down))
            parts.append((int(part), part_rise, part_fall))
            reach = Reach(rise, fall, tuple(parts), everybody_rise, everybody_fall)
            if suffices(self.attack, target, reach, up, down):
                break
        return reach, word

    def _parts(self, target: int) -> Indices:
        """Withheld parts of the target that hold no other withheld part, the largest contributions first."""
        below = self.attack.kin.descendants(target)
        below = below[self.live[below] & (below != target)]
        finest = [
            cell
            for cell in below
            if not any(other != cell and self.attack.kin.contains(int(cell), int(other)) for other in below)
        ]
        chosen = np.array(finest, dtype=np.int64)
        return chosen[np.argsort(-self.attack.largest[chosen], kind="stable")][:PARTS_TRIED]


class _Component:
    """One linear program over connected withheld cells; columns are sorted flat indices."""

    def __init__(self, attacker: _Attacker, columns: Indices) -> None:
        self.attacker = attacker
        self.columns = columns
        self.cells = columns[columns < attacker.system.cell_count]
        inside = np.zeros(len(attacker.live), dtype=np.bool_)
        inside[columns] = True
        self._entries = attacker.system.restricted(inside)
        self._program: LinearProgram | None = None

    def reach(self, target: int, scenario: int, width: float) -> tuple[float, float, str]:
        """How far the target can rise and fall in the scenario, in its own unit, and the solver's word."""
        integral = self.attacker.attack.table.integral
        whole = self.columns < self.attacker.system.cell_count if integral else None
        unit = 1.0 if integral else width
        down, up = self._bounds(scenario, unit)
        program = self._loaded(-down, up)
        at = np.array([np.searchsorted(self.columns, target)])
        results, words = [], []
        for sign in (1.0, -1.0):
            program.aim(at, np.array([sign]))
            solution = program.solve(whole)
            words.append(solution.status)
            results.append(max(solution.objective, 0.0) * unit if solution.found else 0.0)
        program.aim(at, np.zeros(1))
        return results[0], results[1], words[0] if words[0] == words[1] else ", ".join(words)

    def _bounds(self, scenario: int, unit: float) -> tuple[Floats, Floats]:
        down, up = self.attacker.attack.bounds(scenario)
        extras = self.columns[len(self.cells) :] - self.attacker.system.cell_count
        falls = np.concatenate([down[self.cells], self.attacker.extra_room[extras]]) / unit
        rises = np.concatenate([up[self.cells], np.full(len(extras), np.inf)]) / unit
        return np.minimum(falls, FARTHEST), np.minimum(rises, FARTHEST)

    def _loaded(self, lower: Floats, upper: Floats) -> LinearProgram:
        if self._program is None:
            self._program = LinearProgram(*self._entries, lower, upper, SECONDS)
        else:
            self._program.bound(np.arange(len(self.columns)), lower, upper)
        return self._program
