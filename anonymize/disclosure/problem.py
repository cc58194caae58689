"""What is to be protected, what protects it, and the proofs that it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from anonymize.disclosure.attack import Attack
from anonymize.disclosure.lattice import Floats, Indices, Mask, Table
from anonymize.disclosure.primary import Primary


@dataclass(frozen=True)
class Relation:
    """One more equation the attacker knows: sum(coefficients * cells) + sum(extra_coefficients * extras) = rhs.

    `cells` are flat indices; `extras` number unknowns outside the table that several relations may share. An extra is
    taken to be any number unless `Problem.extra_room` limits how far it can fall.
    """

    cells: tuple[int, ...]
    coefficients: tuple[float, ...]
    rhs: float = 0.0
    extras: tuple[int, ...] = ()
    extra_coefficients: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.cells) != len(self.coefficients) or len(self.extras) != len(self.extra_coefficients):
            raise ValueError("a relation has one coefficient for each cell and each extra unknown")
        if len(set(self.cells)) != len(self.cells) or len(set(self.extras)) != len(self.extras):
            raise ValueError("a relation names each cell and each extra unknown once")


@dataclass(frozen=True)
class Problem:
    """A table, its primary suppressions, and what may be withheld; masks and costs have the table's shape.

    `open` cells are public already; `never` cells are never published, whatever is decided here; `withheld` cells are
    withheld for another measure or were in the last period, so withholding them costs nothing; `signed` cells may be
    negative; `insiders` says that contributors attack too, `coalition` how many of them together. `extra_room[i]` is how far extra unknown i can fall.
    """

    table: Table
    primary: Primary
    open: Mask | None = None
    never: Mask | None = None
    withheld: Mask | None = None
    cost: Floats | None = None
    relations: tuple[Relation, ...] = ()
    signed: Mask | None = None
    insiders: bool = True
    extra_room: tuple[float, ...] | None = None
    coalition: int = 1

    def __post_init__(self) -> None:
        for name in ("open", "never", "withheld", "cost", "signed"):
            array = getattr(self, name)
            if array is not None and array.shape != self.table.lattice.shape:
                raise ValueError(f"{name} has the shape {array.shape}, the table {self.table.lattice.shape}")
        if np.any((self.table.value < 0) & ~self.mask("signed").reshape(self.table.lattice.shape)):
            raise ValueError("a cell that may not be negative is")
        if self.extra_room is not None and len(self.extra_room) != self.extra_count:
            raise ValueError("extra_room has one entry for each extra unknown")

    def mask(self, name: str) -> Mask:
        """The named mask, flat; all false when it was not given."""
        array: Mask | None = getattr(self, name)
        return np.zeros(self.table.lattice.size, dtype=np.bool_) if array is None else array.ravel()

    @property
    def extra_count(self) -> int:
        return 1 + max((extra for relation in self.relations for extra in relation.extras), default=-1)

    @property
    def attack(self) -> Attack:
        return Attack(self.table, self.mask("signed"), self.insiders, self.coalition)

    def cell_costs(self) -> Floats:
        """The flat cost of withholding each cell: given, or growing with its place in the hierarchies."""
        costs = height_costs(self.table) if self.cost is None else self.cost.astype(np.float64)
        return np.where(self.mask("withheld") | self.mask("never") | self.primary.mask.ravel(), 0.0, costs.ravel())


def height_costs(table: Table) -> Floats:
    """1 for a cell without parts, more for every level a code stands above its parts: headlines stay."""
    costs = np.ones(table.lattice.shape)
    for axis, hierarchy in enumerate(table.lattice.hierarchies):
        along = [1] * len(table.lattice.shape)
        along[axis] = -1
        costs = costs * (1.0 + np.array(hierarchy.height, dtype=np.float64)).reshape(along)
    return costs


@dataclass(frozen=True)
class Movement:
    """One way in which withheld cells (and extras) can change together without breaking an equation.

    It stands within the bounds of `scenario` (a cell, or EVERYBODY) and moves `target`: by `deltas` upwards when
    `up`, by their negative downwards when `down`.
    """

    target: int
    scenario: int
    cells: Indices
    deltas: Floats
    up: bool
    down: bool
    extra_deltas: tuple[float, ...] = ()

    def at(self, cell: int) -> float:
        """By how much the cell changes."""
        return float(self.deltas[self.cells == cell].sum())


Movements = dict[int, list[Movement]]  # by the sensitive cell that they protect


@dataclass(frozen=True)
class Pattern:
    """The cells to withhold, all primary and never-published ones among them, and why that is enough.

    `secondary` are those withheld only to protect others. `unprotected` are flat indices of sensitive cells that
    no pattern protects: a table with any of them must not be published.
    """

    withheld: Mask
    secondary: Mask
    unprotected: tuple[int, ...]
    movements: Sequence[Movement] = field(default=(), repr=False)
