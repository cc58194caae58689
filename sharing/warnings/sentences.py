"""The reason for a warning in one sentence of the reader's language, with its figures as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _, ngettext, pgettext

from anonymize.template import Indicator, Template
from consortium.web import formats
from sharing.benchmarks.naming import cell_name
from sharing.models.collection import in_language
from sharing.warnings.watching import FEW, Kind

Facts = Mapping[str, Any]
_NAMED = 3  # of the codes that a wave reached first


def reason(kind: str, facts: Facts, *, indicator: Indicator, about: str, since: str, period: str) -> str:
    """What happened; `about` names the cell and whose figure it is. Of a spread see `spread`."""
    is_distance = facts["figure"] == "distance"
    words = {
        "about": about,
        **{name: _figure(facts[name], indicator, is_distance=is_distance) for name in ("value", "expected", "limit")},
        "since": formats.period(since),
        "period": formats.period(period),
    }
    sentence = _sentence(kind, indicator.higher_is_worse) % words
    return sentence if facts["history"] >= FEW else f"{sentence} {_little(facts['history'])}"


def spread(facts: Facts, *, template: Template, indicator: Indicator, dimension: str) -> str:
    """Along which dimension a wave runs, how far it has come, and where it began."""
    _period, beyond, published = facts["months"][-1]
    names = template.dimension(dimension).code_list.by_id
    first = [in_language(dict(names[code].names)) for code, _since, _lag in facts["crossings"][:_NAMED]]
    return _(
        "%(indicator)s is beyond its limits in %(beyond)s of %(published)s published cells by %(dimension)s; first were %(first)s, from %(since)s on."
    ) % {
        "indicator": in_language(dict(indicator.names)),
        "beyond": beyond,
        "published": published,
        "dimension": in_language(dict(template.dimension(dimension).names)),
        "first": _comma().join(first),
        "since": formats.period(facts["crossings"][0][1]),
    }


def subject(template: Template, indicator: Indicator, key: str, peers: str, figure: str) -> str:
    """The series in words: "30+ days past due · Car loan · Zhejiang · All members, pooled"."""
    whose = {
        "pooled": _("%(peers)s, pooled"),
        "median": _("%(peers)s, median"),
        "own": _("our own figure"),
        "distance": _("our own figure"),
    }
    parts = (in_language(dict(indicator.names)), cell_name(template, indicator, key), whose[figure] % {"peers": peers})
    return " · ".join(parts)


def _figure(value: float | None, indicator: Indicator, *, is_distance: bool) -> str:
    """A distance is the logarithm of how many times the peer median the own rate is."""
    if is_distance:
        return formats.figure(None if value is None else math.exp(value), "number")
    return formats.figure(value, indicator.format)


def _sentence(kind: str, higher_is_worse: bool) -> str:
    if kind == Kind.OUTLIER:
        return _(
            "%(about)s was %(value)s times the peer median in %(period)s, where its own history leads to expect %(expected)s times; 99 in 100 values stay within %(limit)s times."
        )
    if kind == Kind.TREND:
        if higher_is_worse:
            return _(
                "%(about)s has risen more than its own history explains, period after period since %(since)s: %(value)s in %(period)s, where %(expected)s was expected."
            )
        return _(
            "%(about)s has fallen more than its own history explains, period after period since %(since)s: %(value)s in %(period)s, where %(expected)s was expected."
        )
    if higher_is_worse:
        return _(
            "%(about)s reached %(value)s in %(period)s, above the %(expected)s expected from its own history; 99 in 100 values stay below %(limit)s."
        )
    return _(
        "%(about)s fell to %(value)s in %(period)s, below the %(expected)s expected from its own history; 99 in 100 values stay above %(limit)s."
    )


def _little(values: int) -> str:
    return ngettext(
        "There is little history yet: %(count)s value.", "There is little history yet: %(count)s values.", values
    ) % {"count": values}


def _comma() -> str:
    return pgettext("between names of a list", ", ")
