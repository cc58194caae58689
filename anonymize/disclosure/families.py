"""When movements of a cell's parts, each blind to one contributor, together protect the cell.

The argument is in `attack`: an attacker is stopped by a movement unless it is the top contributor of the part whose
scenario the movement belongs to, and nobody is the top contributor of parts that sum to more than the largest one holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anonymize.disclosure.attack import TOLERANCE, Attack


@dataclass(frozen=True)
class Part:
    """What the top contributor of a part holds in it, and how far the part's movement moves the whole."""

    largest: float
    amount: float


def needed(attack: Attack, target: int, width: float, rest: float) -> float:
    """How far the target must move for contributors who hold no more than `rest` of it."""
    largest = float(attack.largest[target])
    if largest == 0:
        return width  # all hold nothing, and that is what must not be known
    if rest <= TOLERANCE * float(attack.value[target]):
        return 0.0
    if attack.table.integral:
        return width
    return width * min(1.0, rest / largest)


def are_enough(attack: Attack, target: int, width: float, parts: Iterable[Part], everybody: float = 0.0) -> bool:
    """Whether every attacker meets a movement wide enough; `everybody` is the amount of one that stops all."""
    if attack.signed[target]:
        return everybody >= width
    largest, value = float(attack.largest[target]), float(attack.value[target])
    held = 0.0
    for part in sorted(parts, key=lambda part: part.amount, reverse=True):
        if part.amount < needed(attack, target, width, value - held) * (1 - TOLERANCE):
            break
        held += part.largest
        if held > largest * (1 + TOLERANCE):
            return True
    return everybody >= needed(attack, target, width, value - held) * (1 - TOLERANCE)
