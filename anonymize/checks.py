"""Arithmetic, plausibility and protection of a cube; the same code at the bank and on the server.

A finding names the rule, the cell and what to do. It never holds a value: it is kept and shown where no value may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from anonymize.cube import Cube, arrays
from anonymize.findings import Arrays, Broken, Finding, Mask, findings_of, has_errors
from anonymize.plausibility import ALONE, COMPARISONS, NOISE_ERRORS
from anonymize.protection.noise_error import noise_error
from anonymize.protection.rounding_error import rounding_bounds
from anonymize.template import Check, Dimension, Template
from anonymize.template_protection import counted_with

__all__ = ["Finding", "check_cube", "has_errors", "needs_previous", "relations"]

Number = TypeVar("Number", np.float64, np.bool_)

# What summing in another order may change, relative to the sum.
ROUNDING = 1e-12
WITHHOLDING = ("suppress", "merge", "round")


@dataclass(frozen=True)
class Relation:
    """The parts of one parent code along one dimension, for all codes of the others."""

    dimension: Dimension
    axis: int
    parent: int
    children: tuple[int, ...]

    def total(self, values: NDArray[Number]) -> NDArray[Number]:
        """The totals, with a length of one along the relation's own axis."""
        return values[self._along(slice(self.parent, self.parent + 1))]

    def parts(self, values: NDArray[Number]) -> NDArray[Number]:
        first, last = self.children[0], self.children[-1]
        if self.children == tuple(range(first, last + 1)):
            return values[self._along(slice(first, last + 1))]  # a view; codes in the usual order stand together
        return values.take(self.children, axis=self.axis)

    def _along(self, part: slice) -> tuple[slice, ...]:
        return (*(slice(None),) * self.axis, part)

    def places(self, broken: Mask, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Flat lattice indices of the parents at which the relation is broken."""
        full = np.zeros(shape, np.bool_)
        full[self._along(slice(self.parent, self.parent + 1))] = broken
        return np.flatnonzero(full)


def check_cube(cube: Cube, template: Template, previous: Cube | None = None) -> list[Finding]:
    """Every finding about a cube, errors first; `previous` is the institution's cube of the period before."""
    values = arrays(cube, template)
    findings: list[Finding] = []
    for check in template.checks:
        findings += findings_of(_run(check, values, template, previous), template)
    if template.protection.method in WITHHOLDING:
        findings += findings_of(_below_minimum(values, template), template)
        findings += findings_of(_recoverable(values, template), template)
    if template.protection.method == "round":
        findings += findings_of(_not_rounded(values, template), template)
    return sorted(findings, key=lambda finding: finding.severity != "error")


def needs_previous(template: Template) -> bool:
    """Whether any check of the template compares with the period before."""
    return any(check.kind in COMPARISONS for check in template.checks)


def relations(template: Template) -> Iterator[Relation]:
    """Every parent with its children, dimension by dimension."""
    for axis, dimension in enumerate(template.dimensions):
        parents = dimension.code_list.parents
        for parent in sorted(set(parents) - {-1}):
            children = tuple(child for child, its in enumerate(parents) if its == parent)
            yield Relation(dimension, axis, parent, children)


def _run(check: Check, values: Arrays, template: Template, previous: Cube | None) -> Iterator[Broken]:
    if check.kind == "sum":
        yield from _sums(check, values, template)
    elif check.kind == "less-or-equal":
        yield from _less_or_equal(check, values, template)
    elif check.kind in ALONE:
        yield from ALONE[check.kind](check, values, template)
    elif previous is not None:
        yield from COMPARISONS[check.kind](check, values, arrays(previous, template), template)


def _sums(check: Check, values: Arrays, template: Template) -> Iterator[Broken]:
    """Parts make their total; where some are withheld, the others are not more than it."""
    tolerance = float(check.options.get("tolerance", 0))
    for measure in check.options.get("measures", [each.id for each in template.measures if each.additive]):
        array = values[measure]
        signed = bool((array < 0).any())
        gaps = np.isnan(array)
        known = np.where(gaps, 0.0, array)
        for relation in relations(template):
            total = relation.total(array)
            over = relation.parts(known).sum(axis=relation.axis, keepdims=True) - total
            # A withheld total compares as false everywhere.
            room = tolerance + ROUNDING * np.abs(total) * len(relation.children)
            complete = ~relation.parts(gaps).any(axis=relation.axis, keepdims=True)
            broken = np.where(complete, np.abs(over) > room, (over > room) & (not signed))
            yield Broken(
                check.id,
                check.severity,
                relation.places(broken, template.shape),
                _sum_sentence(measure, relation),
            )


def _sum_sentence(measure: str, relation: Relation) -> Callable[[str], str]:
    ids = relation.dimension.code_list.ids
    parts = ", ".join(ids[child] for child in relation.children[:4]) + ("…" if len(relation.children) > 4 else "")
    name = relation.dimension.id
    return lambda where: (
        f"{measure} at {where}: the parts along {name} ({parts}) do not add up to {ids[relation.parent]}. "
        "Correct the parts or the total."
    )


def _less_or_equal(check: Check, values: Arrays, template: Template) -> Iterator[Broken]:
    left, right = str(check.options["left"]), str(check.options["right"])
    room = float(check.options.get("tolerance", 0)) + ROUNDING * np.abs(values[right])
    if template.protection.method == "round":
        room = room + _rounded_apart(template, left, right)
    if template.protection.method == "noise":
        errors = noise_error(template)
        room = room + NOISE_ERRORS * np.hypot(errors[left], errors[right])
    broken = values[left] - values[right] > room
    yield Broken(
        check.id,
        check.severity,
        np.flatnonzero(broken),
        lambda where: f"{left} is more than {right} at {where}. Correct one of the two.",
    )


def _rounded_apart(template: Template, left: str, right: str) -> NDArray[np.float64]:
    """How far rounding may have brought the two measures past each other; a distinct count never passes its count."""
    bounds = rounding_bounds(template)
    if left not in bounds or right not in bounds:
        return np.zeros(template.shape)
    apart: NDArray[np.float64] = bounds[left] + bounds[right]
    return apart


def _not_rounded(values: Arrays, template: Template) -> Iterator[Broken]:
    for measure in template.measures:
        base = template.protection.base[(measure if measure.additive else counted_with(template, measure)).id]
        multiples = values[measure.id] / base
        yield Broken(
            "not-rounded",
            "error",
            np.flatnonzero(np.abs(multiples - np.round(multiples)) > 1e-6),
            _rounded_sentence(measure.id, base),
        )


def _rounded_sentence(measure: str, base: float) -> Callable[[str], str]:
    return lambda where: (
        f"{measure} at {where} is not rounded to a multiple of {base:,g}, as the collection demands. "
        "Protect the cube with the command line and send it again."
    )


def _below_minimum(values: Arrays, template: Template) -> Iterator[Broken]:
    count, minimum = template.protection.count_measure, template.protection.policy.min_contributors
    if count is not None:
        yield Broken(
            "below-minimum",
            "error",
            np.flatnonzero((values[count] > 0) & (values[count] < minimum)),
            lambda where: (
                f"{where} is published with fewer than {minimum} in {count}. "
                "Protect the cube with the command line and send it again."
            ),
        )


def _recoverable(values: Arrays, template: Template) -> Iterator[Broken]:
    """A cell that is the only one withheld among a total and its parts follows from the others by subtraction."""
    withheld = np.isnan(next(iter(values.values()))).astype(np.float64)
    for relation in relations(template):
        alone = relation.total(withheld) + relation.parts(withheld).sum(axis=relation.axis, keepdims=True) == 1
        yield Broken(
            "recoverable",
            "error",
            relation.places(alone, template.shape),
            _recoverable_sentence(relation),
        )


def _recoverable_sentence(relation: Relation) -> Callable[[str], str]:
    name, parent = relation.dimension.id, relation.dimension.code_list.ids[relation.parent]
    return lambda where: (
        f"At {where} the one withheld cell among {parent} and its parts along {name} follows from the others. "
        "Protect the cube with the command line and send it again."
    )
