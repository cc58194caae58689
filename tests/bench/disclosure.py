"""Processor time, memory and loss of the disclosure engine as tables grow: `python -m tests.bench.disclosure [TABLE ...]`.

Every table is drawn from records of a lognormal amount in skewed cells, protected (k = 10, p = 15) and audited in
full. Small tables are compared one by one with the exact least cost that a mixed-integer program finds. Without names
of tables the result is kept in docs/performance.md.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.audit import audit
from anonymize.disclosure.lattice import ROOT, Hierarchy, Lattice, Table
from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.disclosure.primary import find_primary
from anonymize.disclosure.problem import Problem
from anonymize.disclosure.secondary import suppress
from tests.bench.bound import lower_bound
from tests.bench.optimum import least_cost

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- bench-disclosure: begin -->", "<!-- bench-disclosure: end -->"
HEAD = (
    "| table | cells | primary | secondary | of all | value withheld | cost | no less than | suppress s | audit s | proven | MiB |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |",
)
POLICY = DisclosurePolicy(min_contributors=10, p_percent=15)


@dataclass(frozen=True)
class Case:
    """A lattice by the numbers of parts on each level of each dimension, and the records in it."""

    name: str
    fans: tuple[tuple[int, ...], ...]
    records: int
    skew: float
    counts: bool = False


CASES = (
    Case("100 cells", ((3, 2), (9,)), 2_000, 0.8),
    Case("1,000 cells", ((3, 2), (3, 2), (8,)), 12_000, 0.8),
    Case("bank cube, sparse, counts", ((3, 2), (5, 3), (3,), (2, 2)), 16_000, 1.4, counts=True),
    Case("bank cube, sparse, amounts", ((3, 2), (5, 3), (3,), (2, 2)), 16_000, 1.4),
    Case("10,000 cells, counts", ((4, 5), (4, 5), (4, 4)), 400_000, 0.8, counts=True),
    Case("10,000 cells", ((4, 5), (4, 5), (4, 4)), 400_000, 0.8),
    Case("10,000 cells, half sensitive", ((4, 5), (4, 5), (4, 4)), 30_000, 0.7),
    Case("100,000 cells", ((7, 8), (6, 6), (5, 6)), 3_800_000, 0.75),
    Case("100,000 cells, counts", ((7, 8), (6, 6), (5, 6)), 3_800_000, 0.75, counts=True),
    Case("wide: 3,000 codes by 5", ((3_000,), (5,)), 300_000, 0.8),
    Case("deep: 12 levels by 5", ((2,) * 11, (4,)), 150_000, 0.6),
)
SMALL = (((3, 2), (4,)), ((3,), (3,), (2,)), ((5,), (5,)), ((2, 2), (2, 2)))


def tree(*fans: int) -> Hierarchy:
    """A total whose codes have `fans[level]` parts on each level."""
    parents, level = [ROOT], [0]
    for fan in fans:
        below = []
        for node in level:
            below += range(len(parents), len(parents) + fan)
            parents += [node] * fan
        level = below
    return Hierarchy(tuple(map(str, range(len(parents)))), tuple(parents))


def draw(fans: Sequence[tuple[int, ...]], records: int, skew: float, *, counts: bool, seed: int = 1) -> Table:
    """A table of records, each another contributor's."""
    rng = np.random.default_rng(seed)
    lattice = Lattice(tuple(tree(*each) for each in fans))
    places = []
    for hierarchy in lattice.hierarchies:
        finest = [node for node in range(len(hierarchy.codes)) if not hierarchy.children[node]]
        weights = rng.permutation(1 / np.arange(1, len(finest) + 1) ** skew)
        places.append(rng.choice(finest, size=records, p=weights / weights.sum()))
    cells = np.ravel_multi_index(places, lattice.shape)
    amounts = np.ones(records) if counts else np.round(rng.lognormal(8, 1.2, records))
    order = np.lexsort((amounts, cells))
    cells, amounts = cells[order], amounts[order]
    last = np.append(cells[1:] != cells[:-1], True)
    before = np.append(False, last[:-1])
    top = np.zeros((2, lattice.size))
    top[0, cells[last]] = amounts[last]
    next_to_last = np.flatnonzero(last) - 1
    same = (next_to_last >= 0) & ~before[next_to_last + 1]
    top[1, cells[next_to_last[same]]] = amounts[next_to_last[same]]
    count = np.bincount(cells, minlength=lattice.size).astype(np.float64)
    value = np.bincount(cells, weights=amounts, minlength=lattice.size)
    largest, second = _tops(lattice, top.reshape(2, *lattice.shape))
    contributors = _sums(lattice, count.reshape(lattice.shape)).astype(np.int64)
    return Table(lattice, _sums(lattice, value.reshape(lattice.shape)), largest, second, contributors, integral=counts)


def _sums(lattice: Lattice, finest: NDArray[np.float64]) -> NDArray[np.float64]:
    for axis, hierarchy in enumerate(lattice.hierarchies):
        slices = np.moveaxis(finest, axis, 0)
        for node in hierarchy.bottom_up:
            if hierarchy.children[node]:
                slices[node] = slices[list(hierarchy.children[node])].sum(axis=0)
    return finest


def _tops(lattice: Lattice, finest: NDArray[np.float64]) -> NDArray[np.float64]:
    """The two largest contributions to every cell."""
    for axis, hierarchy in enumerate(lattice.hierarchies):
        slices = np.moveaxis(finest, axis + 1, 1)
        for node in hierarchy.bottom_up:
            if hierarchy.children[node]:
                below = slices[:, list(hierarchy.children[node])]
                slices[:, node] = np.sort(below.reshape(-1, *below.shape[2:]), axis=0)[:-3:-1]
    return finest


def measure(case: Case) -> str:
    """One row of the table."""
    table = draw(case.fans, case.records, case.skew, counts=case.counts)
    problem = Problem(table, find_primary(table, POLICY))
    started = process_time()
    pattern = suppress(problem)
    suppressed = process_time()
    found = audit(problem, pattern.withheld, pattern.movements)
    audited = process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    cells, secondary = int((~table.zero).sum()), int(pattern.secondary.sum())
    cost = float(problem.cell_costs()[pattern.secondary.ravel()].sum())
    finest = table.lattice.height == 0
    value = table.value.ravel()
    withheld = value[finest & pattern.withheld.ravel()].sum() / value[finest].sum()
    return (
        f"| {case.name} | {cells:,} | {problem.primary.count:,} | {secondary:,} | {secondary / cells:.1%} "
        f"| {withheld:.1%} | {cost:,.0f} | {lower_bound(problem):,.0f} | {suppressed - started:.1f} "
        f"| {audited - suppressed:.1f} | {'all' if found.ok else f'not {len(found.failed)}'} | {memory:,} |"
    )


def compare(tables: int = 60) -> str:
    """How much more than the exact optimum small tables cost, each by itself: cells count one, or by their level."""
    ratios = []
    policy = DisclosurePolicy(min_contributors=3, p_percent=15)
    for seed in range(tables):
        table = draw(SMALL[seed % len(SMALL)], 120, 0.7, counts=False, seed=seed)
        cost = np.ones(table.lattice.shape) if seed % 2 else None
        problem = Problem(table, find_primary(table, policy), insiders=False, cost=cost)
        best = least_cost(problem)
        if best:
            withheld = suppress(problem).secondary.ravel()
            ratios.append(float(problem.cell_costs()[withheld].sum()) / best)
    return (
        f"Against the exact optimum of {len(ratios)} small tables, outsiders only: "
        f"{np.mean(ratios):.3f} times its cost on average, {max(ratios):.3f} at most."
    )


def main(names: Sequence[str]) -> None:
    lines = list(HEAD)
    print(*lines, sep="\n")
    for case in CASES:
        if not names or case.name in names:
            lines.append(_alone(case))
            print(lines[-1], flush=True)
    if not names:
        lines += ["", compare()]
        print(*lines[-2:], sep="\n")
        _keep("\n".join(lines))


def _alone(case: Case) -> str:
    """The case in a process of its own: memory is the peak of one table, not of all before it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measure, case).result()


def _keep(table: str) -> None:
    """Puts the table in its place on the page; the words around it are written by people."""
    before, _begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
