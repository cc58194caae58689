"""Whatever the table, nobody recovers a withheld cell inside its width: tried by attackers who share no code with us."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from numpy.typing import NDArray

from anonymize.disclosure.audit import audit
from anonymize.disclosure.lattice import Hierarchy, Lattice
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import find_primary
from anonymize.disclosure.problem import Pattern, Problem
from anonymize.disclosure.secondary import suppress
from tests.anonymize.disclosure.attacker import equations, interval, knowledge
from tests.anonymize.disclosure.tables import Tape, hierarchy, margins, random_tape

CELLS_ATTACKED = 5
CELLS_AT_MOST = 150

problems = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "dimensions": st.integers(1, 3),
        "contributors": st.integers(0, 25),
        "records": st.integers(1, 4),
        "integral": st.booleans(),
        "minimum": st.integers(1, 6),
        "percent": st.sampled_from([5.0, 15.0, 30.0]),
    }
)


@given(problems)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_withheld_cell_can_be_recomputed(drawn: dict[str, int]) -> None:
    protect_and_attack(drawn)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@given(problems)
@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_withheld_cell_can_be_recomputed_in_many_tables(drawn: dict[str, int]) -> None:
    protect_and_attack(drawn)


@given(st.integers(0, 2**32 - 1), st.sampled_from([(2, 2), (3, 2), (2, 2, 2), (5,), (2, 1, 3)]))
@settings(max_examples=100, deadline=None)
def test_exhaustive_search_finds_no_count(seed: int, leaves: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    lattice = Lattice(tuple(Hierarchy.flat([str(number) for number in range(count)]) for count in leaves))
    tape = random_tape(rng, lattice, int(rng.integers(1, 12)), int(rng.integers(1, 3)), integral=True)
    problem, pattern = protect(tape, DisclosurePolicy(min_contributors=int(rng.integers(2, 5))))
    cells = possible_changes(lattice)
    for who in [None, *range(len(tape.parts))]:
        bounds = knowledge(tape, pattern.withheld, who)
        lowest = np.array([low for low, _ in bounds])
        fixed = np.array([high is not None for _, high in bounds])
        feasible = cells[np.all(cells >= lowest, axis=1) & np.all(cells[:, fixed] == 0, axis=1)]
        for cell in np.flatnonzero(problem.primary.mask):
            if others(tape, int(cell), who) > 0:
                assert feasible[:, cell].max() >= 1, (cell, who)
                assert feasible[:, cell].min() <= -1, (cell, who)


def possible_changes(lattice: Lattice) -> NDArray[np.float64]:
    """All small changes of the finest cells, as the changes of all cells that follow; one row a change."""
    finest = np.flatnonzero(lattice.height == 0)
    step = 2 if len(finest) <= 6 else 1
    changes = np.array(list(itertools.product(range(-step, step + 1), repeat=len(finest))), dtype=np.float64)
    effect = np.zeros((len(finest), lattice.size))
    for row, cell in enumerate(finest):
        alone = np.zeros(lattice.size)
        alone[cell] = 1.0
        effect[row] = margins(lattice, alone.reshape(lattice.shape)).ravel()
    return np.asarray(changes @ effect)


def protect_and_attack(drawn: dict[str, int]) -> None:
    """Protects a drawn table, audits it with and without the proofs, and attacks it from outside and from inside."""
    rng = np.random.default_rng(drawn["seed"])
    widest = 3 if drawn["dimensions"] < 3 else 2
    trees = [
        hierarchy(rng, int(rng.integers(1, widest + 1)), int(rng.integers(0, 3))) for _ in range(drawn["dimensions"])
    ]
    lattice = Lattice(tuple(trees))
    if lattice.size > CELLS_AT_MOST:
        lattice = Lattice(lattice.hierarchies[:1])
    tape = random_tape(rng, lattice, drawn["contributors"], drawn["records"], integral=bool(drawn["integral"]))
    policy = DisclosurePolicy(min_contributors=drawn["minimum"], p_percent=drawn["percent"])
    problem, pattern = protect(tape, policy)
    assert audit(problem, pattern.withheld).ok
    sensitive = rng.permutation(np.flatnonzero(problem.primary.mask))[:CELLS_ATTACKED]
    system = equations(lattice)
    for cell in sensitive:
        parts = tape.parts.reshape(len(tape.parts), -1)[:, cell]
        for who in [None, *(int(each) for each in np.argsort(-parts)[:3])]:
            whole = bool(drawn["integral"]) and len(lattice.shape) > 2
            fall, rise = interval(system, knowledge(tape, pattern.withheld, who), int(cell), whole=whole)
            demanded = width(tape, policy, int(cell), who)
            assert fall >= demanded, (cell, who)
            assert rise >= demanded, (cell, who)


def protect(tape: Tape, policy: DisclosurePolicy) -> tuple[Problem, Pattern]:
    problem = Problem(tape.table, find_primary(tape.table, policy))
    pattern = suppress(problem)
    assert not pattern.unprotected
    assert audit(problem, pattern.withheld, pattern.movements).ok
    return problem, pattern


def others(tape: Tape, cell: int, who: int | None) -> float:
    """The largest contribution to the cell of anybody but this one."""
    parts = tape.parts.reshape(len(tape.parts), -1)[:, cell]
    return float((parts if who is None else np.delete(parts, who)).max(initial=0.0))


def width(tape: Tape, policy: DisclosurePolicy, cell: int, who: int | None) -> float:
    """How far an estimate must stay from the figure of anybody but the attacker."""
    largest = others(tape, cell, who)
    if tape.table.integral:
        return 1.0 - 1e-6 if largest > 0 else 0.0
    return policy.amount_width(largest) * (1 - 1e-5)
