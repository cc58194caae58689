"""Cells withheld in the period before are preferred when others have to be withheld: a pattern that flickers helps nobody."""

from __future__ import annotations

import numpy as np

from anonymize.disclosure.policy import DisclosurePolicy
from sharing.benchmarks.disclosure import protect
from sharing.benchmarks.peer_groups import ALL, Family, Peers
from sharing.benchmarks.pool import Returns, layout_of, panel_of
from tests.disclosure_attack.test_pooled_tables import small_template, with_totals

LAYOUT = layout_of(small_template((5,)))
GROUPS = ("north", "south", "west")
MONTHS = 12
BANKS = 15


def months(seed):
    """A year of panels of unequal banks with some products each, whose balances move by a third from month to month."""
    rng = np.random.default_rng(seed)
    codes = tuple(f"M{number:02}" for number in range(BANKS))
    base = np.exp(rng.normal(4, 1, (BANKS, 5))) * (rng.random((BANKS, 5)) < 0.7)
    places = np.arange(BANKS) % 3
    peers = Peers(codes, (Family("region", GROUPS, places),))
    for _month in range(MONTHS):
        whole = with_totals(base * np.exp(rng.normal(0, 0.3, base.shape)))
        values = np.stack([whole * {"_T": 1.0, "LATE": 0.1}[part.where["DPD"]] for part in LAYOUT.parts], axis=1)
        yield panel_of(Returns(LAYOUT, codes, values), {code: code for code in codes}), peers


def flicker(seed, *, remember):
    """How many cells change between shown and withheld over a year."""
    policy = DisclosurePolicy(min_contributors=3, p_percent=10)
    (indicator,) = LAYOUT.template.indicators
    before, changes = None, 0
    for panel, peers in months(seed):
        protection = protect(panel, peers, policy, 2, before=before if remember else None)
        assert protection.ok
        withheld = {group: protection.reasons(indicator, group) != "" for group in (ALL, *GROUPS)}
        if before is not None:
            changes += sum(int((withheld[group] != before[group]).sum()) for group in withheld)
        before = withheld
    return changes


def test_a_years_pattern_flickers_less_when_the_last_one_is_remembered():
    assert flicker(0, remember=True) < flicker(0, remember=False)
