"""The smallest change that would make a release pass whose audit fails: further cells to withhold, or more contributors.

The pattern that was decided is the base. What fails is withheld besides, peer groups before all members, and the whole is
protected and audited again, until it passes; then every cell that turns out not to be needed is given back, those that readers
would miss most first. Small in this sense: nothing of it can be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anonymize.disclosure.policy import DisclosurePolicy
from sharing.benchmarks.peer_groups import ALL, Peers
from sharing.benchmarks.pool import Layout, Mask, Panel, cell_keys

ROUNDS = 6  # each withholds what still fails
MOST_GIVEN_BACK = 8  # trials of giving a cell back: each costs an audit

Cell = tuple[str, str]  # peer group, key
Failing = Sequence[tuple[str, str, str]]  # indicator, peer group, key
# Protects, publishes and audits with these cells withheld besides; returns what fails then.
Attempt = Callable[[Mapping[str, Mask]], Failing]


@dataclass(frozen=True)
class Remedy:
    """Cells to withhold besides, empty when none were found that help; and how many contributors are missing, if that is it."""

    cells: tuple[Cell, ...]
    indicators: Mapping[Cell, tuple[str, ...]]
    contributors: int

    def record(self) -> dict[str, object]:
        """As a release's audit keeps it, for staff."""
        return {
            "cells": [[group, key, list(self.indicators.get((group, key), ()))] for group, key in self.cells],
            "contributors": self.contributors,
        }


def smallest_change(failing: Failing, attempt: Attempt, panel: Panel, peers: Peers, policy: DisclosurePolicy) -> Remedy:
    """What would make a release pass of which this fails."""
    missing = _missing(failing, panel, peers, policy.min_contributors)
    indicators: dict[Cell, tuple[str, ...]] = {}
    chosen: set[Cell] = set()
    left: Failing = failing
    for _round in range(ROUNDS):
        for indicator, group, key in left:
            indicators[group, key] = tuple(sorted({*indicators.get((group, key), ()), indicator}))
        more = _next(left) - chosen
        if not more:
            return Remedy((), {}, missing)
        chosen |= more
        left = attempt(masks(chosen, panel.layout))
        if not left:
            kept = _needed(chosen, attempt, panel.layout)
            return Remedy(tuple(sorted(kept)), {cell: indicators.get(cell, ()) for cell in kept}, missing)
    return Remedy((), {}, missing)


def masks(cells: Iterable[Cell], layout: Layout) -> dict[str, Mask]:
    """The cells as masks over the cut, by peer group; what is no cell of the cut is left out."""
    place = {key: position for position, key in enumerate(cell_keys(layout))}
    found: dict[str, Mask] = {}
    for group, key in cells:
        if key in place:
            mask = found.setdefault(group, np.zeros(layout.shape, dtype=np.bool_))
            mask.flat[place[key]] = True
    return found


def _next(failing: Failing) -> set[Cell]:
    """What to withhold of what fails: of all members only where no peer group fails with the same key."""
    cells = {(group, key) for _indicator, group, key in failing}
    in_groups = {key for group, key in cells if group != ALL}
    return {(group, key) for group, key in cells if group != ALL or key not in in_groups}


def _needed(chosen: set[Cell], attempt: Attempt, layout: Layout) -> set[Cell]:
    """The chosen cells without those that can be given back."""
    kept = set(chosen)
    if len(kept) == 1:
        return kept
    for cell in sorted(chosen, key=lambda each: (each[0] != ALL, each[1].count("_T") * -1, each))[:MOST_GIVEN_BACK]:
        fewer = kept - {cell}
        if fewer and not attempt(masks(fewer, layout)):
            kept = fewer
    return kept


def _missing(failing: Failing, panel: Panel, peers: Peers, minimum: int) -> int:
    """How many more contributors the smallest of these cells need; 0 when they have enough, and something else fails."""
    place = {key: position for position, key in enumerate(cell_keys(panel.layout))}
    active = (panel.values != 0).any(axis=1).reshape(len(panel.contributors), -1)
    missing = 0
    for _indicator, group, key in failing:
        if key in place and group in peers.codes:
            there = int(active[peers.rows(group), place[key]].sum())
            missing = max(missing, minimum - there)
    return missing
