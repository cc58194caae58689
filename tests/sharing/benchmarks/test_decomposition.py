"""A change of a pooled rate is shared out between rates and mix: exactly, symmetrically, from published figures alone."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sharing.benchmarks.decomposition import Published, decompose

TOTAL = "_T"
AMOUNTS = st.floats(1.0, 1e6)
RATES = st.floats(0.0, 1.0)
PARTS = st.lists(st.tuples(AMOUNTS, RATES), min_size=2, max_size=6)


def cells(parts, of_all=1.0):
    """Published cells of parts (denominator, rate), and of their total with this weight among all members."""
    whole = sum(amount for amount, _rate in parts)
    found = {f"P{at}": Published(rate, of_all * amount / whole) for at, (amount, rate) in enumerate(parts)}
    found[TOTAL] = Published(sum(amount * rate for amount, rate in parts) / whole, of_all)
    return found


def codes(parts):
    return [f"P{at}" for at in range(len(parts))]


@given(st.data(), PARTS)
def test_rates_and_mix_add_up_to_the_change_and_leave_no_rest(data, parts):
    later = data.draw(st.lists(st.tuples(AMOUNTS, RATES), min_size=len(parts), max_size=len(parts)))
    found = decompose(cells(parts, 0.4), cells(later, 0.7), TOTAL, codes(parts))
    assert found.rate + found.mix + found.rest == pytest.approx(found.change, abs=1e-12)
    assert found.rest == pytest.approx(0, abs=1e-12)


@given(st.data(), PARTS)
def test_the_way_back_is_the_way_there_with_other_signs(data, parts):
    later = data.draw(st.lists(st.tuples(AMOUNTS, RATES), min_size=len(parts), max_size=len(parts)))
    there = decompose(cells(parts), cells(later), TOTAL, codes(parts))
    back = decompose(cells(later), cells(parts), TOTAL, codes(parts))
    for one, other in zip(there.parts, back.parts, strict=True):
        assert (one.rate, one.mix) == pytest.approx((-other.rate, -other.mix), abs=1e-12)


def test_growth_of_the_risky_part_is_mix_alone():
    found = decompose(cells([(90, 0.01), (10, 0.11)]), cells([(80, 0.01), (20, 0.11)]), TOTAL, ["P0", "P1"])
    assert found.rate == 0
    assert found.mix == pytest.approx(0.01)
    assert all(part.mix > 0 for part in found.parts)  # the safe part shrank, the risky one grew: both worsen the mix


def test_worse_rates_at_the_same_mix_are_rate_alone():
    found = decompose(cells([(50, 0.01), (50, 0.02)]), cells([(50, 0.03), (50, 0.02)]), TOTAL, ["P0", "P1"])
    assert found.mix == pytest.approx(0)
    assert [part.rate for part in found.parts] == pytest.approx([0.01, 0])


@pytest.mark.parametrize("missing", [Published(None, None), Published(0.02, None), Published(None, 0.5), None])
def test_what_is_withheld_in_either_release_is_in_one_rest(missing):
    before, now = cells([(50, 0.01), (30, 0.02), (20, 0.05)]), cells([(50, 0.02), (30, 0.02), (20, 0.09)])
    if missing is None:
        del now["P2"]
    else:
        now["P2"] = missing
    found = decompose(before, now, TOTAL, ["P0", "P1", "P2"])
    assert found.unknown == ("P2",)
    assert [part.code for part in found.parts] == ["P0", "P1"]
    assert found.rate + found.mix + found.rest == pytest.approx(found.change, abs=1e-15)
    assert found.rest == pytest.approx(0.2 * 0.04)


def test_a_part_that_no_release_has_is_nothing():
    found = decompose(cells([(1, 0.1)]), cells([(1, 0.2)]), TOTAL, ["P0", "ELSEWHERE"])
    assert found.unknown == ()


def test_without_the_total_nothing_is_said():
    now = cells([(50, 0.01), (50, 0.02)])
    assert decompose(now | {TOTAL: Published(None, None)}, now, TOTAL, ["P0", "P1"]) is None
    assert decompose({}, now, TOTAL, ["P0", "P1"]) is None
