"""Arithmetic, plausibility and protection of a cube; the same code at the bank and on the server.

A finding names the rule, the cell and what to do. It never holds a value: it is kept and shown where no value may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonymize.cube import Cube, arrays, cell_key
from anonymize.template import TOTAL, Check, Dimension, Template

# One mistake in a mapping breaks thousands of cells; the first few show it.
MOST_FINDINGS = 50
# What summing in another order may change, relative to the sum.
ROUNDING = 1e-12

Arrays = Mapping[str, NDArray[np.float64]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Finding:
    """A broken rule at a cell. `cell` is empty when the finding is about the whole cube."""

    rule: str
    severity: Literal["error", "warning"]
    sentence: str
    cell: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Relation:
    """The parts of one parent code along one dimension, for all codes of the others."""

    dimension: Dimension
    axis: int
    parent: int
    children: tuple[int, ...]

    def total(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The totals, with a length of one along the relation's own axis."""
        return values.take((self.parent,), axis=self.axis)

    def parts(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return values.take(self.children, axis=self.axis)

    def places(self, broken: Mask, shape: tuple[int, ...]) -> NDArray[np.int64]:
        """Flat lattice indices of the parents at which the relation is broken."""
        full = np.zeros(shape, np.bool_)
        full[(slice(None),) * self.axis + (slice(self.parent, self.parent + 1),)] = broken
        return np.flatnonzero(full)


@dataclass(frozen=True)
class _Broken:
    """The cells at which a rule is broken, and what to say of each."""

    rule: str
    severity: Literal["error", "warning"]
    places: NDArray[np.int64]
    sentence: Callable[[str], str]


def check_cube(cube: Cube, template: Template, previous: Cube | None = None) -> list[Finding]:
    """Every finding about a cube, errors first; `previous` is the institution's cube of the period before."""
    values = arrays(cube, template)
    findings: list[Finding] = []
    for check in template.checks:
        findings += _findings(_run(check, values, template, previous), template)
    if template.protection.method == "suppress":
        findings += _findings(_below_minimum(values, template), template)
        findings += _findings(_recoverable(values, template), template)
    return sorted(findings, key=lambda finding: finding.severity != "error")


def has_errors(findings: list[Finding]) -> bool:
    """Whether any finding keeps the cube from being sealed or accepted."""
    return any(finding.severity == "error" for finding in findings)


def relations(template: Template) -> Iterator[Relation]:
    """Every parent with its children, dimension by dimension."""
    for axis, dimension in enumerate(template.dimensions):
        parents = dimension.code_list.parents
        for parent in sorted(set(parents) - {-1}):
            children = tuple(child for child, its in enumerate(parents) if its == parent)
            yield Relation(dimension, axis, parent, children)


def _run(check: Check, values: Arrays, template: Template, previous: Cube | None) -> Iterator[_Broken]:
    if check.kind == "sum":
        yield from _sums(check, values, template)
    elif check.kind == "less-or-equal":
        yield from _less_or_equal(check, values, template)
    elif previous is not None:
        yield from _period_change(check, values, arrays(previous, template), template)


def _sums(check: Check, values: Arrays, template: Template) -> Iterator[_Broken]:
    """Parts make their total; where some are withheld, the others are not more than it."""
    tolerance = float(check.options.get("tolerance", 0))
    for measure in check.options.get("measures", [each.id for each in template.measures if each.additive]):
        array = values[measure]
        signed = bool((array < 0).any())
        for relation in relations(template):
            total, parts = relation.total(array), relation.parts(array)
            published = np.nansum(parts, axis=relation.axis, keepdims=True)
            # A withheld total compares as false everywhere.
            room = tolerance + ROUNDING * np.abs(total) * len(relation.children)
            complete = ~np.isnan(parts).any(axis=relation.axis, keepdims=True)
            broken = np.where(complete, np.abs(published - total) > room, (published - total > room) & (not signed))
            yield _Broken(
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


def _less_or_equal(check: Check, values: Arrays, template: Template) -> Iterator[_Broken]:
    left, right = str(check.options["left"]), str(check.options["right"])
    room = float(check.options.get("tolerance", 0)) + ROUNDING * np.abs(values[right])
    broken = values[left] - values[right] > room
    yield _Broken(
        check.id,
        check.severity,
        np.flatnonzero(broken),
        lambda where: f"{left} is more than {right} at {where}. Correct one of the two.",
    )


def _period_change(check: Check, values: Arrays, before: Arrays, template: Template) -> Iterator[_Broken]:
    """Only cells cut by at most one dimension and of some weight: in small cells large changes are usual."""
    measure, at_most = str(check.options["measure"]), float(check.options["at_most"])
    old, new = before[measure], values[measure]
    total = (0,) * old.ndim
    weighty = np.abs(old) >= float(check.options.get("min_share", 0.05)) * np.abs(old[total])
    changed = np.abs(new - old) > at_most * np.abs(old)
    yield _Broken(
        check.id,
        check.severity,
        np.flatnonzero(changed & weighty & (old != 0) & _cut_by_at_most_one(template)),
        lambda where: (
            f"{measure} at {where} changed by more than {at_most:.0%} since the period before. "
            "Make sure that the tape is complete and in the template's unit."
        ),
    )


def _cut_by_at_most_one(template: Template) -> Mask:
    cut = np.zeros(template.shape, np.int64)
    for axis, dimension in enumerate(template.dimensions):
        is_cut = np.array([code != TOTAL for code in dimension.code_list.ids], np.int64)
        cut += is_cut.reshape([-1 if each == axis else 1 for each in range(cut.ndim)])
    few: Mask = cut <= 1
    return few


def _below_minimum(values: Arrays, template: Template) -> Iterator[_Broken]:
    count, minimum = template.protection.count_measure, template.protection.policy.min_contributors
    if count is not None:
        yield _Broken(
            "below-minimum",
            "error",
            np.flatnonzero((values[count] > 0) & (values[count] < minimum)),
            lambda where: (
                f"{where} is published with fewer than {minimum} in {count}. "
                "Protect the cube with the command line and send it again."
            ),
        )


def _recoverable(values: Arrays, template: Template) -> Iterator[_Broken]:
    """A cell that is the only one withheld among a total and its parts follows from the others by subtraction."""
    withheld = np.isnan(next(iter(values.values()))).astype(np.float64)
    for relation in relations(template):
        alone = relation.total(withheld) + relation.parts(withheld).sum(axis=relation.axis, keepdims=True) == 1
        yield _Broken(
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


def _findings(broken: Iterator[_Broken], template: Template) -> Iterator[Finding]:
    """The findings of one rule: one a cell, and one more for all cells after the first few."""
    shown, more = 0, 0
    for each in broken:
        here = each.places[: MOST_FINDINGS - shown]
        for place in here:
            cell = cell_key(int(place), template)
            yield Finding(each.rule, each.severity, each.sentence(where(cell)), cell)
        shown, more, last = shown + len(here), more + len(each.places) - len(here), each
    if more:
        yield Finding(last.rule, last.severity, f"The same rule is broken in {more} more cells.")


def where(cell: Mapping[str, str]) -> str:
    """A cell in words: the dimensions by which it is cut."""
    return ", ".join(f"{name} {code}" for name, code in cell.items() if code != TOTAL) or "the grand total"
