"""What a release publishes: the pools and the decisions on them, as columns with a row for each cell.

Where a cell is withheld, everything in its row is. Where it is published, the mean, the median and the quartiles still
have conditions of their own:

- median and quartiles need their minimum of contributors;
- the mean is a sum of rates divided by a published count, so it obeys the rules of a sum: enough contributors, none
  of whose rate another could estimate too well (p%); and as the sum over all less those of the published peer groups
  is the sum over the rest, the mean of all is published only where that rest is empty or could be published itself.
  Where two families leave such a rest, their difference could isolate somebody, and the mean of all is withheld.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.template import Indicator
from sharing.benchmarks.disclosure import Protection, Reasons
from sharing.benchmarks.peer_groups import ALL, Family, Peers
from sharing.benchmarks.pool import Mask, Panel, Pool, Values

FIGURES = ("pooled", "mean", "p25", "median", "p75")


@dataclass(frozen=True)
class Figures:
    """One indicator in one peer group over the cut; `row` says which cells the release has, figures NaN if withheld."""

    indicator: str
    peer_group: str
    row: Mask
    reason: Reasons
    pooled: Values
    mean: Values
    p25: Values
    median: Values
    p75: Values
    contributors: NDArray[np.int64]

    @property
    def withheld(self) -> Mask:
        mask: Mask = self.reason != ""
        return mask


Pools = Mapping[tuple[str, str], Pool]


def publish(
    panel: Panel, peers: Peers, pools: Pools, protection: Protection, policy: DisclosurePolicy
) -> list[Figures]:
    """The figures of every indicator and peer group, in the template's order."""
    found = []
    for indicator in panel.layout.template.indicators:
        rates = panel.rates(indicator)
        reasons = {group: _reasons(indicator, group, pools[indicator.id, group], protection) for group in peers.codes}
        means = _means(rates, peers, reasons, policy)
        for group in peers.codes:
            row = protection.shown(indicator, group) & panel.reported[peers.rows(group)].any(axis=0)
            found.append(
                _figures(indicator.id, group, pools[indicator.id, group], row, reasons[group], means[group], policy)
            )
    return found


def _reasons(indicator: Indicator, group: str, pool: Pool, protection: Protection) -> Reasons:
    """A cell to which nobody contributes, because all who have figures withhold them, is withheld as well."""
    reasons = protection.reasons(indicator, group)
    return np.where((reasons == "") & (pool.contributors == 0), "A", reasons)


def _figures(
    indicator: str, group: str, pool: Pool, row: Mask, reason: Reasons, mean: Mask, policy: DisclosurePolicy
) -> Figures:
    free = row & (reason == "")
    counts = pool.contributors
    quartiles = free & (counts >= policy.quartiles_minimum)

    def where(mask: Mask, values: Values) -> Values:
        shown: Values = np.where(mask, values, np.nan)
        return shown

    return Figures(
        indicator=indicator,
        peer_group=group,
        row=row,
        reason=reason,
        pooled=where(free, pool.pooled),
        mean=where(free & mean, pool.mean),
        p25=where(quartiles, pool.p25),
        median=where(free & (counts >= policy.median_minimum), pool.median),
        p75=where(quartiles, pool.p75),
        contributors=np.where(free, counts, 0),
    )


def _means(rates: Values, peers: Peers, reasons: Mapping[str, Reasons], policy: DisclosurePolicy) -> dict[str, Mask]:
    """For each peer group the cells whose mean may be published."""
    shown = {group: (reasons[group] == "") & _sum_is_safe(rates[peers.rows(group)], policy) for group in peers.codes}
    leaves_rest = np.zeros(rates.shape[1:], dtype=np.int64)
    for family in peers.families:
        rest = _rest(rates, family, shown)
        somebody = ~np.isnan(rest).all(axis=0)
        leaves_rest += somebody
        shown[ALL] &= ~somebody | _sum_is_safe(rest, policy)
    shown[ALL] &= leaves_rest <= 1
    return shown


def _rest(rates: Values, family: Family, shown: Mapping[str, Mask]) -> Values:
    """The rates of those who are in no group whose mean is published, NaN for the others."""
    rest = rates.copy()
    for place, group in enumerate(family.groups):
        rows = np.flatnonzero(family.group_of == place)
        rest[rows] = np.where(shown[group], np.nan, rest[rows])
    everybody_left = np.stack([~shown[group] for group in family.groups]).all(axis=0)
    return np.where(everybody_left, np.nan, rest)  # no group is subtracted: nothing follows beyond the mean itself


def _sum_is_safe(rates: Values, policy: DisclosurePolicy) -> Mask:
    """Enough contributors, and nobody can come nearer than p% to the largest rate."""
    counted = np.where(np.isnan(rates), 0.0, rates)
    enough: Mask = (~np.isnan(rates)).sum(axis=0) >= policy.min_contributors
    if len(counted) < 2:
        return enough & False
    second, largest = np.partition(counted, len(counted) - 2, axis=0)[-2:]
    rest = counted.sum(axis=0) - largest - second
    safe: Mask = enough & (rest >= policy.p_percent / 100 * largest * (1 - 1e-12))
    return safe
