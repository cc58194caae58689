"""Several cubes of one tape, protected together: what is withheld in one cannot be worked out from the others.

Cubes of the same tape and period share figures: the balance of a product is in every cube that has products
(`linked_cells`). A figure withheld in one cube and published in another is no secret, and one withheld in both may still
follow from the equations of both.

1. Each cube is protected on its own (`protection.suppression`). What it withholds is withheld wherever the figure stands, and
   there it is protected as if it were sensitive, by as much as it moves to protect others, until nothing new is withheld.
2. Every cube is audited with the equations of all others and their withheld cells as further unknowns: exactly what an
   attacker has who holds all cubes. What others withhold that is known to one borrower who attacks counts as public.
3. Where the audit comes too near, more is withheld: what a search over all equations finds, then the totals above.

Only linked measures take part in the equations; a cube's other measures are audited on the final pattern by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anonymize.cube import Cells
from anonymize.disclosure.audit import Audit, audit
from anonymize.disclosure.lattice import Floats, Kin, Mask, at_least
from anonymize.disclosure.primary import Primary
from anonymize.disclosure.problem import Movement, Problem
from anonymize.disclosure.secondary import suppress
from anonymize.errors import ProtectionError
from anonymize.linked_cells import Linked, links, relations_of
from anonymize.protection.measured import Measured, measured_of, problem_of, reasons_of, worth_of
from anonymize.protection.outcome import Protected, cube_without, exact
from anonymize.template import Template

ROUNDS = 12  # of protecting each cube in turn; two or three are usual
AUDITS = 6


def protect_together(
    cubes: Sequence[tuple[Cells, Template]], institution: str, *, effort: float = 1.0
) -> list[Protected]:
    """The protected cubes, in the same order; ProtectionError when they do not belong together or cannot be protected."""
    _check(cubes)
    union = _Union.of(cubes, effort)
    union.withhold()
    union.prove()
    return [union.protected(number, institution) for number in range(len(cubes))]


def _check(cubes: Sequence[tuple[Cells, Template]]) -> None:
    for cells, template in cubes:
        if template.protection.method != "suppress":
            raise ProtectionError(
                f"Collection {template.id} is not protected by suppression, and only such collections are protected "
                "together. Aggregate it by itself. Nothing was written.",
                rule="linked-cubes",
            )
        if cells.period != cubes[0][0].period:
            raise ProtectionError(
                f"Collection {template.id} is not of the same period as {cubes[0][1].id}. Aggregate it by itself. "
                "Nothing was written.",
                rule="linked-cubes",
            )
    if len({template.id for _, template in cubes}) < len(cubes):
        raise ProtectionError("A collection is there twice. Name each once. Nothing was written.", rule="linked-cubes")


@dataclass(eq=False)
class _Part:
    """One cube on its way. For each measure, `least` is what everybody knows each cell to be at least, from the rows of all
    cubes, and `needs` how far cells must move because other cubes count on it."""

    cells: Cells
    template: Template
    measured: list[Measured]
    withheld: Mask
    worth: Floats
    least: dict[str, Floats]
    needs: dict[str, Floats]
    proofs: dict[str, Sequence[Movement]]
    audits: dict[str, Audit]

    @classmethod
    def of(cls, cells: Cells, template: Template) -> _Part:
        measured = measured_of(cells, template)
        withheld = np.any([each.primary.mask for each in measured], axis=0)
        least = {each.measure.id: each.table.least.copy() for each in measured}
        needs = {each.measure.id: np.zeros(template.shape) for each in measured}
        return cls(cells, template, measured, withheld, worth_of(template, measured[0].table), least, needs, {}, {})

    def measure(self, id: str) -> Measured:
        return next(each for each in self.measured if each.measure.id == id)

    def live(self, id: str) -> Mask:
        """The withheld cells that are not known to be zero, flat."""
        mask: Mask = (self.withheld & ~self.measure(id).table.zero).ravel()
        return mask

    def has(self, id: str) -> bool:
        return id in self.needs

    def keep_company(self, cells: Mask) -> None:
        """Asks that cells be able to move by their last decimal, so that none is the only one withheld in a sum.

        No equation has a distinct count, so no proof of another cube says how far the cells that share it must move.
        """
        for each in self.measured:
            needs = self.needs[each.measure.id]
            needs[cells] = np.maximum(needs[cells], 10.0**-each.measure.decimals)

    def search(self, each: Measured, effort: float) -> None:
        """Withholds what the measure needs in this cube, for its own cells and for others that count on it."""
        id = each.measure.id
        needed = replace(each, primary=_needed(each, self.needs[id], self.least[id]))
        pattern = suppress(problem_of(needed, self.withheld, self.worth), effort=effort)
        self.withheld = self.withheld | pattern.withheld
        self.proofs[each.measure.id] = pattern.movements


@dataclass(frozen=True, eq=False)
class _Union:
    parts: list[_Part]
    linked: list[Linked]
    effort: float

    @classmethod
    def of(cls, cubes: Sequence[tuple[Cells, Template]], effort: float) -> _Union:
        union = cls([_Part.of(*each) for each in cubes], links(cubes), effort)
        for linked in union.linked:
            for cube in linked.cubes:
                part = union.parts[cube]
                # To withhold a figure costs it in every cube that has it.
                flags = np.zeros(part.withheld.size)
                for other in linked.cubes:
                    if other != cube:
                        flags += linked.spread(other, np.ones(union.parts[other].withheld.size, np.bool_))[cube]
                part.worth = part.worth * (1 + flags.reshape(part.worth.shape))
            union.learn_least(linked)
        return union

    def learn_least(self, linked: Linked) -> None:
        """Takes into each cube what the rows of the others tell of its figures, and asks for no fall below that."""
        parts = {cube: self.parts[cube] for cube in linked.cubes if self.parts[cube].has(linked.measure)}
        changed = True
        while changed:
            changed = False
            for cube, part in parts.items():
                here = part.least[linked.measure]
                for other, told in linked.carried(cube, here.ravel()).items():
                    there = parts[other].least[linked.measure]
                    more = at_least(
                        parts[other].measure(linked.measure).table, np.maximum(there, told.reshape(there.shape))
                    )
                    changed |= bool((more > there).any())
                    parts[other].least[linked.measure] = more
        for part in parts.values():
            part.measured = [_bounded(each, part.least[each.measure.id]) for each in part.measured]

    def withhold(self) -> None:
        """Protects each cube in turn until none withholds anything new."""
        for _ in range(ROUNDS):
            before = [
                (part.withheld.copy(), {id: each.copy() for id, each in part.needs.items()}) for part in self.parts
            ]
            for cube, part in enumerate(self.parts):
                self._spread()
                for each in part.measured:
                    part.search(each, self.effort)
                self._carry(cube)
            self._spread()
            if all(
                np.array_equal(part.withheld, withheld)
                and all(np.array_equal(part.needs[id], needs[id]) for id in needs)
                for part, (withheld, needs) in zip(self.parts, before, strict=True)
            ):
                return

    def prove(self) -> None:
        """Audits every cube with all equations, and withholds more until nothing comes too near."""
        for attempt in range(AUDITS):
            self._spread()
            failed = {cube: self._audited(cube) for cube in range(len(self.parts))}
            if not any(failed.values()):
                return
            for cube, cells in failed.items():
                if cells and attempt < AUDITS // 2:
                    self._search_jointly(cube)
                elif cells:
                    self._withhold_above(cube, cells)
        count = sum(len(cells) for cells in failed.values())
        raise ProtectionError(
            f"{count} cells could be estimated too closely from the cubes together, whatever else is withheld. Report fewer, "
            "larger groups, or fewer cubes of one tape. Nothing was written."
        )

    def protected(self, cube: int, institution: str) -> Protected:
        part = self.parts[cube]
        return Protected(
            cube=cube_without(part.cells, part.template, institution, part.withheld),
            reasons=reasons_of(part.measured, part.withheld),
            audits=part.audits,
            method="suppress",
            errors=exact(part.template),
        )

    def _spread(self) -> None:
        """What one cube withholds is withheld wherever the figure stands; cells without borrowers are no secret."""
        changed = True
        while changed:
            changed = False
            for linked in self.linked:
                for cube in linked.cubes:
                    for other, flags in linked.spread(cube, self.parts[cube].withheld.ravel()).items():
                        part = self.parts[other]
                        more = part.withheld | flags.reshape(part.withheld.shape)
                        changed |= bool((more != part.withheld).any())
                        if not part.has(linked.measure):
                            part.keep_company(more & ~part.withheld)
                        part.withheld = more

    def _carry(self, cube: int) -> None:
        """Tells the other cubes how far the figures they share with this one must be able to move."""
        part = self.parts[cube]
        for linked in self.linked:
            if cube not in linked.cubes or not part.has(linked.measure):
                continue
            moved = np.zeros(part.withheld.size)
            for movement in part.proofs[linked.measure]:
                np.maximum.at(moved, movement.cells, np.abs(movement.deltas))
            for other, amounts in linked.carried(cube, moved).items():
                needs = self.parts[other].needs[linked.measure]
                np.maximum(needs, amounts.reshape(needs.shape), out=needs)

    def _problem(self, cube: int, each: Measured, worth: Floats | None) -> Problem:
        """The measure in one cube with what all others tell about it."""
        alone = problem_of(each, self.parts[cube].withheld, worth)
        for linked in self.linked:
            if linked.measure == each.measure.id and cube in linked.cubes:
                measured = {other: self.parts[other].measure(linked.measure) for other in linked.cubes}
                live = {other: self.parts[other].live(linked.measure) for other in linked.cubes}
                others = relations_of(linked, cube, measured, live)
                return replace(alone, relations=others.relations, extra_room=others.room)
        return alone

    def _audited(self, cube: int) -> list[int]:
        part = self.parts[cube]
        part.audits = {
            each.measure.id: audit(self._problem(cube, each, None), part.withheld, part.proofs[each.measure.id])
            for each in part.measured
        }
        return sorted({cell for found in part.audits.values() for cell in found.failed})

    def _search_jointly(self, cube: int) -> None:
        part = self.parts[cube]
        for each in part.measured:
            if not part.audits[each.measure.id].ok:
                pattern = suppress(self._problem(cube, each, part.worth), effort=self.effort)
                part.withheld = part.withheld | pattern.withheld

    def _withhold_above(self, cube: int, cells: Sequence[int]) -> None:
        part = self.parts[cube]
        kin, more = Kin(part.measured[0].table.lattice), part.withheld.copy()
        for cell in cells:
            more.reshape(-1)[kin.ancestors(cell)] = True
        part.withheld = more & np.any([~each.table.zero for each in part.measured], axis=0)


def _bounded(each: Measured, least: Floats) -> Measured:
    """The measure, of whose sensitive cells none is asked to fall below what is known to be there."""
    if not each.table.integral:
        return each
    room = np.maximum(each.table.value - least, 0.0)
    return replace(each, primary=replace(each.primary, width_down=np.minimum(each.primary.width_down, room)))


def _needed(each: Measured, needs: Floats, least: Floats) -> Primary:
    """The measure's primary suppressions and the cells that must move because other cubes count on it."""
    primary = each.primary
    asked = (needs > 0) & ~each.table.zero
    falls = np.where(each.signed, needs, np.minimum(needs, np.maximum(each.table.value - least, 0.0)))
    return Primary(
        primary.mask | asked,
        primary.reason,
        np.where(asked, np.maximum(primary.width_up, needs), primary.width_up),
        np.where(asked, np.maximum(primary.width_down, falls), primary.width_down),
    )
