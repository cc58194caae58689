"""Cells in, protected cube out: the template says by which method (disclosure.md, part A).

| method | what leaves | module |
| --- | --- | --- |
| `none` | every cell as it is | |
| `suppress` | exact cells; sensitive ones and those that would give them away are withheld | `protection.suppression` |
| `merge` | exact cells; small categories are withheld together, below an ancestor that is safe | `protection.merging` |
| `round` | multiples of a base, right on average and adding up; few cells are withheld | `protection.rounding` |
| `noise` | every cell with noise that hides any one borrower, paid for in a ledger | `protection.noise` |

Every method ends in a `Protected`: the cube that may leave, and the reasons, audits and errors behind it.
"""

from __future__ import annotations

import numpy as np

from anonymize.cube import Cells
from anonymize.ledger import Ledger
from anonymize.protection.merging import by_merging
from anonymize.protection.noise import by_noise
from anonymize.protection.outcome import (
    DOMINANCE,
    PUBLISHED,
    SECONDARY,
    SMALL_COUNT,
    Protected,
    cube_without,
    exact,
)
from anonymize.protection.rounding import by_rounding
from anonymize.protection.suppression import by_suppression
from anonymize.template import Template

__all__ = ["DOMINANCE", "PUBLISHED", "SECONDARY", "SMALL_COUNT", "Protected", "protect"]


def protect(
    cells: Cells,
    template: Template,
    institution: str,
    *,
    effort: float = 1.0,
    secret: bytes | None = None,
    ledger: Ledger | None = None,
) -> Protected:
    """The cube that may leave, with the reasons and proofs that may not.

    `effort` is how long to look for a pattern that withholds less; every pattern is as safe as any other. `secret` is
    the institution's own key for methods that draw at random: the same cells are then drawn the same way again.
    `ledger` is where the method noise is paid for.
    ProtectionError when a measure cannot be protected as the template demands; then there is no cube.
    """
    match template.protection.method:
        case "none":
            return _unprotected(cells, template, institution)
        case "suppress":
            return by_suppression(cells, template, institution, effort=effort)
        case "merge":
            return by_merging(cells, template, institution)
        case "round":
            return by_rounding(cells, template, institution, effort=effort, secret=secret)
        case "noise":
            return by_noise(cells, template, institution, ledger)


def _unprotected(cells: Cells, template: Template, institution: str) -> Protected:
    nothing = np.zeros(template.shape, np.bool_)
    cube = cube_without(cells, template, institution, nothing)
    return Protected(cube, np.full(template.shape, PUBLISHED), {}, "none", exact(template))
