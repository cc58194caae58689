"""The audit believes nothing: it finds bad patterns and bad proofs."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from anonymize.disclosure.audit import NARROW, PROVEN, SOLVED, audit
from anonymize.disclosure.lattice import Hierarchy, Lattice
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import find_primary
from anonymize.disclosure.problem import Movement, Pattern, Problem
from anonymize.disclosure.secondary import suppress
from tests.anonymize.disclosure.attacker import equations, interval, knowledge
from tests.anonymize.disclosure.tables import Tape, random_tape

POLICY = DisclosurePolicy(min_contributors=3, p_percent=15)


def drawn(seed: int, *, integral: bool = False) -> Tape:
    tree = Hierarchy(("_T", "a", "b", "b1", "b2", "b3"), (-1, 0, 0, 2, 2, 2))
    lattice = Lattice((tree, Hierarchy.flat(["x", "y", "z"])))
    return random_tape(np.random.default_rng(seed), lattice, 40, 2, integral=integral)


def solved(seed: int) -> tuple[Problem, Pattern]:
    """A problem that needs secondary suppressions, and its pattern."""
    tape = drawn(seed)
    problem = Problem(tape.table, find_primary(tape.table, POLICY))
    return problem, suppress(problem)


@given(st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_pattern_passes_that_an_outsider_breaks(seed: int, integral: bool) -> None:
    tape = drawn(seed, integral=integral)
    problem = Problem(tape.table, find_primary(tape.table, POLICY, insiders=False), insiders=False)
    withheld = problem.primary.mask | (np.random.default_rng(seed).random(tape.table.lattice.shape) < 0.2)
    found = audit(problem, withheld)
    system, bounds = equations(tape.table.lattice), knowledge(tape, withheld, None, sees_rows=True)
    for finding in found.findings:
        fall, rise = interval(system, bounds, finding.cell)
        narrow = rise < finding.needed_rise * (1 - 1e-6) or fall < finding.needed_fall * (1 - 1e-6)
        assert (finding.status == NARROW) == narrow, finding


def test_a_pattern_without_one_of_its_secondaries_is_found_out() -> None:
    problem, pattern = solved(7)
    secondary = np.flatnonzero(pattern.secondary)
    assert len(secondary) > 0
    findings = []
    for cell in secondary:
        withheld = pattern.withheld.copy()
        withheld.flat[cell] = False
        findings.append(audit(problem, withheld, pattern.movements).ok)
    assert not all(findings)


def test_proofs_and_programs_agree() -> None:
    problem, pattern = solved(7)
    proven = audit(problem, pattern.withheld, pattern.movements)
    attacked = audit(problem, pattern.withheld)
    assert {finding.status for finding in proven.findings} == {PROVEN}
    assert {finding.status for finding in attacked.findings} == {SOLVED}


@pytest.mark.parametrize("lie", ["larger", "shorter", "elsewhere", "published"])
def test_a_false_proof_proves_nothing(lie: str) -> None:
    problem, pattern = solved(7)
    false = [falsified(movement, problem, lie) for movement in pattern.movements]
    withheld = problem.primary.mask if lie == "published" else pattern.withheld
    statuses = [finding.status for finding in audit(problem, withheld, false).findings]
    if lie == "published":
        assert NARROW in statuses
    else:
        assert PROVEN not in statuses


def test_a_proof_by_fractions_proves_nothing_of_whole_numbers() -> None:
    tape = random_tape(np.random.default_rng(3), drawn(7).table.lattice, 400, 1, integral=True)
    problem = Problem(tape.table, find_primary(tape.table, DisclosurePolicy(min_contributors=30)))
    pattern = suppress(problem)
    broken = [replace(each, deltas=each.deltas * 1.25) for each in pattern.movements]
    statuses = {finding.status for finding in audit(problem, pattern.withheld, broken).findings}
    assert problem.primary.count > 0
    assert statuses == {SOLVED}


def falsified(movement: Movement, problem: Problem, lie: str) -> Movement:
    """The movement with one thing wrong."""
    if lie == "larger":
        return replace(movement, deltas=movement.deltas * 1e6)
    if lie == "shorter":
        return replace(movement, cells=movement.cells[:-1], deltas=movement.deltas[:-1])
    if lie == "elsewhere":
        return replace(movement, cells=(movement.cells + 1) % problem.table.lattice.size)
    return movement


def test_the_record_of_an_audit_is_json() -> None:
    problem, pattern = solved(7)
    record = json.loads(json.dumps(audit(problem, pattern.withheld).to_dict()))
    assert record["ok"] is True
    assert record["statuses"] == {SOLVED: problem.primary.count}
    assert {"cell", "status", "fall", "rise", "needed_fall", "needed_rise", "solver"} == set(record["findings"][0])


def test_a_pattern_of_another_shape_is_refused() -> None:
    problem, pattern = solved(7)
    with pytest.raises(ValueError, match="the table"):
        audit(problem, pattern.withheld[:-1])
