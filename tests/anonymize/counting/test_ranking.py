"""The two largest contributions, whoever appears how often and in whatever order."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st

from anonymize.counting.ranking import NOBODY, Ranking

entries = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), max_size=12)


def single(who: int, amount: int) -> Ranking:
    return Ranking(*(np.array([each], np.int64) for each in (amount, 0, who, NOBODY)))


def of(found: list[tuple[int, int]]) -> Ranking:
    ranking = Ranking.empty((1,))
    for who, amount in found:
        ranking.include((slice(None),), single(who, amount))
    return ranking


@given(entries, entries)
def test_whoever_appears_again_counts_with_the_larger_amount(
    some: list[tuple[int, int]], more: list[tuple[int, int]]
) -> None:
    ranking = of(some)
    ranking.include((slice(None),), of(more))
    ranking.include((slice(None),), of(some))
    largest = {who: max(amount for each, amount in [*some, *more] if each == who) for who, _ in [*some, *more]}
    assert [int(ranking.first[0]), int(ranking.second[0])] == [*sorted(largest.values(), reverse=True), 0, 0][:2]
