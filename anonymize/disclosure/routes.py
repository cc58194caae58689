"""One circuit for each sensitive cell, chosen so that together they need few cells more.

First each target in turn takes its cheapest circuit; what is withheld already costs nothing, so circuits share cells. Then
coordinate descent: a circuit is chosen again while the others stand. Then each secondary suppression is tried to be
done without: all circuits that use it go another way, or it stays. Last, neighbouring circuits are taken out together and
found again, as long as that gains (Shaw, Using constraint programming and local search methods to solve vehicle
routing problems, 1998; Schrimpf et al., Record breaking optimization results using the ruin and recreate principle, 2000).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from anonymize.disclosure.circuits import SHORTER, Circuit, CircuitSearch
from anonymize.disclosure.lattice import Floats, Mask
from anonymize.disclosure.prices import Prices

Users = dict[int, set[int]]  # the targets whose circuits need a secondary suppression

PASSES = 2
WIDER = 4
USERS_MOVED = 8
SEARCHES_TO_RELEASE = 2_000
SEARCHES_TO_REBUILD = 10_000
CIRCUITS_REBUILT = 20
ROUNDS_WITHOUT_GAIN = 3
FORBIDDEN = 0.5  # how often a rebuilt pattern has to do without the cell it was rebuilt around
ROUNDING = 1e-9  # of a cost: sums in another order


class Routes:
    """The circuits found, by target; `width` (flat) is the distance each target must move."""

    def __init__(self, search: CircuitSearch, prices: Prices, width: Floats, wanted: Mask, effort: float) -> None:
        self.circuits: dict[int, Circuit] = {}
        self._search = search
        self._prices = prices
        self._width = width
        self._wanted = wanted
        self._effort = effort

    def find(self, order: Sequence[int]) -> list[int]:
        """Chooses circuits for these targets, and returns those without one."""
        blocked = [target for target in order if target not in self.circuits and not self._take_cheapest(target)]
        for _ in range(PASSES):
            if not self._improve(order):
                break
        self._release()
        self._rebuild()
        return blocked

    def cheapest(self, target: int, width: float) -> Circuit | None:
        """The cheapest circuit of the target at today's prices; more moves are tried when few do not do."""
        return self._search.find(target, width) or self._search.find(target, width, wide=WIDER)

    def _take_cheapest(self, target: int) -> bool:
        """Takes a circuit, and lends it to all other targets on it that it protects as well."""
        circuit = self.cheapest(target, float(self._width[target]))
        if circuit is None:
            return False
        self._take(target, circuit)
        for other in circuit.cells[self._wanted[circuit.cells]].tolist():
            if other not in self.circuits and self._search.serves(circuit, other, float(self._width[other])):
                self._take(other, circuit)
        return True

    def _take(self, target: int, circuit: Circuit) -> None:
        self.circuits[target] = circuit
        self._prices.use(circuit.cells, 1)

    def _improve(self, order: Sequence[int]) -> bool:
        """One pass of coordinate descent; whether anything became cheaper."""
        better = False
        for target in order:
            circuit = self.circuits.get(target)
            if circuit is None or not self._is_only_user(circuit):
                continue
            self._prices.use(circuit.cells, -1)
            before = float(self._prices.for_circuits[circuit.cells].sum())
            again = self._search.find(target, float(self._width[target]))
            if again is not None and again.cost < before - SHORTER:
                circuit, better = again, True
            self._take(target, circuit)
        return better

    def _is_only_user(self, circuit: Circuit) -> bool:
        cells = circuit.cells
        return bool(np.any(~self._prices.free[cells] & (self._prices.uses[cells] == 1)))

    def _release(self) -> None:
        """Tries to do without each secondary suppression, dear ones first; the work is bounded by a count."""
        users = self._users()
        left = int(self._effort * SEARCHES_TO_RELEASE)
        for cell in sorted(users, key=lambda cell: (-self._prices.costs[cell], cell)):
            count = len(users[cell])
            if 0 < count <= min(USERS_MOVED, left):
                left -= count
                self._reroute(self._widest_first(users[cell]), users, without=cell, gain=SHORTER)

    def _rebuild(self) -> None:
        """Takes out the circuits around each secondary suppression and finds them again in another order.

        Chance decides which and how, the same every time. What costs no more is kept: another pattern of the same
        cost is where the next gain is found.
        """
        users, dice = self._users(), np.random.default_rng(0)
        left = int(self._effort * SEARCHES_TO_REBUILD)
        best, idle = self._prices.loss, 0
        while left > 0 and idle < ROUNDS_WITHOUT_GAIN:
            for cell in dice.permutation(sorted(cell for cell in users if users[cell])).tolist():
                targets = self._around(cell, users, dice)
                if left <= 0 or not 0 < len(targets) <= CIRCUITS_REBUILT:
                    continue
                left -= len(targets)
                order = dice.permutation(sorted(targets)).tolist()
                self._reroute(order, users, without=cell if dice.random() < FORBIDDEN else None)
            idle = 0 if self._prices.loss < best - ROUNDING else idle + 1
            best = self._prices.loss

    def _around(self, cell: int, users: Users, dice: np.random.Generator) -> set[int]:
        """The targets whose circuits need the cell, and those of one or two cells beside it on these circuits."""
        targets = set(users[cell])
        beside = [near for target in sorted(targets) for near in self.circuits[target].cells.tolist() if near in users]
        for _ in range(int(dice.integers(3)) if beside else 0):
            targets |= users[beside[int(dice.integers(len(beside)))]]
        return targets

    def _users(self) -> Users:
        users: Users = defaultdict(set)
        for target, circuit in self.circuits.items():
            self._note(users, target, circuit)
        return users

    def _note(self, users: Users, target: int, circuit: Circuit) -> None:
        for cell in circuit.cells[~self._prices.free[circuit.cells]].tolist():
            users[cell].add(target)

    def _widest_first(self, targets: set[int]) -> list[int]:
        return sorted(targets, key=lambda target: (-self._width[target], target))

    def _reroute(self, targets: Sequence[int], users: Users, *, without: int | None, gain: float = 0.0) -> None:
        """Finds other circuits for these targets, one after the other, unless that gains less in sum."""
        before = {target: self.circuits[target] for target in targets}
        for circuit in before.values():
            self._prices.use(circuit.cells, -1)
        given_back = self._prices.bought(np.unique(np.concatenate([circuit.cells for circuit in before.values()])))
        if without is not None:
            self._prices.bar(without)
        after = self._elsewhere(targets, float(self._prices.costs[given_back].sum()) - gain + ROUNDING)
        if without is not None:
            self._prices.unbar(without)
        if after is None:
            for target, circuit in before.items():
                self._take(target, circuit)
            return
        for target, circuit in after.items():
            for old in before[target].cells.tolist():
                users[old].discard(target)
            self._note(users, target, circuit)

    def _elsewhere(self, targets: Sequence[int], limit: float) -> dict[int, Circuit] | None:
        """Circuits for all these targets that cost no more than the limit, taken; or None, and none taken."""
        taken: dict[int, Circuit] = {}
        spent = 0.0
        for target in targets:
            circuit = self._search.find(target, float(self._width[target]))
            if circuit is not None:
                spent += float(self._prices.costs[self._prices.bought(circuit.cells)].sum())
                taken[target] = circuit
                self._take(target, circuit)
            if circuit is None or spent > limit:
                for each in taken.values():
                    self._prices.use(each.cells, -1)
                return None
        return taken
