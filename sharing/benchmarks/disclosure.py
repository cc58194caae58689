"""Which pooled cells may be published, and the audit that proves that no member's figure follows from them.

An attacker is taken to know every published numerator and denominator, though only their ratio is shown: one of them
is often known from elsewhere, and gives the other away. So each measure's pooled table (`pooled_tables`) is protected
as if its sums were printed:

1. Primary: fewer than the minimum of contributors, or one whose figure another could estimate too well (p%), with the
   remainders that only a subtraction would show among them. A numerator of zero, or one equal to its denominator, says
   the same of every contributor, and is withheld as well. So is what a revision would isolate (`revisions`).
2. Secondary: the engine's complementary suppression on the whole lattice, with all members' headlines kept public
   wherever withholding peer groups and finer cells is enough.
3. Audit on the final pattern. Where it comes too near a cell, all totals above it are withheld and the audit is made
   again; what then still fails makes the release unpublishable.

An indicator is published where its numerator and its denominator both are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.audit import Audit, audit
from anonymize.disclosure.lattice import Kin
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import DOMINANCE, SMALL_COUNT, Primary, find_primary
from anonymize.disclosure.problem import Movement, Problem
from anonymize.disclosure.secondary import suppress
from anonymize.template import Indicator, Part
from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.pool import Layout, Mask, Panel, Values
from sharing.benchmarks.pooled_tables import Frame, PooledTable, frame_of, tabulate

SECONDARY = "D"
AUDITS = 3
HEADLINES_KEPT = (1, 0)  # breakdowns of all members' figures that are kept public if anything else can be withheld
RULE_SET = "B-1"  # the version of these rules, as it is recorded with a release
Reasons = NDArray[np.str_]


@dataclass(frozen=True)
class Decision:
    """The pattern of one measure's table and the audit of it."""

    frame: Frame
    pooled: PooledTable
    primary: Primary
    withheld: Mask
    audit: Audit
    seconds: float

    def reasons(self, part: Part, layout: Layout, peer_group: str) -> Reasons:
        """Over the cut: why this part is withheld in a peer group, "" where it is published."""
        place = self._place(part, layout, peer_group)
        withheld = self.withheld[place]
        primary = np.where(self.primary.mask[place], self.primary.reason[place], SECONDARY)
        return np.where(withheld, primary, "")

    def shown(self, part: Part, layout: Layout, peer_group: str) -> Mask:
        """Over the cut: the cells that a release has a row for."""
        mask: Mask = self.frame.shown[self._place(part, layout, peer_group)]
        return mask

    def _place(self, part: Part, layout: Layout, peer_group: str) -> tuple[int | slice, ...]:
        column = 1 + self.frame.columns.index(layout.part(part))
        originals = tuple(slice(axis.originals) for axis in self.frame.cut)
        return (*self.frame.place(peer_group), *originals, column)

    def record(self, policy: DisclosurePolicy) -> dict[str, Any]:
        """What is kept of the audit: counts, statuses, the narrowest interval; no cell's figures."""
        shown = self.frame.shown & ~self.pooled.table.zero
        findings = self.audit.findings
        return {
            "measure": self.frame.measure,
            "cells": int(shown.sum()),
            "lattice": self.frame.lattice.size,
            "sensitive": self.primary.count,
            "primary": int((self.primary.mask & shown).sum()),
            "secondary": int((self.withheld & ~self.primary.mask & shown).sum()),
            "reasons": {
                reason: int((self.primary.mask & shown & (self.primary.reason == reason)).sum())
                for reason in (SMALL_COUNT, DOMINANCE)
            },
            "above_largest_share": self._above_largest_share(policy),
            "ok": self.audit.ok,
            "statuses": _counted(finding.status for finding in findings),
            "solver": _counted(finding.solver for finding in findings if finding.solver),
            "narrowest": min((_ratio(finding.rise, finding.needed_rise) for finding in findings), default=None),
            "seconds": round(self.seconds, 3),
        }

    def _above_largest_share(self, policy: DisclosurePolicy) -> int:
        """In how many published cells one contributor holds more than the share at which reviewers are warned."""
        if policy.max_share is None:
            return 0
        table = self.pooled.table
        above = self.frame.shown & ~self.withheld & (table.largest > policy.max_share * table.value)
        return int(above.sum())


@dataclass(frozen=True)
class Protection:
    """The decisions for all measures of a template."""

    layout: Layout
    decisions: Mapping[str, Decision]

    @property
    def ok(self) -> bool:
        return all(decision.audit.ok for decision in self.decisions.values())

    def reasons(self, indicator: Indicator, peer_group: str) -> Reasons:
        """Over the cut: why the indicator is withheld, "" where both its parts are published."""
        numerator, denominator = (
            self.decisions[part.measure].reasons(part, self.layout, peer_group)
            for part in (indicator.numerator, indicator.denominator)
        )
        return np.where(numerator != "", numerator, denominator)

    def shown(self, indicator: Indicator, peer_group: str) -> Mask:
        part = indicator.denominator
        return self.decisions[part.measure].shown(part, self.layout, peer_group)


def protect(
    panel: Panel, peers: Peers, policy: DisclosurePolicy, max_cut: int, isolated: Mapping[str, Mask] | None = None
) -> Protection:
    """The decisions for every measure. `isolated` gives, for peer groups, the cells that a revision would give away."""
    layout = panel.layout
    measures = dict.fromkeys(part.measure for part in layout.parts)
    decisions = {
        measure: _decide(frame_of(layout, measure, peers, max_cut), panel, peers, policy, isolated or {})
        for measure in measures
    }
    return Protection(layout, decisions)


def _decide(
    frame: Frame, panel: Panel, peers: Peers, policy: DisclosurePolicy, isolated: Mapping[str, Mask]
) -> Decision:
    started = perf_counter()
    pooled = tabulate(frame, panel, peers)
    primary = _primary(frame, pooled, panel.layout, policy, isolated)
    withheld, checked = _pattern(frame, pooled, primary)
    return Decision(frame, pooled, primary, withheld, checked, perf_counter() - started)


def _pattern(frame: Frame, pooled: PooledTable, primary: Primary) -> tuple[Mask, Audit]:
    """The first pattern that protects everything: with all headlines public, with the total of all, with none."""
    for kept in (*HEADLINES_KEPT, None):
        public = None if kept is None else frame.headlines(kept) & ~primary.mask
        problem = Problem(
            pooled.table, primary, open=public, never=~frame.shown, cost=frame.costs, signed=pooled.signed
        )
        pattern = suppress(problem)
        if kept is not None and pattern.unprotected:
            continue
        withheld, checked = _audited(problem, pattern.withheld & ~pooled.table.zero | ~frame.shown, pattern.movements)
        if kept is None or checked.ok:
            break
    return withheld, checked


def _audited(problem: Problem, withheld: Mask, movements: Sequence[Movement]) -> tuple[Mask, Audit]:
    """The pattern with the totals that its audit asks for, and the last audit."""
    checked = audit(problem, withheld, movements)
    if problem.open is not None:
        return withheld, checked
    for _ in range(AUDITS - 1):
        if checked.ok:
            break
        withheld = _with_totals(problem, withheld, checked)
        checked = audit(problem, withheld, movements)
    return withheld, checked


def _with_totals(problem: Problem, withheld: Mask, checked: Audit) -> Mask:
    """The pattern with every total of a cell that an attacker comes too near."""
    kin = Kin(problem.table.lattice)
    more = withheld.copy()
    for cell in checked.failed:
        more.flat[kin.ancestors(cell)] = True
    return more & ~problem.table.zero


def _primary(
    frame: Frame, pooled: PooledTable, layout: Layout, policy: DisclosurePolicy, isolated: Mapping[str, Mask]
) -> Primary:
    found = find_primary(pooled.table, policy, signed=pooled.signed)
    same = _same_for_all(frame, pooled, layout) & frame.shown
    mask = (found.mask | same) & frame.within_reach & ~pooled.table.zero
    reason = np.where(found.mask, found.reason, DOMINANCE)
    revealed = _revealed(frame, isolated) & frame.within_reach & ~pooled.table.zero
    reason = np.where(revealed & ~mask, SMALL_COUNT, reason)
    mask = mask | revealed
    widths = policy.p_percent / 100 * pooled.table.largest
    width = np.where(widths > 0, widths, _ordinary_width(frame, pooled, layout, policy))
    fall = np.where(pooled.signed, np.inf, np.maximum(pooled.table.value - pooled.table.second, 0.0))
    return Primary(
        mask,
        np.where(mask, reason, ""),
        np.where(mask, width, 0.0),
        np.where(mask, np.minimum(width, fall), 0.0),
    )


def _revealed(frame: Frame, isolated: Mapping[str, Mask]) -> Mask:
    """Over the lattice: the cells that a revision would give away, in every part."""
    revealed = np.zeros(frame.lattice.shape, dtype=np.bool_)
    originals = tuple(slice(axis.originals) for axis in frame.cut)
    for peer_group, cells in isolated.items():
        revealed[(*frame.place(peer_group), *originals)] = cells[..., np.newaxis]
    return revealed


def _same_for_all(frame: Frame, pooled: PooledTable, layout: Layout) -> Mask:
    """Cells of a numerator that is zero, or all of its denominator: the rate of everybody in it."""
    same = np.zeros(frame.lattice.shape, dtype=np.bool_)
    for indicator in layout.template.indicators:
        numerator, denominator = _columns(frame, layout, indicator)
        if numerator is None or denominator is None:
            continue
        part, whole = pooled.table.value[..., numerator], pooled.table.value[..., denominator]
        same[..., numerator] |= (whole > 0) & ((part <= 0) | (part >= whole))
    return same


def _ordinary_width(frame: Frame, pooled: PooledTable, layout: Layout, policy: DisclosurePolicy) -> Values:
    """For parts in which nobody has anything: p% of what the largest contributor would have at the overall rate, at
    least one unit of the measure.
    """
    table = pooled.table
    width = np.ones(frame.lattice.shape)
    top = (0,) * (len(frame.families) + len(frame.cut))
    for indicator in layout.template.indicators:
        numerator, denominator = _columns(frame, layout, indicator)
        if numerator is None or denominator is None or table.value[(*top, denominator)] <= 0:
            continue
        rate = table.value[(*top, numerator)] / table.value[(*top, denominator)]
        expected = min(rate, 1 - rate) * table.largest[..., denominator]
        width[..., numerator] = np.maximum(width[..., numerator], policy.p_percent / 100 * expected)
    return width


def _columns(frame: Frame, layout: Layout, indicator: Indicator) -> tuple[int | None, int | None]:
    """Where an indicator's parts stand along the parts' axis; None for a part of another measure."""
    places = [layout.part(part) for part in (indicator.numerator, indicator.denominator)]
    numerator, denominator = (1 + frame.columns.index(place) if place in frame.columns else None for place in places)
    return numerator, denominator


def _ratio(reach: float, needed: float) -> float:
    """How many times the demanded width an attacker's interval has; the cap keeps it a JSON number."""
    return min(reach / needed, 1e6) if needed > 0 else 1e6


def _counted(words: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items()))
