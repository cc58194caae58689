"""Pooling 4,000 members x 10,000 cells x 3 indicators beside bare NumPy; writes its table to docs/performance.md.

`python -m tests.bench.release [members [cells [runs]]]`. Each way runs in a process of its own, several times; the best time counts, as
other work on the machine only ever adds to one. Bare NumPy computes the same statistics of whole matrices, without blocks.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from sharing.benchmarks.pool import Layout

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- bench-release: begin -->", "<!-- bench-release: end -->"
MEMBERS, CELLS, INDICATORS, RUNS = 4000, 10_000, 3, 3
EMPTY = 0.15  # of the cells in which a member has no business
QUANTILES = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
WAYS = ("bare NumPy", "one thread", "two threads")


def main() -> int:
    if len(sys.argv) == 6 and sys.argv[1] == "--way":
        return _measure(sys.argv[2], *(int(each) for each in sys.argv[3:]))
    given = [int(each) for each in sys.argv[1:4]]
    members, cells, runs = (*given, *(MEMBERS, CELLS, RUNS)[len(given) :])
    lines = ["| way | seconds | CPU seconds | peak memory, GiB |", "| --- | ---: | ---: | ---: |"]
    seconds, cpu = {}, {}
    for way in WAYS:
        command = [sys.executable, "-m", "tests.bench.release", "--way", way, str(members), str(cells), str(runs)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds[way], cpu[way], peak = (float(word) for word in answer.stdout.split())
        lines.append(f"| {way} | {seconds[way]:.2f} | {cpu[way]:.2f} | {peak:.2f} |")
    bare, one, two = WAYS
    summary = (
        f"{members:,} members, {cells:,} cells, {INDICATORS} indicators, best of {runs}. One thread takes "
        f"{seconds[one] / seconds[bare]:.2f} times as long as bare NumPy ({cpu[one] / cpu[bare]:.2f} times in CPU seconds; "
        f"bar: 1.5). Two threads are {seconds[one] / seconds[two]:.2f} times as fast as one (bar: 1.7). "
        f"Load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    )
    table = "\n".join([*lines, "", summary]) + "\n"
    print(table)
    if (members, cells) == (MEMBERS, CELLS):
        _keep(table)
    return 0


def _measure(way: str, members: int, cells: int, runs: int) -> int:
    """Print the best time, in seconds and CPU seconds, and the peak memory of this process."""
    run = _bare(members, cells) if way == WAYS[0] else _ours(members, cells, WAYS.index(way))
    times = [_seconds(run) for _run in range(runs)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(min(wall for wall, _cpu in times), min(cpu for _wall, cpu in times), peak)
    return 0


def _seconds(run: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = perf_counter(), process_time()
    run()
    return perf_counter() - wall, process_time() - cpu


def _part(members: int, cells: int, seed: int) -> np.ndarray:
    """One part of every member [member, cell], a seventh of it empty."""
    generator = np.random.default_rng(seed)
    part = generator.lognormal(8, 1.5, (members, cells))
    part[generator.random((members, cells), dtype=np.float32) < EMPTY] = 0.0
    return part


def _bare(members: int, cells: int) -> Callable[[], object]:
    numerators = [_part(members, cells, seed) for seed in range(INDICATORS)]
    denominator = _part(members, cells, INDICATORS)

    def run() -> list[np.ndarray]:
        return [_bare_indicator(numerator, denominator) for numerator in numerators]

    return run


def _bare_indicator(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """What somebody at a prompt writes: one matrix of rates, sorted by column, with its quantiles and sums."""
    counted = denominator > 0
    rates = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=rates, where=counted)
    counts = counted.sum(axis=0)
    pooled = numerator.sum(axis=0, where=counted) / denominator.sum(axis=0, where=counted)
    rates = np.sort(rates, axis=0)
    mean = np.nansum(rates, axis=0) / counts
    places = np.arange(len(rates))[:, np.newaxis]
    trim = counts // 10
    trimmed = rates.sum(axis=0, where=(places >= trim) & (places < counts - trim)) / (counts - 2 * trim)
    found = [pooled, mean, trimmed, *(rates[counts - 1 - place, np.arange(rates.shape[1])] for place in range(3))]
    for quantile in QUANTILES:
        rank = (counts - 1) * quantile
        below = np.floor(rank).astype(np.int64)
        low = np.take_along_axis(rates, below[np.newaxis], axis=0)[0]
        high = np.take_along_axis(rates, np.minimum(below + 1, counts - 1)[np.newaxis], axis=0)[0]
        found.append(low + (rank - below) * (high - low))
    enough = (counts >= 5) & (mean * counts - found[3] - found[4] >= 0.1 * found[3])
    return np.where(enough, np.stack(found), np.nan)


def _ours(members: int, cells: int, threads: int) -> Callable[[], object]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "consortium.settings.testing")
    import django

    django.setup()
    from sharing.benchmarks.peer_groups import Peers
    from sharing.benchmarks.pool import Panel, pooled_before_disclosure
    from sharing.benchmarks.published import mean_is_safe, trimmed_is_safe

    layout = _layout(cells)
    values = np.empty((members, len(layout.parts), *layout.shape))
    for place in range(len(layout.parts)):
        seed = INDICATORS if place == layout.part(layout.template.indicators[0].denominator) else place % INDICATORS
        values[:, place] = _part(members, cells, seed)
    present = np.ones(values.shape, dtype=np.bool_)
    names = tuple(f"M{place:05d}" for place in range(members))
    panel = Panel(layout, names, values, present, present[:, 0])
    policy = layout.template.disclosure

    def run() -> list[object]:
        pools = pooled_before_disclosure(panel, Peers(names, ()), threads)
        return [(mean_is_safe(pool, policy), trimmed_is_safe(pool, policy)) for pool in pools.values()]

    return run


def _layout(cells: int) -> Layout:
    """The call report with so many products and three indicators of one denominator."""
    from anonymize.template import load, parse
    from sharing.benchmarks.pool import layout_of

    document = json.loads(json.dumps(dict(load("call-report").source)))
    product, bucket = document["dimensions"]
    total, leaf = product["codes"][0], product["codes"][1]
    product["codes"] = [total, *({**leaf, "id": f"P{place}"} for place in range(cells - 1))]
    inside = [code for code in bucket["codes"] if code["id"] != "_T"]
    bucket["codes"] = [bucket["codes"][0], *({**inside[0], "id": f"D{place}"} for place in range(INDICATORS))]
    indicator = document["indicators"][0]
    measure = indicator["denominator"]["measure"]
    document["indicators"] = [
        {**indicator, "id": f"RATE{place}", "numerator": {"measure": measure, "where": {bucket["id"]: f"D{place}"}}}
        for place in range(INDICATORS)
    ]
    return layout_of(parse(document))


def _keep(table: str) -> None:
    """Put the table in its place on the page; the words around it are written by people."""
    before, _begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
