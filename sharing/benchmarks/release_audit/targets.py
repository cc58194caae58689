"""What must stay wide: every sum of few or of one large contributor that is not published, and by how much.

Sensitive are sums of fewer contributors than the policy's minimum, and those of which a coalition of contributors could
estimate the largest other one nearer than p%. Looked at are withheld cells of peer groups, what members withheld
below a published cell, intersections and differences of published groups, the figures of every atom, and what a part
has beyond one within it. A sum like this that *is* published fails at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.template import Indicator
from sharing.benchmarks.pool import Mask, Values
from sharing.benchmarks.release_audit.system import System
from sharing.benchmarks.release_audit.unknowns import Atoms, Unknowns

SMALL_COUNT, DOMINANCE, SAME_FOR_ALL = "A", "G", "S"
WITHHELD, REMAINDER, CROSSING, ATOM, BEYOND = "withheld", "remainder", "crossing", "atom", "beyond"
NEARLY = 1 - 1e-9  # sums of doubles in another order differ by less


@dataclass(frozen=True)
class Target:
    """One sensitive sum of a part; of the kind "beyond:2" it is what part 2 has beyond this part."""

    kind: str
    part: int
    atoms: Atoms
    cell: int
    reason: str
    width: float
    published: bool = False

    @property
    def beyond(self) -> int | None:
        """The outer part, of a difference."""
        return int(self.kind.split(":")[1]) if self.kind.startswith(BEYOND) else None

    def held(self, unknowns: Unknowns) -> Values:
        """What each owner has in it."""
        return unknowns.held(self.part, self.beyond, self.atoms, self.cell)


@dataclass(frozen=True)
class Sums:
    """Over all cells (flat): sum, contributors and the largest contributions, descending, of one set of atoms."""

    total: Values
    count: NDArray[np.int64]
    top: Values  # [coalition + 1, cell]

    @classmethod
    def of(cls, values: Values, counted: Mask, coalition: int) -> Sums:
        depth = coalition + 1
        ranked = np.abs(values)
        if len(ranked) < depth:
            ranked = np.concatenate([ranked, np.zeros((depth - len(ranked), ranked.shape[1]))])
        top = -np.partition(-ranked, depth - 1, axis=0)[:depth] if len(ranked) > depth else ranked
        return cls(values.sum(axis=0), counted.sum(axis=0), -np.sort(-top, axis=0))

    @property
    def largest(self) -> Values:
        largest: Values = self.top[0]
        return largest

    def dominated(self, percent: float) -> Mask:
        """What the largest and a coalition of the next ones leave is less than p% of the largest."""
        rest = np.maximum(np.abs(self.total), self.top.sum(axis=0)) - self.top.sum(axis=0)
        mask: Mask = (self.largest > 0) & (rest < percent / 100 * self.largest * NEARLY)
        return mask


@dataclass(frozen=True)
class Finder:
    """Finds the targets of a system."""

    unknowns: Unknowns
    policy: DisclosurePolicy

    def all(self) -> list[Target]:
        """Targets of all parts, each sum once, in the worst sense in which it is one."""
        found: dict[tuple[str, int, Atoms, int], Target] = {}
        for part in range(len(self.unknowns.layout.parts)):
            for target in self._of_part(part):
                beyond = target.kind if target.kind.startswith(BEYOND) else ""
                before = found.get((beyond, target.part, target.atoms, target.cell))
                if before is None or (target.published, target.width) > (before.published, before.width):
                    found[beyond, target.part, target.atoms, target.cell] = target
        return list(found.values())

    def _of_part(self, part: int) -> Iterator[Target]:
        values, counted = self.unknowns.figures(part)
        published, rows = self.unknowns.published(part), self.unknowns.rows(part)
        nothing = np.zeros(values.shape[1], dtype=np.bool_)
        groups = dict.fromkeys(self.unknowns.groups.values())
        for atoms in groups:
            sums = self._sums(values, counted, atoms)
            there, known = rows.get(atoms, nothing), published.get(atoms, nothing)
            yield from self._sensitive(WITHHELD, part, atoms, sums, there & ~known)
            yield from self._sensitive(WITHHELD, part, atoms, sums, known, published=True)
            yield from self._sensitive(REMAINDER, part, atoms, sums, self._remainders_below(known))
            yield from self._same_for_all(part, atoms, sums, there, known)
            yield from self._beyond(part, atoms, values, there, known)
        everybody = max(groups, key=len)
        for atoms in self.unknowns.atoms:
            if atoms not in groups:
                # Where only all members together are shown, nothing that is published tells atoms apart.
                apart = [mask for group, mask in rows.items() if atoms <= group and group != everybody]
                cells = np.any([nothing, *apart], axis=0)
                yield from self._sensitive(ATOM, part, atoms, self._sums(values, counted, atoms), cells)
        for atoms, pairs in self.unknowns.crossings().items():
            cells = np.any(
                [published.get(one, nothing) & published.get(other, nothing) for one, other in pairs], axis=0
            )
            if cells.any():
                yield from self._sensitive(CROSSING, part, atoms, self._sums(values, counted, atoms), cells)

    def _sums(self, values: Values, counted: Mask, atoms: Atoms) -> Sums:
        members = self.unknowns.members(atoms)
        return Sums.of(values[members], counted[members], self.policy.coalition)

    def _sensitive(
        self, kind: str, part: int, atoms: Atoms, sums: Sums, cells: Mask, *, published: bool = False
    ) -> Iterator[Target]:
        few = (sums.count > 0) & (sums.count < self.policy.min_contributors) & (sums.largest > 0)
        if published:
            few |= (sums.count > 0) & (sums.count < self.policy.min_contributors)
        dominated = sums.dominated(self.policy.p_percent)
        for cell in np.flatnonzero(cells & (few | dominated)).tolist():
            width = self.policy.amount_width(float(sums.largest[cell]))
            reason = SMALL_COUNT if few[cell] else DOMINANCE
            yield Target(kind, part, atoms, cell, reason, width, published)

    def _remainders_below(self, known: Mask) -> Mask:
        """What members withheld directly below a published cell, in one dimension."""
        found = np.zeros(self.unknowns.shape, dtype=np.bool_)
        shaped = known.reshape(self.unknowns.shape)
        for position, axis in enumerate(self.unknowns.axes):
            along, into = np.moveaxis(shaped, position, 0), np.moveaxis(found, position, 0)
            for code in range(axis.originals, len(axis.parents)):
                into[code] |= along[axis.parents[code]]
        return found.ravel()

    def _same_for_all(self, part: int, atoms: Atoms, sums: Sums, rows: Mask, known: Mask) -> Iterator[Target]:
        """A numerator that is nothing, or all of its denominator, is the rate of everybody."""
        for indicator in self._numerator_of(part):
            values, counted = self.unknowns.figures(self.unknowns.layout.part(indicator.denominator))
            whole = self._sums(values, counted, atoms)
            # Nobody's zero is told where nobody has business in the numerator.
            same = (whole.total > 0) & (sums.count > 0) & (sums.total <= 0)
            if indicator.format == "percent":
                same |= (whole.total > 0) & (sums.total >= whole.total)
            for cell in np.flatnonzero(same & rows).tolist():
                width = self.policy.amount_width(float(sums.largest[cell] or min(1.0, whole.largest[cell])))
                yield Target(WITHHELD, part, atoms, cell, SAME_FOR_ALL, width, bool(known[cell]))

    def _numerator_of(self, part: int) -> list[Indicator]:
        layout = self.unknowns.layout
        return [each for each in layout.template.indicators if layout.part(each.numerator) == part]

    def _beyond(self, part: int, atoms: Atoms, values: Values, rows: Mask, known: Mask) -> Iterator[Target]:
        """30+ less 90+ days is 30-89 days: dominated differences of a part and those that it lies within."""
        members = self.unknowns.members(atoms)
        for inner, outer in self.unknowns.layout.within:
            if inner != part:
                continue
            whole, counted = self.unknowns.figures(outer)
            rest = whole[members] - values[members]
            sums = Sums.of(rest, counted[members], self.policy.coalition)
            also = self.unknowns.published(outer).get(atoms, np.zeros_like(known))
            for cell in np.flatnonzero(rows & sums.dominated(self.policy.p_percent)).tolist():
                width = self.policy.amount_width(float(sums.largest[cell]))
                out = bool(known[cell] and also[cell])
                yield Target(f"{BEYOND}:{outer}", part, atoms, cell, DOMINANCE, width, out)


@dataclass(frozen=True)
class Aims:
    """The targets as linear functions of a system's columns."""

    system: System
    targets: tuple[Target, ...]

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """[target, column]"""
        rows, columns, signs = [], [], []
        for row, target in enumerate(self.targets):
            for column, sign in self._terms(target):
                rows.append(row)
                columns.append(column)
                signs.append(sign)
        shape = (len(self.targets), len(self.system.finest))
        found = sparse.csr_array(
            (np.array(signs, dtype=np.float64), (np.array(rows, np.int64), np.array(columns, np.int64))), shape=shape
        )
        found.sum_duplicates()
        return found

    def _terms(self, target: Target) -> Iterator[tuple[int, float]]:
        own = -1.0 if target.beyond is not None else 1.0
        yield from ((column, own) for column in self._columns(target.part, target.atoms, target.cell))
        if target.beyond is not None:
            yield from ((column, 1.0) for column in self._columns(target.beyond, target.atoms, target.cell))

    def _columns(self, part: int, atoms: Atoms, cell: int) -> Iterator[int]:
        place = self.system.columns.get((part, atoms, cell))
        if place is not None:
            yield place
        elif len(atoms) > 1:
            for atom in sorted(atoms):
                yield from self._columns(part, frozenset([atom]), cell)
        elif not self.system.unknowns.finest[cell]:
            (atom,) = atoms
            for finest in self.system.unknowns.finest_in(cell).tolist():
                column = self.system.columns.get((part, atoms, finest))
                if column is not None:
                    yield column
