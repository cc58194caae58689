"""A published table with published answers: tau-Argus on 42,723 records (sdcTools, checkTauArgus)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize.disclosure.audit import audit
from anonymize.disclosure.lattice import ROOT, Hierarchy, Lattice, Table
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import find_primary
from anonymize.disclosure.problem import Problem
from anonymize.disclosure.secondary import suppress

PRIMARY, SECONDARY = "3", "11"
GROUPS = ("Nr", "Os", "Ws", "Zd", "99")
# The published answer is for the p%-rule alone.
POLICY = DisclosurePolicy(min_contributors=1, p_percent=15)


@dataclass(frozen=True)
class Published:
    table: Table
    status: NDArray[np.str_]


@pytest.fixture
def simple2d() -> Published:
    path = Path(__file__).parents[4] / "shared/data/sdc_tests/simple2d_table_with_expected_status.csv"
    if not path.exists():
        pytest.skip("the published table is not beside the project (shared/data/sdc_tests)")
    with path.open(newline="") as file:
        rows = [{name: text.strip() for name, text in row.items()} for row in csv.DictReader(file)]
    sizes = list(dict.fromkeys(row["Size"] for row in rows))
    lattice = Lattice((Hierarchy.flat(sizes[1:], sizes[0]), _regions(list(dict.fromkeys(r["Region"] for r in rows)))))

    def column(name: str) -> NDArray[np.float64]:
        return np.array([float(row[name] or 0) for row in rows]).reshape(lattice.shape)

    table = Table(lattice, column("value"), column("top1"), column("top2"), column("n").astype(np.int64))
    return Published(table, np.array([row["status"] for row in rows]).reshape(lattice.shape))


def _regions(codes: list[str]) -> Hierarchy:
    parents, group = [], ROOT
    for place, code in enumerate(codes):
        if code in GROUPS:
            group = place
        parents.append(ROOT if place == 0 else 0 if code in GROUPS else group)
    return Hierarchy(tuple(codes), tuple(parents))


def test_the_nine_published_primaries_are_found(simple2d: Published) -> None:
    found = find_primary(simple2d.table, POLICY)
    assert found.count == 9
    assert (found.mask == (simple2d.status == PRIMARY)).all()


@pytest.mark.parametrize("insiders", [True, False])
def test_no_more_than_the_twelve_published_secondaries_are_needed(simple2d: Published, insiders: bool) -> None:
    problem = Problem(simple2d.table, find_primary(simple2d.table, POLICY), insiders=insiders)
    pattern = suppress(problem)
    assert pattern.unprotected == ()
    assert pattern.secondary.sum() <= 12
    assert audit(problem, pattern.withheld).ok


def test_the_audit_agrees_that_the_published_pattern_stops_outsiders(simple2d: Published) -> None:
    problem = Problem(simple2d.table, find_primary(simple2d.table, POLICY), insiders=False)
    found = audit(problem, np.isin(simple2d.status, [PRIMARY, SECONDARY]))
    assert found.ok
    assert len(found.findings) == 9


def test_the_audit_sees_that_primaries_alone_are_recovered(simple2d: Published) -> None:
    problem = Problem(simple2d.table, find_primary(simple2d.table, POLICY), insiders=False)
    found = audit(problem, problem.primary.mask)
    assert len(found.failed) == 9
    assert all(finding.rise == pytest.approx(0, abs=1e-6) for finding in found.findings)
