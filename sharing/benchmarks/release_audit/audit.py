"""Proves of a release that nobody comes nearer to anybody's figure than the policy allows, or says where somebody does.

A target passes (`proven`, `solved`) when it can move by its width up and down for every attacker, and, as `one-sided`, when it
can do so on one side: who knows only that a figure is above or below something does not know it within p%. What is
published although sensitive, what is near on both sides and what no program answered within its count of steps fail.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

import numpy as np

from anonymize.disclosure.policy import DisclosurePolicy
from sharing.benchmarks.crossing import Former
from sharing.benchmarks.peer_groups import Peers
from sharing.benchmarks.pool import Mask, Panel, Values
from sharing.benchmarks.published import Figures
from sharing.benchmarks.release_audit.exchanges import Exchanges
from sharing.benchmarks.release_audit.neighbourhoods import Neighbourhoods
from sharing.benchmarks.release_audit.programs import FARTHEST, Coalition, Prover, Room, coalitions
from sharing.benchmarks.release_audit.system import Indices, System
from sharing.benchmarks.release_audit.targets import SMALL_COUNT, Aims, Finder, Target
from sharing.benchmarks.release_audit.unknowns import Unknowns, version_of, version_of_former

PUBLISHED, PROVEN, SOLVED, ONE_SIDED, NEAR, UNSOLVED = "published", "proven", "solved", "one-sided", "near", "unsolved"
SAFE = (PROVEN, SOLVED, ONE_SIDED)
Farthest = Callable[[float, Sequence[Coalition], float], tuple[float, float, str]]
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
    """One finding a target, and the system that was solved, which has everybody's figures in it."""

    unknowns: Unknowns
    policy: DisclosurePolicy
    findings: tuple[Finding, ...]
    sizes: dict[str, int]
    solver: dict[str, int]
    seconds: dict[str, float]
    prover: Prover = field(repr=False, compare=False)

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
    proven = examination.by_exchange()
    phase("exchanges")
    examination.of_all(proven)
    phase("neighbourhoods")
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
    return ReleaseAudit(unknowns, policy, ordered, sizes, dict(sorted(prover.solved.items())), seconds, prover)


@dataclass
class _Examination:
    """The steps of `programs` over all targets."""

    unknowns: Unknowns
    policy: DisclosurePolicy
    targets: Sequence[Target]
    prover: Prover
    live: Indices

    def __post_init__(self) -> None:
        self.near = Neighbourhoods(self.prover)

    def by_exchange(self) -> Mask:
        """[2, target]: moves by its width up and down by exchanges within single cells, for every attacker."""
        proven = np.zeros((2, len(self.targets)), dtype=np.bool_)
        exchanges = Exchanges(self.prover)
        for place in self.live.tolist():
            proven[:, place] = exchanges.prove(self.targets[place])
        return proven

    def of_all(self, proven: Mask) -> None:
        """Bounded by all attackers at once, for what is open on both sides."""
        left = self.live[~proven[:, self.live].any(axis=0)]
        self.near.prove(left, proven, self.prover.widths)

    def without_the_protected(self, proven: Mask) -> int:
        """The second step, for what is still open on both sides; returns how many targets are left for the third.

        For coalitions without the largest contributor, and, by the width that the next one asks for, for those with it.
        """
        open_ = self.live[~proven[:, self.live].any(axis=0)]
        if not self.policy.coalition:
            return len(open_)
        of_owner: dict[int, list[int]] = {}
        next_widths = self.prover.widths.copy()
        for place in open_.tolist():
            owner, next_widths[place] = self._largest_two(place)
            of_owner.setdefault(owner, []).append(place)
        with_it = np.zeros_like(proven)
        asks = open_[next_widths[open_] > 0]
        with_it[:, next_widths <= 0] = True
        self.near.prove(asks, with_it, next_widths)
        for owner, places in sorted(of_owner.items()):
            mine = np.array([place for place in places if with_it[:, place].any()], dtype=np.int64)
            without = np.zeros_like(proven)
            self.near.prove(mine, without, self.prover.widths, owner)
            proven[:, mine] |= without[:, mine] & with_it[:, mine]
        return int((~proven[:, self.live].any(axis=0)).sum())

    def _largest_two(self, place: int) -> tuple[int, float]:
        """The owner of the largest figure in the target, and the width that the next owner's figure asks for."""
        held = np.abs(self._held(place))
        order = np.argsort(-held, kind="stable")
        return int(order[0]), self.policy.amount_width(float(held[order[1]])) if len(held) > 1 else 0.0

    def _held(self, place: int) -> Values:
        """What each owner has in a target."""
        return self.targets[place].held(self.unknowns)

    def one_by_one(self, place: int) -> Finding:
        """The third step."""
        return self._against_all(place, self.prover.present(place).tolist(), partial(self.near.farthest, place))

    def _against_all(self, place: int, present: Sequence[int], farthest: Farthest) -> Finding:
        """A stack of sets of attackers, each shown to stay away or halved; first those without the one protected."""
        target, held = self.targets[place], self._held(place)
        everybody = coalitions(present, self.policy.coalition)
        largest = int(np.argmax(np.abs(held)))
        sets = [[each for each in everybody if (largest in each) == inside] for inside in (True, False)]
        stack = [attackers for attackers in sets if attackers]
        rise = fall = FARTHEST
        words: set[str] = set()
        while stack:
            attackers = stack.pop()
            width, slack = self._needed(target, held, attackers)
            if width <= 0:
                continue
            up, down, word = farthest(width, attackers, width)
            words.add(word)
            if up >= (width - slack) * (1 - NEARLY) or down >= width * (1 - NEARLY):
                rise, fall = min(rise, up / width), min(fall, down / width)
            elif len(attackers) > 1:
                half = len(attackers) // 2
                stack += [attackers[:half], attackers[half:]]
            else:
                status = NEAR if words == {"Optimal"} else UNSOLVED
                return Finding(target, status, up / width, down / width, ", ".join(sorted(words)))
        both = min(rise, fall) >= 1 - NEARLY
        return Finding(target, SOLVED if both else ONE_SIDED, rise, fall, ", ".join(sorted(words)))

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
