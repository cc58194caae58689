"""Plausibility of a cube: against the institution's own cube of the period before, and against itself.

All of it is about cells cut by at most one dimension, of some weight: in small cells large changes are usual. A cell that
is withheld in either cube says nothing and is left out. The limits are the template's own (`checks`), the kinds are
named as there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from anonymize.findings import Arrays, Broken, Mask, cut_by_at_most_one
from anonymize.indicators import indicator_arrays, rate
from anonymize.protection.noise_error import noise_error
from anonymize.template import TOTAL, Check, Dimension, Indicator, Template

FEWEST_CELLS = 20  # comparing fewer shows nothing
FEWEST_PEERS = 5
NOISE_ERRORS = 8.0  # how far noise may take a figure from where it must be, in standard errors
LARGEST_LIMIT = 1e12  # stands for a limit that is not there
NEAR_A_POWER_OF_TEN = 0.1  # in decimal logarithms: a factor between 0.8 and 1.26 of it
SMALLEST_DEVIATION = 0.005  # of a rate: where all siblings agree, half a point is still ordinary

Values = NDArray[np.float64]
Compare = Callable[[Check, Arrays, Arrays, Template], Iterator[Broken]]


def period_change(check: Check, values: Arrays, before: Arrays, template: Template) -> Iterator[Broken]:
    """`period-change-within`: a measure that moved by more than a share of itself."""
    measure, at_most = str(check.options["measure"]), float(check.options["at_most"])
    old, new = before[measure], values[measure]
    weighty = np.abs(old) >= float(check.options.get("min_share", 0.05)) * np.abs(old[_total(template)])
    changed = np.abs(new - old) > at_most * np.abs(old)
    yield Broken.at(
        check,
        changed & weighty & (old != 0) & cut_by_at_most_one(template, template.dimensions),
        lambda where: (
            f"{measure} at {where} changed by more than {at_most:.0%} since the period before. "
            "Make sure that the tape is complete and in the template's unit."
        ),
    )


def mix_shift(check: Check, values: Arrays, before: Arrays, template: Template) -> Iterator[Broken]:
    """`mix-shift`: a code whose share of the total moved by more than so many points."""
    measure, at_most = str(check.options["measure"]), float(check.options["at_most"])
    for dimension in _dimensions(check, template):
        old, new = (_shares(each[measure], template, dimension) for each in (before, values))
        moved = np.abs(new - old) > at_most
        yield Broken.at(check, _spread(moved, template, dimension), _mix_sentence(measure, dimension, at_most))


def _mix_sentence(measure: str, dimension: Dimension, at_most: float) -> Callable[[str], str]:
    return lambda where: (
        f"The share of {where} in {measure} moved by more than {100 * at_most:g} points since the period before. "
        f"Make sure that the mapping of {dimension.id} and the tape are as they were."
    )


def definition_break(check: Check, values: Arrays, before: Arrays, template: Template) -> Iterator[Broken]:
    """`definition-break`: a code of some weight that was never used before, or is not any more."""
    measure, weight = str(check.options["measure"]), float(check.options.get("min_share", 0.02))
    for dimension in _dimensions(check, template):
        old, new = (_shares(each[measure], template, dimension) for each in (before, values))
        for gone, broken in ((True, (old >= weight) & (new == 0)), (False, (old == 0) & (new >= weight))):
            yield Broken.at(check, _spread(broken, template, dimension), _break_sentence(measure, dimension, gone))


def _break_sentence(measure: str, dimension: Dimension, gone: bool) -> Callable[[str], str]:
    what = "has nothing any more of" if gone else "has for the first time something of"
    return lambda where: (
        f"{where} {what} {measure}. Make sure that the codes of {dimension.id} still mean what they did, and say so if "
        "they changed."
    )


def unit_change(check: Check, values: Arrays, before: Arrays, template: Template) -> Iterator[Broken]:
    """`unit-change`: a grand total that is ten, a hundred, ten thousand … times what it was, or such a part of it.

    `at_least` is the smallest such factor that counts; 10 where it is not given.
    """
    smallest = round(np.log10(float(check.options.get("at_least", 10))))
    for measure in _measures(check, template):
        old, new = (float(each[measure][_total(template)]) for each in (before, values))
        if not (old > 0 and new > 0):
            continue
        power = np.log10(new / old)
        if abs(round(power)) >= max(smallest, 1) and abs(power - round(power)) <= NEAR_A_POWER_OF_TEN:
            times = f"{10 ** abs(round(power)):,}"
            yield Broken.of_all(
                check,
                f"{measure} in all is about {times} times {'what it was' if power > 0 else 'smaller than'} in the period "
                f"before. Make sure that amounts are in {template.measure(measure).unit}; the mapping's scale sets it right.",
            )


def identical_copy(check: Check, values: Arrays, before: Arrays, template: Template) -> Iterator[Broken]:
    """`identical-copy`: nearly all figures are those of the period before."""
    same, compared = 0, 0
    for measure in _measures(check, template):
        old, new = before[measure], values[measure]
        both = ~np.isnan(old) & ~np.isnan(new) & ((old != 0) | (new != 0))
        same, compared = same + int((old[both] == new[both]).sum()), compared + int(both.sum())
    if compared >= FEWEST_CELLS and same >= float(check.options.get("at_least", 0.9)) * compared:
        yield Broken.of_all(
            check, "The figures are those of the period before. Make sure that the tape is of this period."
        )


def indicator_change(check: Check, values: Arrays, before: Arrays, template: Template) -> Iterator[Broken]:
    """`indicator-change-within`: a rate that moved by more than so many points."""
    indicator, at_most = template.indicator(str(check.options["indicator"])), float(check.options["at_most"])
    now, then = (_Rates(indicator, each, template) for each in (values, before))
    moved = np.abs(now.rate - then.rate) > at_most
    weighty = now.weighty(check) & then.weighty(check)
    yield Broken.at(
        check,
        now.spread(moved & weighty) & cut_by_at_most_one(template, template.cut(indicator)),
        lambda where: (
            f"{indicator.id} at {where} moved by more than {100 * at_most:g} points since the period before. "
            "Make sure that both tapes are complete; if the change is real, say so in the portal."
        ),
    )


def indicator_within(check: Check, values: Arrays, template: Template) -> Iterator[Broken]:
    """`indicator-within`: a rate outside the limits that it cannot leave."""
    indicator = template.indicator(str(check.options["indicator"]))
    low, high = (float(check.options.get(name, end)) for name, end in (("at_least", -np.inf), ("at_most", np.inf)))
    rates = _Rates(indicator, values, template)
    # Rounding of two cents in either part is no news.
    room = 1e-9
    beyond = (rates.rate < low - room) | (rates.rate > high + room)
    if template.protection.method == "noise":
        limit = np.where(rates.rate < low, max(low, -LARGEST_LIMIT), min(high, LARGEST_LIMIT))
        beyond &= _beyond_noise(rates, limit, indicator, template)
    yield Broken.at(
        check,
        rates.spread(beyond),
        lambda where: (
            f"{indicator.id} at {where} is outside {low:g} to {high:g}. Correct its numerator or its denominator."
        ),
    )


def _beyond_noise(rates: _Rates, limit: Values, indicator: Indicator, template: Template) -> Mask:
    """Where noise alone would hardly take the numerator as far from the limit's share of the denominator."""
    above, below = indicator_arrays(noise_error(template), template, indicator)
    far: Mask = np.abs(rates.numerator - limit * rates.denominator) > NOISE_ERRORS * np.hypot(above, limit * below)
    return far


def outlier(check: Check, values: Arrays, template: Template) -> Iterator[Broken]:
    """`outlier`: a code whose rate lies many robust deviations from the median of its siblings.

    The deviation is 1.4826 times the median absolute deviation, which is the standard deviation of a normal sample.
    """
    indicator, deviations = template.indicator(str(check.options["indicator"])), float(check.options["deviations"])
    rates = _Rates(indicator, values, template)
    for dimension in _dimensions(check, template):
        if dimension not in template.cut(indicator):
            continue
        axis = template.cut(indicator).index(dimension)
        leaves = np.isin(dimension.code_list.ids, dimension.code_list.leaves)
        line = tuple(slice(None) if each == axis else 0 for each in range(rates.rate.ndim))
        shown = np.where(leaves & rates.weighty(check)[line], rates.rate[line], np.nan)
        found = np.zeros(rates.rate.shape, np.bool_)
        found[line] = _far(shown, deviations)
        yield Broken.at(check, rates.spread(found), _outlier_sentence(indicator, dimension))


def _outlier_sentence(indicator: Indicator, dimension: Dimension) -> Callable[[str], str]:
    return lambda where: (
        f"{indicator.id} at {where} is far from the other codes of {dimension.id}. Make sure that its loans are mapped "
        "as they should be."
    )


def _far(shown: Values, deviations: float) -> Mask:
    if np.count_nonzero(~np.isnan(shown)) < FEWEST_PEERS:
        return np.zeros(shown.shape, np.bool_)
    distance = np.abs(shown - np.nanmedian(shown))
    far: Mask = distance > deviations * max(1.4826 * float(np.nanmedian(distance)), SMALLEST_DEVIATION)
    return far


COMPARISONS: dict[str, Compare] = {
    "period-change-within": period_change,
    "mix-shift": mix_shift,
    "definition-break": definition_break,
    "unit-change": unit_change,
    "identical-copy": identical_copy,
    "indicator-change-within": indicator_change,
}
ALONE: dict[str, Callable[[Check, Arrays, Template], Iterator[Broken]]] = {
    "indicator-within": indicator_within,
    "outlier": outlier,
}


class _Rates:
    """An indicator over its cut, and its place in the template's lattice: where its numerator stands."""

    def __init__(self, indicator: Indicator, values: Arrays, template: Template) -> None:
        self.numerator, self.denominator = indicator_arrays(values, template, indicator)
        self.rate = rate(self.numerator, self.denominator)
        self._shape = template.shape
        fixed = indicator.numerator.where
        self._where = tuple(
            each.code_list.index[fixed[each.id]] if each.id in fixed else slice(None) for each in template.dimensions
        )

    def weighty(self, check: Check) -> Mask:
        """Where the denominator is a fair part of its grand total."""
        total = self.denominator[(0,) * self.denominator.ndim]
        heavy: Mask = self.denominator >= float(check.options.get("min_share", 0.05)) * total
        return heavy

    def spread(self, mask: Mask) -> Mask:
        """A mask over the cut as one over the template's lattice."""
        full = np.zeros(self._shape, np.bool_)
        full[self._where] = mask
        return full


def _total(template: Template) -> tuple[int, ...]:
    return tuple(each.code_list.index[TOTAL] for each in template.dimensions)


def _measures(check: Check, template: Template) -> tuple[str, ...]:
    return tuple(check.options.get("measures", template.measure_ids))


def _dimensions(check: Check, template: Template) -> tuple[Dimension, ...]:
    named = check.options.get("dimensions", template.dimension_ids)
    return tuple(template.dimension(each) for each in named)


def _shares(values: Values, template: Template, dimension: Dimension) -> Values:
    """Each finest code's share of the grand total; NaN for parents, and where either is withheld."""
    shown = values[_line(template, dimension)]
    leaves = np.isin(dimension.code_list.ids, dimension.code_list.leaves)
    whole = np.full(shown.shape, values[_total(template)])
    shares: Values = np.where(leaves, rate(shown, whole), np.nan)
    return shares


def _spread(mask: Mask, template: Template, dimension: Dimension) -> Mask:
    """A mask over one dimension's codes, at the totals of all others."""
    full = np.zeros(template.shape, np.bool_)
    full[_line(template, dimension)] = mask
    return full


def _line(template: Template, dimension: Dimension) -> tuple[int | slice, ...]:
    """One dimension's codes, at the totals of all others."""
    return tuple(
        slice(None) if each is dimension else total
        for each, total in zip(template.dimensions, _total(template), strict=True)
    )
