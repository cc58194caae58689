"""What a release publishes: the pools and the decisions on them, as columns with a row for each cell.

Where a cell is withheld, everything in its row is. Where it is published, the mean, the median and the quartiles still
have conditions of their own:

- median, quartiles and deciles need their minimum of contributors;
- the mean is a sum of rates divided by a published count, so it obeys the rules of a sum: enough contributors, none
  of whose rate others who pool theirs could estimate too well (p%); and as the sum over all less those of the published
  peer groups is the sum over the rest, the mean of all is published only where that rest is empty or could be
  published itself. Where two families leave such a rest, their difference could isolate somebody, and the mean of all is
  withheld;
- the trimmed mean is such a sum as well, and beside the mean it gives the sum of what was cut off: the highest rates,
  where the lowest are nought. So it is published only beside a mean, where deciles are, and where both what it keeps and
  what it cuts off above obey the rules of a sum (few contributors have a tail of one or two, so they have none);
- the weight is a sum of the denominator's pooled table, which is protected as if its sums were printed, over the total
  of it: published where both are. Not of the indicator's own contributors: two indicators of one denominator
  would differ by whoever withholds one numerator;
- the standard error that protection adds follows from weight, rate and template, and gives the denominator away: it
  has two digits where that is a count, as the totals behind headlines have (`totals`), one where it is an amount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anonymize.disclosure.policy import DisclosurePolicy
from anonymize.protection.noise_error import noise_error
from anonymize.protection.rounding_error import rounding_errors
from anonymize.template import Indicator
from sharing.benchmarks.disclosure import Protection, Reasons
from sharing.benchmarks.peer_groups import ALL, Family, Peers
from sharing.benchmarks.pool import TOP, Layout, Mask, Panel, Pool, Values
from sharing.benchmarks.quantiles import TRIMMED
from sharing.models.release import FIGURES as FIGURES

ERROR_DIGITS: Final = {"count": 2}  # by the type of the denominator's measure
ERROR_DIGITS_OF_OTHERS: Final = 1


@dataclass(frozen=True)
class Figures:
    """One indicator in one peer group over the cut; `row` says which cells the release has, figures NaN if withheld."""

    indicator: str
    peer_group: str
    row: Mask
    reason: Reasons
    pooled: Values
    mean: Values
    trimmed_mean: Values
    p10: Values
    p20: Values
    p25: Values
    p30: Values
    p40: Values
    median: Values
    p60: Values
    p70: Values
    p75: Values
    p80: Values
    p90: Values
    weight: Values
    error: Values
    contributors: NDArray[np.int64]

    @property
    def withheld(self) -> Mask:
        mask: Mask = self.reason != ""
        return mask


Pools = Mapping[tuple[str, str], Pool]


def publish(
    panel: Panel,
    peers: Peers,
    pools: Pools,
    protection: Protection,
    policy: DisclosurePolicy,
    corrected: Mapping[str, Mask] | None = None,
) -> list[Figures]:
    """The figures of every indicator and peer group, in the template's order.

    In `corrected` cells few contributors corrected themselves since a former release: only sums are shown again, because a
    single correction moves means and order statistics.
    """
    found = []
    errors = member_errors(panel.layout)
    for indicator in panel.layout.template.indicators:
        reasons = {group: _reasons(indicator, group, pools[indicator.id, group], protection) for group in peers.codes}
        mine = {group: pools[indicator.id, group] for group in peers.codes}
        means = _means(panel, indicator, peers, mine, reasons, policy)
        for group in peers.codes:
            row = protection.shown(indicator, group) & panel.reported[peers.rows(group)].any(axis=0)
            weight = _weight(panel, indicator, peers.rows(group), group, protection)
            error = pool_error(panel, indicator, peers.rows(group), mine[group], errors)
            again = (corrected or {}).get(group, np.zeros(row.shape, dtype=np.bool_))
            found.append(
                _figures(
                    indicator.id, group, mine[group], row, reasons[group], means[group], again, weight, error, policy
                )
            )
    return found


def _reasons(indicator: Indicator, group: str, pool: Pool, protection: Protection) -> Reasons:
    """A cell to which nobody contributes, because all who have figures withhold them, is withheld as well."""
    reasons = protection.reasons(indicator, group)
    return np.where((reasons == "") & (pool.contributors == 0), "A", reasons)


def _figures(
    indicator: str,
    group: str,
    pool: Pool,
    row: Mask,
    reason: Reasons,
    mean: Mask,
    corrected: Mask,
    weight: Values,
    error: Values,
    policy: DisclosurePolicy,
) -> Figures:
    free = row & (reason == "")
    plain = free & ~corrected
    counts = pool.contributors
    least = {"median": policy.median_minimum, "p25": policy.quartiles_minimum, "p75": policy.quartiles_minimum}

    def where(mask: Mask, values: Values) -> Values:
        shown: Values = np.where(mask, values, np.nan)
        return shown

    quantiles = {
        name: where(plain & (counts >= least.get(name, policy.deciles_minimum)), values)
        for name, values in pool.quantiles.items()
    }
    return Figures(
        indicator=indicator,
        peer_group=group,
        row=row,
        reason=reason,
        pooled=where(free, pool.pooled),
        mean=where(plain & mean, pool.mean),
        trimmed_mean=where(plain & mean & trimmed_is_safe(pool, policy), pool.trimmed_mean),
        **quantiles,
        weight=where(free, weight),
        error=where(free & ~np.isnan(weight), error),
        contributors=np.where(free, counts, 0),
    )


def _weight(panel: Panel, indicator: Indicator, rows: NDArray[np.int64], group: str, protection: Protection) -> Values:
    """The cells' shares of the denominator of all members in total; NaN where either sum is withheld."""
    part = indicator.denominator
    top = (0,) * len(panel.layout.cut)  # parents come before their children, so the total is the first cell
    total = float(panel.part(part).sum(axis=0)[top])
    if total <= 0 or protection.part_reasons(part, ALL)[top] != "":
        return np.full(panel.layout.shape, np.nan)
    sums = panel.part(part)[rows].sum(axis=0)
    weight: Values = np.where(protection.part_reasons(part, group) == "", sums / total, np.nan)
    return weight


def pool_error(
    panel: Panel, indicator: Indicator, rows: NDArray[np.int64], pool: Pool, errors: Sequence[Values]
) -> Values:
    """The standard error that protection at the members adds to the pooled rate R = N / D, by the delta method:

        sqrt(n (s_N^2 + R^2 s_D^2)) / D,

    where s_N and s_D are those of one member's cell (`member_errors`), n how many contribute, D the sum of the denominator's
    table. The errors of a member's numerator and denominator are taken as uncorrelated; where the one is a part of the other,
    they move together and the error is smaller. Rounded as the module says.
    """
    denominator = panel.part(indicator.denominator)[rows].sum(axis=0)
    numerator_error, denominator_error = (
        errors[panel.layout.part(part)] for part in (indicator.numerator, indicator.denominator)
    )
    rate = np.nan_to_num(pool.pooled)
    spread = np.sqrt(pool.contributors * (numerator_error**2 + rate**2 * denominator_error**2))
    exact = np.divide(spread, denominator, out=np.full(spread.shape, np.nan), where=denominator > 0)
    kind = panel.layout.template.measure(indicator.denominator.measure).type
    return to_digits(exact, ERROR_DIGITS.get(kind, ERROR_DIGITS_OF_OTHERS))


def member_errors(layout: Layout) -> list[Values]:
    """For each part, over the cut: the standard error that protection adds to one member's cell, in the measure's unit.

    It follows from the template alone. Rounding: half the base for every rounded cell that the cell is added up from; noise:
    what it is drawn with. Suppression and merging leave what they publish as it is; what they withhold is not in a pool.
    """
    template = layout.template
    method = template.protection.method
    if method not in ("round", "noise"):
        return [np.zeros(layout.shape) for _part in layout.parts]
    by_measure = rounding_errors(template) if method == "round" else noise_error(template)
    found = []
    for part, places in zip(layout.parts, layout.places, strict=True):
        errors = np.zeros(int(np.prod(layout.shape)))
        errors[places[places >= 0]] = by_measure[part.measure].ravel()[places >= 0]
        found.append(errors.reshape(layout.shape))
    return found


def to_digits(values: Values, digits: int) -> Values:
    """To so many significant digits; NaN and nought stay as they are."""
    rounded = [float(f"{value:.{digits - 1}e}") for value in values.ravel().tolist()]
    return np.array(rounded, dtype=np.float64).reshape(values.shape)


def _means(
    panel: Panel,
    indicator: Indicator,
    peers: Peers,
    pools: Mapping[str, Pool],
    reasons: Mapping[str, Reasons],
    policy: DisclosurePolicy,
) -> dict[str, Mask]:
    """For each peer group the cells whose mean may be published."""
    shown = {group: (reasons[group] == "") & mean_is_safe(pool, policy) for group, pool in pools.items()}
    if not peers.families:
        return shown
    rates = panel.rates(indicator)
    leaves_rest = np.zeros(rates.shape[1:], dtype=np.int64)
    for family in peers.families:
        rest = _rest(rates, family, shown)
        somebody = ~np.isnan(rest).all(axis=0)
        leaves_rest += somebody
        shown[ALL] &= ~somebody | _rest_is_safe(rest, policy)
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


def mean_is_safe(pool: Pool, policy: DisclosurePolicy) -> Mask:
    total = np.nan_to_num(pool.mean) * pool.contributors
    enough: Mask = pool.contributors >= policy.min_contributors
    return enough & _sum_is_safe(total, pool.largest, policy)


def trimmed_is_safe(pool: Pool, policy: DisclosurePolicy) -> Mask:
    """Whether what the trimmed mean keeps and what it cuts off above could both be published as sums."""
    cut_off = pool.contributors // TRIMMED
    kept = np.nan_to_num(pool.trimmed_mean) * pool.contributors * (1 - 2 / TRIMMED)
    enough: Mask = (pool.contributors >= policy.deciles_minimum) & (
        cut_off >= max(policy.min_contributors, len(pool.largest))
    )
    return enough & _sum_is_safe(kept, pool.largest_kept, policy) & _sum_is_safe(pool.tail, pool.largest, policy)


def _rest_is_safe(rates: Values, policy: DisclosurePolicy) -> Mask:
    counted = ~np.isnan(rates)
    places = max(TOP - len(rates), 0)
    filled = np.pad(np.where(counted, rates, 0.0), [(0, places), *[(0, 0)] * (rates.ndim - 1)])
    largest = np.partition(filled, range(len(filled) - TOP, len(filled)), axis=0)[: -TOP - 1 : -1]
    enough: Mask = counted.sum(axis=0) >= policy.min_contributors
    return enough & _sum_is_safe(filled.sum(axis=0), largest, policy)


def _sum_is_safe(total: Values, largest: Values, policy: DisclosurePolicy) -> Mask:
    """Whether nobody, with as many others as may pool what they know, comes nearer than p% to the largest summand.

    `largest` are the largest summands, the first the largest of all.
    """
    rest = total - largest[: 1 + max(policy.coalition, 1)].sum(axis=0)
    safe: Mask = rest >= policy.p_percent / 100 * largest[0] * (1 - 1e-12)
    return safe
