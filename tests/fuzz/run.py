"""`python -m tests.fuzz.run [--count N] [--seed S]`: mutants through every reader, on all cores; ends with 1 on a find."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.mutations import mutant
from tests.fuzz.targets import targets

BATCH = 2_500
SHOWN = 20


@dataclass
class Tally:
    """How many mutants each reader met, and what went wrong, with what it takes to repeat it."""

    met: Counter[str] = field(default_factory=Counter)
    finds: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.met.update(other.met)
        self.finds += other.finds


def batch(seed: int, count: int) -> Tally:
    """`count` mutants, the same for the same seed but for what sealing and ES256 draw."""
    tally, random, readers = Tally(), Random(seed), targets()
    names = ["package", "package", *readers]  # packages come from outside most often
    for number in range(count):
        reader = random.choice(names)
        genuine = random.choice(readers[reader].genuine)
        mutation, made = mutant(genuine, random)
        tally.met[f"{reader}: {mutation}"] += 1
        wrong = readers[reader].crash_or_acceptance(genuine, made)
        if wrong:
            tally.finds.append(f"seed {seed}, number {number}, {reader}, {mutation}: {wrong}; {made.content[:300]!r}")
    return tally


def all_batches(seed: int, count: int) -> Iterator[Tally]:
    sizes = [min(BATCH, count - done) for done in range(0, count, BATCH)]
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(batch, range(seed, seed + len(sizes)), sizes)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began, tally = time.monotonic(), Tally()
    for each in all_batches(asked.seed, asked.count):
        tally.add(each)
    readers = Counter[str]()
    for name, number in tally.met.items():
        readers[name.partition(":")[0]] += number
    print(f"{sum(readers.values()):,} mutants in {time.monotonic() - began:.0f} s: {dict(readers)}")
    print(f"{len(tally.finds)} crashes and acceptances")
    for find in tally.finds[:SHOWN]:
        print(f"  {find}")
    return 1 if tally.finds else 0


if __name__ == "__main__":
    sys.exit(main())
