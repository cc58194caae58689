"""Proves of a release that nobody comes nearer to anybody's figure than the policy allows, or says where somebody does.

A target passes (`proven`, `solved`) when it can move by its width up and down for every attacker, and, as `one-sided`, when it
can do so on one side: who knows only that a figure is above or below something does not know it within p%. What is
published although sensitive, what is near on both sides and what no program answered in time fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from anonymize.disclosure.policy import DisclosurePolicy
from sharing.benchmarks.crossing import Former
from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.pool import Mask, Panel, Values
from sharing.benchmarks.published import Figures
from sharing.benchmarks.release_audit.programs import Coalition, Prover, Room, coalitions
from sharing.benchmarks.release_audit.system import Indices, System
from sharing.benchmarks.release_audit.targets import BEYOND, SMALL_COUNT, Aims, Finder, Target
from sharing.benchmarks.release_audit.unknowns import Unknowns, version_of, version_of_former

PUBLISHED, PROVEN, SOLVED, ONE_SIDED, NEAR, UNSOLVED = "published", "proven", "solved", "one-sided", "near", "unsolved"
SAFE = (PROVEN, SOLVED, ONE_SIDED)
ENOUGH = 1.0
NEARLY = 1e-6


@dataclass(frozen=True)
class Finding:
    """What attackers can tell of one target: how far it moves at least, in multiples of its width; never a figure."""

    target: Target
    status: str
    rise: float
    fall: float
    solver: str = ""


@dataclass(frozen=True)
class ReleaseAudit:
    """One finding a target; `places` says where each stands: (measure at codes, peer groups or crossing, cell)."""

    unknowns: Unknowns
    policy: DisclosurePolicy
    findings: tuple[Finding, ...]
    sizes: dict[str, int]
    solver: dict[str, int]
    seconds: dict[str, float]

    @property
    def ok(self) -> bool:
        """Whether every target passes."""
        return all(finding.status in SAFE for finding in self.findings)

    @property
    def failed(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.status not in SAFE)

    @property
    def statuses(self) -> dict[str, int]:
        return dict(sorted(Counter(finding.status for finding in self.findings).items()))

    def failed_cells(self) -> list[tuple[str, str, str]]:
        """(indicator, peer group, key) of the cells around which something fails: what a remedy has to withhold."""
        from sharing.benchmarks.release_audit.record import failed_cells

        return failed_cells(self)

    def record(self) -> dict[str, object]:
        """What is kept with the release, for staff."""
        from sharing.benchmarks.release_audit.record import record_of

        return record_of(self)


def audit_release(
    panel: Panel, peers: Peers, policy: DisclosurePolicy, figures: Sequence[Figures], former: Sequence[Former] = ()
) -> ReleaseAudit:
    """The audit of these figures beside all versions of the round that were ever published."""
    clock, seconds = perf_counter(), {}

    def phase(name: str) -> None:
        nonlocal clock
        seconds[name], clock = round(perf_counter() - clock, 3), perf_counter()

    versions = [version_of(panel, peers, figures), *(version_of_former(each, panel) for each in former)]
    unknowns = Unknowns.of(versions)
    system = System.of(unknowns)
    components = len(np.unique(system.labels)) if system.finest else 0
    phase("system")
    targets = Finder(unknowns, policy).all()
    aims = Aims(system, tuple(targets))
    live = [place for place, target in enumerate(targets) if not target.published]
    widths = np.array([target.width for target in targets])
    prover = Prover(system, Room(system, policy.coalition), aims.matrix, widths)
    phase("targets")
    examination = _Examination(unknowns, policy, targets, prover, np.array(live, dtype=np.int64))
    findings: dict[int, Finding] = {
        place: Finding(target, PUBLISHED, 0.0, 0.0) for place, target in enumerate(targets) if target.published
    }
    proven = examination.together()
    phase("together")
    left = examination.without_the_protected(proven)
    phase("protected")
    for place in live:
        up, down = proven[:, place]
        if up and down:
            findings[place] = Finding(targets[place], PROVEN, 1.0, 1.0)
        elif up or down:
            findings[place] = Finding(targets[place], ONE_SIDED, float(up), float(down))
        else:
            findings[place] = examination.one_by_one(place)
    phase("one by one")
    sizes = {
        "columns": len(system.finest),
        "equations": system.row_count,
        "components": components,
        "targets": len(targets),
        "one_by_one": left,
    }
    ordered = tuple(findings[place] for place in sorted(findings))
    return ReleaseAudit(unknowns, policy, ordered, sizes, dict(sorted(prover.solved.items())), seconds)


@dataclass
class _Examination:
    """The steps of `programs` over all targets."""

    unknowns: Unknowns
    policy: DisclosurePolicy
    targets: Sequence[Target]
    prover: Prover
    live: Indices
    _cache: dict[int, Values] = field(default_factory=dict)

    def together(self) -> Mask:
        """[2, target]: moves by its width up and down under the bounds of all attackers."""
        proven = np.zeros((2, len(self.targets)), dtype=np.bool_)
        if len(self.live):
            proven[:, self.live] = self.prover.together(self.live, self.prover.widths[self.live])
        return proven

    def without_the_protected(self, proven: Mask) -> int:
        """The second step, for what is open in some direction; returns how many targets are left for the third."""
        open_ = self.live[~proven[:, self.live].all(axis=0)]
        if len(open_) and self.policy.coalition:
            tops = {int(place): self._largest_two(int(place)) for place in open_}
            second = np.array([tops[int(place)][1] for place in open_])
            some = open_[second > 0]
            with_it = np.ones((2, len(open_)), dtype=np.bool_)
            if len(some):
                with_it[:, second > 0] = self.prover.together(some, second[second > 0])
            for owner in sorted({owner for owner, _width in tops.values()}):
                mine = np.array([place for place in open_ if tops[int(place)][0] == owner])
                shown = self.prover.together(mine, self.prover.widths[mine], owner)
                proven[:, mine] |= shown & with_it[:, np.isin(open_, mine)]
        return int((~proven[:, self.live].any(axis=0)).sum())

    def _largest_two(self, place: int) -> tuple[int, float]:
        """The owner of the largest figure in the target, and the width that the next owner's figure asks for."""
        held = np.abs(self._held(place))
        order = np.argsort(-held, kind="stable")
        return int(order[0]), self.policy.amount_width(float(held[order[1]])) if len(held) > 1 else 0.0

    def _held(self, place: int) -> Values:
        """What each owner has in a target."""
        target = self.targets[place]
        members = self.unknowns.members(target.atoms)
        column = self._figures(target.part)[members, target.cell]
        if target.kind.startswith(BEYOND):
            column = self._figures(int(target.kind.split(":")[1]))[members, target.cell] - column
        held = np.zeros(len(self.unknowns.names))
        np.add.at(held, self.unknowns.owner[members], column)
        return held

    def _figures(self, part: int) -> Values:
        if part not in self._cache:
            self._cache.clear()
            self._cache[part] = self.unknowns.figures(part)[0]
        return self._cache[part]

    def one_by_one(self, place: int) -> Finding:
        """The third step: a stack of sets of attackers, each shown to stay away or halved."""
        target, held = self.targets[place], self._held(place)
        present = self.prover.present(place).tolist()
        stack = [coalitions(present, self.policy.coalition)]
        rise = fall = np.inf
        words: set[str] = set()
        while stack:
            attackers = stack.pop()
            width, slack = self._needed(target, held, attackers)
            if width <= 0:
                continue
            up, down, word = self.prover.farthest(place, width, attackers, ENOUGH * width)
            words.add(word)
            if up >= (width - slack) * (1 - NEARLY) or down >= width * (1 - NEARLY):
                rise, fall = min(rise, up / width), min(fall, down / width)
            elif len(attackers) > 1:
                half = len(attackers) // 2
                stack += [attackers[:half], attackers[half:]]
            else:
                status = NEAR if word in ("Optimal", "") else UNSOLVED
                return Finding(target, status, up / width, down / width, word)
        far = 1e4
        both = min(rise, fall) >= ENOUGH - NEARLY
        return Finding(target, SOLVED if both else ONE_SIDED, min(rise, far), min(fall, far), ", ".join(sorted(words)))

    def _needed(self, target: Target, held: Values, attackers: Sequence[Coalition]) -> tuple[float, float]:
        """The width that the largest of those who do not attack asks for, and how much of it others' figures give."""
        widest, least = 0.0, np.inf
        for attacker in attackers:
            others = np.delete(np.abs(held), list(attacker))
            largest = others.max(initial=0.0)
            widest = max(widest, self.policy.amount_width(float(largest)))
            least = min(least, float(others.sum() - largest))
        # Below the threshold even the sum is nobody's to know; above it others' figures hide the largest.
        return widest, 0.0 if target.reason == SMALL_COUNT or not np.isfinite(least) else least
