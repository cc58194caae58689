"""Which pooled cells may be published, and the audit that proves that no member's figure follows from them.

An attacker is taken to know every published numerator and denominator, though only their ratio is shown: one of them
is often known from elsewhere, and gives the other away. So the pooled table of each part (`pooled_tables`) is protected
as if its sums were printed: sensitive cells (`sensitive`), the engine's complementary suppression, and the engine's
audit of the final pattern. A part that lies within a withheld part is withheld, as it would bound it from below; what
bounds it from above is safe, because the wider part is.

A table of at most `max_cut` dimensions is protected whole, with all members' headlines kept public wherever withholding
peer groups is enough. A larger one, or one that cannot be protected so, is protected by its *faces*, since nothing finer
is shown: the total, each dimension, then every pair of dimensions, in which what was decided before stands. The breakdowns of a total that is
withheld are withheld with it, so a movement that protects it in one face goes on through the others. What a face
cannot protect takes the cells around it along, then its rows and columns; if that does not help either, nothing of the
face is published.

An indicator is published where its numerator and its denominator both are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.audit import Audit, audit
from anonymize.disclosure.lattice import Table
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import DOMINANCE, SMALL_COUNT, Primary
from anonymize.disclosure.problem import Problem
from anonymize.disclosure.secondary import suppress
from anonymize.template import Indicator, Part
from sharing.benchmarks.crossing import crossed, either
from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.pool import Layout, Mask, Panel, Values
from sharing.benchmarks.pooled_tables import Face, PooledTable, face_of, tabulate
from sharing.benchmarks.sensitive import Sensitivity

SECONDARY = "D"
RULE_SET = "B-3"  # the version of these rules, as it is recorded with a release
HEADLINES_KEPT = (1, 0)  # breakdowns of all members' figures that are kept public if anything else can be withheld
MOSTLY = 0.5  # a pair of dimensions of whose cells more than this share is sensitive is not published at all
NOTHING_TO_AUDIT = Audit(())
Reasons = NDArray[np.str_]


@dataclass(frozen=True)
class Decision:
    """The pattern of one face of one part and the audit of it."""

    part: int
    face: Face
    pooled: PooledTable
    primary: Primary
    withheld: Mask
    audit: Audit
    seconds: float

    @property
    def reasons(self) -> Reasons:
        """Over the lattice: why a cell is withheld, "" where it is published."""
        primary = np.where(self.primary.mask, self.primary.reason, SECONDARY)
        return np.where(self.withheld, primary, "")

    def record(self, policy: DisclosurePolicy) -> dict[str, Any]:
        """What is kept of the audit: counts, statuses, the narrowest interval; no cell's figures."""
        part = self.face.layout.parts[self.part]
        shown = self.face.shown & ~self.pooled.empty
        findings = self.audit.findings
        return {
            "measure": part.measure,
            "codes": dict(part.where),
            "dimensions": list(self.face.names),
            "cells": int(shown.sum()),
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
        above = self.face.shown & ~self.withheld & (table.largest > policy.max_share * table.value)
        return int(above.sum())


@dataclass(frozen=True)
class Protection:
    """The decisions for all faces of all parts of a template."""

    layout: Layout
    decisions: tuple[Decision, ...]

    @property
    def ok(self) -> bool:
        return all(decision.audit.ok for decision in self.decisions)

    def record(self, policy: DisclosurePolicy) -> dict[str, Any]:
        """What is kept of the decisions: every table, and the sums by measure that a reviewer reads first."""
        tables = [decision.record(policy) for decision in self.decisions]
        measures = dict.fromkeys(part.measure for part in self.layout.parts)
        return {
            "ok": self.ok,
            "measures": [
                _summed(measure, [each for each in tables if each["measure"] == measure]) for measure in measures
            ],
            "tables": tables,
        }

    def reasons(self, indicator: Indicator, peer_group: str) -> Reasons:
        """Over the cut: why the indicator is withheld, "" where both its parts are published."""
        numerator, denominator = (
            self.part_reasons(part, peer_group) for part in (indicator.numerator, indicator.denominator)
        )
        return np.where(numerator != "", numerator, denominator)

    def shown(self, indicator: Indicator, peer_group: str) -> Mask:
        """Over the cut: the cells that a release has a row for."""
        shown = np.zeros(self.layout.shape, dtype=np.bool_)
        for decision in self._of(indicator.denominator, peer_group):
            face = decision.face
            shown[face.within_cut] |= face.shown[face.of_group(peer_group)]
        return shown

    def part_reasons(self, part: Part, peer_group: str) -> Reasons:
        """Over the cut: why the part's sum is withheld, "" where it is published."""
        reasons = np.full(self.layout.shape, SECONDARY)
        for decision in self._of(part, peer_group):
            face = decision.face
            reasons[face.within_cut] = decision.reasons[face.of_group(peer_group)]
        return reasons

    def _of(self, part: Part, peer_group: str) -> Iterator[Decision]:
        for decision in self.decisions:
            if decision.part == self.layout.part(part) and decision.face.holds(peer_group):
                yield decision


def protect(
    panel: Panel,
    peers: Peers,
    policy: DisclosurePolicy,
    max_cut: int,
    isolated: Mapping[str, Mask] | None = None,
    before: Mapping[str, Mask] | None = None,
) -> Protection:
    """The decisions for every part.

    For peer groups, `isolated` gives the cells that a revision would give away, `before` those withheld in the period before:
    of two ways to protect a cell, the one that keeps the pattern is preferred.
    """
    together = crossed(panel, peers, policy, max_cut)
    sensitivity = Sensitivity(panel, peers, policy, either(isolated or {}, together), before or {})
    layout = panel.layout
    if len(peers.families) + len(layout.cut) <= max_cut:
        whole = face_of(layout, peers, range(len(peers.families)), range(len(layout.cut)))
        found = Protection(layout, _decisions(sensitivity, [whole]))
        if found.ok:
            return found
    return Protection(layout, _decisions(sensitivity, _faces(layout, peers, max_cut)))


def _decisions(sensitivity: Sensitivity, faces: Sequence[Face]) -> tuple[Decision, ...]:
    """Wide parts before those that lie within them, coarse faces before fine ones."""
    layout = sensitivity.panel.layout
    decisions: list[Decision] = []
    for part in layout.wide_first:
        for face in faces:
            prepared = _Prepared.of(face, part, sensitivity)
            around = [each for each in decisions if each.face is face and (part, each.part) in layout.within]
            hidden = np.any([np.zeros(face.lattice.shape, dtype=np.bool_), *(each.withheld for each in around)], axis=0)
            before = [each for each in decisions if each.part == part]
            decisions.append(prepared.whole(hidden) if len(faces) == 1 else prepared.after(before, hidden))
    return tuple(decisions)


def _faces(layout: Layout, peers: Peers, max_cut: int) -> list[Face]:
    """Every choice of at most so many dimensions, and of at most one family, coarse ones first."""
    dimensions = [
        *((True, family) for family in range(len(peers.families))),
        *((False, axis) for axis in range(len(layout.cut))),
    ]
    chosen = [choice for size in range(max_cut + 1) for choice in combinations(dimensions, size)]
    return [
        face_of(
            layout,
            peers,
            [place for is_family, place in choice if is_family],
            [place for is_family, place in choice if not is_family],
        )
        for choice in chosen
        if sum(is_family for is_family, _place in choice) <= 1
    ]


@dataclass(frozen=True)
class _Prepared:
    """A face of a part with its sensitive cells, before anything is decided."""

    part: int
    face: Face
    pooled: PooledTable
    primary: Primary
    coalition: int
    costs: Values
    started: float

    @classmethod
    def of(cls, face: Face, part: int, sensitivity: Sensitivity) -> _Prepared:
        started = perf_counter()
        pooled = tabulate(face, sensitivity.panel, sensitivity.peers, [(part, 1)])
        return cls(
            part,
            face,
            pooled,
            sensitivity.find(face, part, pooled),
            sensitivity.policy.coalition,
            sensitivity.costs(face),
            started,
        )

    @property
    def shown(self) -> Mask:
        mask: Mask = self.face.shown & ~self.pooled.empty
        return mask

    @property
    def _as_attacked(self) -> Table:
        """The table as attackers know it: nobody can tell that it alone withheld what a remainder holds."""
        table = self.pooled.table
        alone = self.face.remainders & (table.contributors > 0) & (table.contributors <= self.coalition)
        return replace(table, contributors=np.where(alone, self.coalition + 1, table.contributors))

    def whole(self, hidden: Mask) -> Decision:
        """The first pattern that protects everything: with all headlines public, else with the total of all.

        Its audit fails where neither is enough: then the faces keep more.
        """
        for kept in HEADLINES_KEPT:
            found = self._attempt(self.face.headlines(kept) & self.shown & ~self.primary.mask & ~hidden, hidden)
            if found.audit.ok:
                break
        return found

    def after(self, before: Iterable[Decision], hidden: Mask) -> Decision:
        """The pattern of a face when coarser faces are decided."""
        decided, withheld = np.zeros_like(hidden), np.zeros_like(hidden)
        for decision in before:
            place = self.face.place_of(decision.face)
            if place is not None:
                decided[place] = True
                withheld[place] |= decision.withheld
        public = self.shown & decided & ~withheld
        hidden = (hidden | self.face.below(withheld & self.shown)) & ~public
        if not self.face.axes:
            return self._decision(self.primary.mask | hidden | ~self.shown, NOTHING_TO_AUDIT)
        fresh = self.shown & ~decided
        if len(self.face.axes) > 1 and (self.primary.mask & fresh).sum() > MOSTLY * fresh.sum():
            return self._nothing(public)
        found = self._attempt(public, hidden)
        if not found.audit.ok and (relaxed := self._relaxed(public)) is not None:
            found = relaxed.less_and_less(public, hidden)
        return found if found.audit.ok else self._nothing(public)

    def less_and_less(self, public: Mask, hidden: Mask) -> Decision:
        """The pattern; what it cannot protect takes the cells around it along, then its rows and columns."""
        found = self._attempt(public, hidden)
        for widely in (False, True):
            if found.audit.ok:
                break
            hidden = (hidden | self.face.around(found.audit.failed, widely)) & ~public
            found = self._attempt(public, hidden)
        return found

    def _relaxed(self, public: Mask) -> _Prepared | None:
        """The face without the widths that a cell lacks although nothing of the face is published, on one side of it.

        The audit takes everybody who is alone in a cell for an attacker, the one it protects too where cells are no kin.
        What it then finds near on one side, whatever is withheld, the other side keeps open. None where both sides lack.
        """
        up, down = self.primary.width_up.copy(), self.primary.width_down.copy()
        bare = audit(self._problem(public, ~public), ~public)
        for finding in bare.findings:
            if finding.cell in bare.failed:
                lacks = finding.fall < finding.needed_fall, finding.rise < finding.needed_rise
                if lacks not in ((True, False), (False, True)):
                    return None
                (down if lacks[0] else up).flat[finding.cell] = 0.0
        return replace(self, primary=replace(self.primary, width_up=up, width_down=down))

    def _nothing(self, public: Mask) -> Decision:
        """Nothing but what coarser faces publish: then there is nothing new to attack with."""
        return self._decision(~public, NOTHING_TO_AUDIT)

    def _attempt(self, public: Mask, hidden: Mask) -> Decision:
        never = ~self.shown | hidden
        problem = self._problem(public, never)
        pattern = suppress(problem)
        withheld = pattern.withheld & ~problem.table.zero | never
        return self._decision(withheld, audit(problem, withheld, pattern.movements))

    def _problem(self, public: Mask, never: Mask) -> Problem:
        return Problem(
            self._as_attacked,
            self.primary,
            open=public,
            never=never,
            cost=self.costs,
            signed=self.pooled.signed,
            insiders=self.coalition > 0,
            coalition=max(self.coalition, 1),
        )

    def _decision(self, withheld: Mask, checked: Audit) -> Decision:
        seconds = perf_counter() - self.started
        return Decision(self.part, self.face, self.pooled, self.primary, withheld, checked, seconds)


def _ratio(reach: float, needed: float) -> float:
    """How many times the demanded width an attacker's interval has; the cap keeps it a JSON number."""
    return min(reach / needed, 1e6) if needed > 0 else 1e6


def _summed(measure: str, tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The records of one measure's tables as one; a cell that stands in several tables counts in each."""
    narrowest = [each["narrowest"] for each in tables if each["narrowest"] is not None]
    return {
        "measure": measure,
        **{
            name: sum(each[name] for each in tables)
            for name in ("cells", "sensitive", "primary", "secondary", "above_largest_share")
        },
        "ok": all(each["ok"] for each in tables),
        "narrowest": min(narrowest, default=None),
    }


def _counted(words: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items()))
