"""What a long run is doing, told to whoever watches it: the stage's name, the rows it goes over and how far it is.

    def watch(stage: Stage) -> None:
        print(stage.name, stage.rows)

    prepare(tape, mapping, template, period, institution, watch=watch)

A stage begins when it is told and ends when the next one is. `share` may be asked from another thread at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def _unknown() -> float | None:
    return None


@dataclass(frozen=True)
class Stage:
    """`share` is how much of the stage is done, 0 to 1, or None where nobody can tell."""

    name: str
    rows: int | None = None
    share: Callable[[], float | None] = _unknown


Watch = Callable[[Stage], None]


def unwatched(stage: Stage) -> None:
    """Nobody watches."""
