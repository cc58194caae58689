"""When movements of a cell's parts, each blind to one contributor, together protect the cell.

The argument is in `attack`: an attacker is stopped by a movement unless it is the top contributor of the part whose
scenario the movement belongs to, and nobody is the top contributor of parts that sum to more than the largest one holds; of a
coalition, no more than its members can hold together.
Where amounts may be negative, or all are nothing, such sums tell nothing; but if each part has a single contributor, the parts are all there
is, and the cell has more contributors than a coalition has members, then some part is nobody's of the coalition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anonymize.disclosure.attack import TOLERANCE, Attack


@dataclass(frozen=True)
class Part:
    """A cell in the target, and how far a movement in the part's scenario moves the target."""

    cell: int
    amount: float


def needed(attack: Attack, target: int, width: float, held: float) -> float:
    """How far the target must move for those who share it with an attacker who holds this much of it."""
    largest, value = float(attack.largest[target]), float(attack.value[target])
    if largest == 0 or attack.signed[target]:
        return width
    rest = value - held
    if rest <= TOLERANCE * value:
        return 0.0
    return width if attack.table.integral else width * min(1.0, rest / largest)


def are_enough(attack: Attack, target: int, width: float, parts: Sequence[Part], everybody: float = 0.0) -> bool:
    """Whether every attacker meets a movement wide enough; `everybody` is the amount of one that stops all.

    The parts must have nothing in common.
    """
    if attack.signed[target] or attack.largest[target] == 0:
        wide = {part.cell for part in parts if part.amount >= width * (1 - TOLERANCE)}
        return everybody >= width or _nobody_is_alone_in_all(attack, target, wide)
    held = 0.0
    for part in sorted(parts, key=lambda part: part.amount, reverse=True):
        if part.amount < needed(attack, target, width, held) * (1 - TOLERANCE):
            break
        held += float(attack.largest[part.cell])
        if held > attack.held[target] * (1 + TOLERANCE):
            return True
    return everybody >= needed(attack, target, width, held) * (1 - TOLERANCE)


def _nobody_is_alone_in_all(attack: Attack, target: int, parts: set[int]) -> bool:
    if attack.contributors[target] <= attack.coalition:
        return False
    finest = attack.finest_parts(target)
    return bool((attack.contributors[finest] == 1).all()) and set(finest.tolist()) <= parts
