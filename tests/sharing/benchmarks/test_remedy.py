"""The smallest change that would make a refused release pass."""

from __future__ import annotations

import numpy as np

from sharing.benchmarks.peer_groups import ALL, Peers
from sharing.benchmarks.remedy import masks, smallest_change
from tests.sharing.benchmarks.test_crossing import LAYOUT, POLICY, members, panel_from

KEYS = ("_T", "A0", "A1")


def cells_of(besides):
    """The (peer group, key) of masks over the cut."""
    return {(group, KEYS[place]) for group, mask in besides.items() for place in np.flatnonzero(mask)}


def change(failing, passes, count=8):
    """What is found when `passes` says of withheld cells what still fails."""
    panel = panel_from(members(count))
    peers = Peers(panel.contributors, ())
    return smallest_change(failing, lambda besides: passes(cells_of(besides)), panel, peers, POLICY)


def test_cells_that_are_not_needed_are_given_back():
    failing = [("LATE_RATE", ALL, "A0"), ("LATE_RATE", ALL, "A1")]
    remedy = change(failing, lambda withheld: [] if (ALL, "A1") in withheld else failing)
    assert remedy.record() == {"cells": [[ALL, "A1", ["LATE_RATE"]]], "contributors": 0}


def test_what_fails_next_is_withheld_too():
    then = [("LATE_RATE", ALL, "A1")]
    remedy = change([("LATE_RATE", ALL, "A0")], lambda withheld: [] if len(withheld) == 2 else then)
    assert [cell[:2] for cell in remedy.record()["cells"]] == [[ALL, "A0"], [ALL, "A1"]]


def test_a_peer_group_is_withheld_before_all_members():
    failing = [("LATE_RATE", ALL, "A0"), ("LATE_RATE", "small", "A0")]
    remedy = change(failing, lambda withheld: [] if ("small", "A0") in withheld else failing)
    assert remedy.cells == (("small", "A0"),) or remedy.cells == ()
    assert (ALL, "A0") not in remedy.cells


def test_where_nothing_helps_no_cells_are_named_but_the_contributors_that_are_missing():
    failing = [("LATE_RATE", ALL, "A0")]
    assert change(failing, lambda _withheld: failing, count=3).record() == {"cells": [], "contributors": 2}


def test_cells_that_the_cut_has_not_are_left_out():
    assert masks([(ALL, "NOWHERE")], LAYOUT) == {}
