"""Where few corrected themselves, a revision shows sums again, and neither means nor order statistics."""

from __future__ import annotations

import numpy as np

from sharing.benchmarks.disclosure import protect
from sharing.benchmarks.peer_groups import ALL, Peers
from sharing.benchmarks.pool import pooled_before_disclosure
from sharing.benchmarks.published import publish
from sharing.benchmarks.revisions import corrected_cells, isolated_cells
from tests.sharing.benchmarks.test_crossing import LAYOUT, POLICY, former_of, members, panel_from


def corrections(count):
    """The release of twelve banks after so many of them corrected one product."""
    figures = members(12)
    before = panel_from(figures)
    peers = Peers(before.contributors, ())
    new = figures.copy()
    new[:count, 0] += 1
    changed = panel_from(figures[:count], before.contributors[:count])
    return former_of(before, peers, changed), panel_from(new), peers


def test_cells_that_few_corrected_are_marked_and_no_others():
    former, panel, peers = corrections(2)
    assert corrected_cells(former, panel, peers, 5)[ALL].tolist() == [True, True, False]
    assert not isolated_cells(former, panel, peers, 5)[ALL].any()


def test_cells_that_many_corrected_are_not_marked():
    former, panel, peers = corrections(5)
    assert not corrected_cells(former, panel, peers, 5)[ALL].any()


def test_a_cell_that_few_corrected_shows_its_pooled_rate_alone():
    former, panel, peers = corrections(2)
    marked = corrected_cells(former, panel, peers, 5)
    (figures,) = publish(
        panel, peers, pooled_before_disclosure(panel, peers), protect(panel, peers, POLICY, 2), POLICY, marked
    )
    assert not np.isnan(figures.pooled).any()
    for name in ("mean", "median", "p25", "p75"):
        assert np.isnan(getattr(figures, name)).tolist() == [True, True, False], name
    assert LAYOUT.shape == (3,)
