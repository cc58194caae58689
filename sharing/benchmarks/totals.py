"""How many accounts stand behind each indicator's headline, rounded: what a reader's intervals are reckoned from.

Disclosure: the sum is the root of the denominator's pooled table, which is protected as if its sums were printed
(`disclosure`), and is given only where the headline is published, for counts alone. Two significant digits of it
say less than the sum that every attacker is taken to know. It is the table's own sum, not the sum over those who
contribute to the indicator: two indicators with one denominator would differ by whoever withholds one numerator.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import floor, log10
from typing import Final

from sharing.benchmarks.peer_groups import ALL
from sharing.benchmarks.pool import Panel
from sharing.benchmarks.published import Figures

DIGITS: Final = 2


def totals(panel: Panel, figures: Iterable[Figures]) -> dict[str, float]:
    """By indicator; without those whose headline is withheld or whose denominator is an amount."""
    template = panel.layout.template
    top = (0,) * len(panel.layout.cut)  # parents come before their children, so the total is the first cell
    shown = {each.indicator for each in figures if each.peer_group == ALL and each.row[top] and not each.withheld[top]}
    found = {}
    for indicator in template.indicators:
        if indicator.id in shown and template.measure(indicator.denominator.measure).type == "count":
            by_contributor = panel.part(indicator.denominator).reshape(len(panel.contributors), -1)
            found[indicator.id] = rounded(float(by_contributor[:, 0].sum()))
    return found


def rounded(value: float, digits: int = DIGITS) -> float:
    """To so many significant digits; nought stays nought."""
    if value <= 0:
        return 0.0
    return float(round(value, digits - 1 - floor(log10(value))))
