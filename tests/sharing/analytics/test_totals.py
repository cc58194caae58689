"""How many accounts stand behind a headline: what is kept of it, and for whom."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from anonymize.template import load
from sharing.benchmarks.pool import Panel, layout_of
from sharing.benchmarks.totals import rounded, totals
from sharing.models import ReleaseTotal
from tests.sharing.releasing import (
    close,
    collect,
    computed,
    cube_of_bank,
    found_panel,
    open_round_of,
    published,
    submit,
)


def loans_of(bank):
    table = cube_of_bank(bank).table.to_pylist()
    (total,) = [row["LOANS"] for row in table if row["PRODUCT"] == row["DPD_BUCKET"] == "_T"]
    return total


@pytest.fixture
def panel(db):
    return found_panel()


@pytest.fixture
def release(panel, stella, timo, ursula):
    round = open_round_of(collect(panel))
    for bank in panel:
        submit(bank, round)
    return published(computed(close(round), stella), [timo, ursula])


def test_a_release_keeps_the_loans_behind_its_headline_to_two_digits_and_no_amount(release, panel, stella):
    (total,) = ReleaseTotal.objects.visible_to(stella).filter(release=release)
    assert total.indicator == "DPD60_LOAN_RATE"  # the other one's denominator is a balance
    loans = sum(loans_of(bank) for bank in panel)
    assert total.count == rounded(loans)
    assert total.count == pytest.approx(loans, rel=0.05)


@pytest.mark.parametrize(
    ("group", "withheld", "found"), [("ALL", False, 36.0), ("ALL", True, None), ("small", False, None)]
)
def test_only_a_published_headline_of_all_members_has_a_total(group, withheld, found):
    layout = layout_of(load("call-report"))
    values = np.full((3, len(layout.parts), *layout.shape), 12.0)
    there = np.ones(values.shape, dtype=bool)
    panel = Panel(layout, ("A", "B", "C"), values, there, there[:, 0])
    cells = np.ones(layout.shape, dtype=bool)
    shown = SimpleNamespace(indicator="DPD60_LOAN_RATE", peer_group=group, row=cells, withheld=cells & withheld)
    assert totals(panel, [shown]).get("DPD60_LOAN_RATE") == found


@pytest.mark.parametrize(("value", "kept"), [(0, 0), (7, 7), (1234, 1200), (987_654, 990_000), (99.6, 100)])
def test_two_digits_are_kept(value, kept):
    assert rounded(value) == kept


def test_an_outsider_sees_no_total(release, olga):
    assert not ReleaseTotal.objects.visible_to(olga).exists()
