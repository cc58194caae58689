"""The answer of the explorer in words."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _, gettext_lazy, pgettext

from consortium.web import formats
from sharing.benchmarks.answer import Answer, Verdict
from sharing.benchmarks.comparison import Band

VERDICTS: Mapping[Verdict, str | Promise] = {
    Verdict.EVERYBODY: gettext_lazy("It is mostly everybody."),
    Verdict.BOTH: gettext_lazy("It is partly everybody, and more so us."),
    Verdict.US: gettext_lazy("It is mostly us."),
    Verdict.LESS: gettext_lazy("The peers moved; we did not."),
    Verdict.LEVEL: gettext_lazy("Hardly anything moved, here or elsewhere."),
    Verdict.OPEN: "",
}

BANDS: Mapping[Band, str | Promise] = {
    "lowest-quarter": gettext_lazy("Lowest quarter of peers"),
    "below-median": gettext_lazy("Below the median"),
    "above-median": gettext_lazy("Above the median"),
    "highest-quarter": gettext_lazy("Highest quarter of peers"),
}


def about_us(answer: Answer, kind: str) -> SafeString:
    """How our own figure moved; empty without one."""
    own = answer.now.own
    if own is None:
        return SafeString("")
    change = answer.change.own if answer.change else None
    return _moved(_OURS, change, own.rate, kind, answer.over_a_year)


def about_peers(answer: Answer, kind: str) -> SafeString:
    """How the peer median moved; that it is withheld, where it is."""
    if answer.now.withheld:
        return format_html("{}", _("The benchmark of this cell is withheld to protect members' figures."))
    if answer.now.median is None:
        return format_html("{}", _("The peer median of this cell is withheld to protect members' figures."))
    change = answer.change.median if answer.change else None
    return _moved(_PEERS, change, answer.now.median, kind, answer.over_a_year)


def _moved(
    sentences: Mapping[str, Promise | str], change: float | None, now: float, kind: str, over_a_year: bool
) -> SafeString:
    span = pgettext("rose … in", "a year") if over_a_year else pgettext("rose … in", "one period")
    value = format_html("<strong>{}</strong>", formats.figure(now, kind))
    if change is None:
        return format_html(str(sentences["stands"]), value=value)
    way = "level" if formats.is_nothing(change, kind) else "rose" if change > 0 else "fell"
    moved = format_html("<strong>{}</strong>", formats.size(change, kind))
    return format_html(str(sentences[way]), change=moved, value=value, span=span)


_OURS: Mapping[str, Promise | str] = {
    "rose": gettext_lazy("Ours rose {change} in {span}, to {value}."),
    "fell": gettext_lazy("Ours fell {change} in {span}, to {value}."),
    "level": gettext_lazy("Ours did not move in {span} and stands at {value}."),
    "stands": gettext_lazy("Ours stands at {value}."),
}
_PEERS: Mapping[str, Promise | str] = {
    "rose": gettext_lazy("The peer median rose {change}, to {value}."),
    "fell": gettext_lazy("The peer median fell {change}, to {value}."),
    "level": gettext_lazy("The peer median did not move and stands at {value}."),
    "stands": gettext_lazy("The peer median stands at {value}."),
}
