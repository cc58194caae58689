"""Gives back secondary suppressions that are not needed: what circuits cannot express, linear programs may.

A circuit moves all its cells by the same amount, both ways. A general movement may spread over many cells, and rise
otherwise than it falls; so a pattern of circuits often holds more than it needs. The work is bounded by a count of
columns, not by time: the same problem always has the same pattern.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from anonymize.disclosure.lattice import Floats, Mask
from anonymize.disclosure.problem import Movements
from anonymize.disclosure.repair import Repair

COLUMNS_SOLVED = 100_000
USERS_MOVED = 8


def trim(movements: Movements, free: Mask, costs: Floats, repair: Repair, effort: float = 1.0) -> Movements:
    """Movements that need fewer secondary suppressions; `free` cells are withheld whatever is done here."""
    kept = dict(movements)
    users = _users(kept, free)
    allowed = free.copy()
    allowed[list(users)] = True
    limit = repair.columns_solved + int(effort * COLUMNS_SOLVED)
    for cell in sorted(users, key=lambda cell: (len(users[cell]) / costs[cell], cell)):
        if repair.columns_solved >= limit:
            break
        if not allowed[cell] or len(users[cell]) > USERS_MOVED:
            continue
        allowed[cell] = False
        others = _without(cell, users[cell], kept, allowed, repair)
        if others is None:
            allowed[cell] = True
            continue
        kept.update(others)
        users = _users(kept, free)
        allowed = free.copy()
        allowed[list(users)] = True
    return kept


def _users(movements: Movements, free: Mask) -> dict[int, set[int]]:
    """The targets that need each secondary suppression."""
    users: dict[int, set[int]] = defaultdict(set)
    for target, each in movements.items():
        for movement in each:
            for cell in movement.cells[~free[movement.cells]].tolist():
                users[cell].add(target)
    return users


def _without(cell: int, targets: set[int], kept: Movements, allowed: Mask, repair: Repair) -> Movements | None:
    """Other movements for these targets that do not need the cell, or None."""
    others: Movements = {}
    for target in sorted(targets):
        others[target] = []
        for movement in kept[target]:
            again = [movement] if not np.any(movement.cells == cell) else repair.again(movement, allowed)
            if not again:
                return None
            others[target] += again
    return others
