"""What a check finds: a broken rule, where, and what to do. It never holds a value: it is kept and shown where none may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonymize.cube import cell_key
from anonymize.template import TOTAL, Check, Dimension, Template

# One mistake in a mapping breaks thousands of cells; the first few show it.
MOST_FINDINGS = 50

Arrays = Mapping[str, NDArray[np.float64]]
Mask = NDArray[np.bool_]
Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """A broken rule at a cell. `cell` is empty when the finding is about the whole cube."""

    rule: str
    severity: Severity
    sentence: str
    cell: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Broken:
    """The cells (flat) at which a rule is broken, and what to say of each; `whole` for a rule about the whole cube."""

    rule: str
    severity: Severity
    places: NDArray[np.int64]
    sentence: Callable[[str], str]
    whole: bool = False

    @classmethod
    def at(cls, check: Check, broken: Mask, sentence: Callable[[str], str]) -> Broken:
        """The cells of a mask over the template's lattice."""
        return cls(check.id, check.severity, np.flatnonzero(broken), sentence)

    @classmethod
    def of_all(cls, check: Check, sentence: str) -> Broken:
        """A rule that the cube breaks as a whole."""
        return cls(check.id, check.severity, np.zeros(1, np.int64), lambda _: sentence, whole=True)


def has_errors(findings: list[Finding]) -> bool:
    """Whether any finding keeps the cube from being sealed or accepted."""
    return any(finding.severity == "error" for finding in findings)


def cut_by_at_most_one(template: Template, dimensions: Sequence[Dimension]) -> Mask:
    """Cells cut by none or one of these dimensions: in finer ones large changes are usual."""
    cut = np.zeros(template.shape, np.int64)
    for dimension in dimensions:
        axis = template.dimensions.index(dimension)
        is_cut = np.array([code != TOTAL for code in dimension.code_list.ids], np.int64)
        cut += is_cut.reshape([-1 if each == axis else 1 for each in range(cut.ndim)])
    few: Mask = cut <= 1
    return few


def findings_of(broken: Iterator[Broken], template: Template) -> Iterator[Finding]:
    """The findings of one rule: one a cell, and one more for all cells after the first few."""
    shown, more = 0, 0
    for each in broken:
        here = each.places[: MOST_FINDINGS - shown]
        for place in here:
            cell = {} if each.whole else cell_key(int(place), template)
            yield Finding(each.rule, each.severity, each.sentence(where(cell)), cell)
        shown, more, last = shown + len(here), more + len(each.places) - len(here), each
    if more:
        yield Finding(last.rule, last.severity, f"The same rule is broken in {more} more cells.")


def where(cell: Mapping[str, str]) -> str:
    """A cell in words: the dimensions by which it is cut."""
    return ", ".join(f"{name} {code}" for name, code in cell.items() if code != TOTAL) or "the grand total"
